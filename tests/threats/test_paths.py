"""Names that strangers give, and those in definitions, lead to no file outside their folder."""

from datetime import timedelta
from pathlib import Path

import pytest

from nurture.adapters.tokens import Download
from nurture.definitions.loader import load
from nurture.domain.content import Asset
from tests.definitions.folders import write
from tests.web.conftest import Web

SECRET = "secret"
OUTSIDE = [
    "../secret.txt", "assets/../../secret.txt", "/etc/passwd", "assets/link.txt", "folder/secret.txt", "assets", ".", "", "assets/guide.pdf/..",
    "assets/guide.pdf\x00.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "assets//../../secret.txt", "~/secret.txt", "/proc/self/environ",
]  # fmt: skip
TRICKS = [
    "..", "%2e%2e", "..%2f..%2fsecret.txt", "%2e%2e%2fsecret.txt", "%252e%252e%252fsecret.txt", "..%5csecret.txt", "%2fetc%2fpasswd", "x%00.eml",
    "..%c0%afsecret.txt", "%uff0e%uff0e%2fsecret.txt", "....//secret.txt", "C:%5csecret.txt", "link.eml/../../secret.txt", "%0a", "a%0d%0aX: y",
]  # fmt: skip


@pytest.mark.parametrize("file", OUTSIDE)
def test_no_asset_lies_outside_the_configuration(web: Web, file: str) -> None:
    (web.folder / "config/assets/link.txt").unlink(missing_ok=True)
    (web.folder / "config/assets/link.txt").symlink_to(web.folder / "secret.txt")
    (web.folder / "config/folder").unlink(missing_ok=True)
    (web.folder / "config/folder").symlink_to(web.folder)
    asset = Asset.model_construct(title={"en": "Evil"}, file=file, gated=True, link=web.in_force[0].assets["guide"].link)
    before = web.in_force[0]
    web.in_force[0] = before.model_copy(update={"assets": {"evil": asset}})
    try:
        token = web.tokens.download(Download("evil", None, 7, 0, web.clock.now() + timedelta(days=1)))
        answer = web.client.get(f"/a/{token}")
    finally:
        web.in_force[0] = before
    assert answer.status_code == 404
    assert SECRET not in answer.text
    assert "root:" not in answer.text
    assert web.events() == []


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize(
    "path",
    [
        "/inbox/{}",
        "/inbox/{}/raw",
        "/inbox/{}/html",
        "/demo/{}",
        "/demo/blog/{}",
        "/a/{}",
        "/c/{}",
        "/o/{}.gif",
        "/u/{}",
        "/f/{}/thanks",
        "/{}",
    ],
)
def test_no_name_in_an_address_leads_to_a_file(web: Web, path: str, trick: str) -> None:
    answer = web.client.get(path.format(trick))
    assert answer.status_code in (200, 307, 404, 405)
    assert SECRET not in answer.text
    assert "root:" not in answer.text
    assert "x" not in answer.headers


def test_a_link_in_the_folder_of_mails_is_not_followed_out_of_it(web: Web) -> None:
    (web.folder / "mail/evil.eml").symlink_to(web.folder / "secret.txt")
    for path in ("/inbox/evil.eml", "/inbox/evil.eml/raw", "/inbox/evil.eml/html"):
        assert SECRET not in web.client.get(path).text.replace("secret.txt", "")


def test_parts_of_demo_pages_are_none(web: Web) -> None:
    (web.folder / "demo/_part.html").write_text("part")
    (web.folder / "demo/out.html").unlink(missing_ok=True)
    (web.folder / "demo/out.html").symlink_to(web.folder / "secret.txt")
    assert web.client.get("/demo/_part.html").status_code == 404
    answer = web.client.get("/demo/out.html")
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("changed", "file"),
    [
        ({"assets": "assets:\n  guide: {title: {en: x}, file: ../secret.txt, gated: true}\n"}, "assets.yaml"),
        ({"assets": "assets:\n  guide: {title: {en: x}, file: /etc/passwd, gated: true}\n"}, "assets.yaml"),
        ({"assets": "assets:\n  ../guide: {title: {en: x}, file: guide.pdf, gated: true}\n"}, "assets.yaml"),
        ({"forms": "forms:\n  ../guide: {asset: guide}\n"}, "forms.yaml"),
        (
            {"sequences__nurture": "sequence: ../x\ntrigger: {promoted_to: lead}\nsteps:\n  - {id: a, email: thanks}\n"},
            "sequences/nurture.yaml",
        ),
        (
            {
                "sequences__nurture": "sequence: nurture\ntrigger: {promoted_to: lead}\nsteps:\n  - {id: a, email: ../../etc/passwd}\n"
            },
            "sequences/nurture.yaml",
        ),
        (
            {"sequences__nurture": "sequence: nurture\ntrigger: {promoted_to: lead}\nsteps:\n  - {id: /a, email: thanks}\n"},
            "sequences/nurture.yaml",
        ),
    ],
)
def test_no_name_in_definitions_is_a_path(tmp_path: Path, changed: dict[str, str], file: str) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    folder = write(tmp_path / "config", **changed)
    found = load(folder)
    assert any(mistake.file.endswith(file) for mistake in found.errors), [str(each) for each in found.mistakes]


def test_nobody_lists_a_folder(web: Web) -> None:
    for path in (
        "/inbox/",
        "/demo/blog/",
        "/a/",
        "/assets/",
        "/config/",
        "/data/",
        "/.env",
        "/.git/config",
        "/static/",
        "/templates/",
    ):
        answer = web.client.get(path)
        assert answer.status_code in (307, 404), path
