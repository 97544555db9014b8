"""Mistakes in config/hooks.yaml are told with their place, before anybody is believed."""

import shutil
from pathlib import Path

import pytest

from nurture.definitions.config import Installation
from nurture.definitions.loader import Loaded, load

EXAMPLE = Path(__file__).parents[2] / "config"
WITH_SECRET = Installation(hook_secrets=frozenset({"mail"}))
READING = "{kind: type, words: {gone: bounced}}"


def loaded(tmp_path: Path, hook: str, installation: Installation = WITH_SECRET) -> Loaded:
    """The example configuration with one hook, `mail`, that is written like this."""
    folder = tmp_path / "config"
    shutil.copytree(EXAMPLE, folder)
    (folder / "hooks.yaml").write_text(f"sources:\n  mail: {hook}\n")
    name_mails(folder)
    return load(folder, installation=installation)


def name_mails(folder: Path) -> None:
    """Let the mails bear their names for every provider."""
    sending = folder / "sending.yaml"
    sending.write_text("providers: [brevo, mailgun, mailjet, postmark, sendgrid, ses, sparkpost]\n" + sending.read_text())


def told(found: Loaded) -> list[str]:
    return [str(mistake).rpartition("/config/")[2] for mistake in found.mistakes]


def test_the_example_believes_nobody() -> None:
    example = load(EXAMPLE)
    assert example.definitions is not None
    assert example.definitions.hooks.sources == {}


def test_what_stands_in_comments_of_the_example_is_right(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(EXAMPLE, folder)
    lines = (folder / "hooks.yaml").read_text().splitlines()
    begin = lines.index("# sources:")
    example = "\n".join(line.removeprefix("# ") for line in lines[begin:] if line.startswith("# "))
    (folder / "hooks.yaml").write_text(example)
    name_mails(folder)
    secrets = Installation(hook_secrets=frozenset({"postmark", "mailgun", "relay", "crm", "desk", "other"}))
    found = load(folder, installation=secrets)
    assert told(found) == []
    assert found.definitions is not None
    assert found.definitions.hooks.sources.keys() == {"postmark", "mailgun", "ses", "relay", "crm", "desk", "other"}


def test_without_the_file_nobody_is_believed(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(EXAMPLE, folder)
    (folder / "hooks.yaml").unlink()
    assert load(folder).errors == []


@pytest.mark.parametrize(
    ("hook", "mistake"),
    [
        ("{provider: sendgird, secret: mail}", "2:20: 'sendgird' is none of the choices here; did you mean 'sendgrid'?"),
        ("{provider: postmark}", "2:9: nothing says by what they are known; write 'secret: NAME'"),
        ("{provider: ses}", "2:9: nothing says whose word counts; write 'topics: [arn:aws:sns:…]'"),
        ("{provider: ses, topics: [mail]}", "2:34: 'mail' is no topic;"),
        (
            "{provider: ses, topics: 'arn:aws:sns:eu-west-1:123456789012:x', secret: mail}",
            "2:73: 'secret' says nothing about ses;",
        ),
        ("{provider: postmark, secret: 'user:hunter2hunter2'}", "2:38: this is the secret itself;"),
        ("{provider: resend, secret: whsec_hunter2}", "2:36: this is the secret itself;"),
        ("{provider: mailgun, secret: mail, header: X-Secret}", "2:43: 'header' says nothing about mailgun;"),
        ("{provider: postmark, secret: mail, tolerance: 1h}", "2:44: 'tolerance' says nothing about postmark;"),
        ("{provider: custom, secret: mail}", "2:9: nothing says how they put it; write 'reading' with 'kind' and 'words'"),
        (
            f"{{provider: custom, secret: mail, header: X-S, signature: {{header: X-S}}, reading: {READING}}}",
            "2:42: a signed request shows no secret;",
        ),
        (
            "{provider: custom, secret: mail, reading: {kind: type, words: {gone: bounce}}}",
            "2:78: 'bounce' is none of the choices here;",
        ),
        ("{provider: custom, secret: mail, reading: {kind: type, words: {}}}", "2:71: "),
        ("{provider: custom, secret: mail, reading: {kind: 'a b', words: {gone: bounced}}}", "2:58: "),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, hook: str, mistake: str) -> None:
    found = loaded(tmp_path, hook)
    [said] = told(found)
    assert said.startswith(f"hooks.yaml:{mistake}")
    assert "hunter2" not in said
    assert found.definitions is None


def test_a_secret_that_is_missing_here_is_a_warning(tmp_path: Path) -> None:
    found = loaded(tmp_path, "{provider: postmark, secret: mail}", Installation())
    [said] = told(found)
    assert said.startswith("hooks.yaml:2:38: warning: there is no secret 'mail' here")
    assert found.definitions is not None


def test_a_hook_in_order_takes_effect(tmp_path: Path) -> None:
    found = loaded(tmp_path, f"{{provider: custom, secret: mail, reading: {READING}}}")
    assert told(found) == []
    assert found.definitions is not None
    reading = found.definitions.hooks.sources["mail"].reading
    assert reading is not None
    assert (reading.kind, reading.words) == (("type",), {"gone": "bounced"})


def test_a_provider_that_is_not_told_the_names_of_mails_is_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(EXAMPLE, folder)
    (folder / "hooks.yaml").write_text(
        "sources:\n  mail: {provider: brevo, secret: mail}\n  more: {provider: resend, secret: mail}\n"
    )
    [said] = told(load(folder, installation=WITH_SECRET))
    assert said.startswith("hooks.yaml:2:20: warning: brevo is not told which mail is which")
    assert said.endswith("write 'providers: [brevo]' in sending.yaml")
