"""What is made for a developer's machine is not there in production, whatever the environment says."""

from pathlib import Path

import pytest

from nurture.errors import SettingsError
from nurture.keys import is_weak, new_secret_key
from nurture.settings import Settings
from tests.cli.conftest import Command
from tests.test_settings import PRODUCTION
from tests.web.conftest import serving


@pytest.mark.parametrize(
    "secret",
    [
        "k" * 32, "changeme-changeme", "change_me_please", "0123456789abcdef", "my-secret-key-123", "passwordpassword", "secretsecretsecret",
        "aaaaaaaabbbbbbbb", "your-secret-here-1", "example-secret-key", "default-key-00000", "qwertyuiopasdfgh", "xxxxxxxxxxxxxxxx",
    ],
)  # fmt: skip
def test_a_secret_that_could_be_guessed_is_refused(secret: str) -> None:
    with pytest.raises(SettingsError, match="NURTURE_SECRET_KEY could be guessed") as refused:
        Settings.load(PRODUCTION | {"NURTURE_SECRET_KEY": secret})
    assert secret not in str(refused.value)


@pytest.mark.parametrize("password", ["passwordpassword", "aaaaaaaaaaaa", "changeme-now!", "qwertyuiop12"])
def test_a_password_that_everybody_tries_first_is_refused(password: str) -> None:
    with pytest.raises(SettingsError, match="NURTURE_REPORT_PASSWORD could be guessed") as refused:
        Settings.load(PRODUCTION | {"NURTURE_REPORT_PASSWORD": password})
    assert password not in str(refused.value)
    assert Settings.load(PRODUCTION | {"NURTURE_REPORT_PASSWORD": "tall hat, 3 birds"}).report_password is not None


@pytest.mark.parametrize("secret", ["short", "fifteen-letters"])
def test_so_is_one_that_is_too_short(secret: str) -> None:
    with pytest.raises(SettingsError, match="NURTURE_SECRET_KEY"):
        Settings.load(PRODUCTION | {"NURTURE_SECRET_KEY": secret})


def test_what_is_made_at_random_is_strong() -> None:
    from secrets import token_hex

    assert not [made for made in (new_secret_key() for _ in range(2_000)) if is_weak(made)]
    assert not [made for made in (token_hex(32) for _ in range(2_000)) if is_weak(made)]


@pytest.mark.parametrize("mode", ["Production", "PRODUCTION", " production", "production ", "prod", "live", "true", "0"])
def test_no_other_word_is_taken_for_a_mode(mode: str) -> None:
    """Whoever meant production must not get a developer's machine."""
    with pytest.raises(SettingsError, match="NURTURE_MODE"):
        Settings.load(PRODUCTION | {"NURTURE_MODE": mode})


@pytest.mark.parametrize("name", ["NURTURE_MOD", "NURTURE_MODE_FILE", "NURTURE_MODES", "NURTURE_MODE_"])
def test_a_mode_under_a_mistyped_name_is_refused(name: str) -> None:
    given = {key: value for key, value in PRODUCTION.items() if key != "NURTURE_MODE"}
    with pytest.raises(SettingsError, match="did you mean NURTURE_MODE"):
        Settings.load(given | {name: "production"})


@pytest.mark.parametrize("variable", ["NURTURE_CLOCK_FILE"])
def test_nobody_moves_time(variable: str) -> None:
    with pytest.raises(SettingsError, match="must be unset in production"):
        Settings.load(PRODUCTION | {variable: "/tmp/x"})


def test_neither_the_inbox_nor_the_demo_is_served(redis_url: str, tmp_path: Path) -> None:
    """Even where the parts of the process hold their folders."""
    with serving(redis_url, tmp_path, mode="production", public_url="https://track.example.com") as web:
        (web.folder / "mail" / "a.eml").write_bytes(b"Subject: secret\n\nx")
        for path in (
            "/inbox",
            "/inbox/",
            "/inbox/a.eml",
            "/inbox/a.eml/raw",
            "/inbox/a.eml/html",
            "/demo",
            "/demo/",
            "/demo/index.html",
        ):
            for method in ("GET", "HEAD", "POST"):
                assert web.client.request(method, path).status_code in (404, 405), (method, path)
        assert (
            web.client.get("/inbox?mode=development", headers={"X-Forwarded-Host": "localhost", "Host": "localhost"}).status_code
            == 404
        )


def test_no_demo_is_played_and_no_mail_kept(alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in PRODUCTION.items():
        environment.setenv(name, value)
    for arguments in (["demo", "--data-dir", str(tmp_path / "demo")], ["mailbox", "--port", "1"]):
        told = alone(*arguments)
        assert isinstance(told.exception, SettingsError), told.output
        assert "production" in str(told.exception) or "NURTURE_MODE" in str(told.exception)
    assert not (tmp_path / "demo").exists()


def test_no_framework_shows_its_own_pages(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path, mode="production", public_url="https://track.example.com") as web:
        for path in ("/docs", "/redoc", "/debug", "/admin", "/console", "/server-status", "/__debug__", "/.env"):
            assert web.client.get(path).status_code == 404
