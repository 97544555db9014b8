"""No secret is printed: not by commands, not by logs, not by exceptions, not on pages."""

import asyncio
import io
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from pydantic import SecretStr

from nurture.adapters.hooks.base import Access
from nurture.adapters.mail.imap import ImapAccount
from nurture.adapters.mail.server import parse_url
from nurture.adapters.tokens import Tokens
from nurture.adapters.webhook import WebhookCaller
from nurture.bootstrap import WorkerParts, database, redis_client
from nurture.domain.mail.hooks import Hook
from nurture.errors import InvalidToken, SettingsError
from nurture.keys import secrets_in, without_secrets
from nurture.observability import configure_logging
from nurture.settings import Settings
from nurture.shown_settings import SECRET, shown_settings
from nurture.web.keys import Keys
from tests.cli.conftest import Command
from tests.web.conftest import WRITE_KEYS

#: A word that stands in every secret.
WORD = "hunter2"
ENVIRON = {
    "NURTURE_MODE": "production",
    "NURTURE_SECRET_KEY": f"Xq7{WORD}vB9zKt4w",
    "NURTURE_FORMER_SECRET_KEYS": f"one{WORD}one two{WORD}two",
    "NURTURE_DATABASE_URL": f"postgresql://engine:{WORD}@db:5432/nurture?sslpassword={WORD}%21&application_name=x",
    "NURTURE_REDIS_URL": f"rediss://:{WORD}%2F%40@redis:6379/0",
    "NURTURE_SMTP_URL": f"smtp://{WORD}-user:{WORD}@mail:587",
    "NURTURE_SMTP_URL_BULK": f"smtps://u:{WORD}@bulk:465",
    "NURTURE_IMAP_URL": f"imaps://bounces:{WORD}@mail/INBOX",
    "NURTURE_WRITE_KEYS": '{"website": "wk_public_one"}',
    "NURTURE_SECRET_KEYS": json.dumps({"crm": [f"sk_{WORD * 4}"]}),
    "NURTURE_HANDOFF_SECRETS": json.dumps({"crm": "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg=="}),
    "NURTURE_HOOK_SECRETS": json.dumps({"postmark": f"user:{WORD}", "mailgun": [f"{WORD}-old", f"{WORD}-new"]}),
    "NURTURE_PUBLIC_URL": "https://news.example.com",
}  # fmt: skip
WHSEC = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg"


def shows(text: str) -> bool:
    return WORD in text or WHSEC in text


def loaded() -> Settings:
    return Settings.load(ENVIRON)


@pytest.fixture
def _in_production(environment: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        environment.setenv(name, value)


@pytest.mark.usefixtures("_in_production")
@pytest.mark.parametrize("arguments", [["settings"], ["settings", "--json"], ["keys"], ["keys", "--json"]])
def test_commands_that_tell_of_settings_tell_no_secret(alone: Command, arguments: list[str]) -> None:
    told = alone(*arguments)
    assert told.exit_code == 0, told.output
    assert not shows(told.output)
    assert "wk_public_one" in told.stdout


@pytest.mark.usefixtures("_in_production")
def test_settings_are_told_with_where_they_come_from(alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "redis").write_text(f"redis://:{WORD}@other:6379/1\n")
    environment.delenv("NURTURE_REDIS_URL")
    environment.setenv("NURTURE_REDIS_URL_FILE", str(tmp_path / "redis"))
    told = {each["name"]: (each["value"], each["source"]) for each in json.loads(alone("settings", "--json").stdout)}
    assert told["NURTURE_SECRET_KEY"] == (SECRET, "environment")
    assert told["NURTURE_DATABASE_URL"] == (f"postgresql://{SECRET}@db:5432/nurture?…", "environment")
    assert told["NURTURE_REDIS_URL"] == (f"redis://{SECRET}@other:6379/1", f"file {tmp_path / 'redis'}")
    assert told["NURTURE_SMTP_URL_BULK"] == (f"smtps://{SECRET}@bulk:465", "environment")
    assert told["NURTURE_HANDOFF_SECRETS"] == ({"crm": [SECRET]}, "environment")
    assert told["NURTURE_HOOK_SECRETS"] == ({"postmark": [SECRET], "mailgun": [SECRET, SECRET]}, "environment")
    assert told["NURTURE_PORT"] == (8000, "default")
    assert told["NURTURE_DKIM_DIR"] == (None, "default")
    assert {each.removesuffix("_BULK") for each in told} >= {"NURTURE_MODE", "NURTURE_LOG_LEVEL", "NURTURE_HANDOFF_ALLOW"}


@pytest.mark.usefixtures("_in_production")
@pytest.mark.parametrize("command", ["status --json", "doctor --offline --json", "top --once", "verify", "plan", "hooks list"])
def test_a_command_that_reaches_no_server_tells_no_password(
    alone: Command, environment: pytest.MonkeyPatch, command: str
) -> None:
    """What drivers say of a connection that failed goes through it."""
    environment.setenv("NURTURE_DATABASE_URL", f"postgresql://engine:{WORD}@127.0.0.1:1/nurture?sslpassword={WORD}")
    environment.setenv("NURTURE_REDIS_URL", f"redis://:{WORD}@127.0.0.1:2/0")
    for name, scheme in (("SMTP_URL", "smtp"), ("SMTP_URL_BULK", "smtps"), ("IMAP_URL", "imaps")):
        environment.setenv(f"NURTURE_{name}", f"{scheme}://u:{WORD}@127.0.0.1:3")
    told = alone(*command.split())
    raised = "" if told.exception is None else "".join(traceback.format_exception(told.exception))
    assert told.exit_code != 0 or "hooks" in command
    assert not shows(told.output + raised)


def test_every_setting_that_is_secret_is_shown_as_such() -> None:
    """Whatever is added: what holds the word is not shown."""
    assert not shows(json.dumps([each._asdict() for each in shown_settings(loaded(), ENVIRON)]))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{WORD}@h/x", f"postgresql://u:{WORD}/@h/x", f"redis://:{WORD}#@h", f"redis://:{WORD}@x@h", f"smtp://{WORD}@h",
        f"postgresql://h/x?password={WORD}", f"postgresql://h/x?a=b&sslpassword={WORD}#{WORD}", f"imaps://{WORD}:{WORD}@h/INBOX",
    ],
)  # fmt: skip
def test_no_url_shows_its_password(url: str) -> None:
    assert WORD not in without_secrets(url)


def test_passwords_are_known_as_they_are_written_and_as_they_are_meant() -> None:
    assert set(secrets_in("postgresql://u:p%40ss@h/x?sslpassword=q%20r&name=n")) == {"p%40ss", "p@ss", "q%20r", "q r"}


def test_nothing_that_holds_a_secret_shows_it() -> None:
    """An exception may quote whatever it is about."""
    settings = loaded().model_copy(update={"database_url": SecretStr(f"postgresql://engine:{WORD}@db/nurture")})
    holders = [
        settings, WorkerParts(settings), Tokens(settings.secret, settings.former_secrets), WebhookCaller(settings.webhook_secrets),
        Keys(settings.write_keys, settings.server_keys), *(parse_url(url) for url in settings.transports.values()),
        ImapAccount(settings.imap), Access(Hook.model_validate({"provider": "postmark", "secret": "postmark"}), (WORD,), str.encode, str.encode),
        database(settings), database(settings).engine, redis_client(settings), WRITE_KEYS,
    ]  # fmt: skip
    for holder in holders:
        assert not shows(f"{holder!r} {holder}"), type(holder)


def test_no_exception_shows_one() -> None:
    for attempt in (
        lambda: Settings.load({**ENVIRON, "NURTURE_PORT": "x", "NURTURE_SECRET_KEYS": f'{{"sk_{WORD}": "crm"}}'}),
        lambda: Settings.load({**ENVIRON, "NURTURE_DATABASE_URL": f"mysql://u:{WORD}@h/x"}),
        lambda: Settings.load({**ENVIRON, "NURTURE_SECRET_KEY": WORD}),
        lambda: Settings.load({**ENVIRON, "NURTURE_HANDOFF_SECRETS": f'{{"crm": "{WORD}"}}'}),
        lambda: parse_url(f"smtp://u:{WORD}@:x"),
        lambda: ImapAccount(f"imaps://:{WORD}@"),
        lambda: Tokens(f"a {WORD}").read_download("nonsense"),
    ):
        with pytest.raises((SettingsError, InvalidToken)) as raised:
            attempt()
        assert not shows("".join(traceback.format_exception(raised.value)))


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_restored")
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_log_line_shows_one(form: str) -> None:
    settings, stream = loaded(), io.StringIO()
    configure_logging(form, "debug", secrets=settings.secret_values, stream=stream)
    secrets = [each for each in settings.secret_values if len(each) >= 4]
    for secret in secrets:
        structlog.get_logger("x").warning(f"said {secret}", field=secret, deep={"a": [secret]}, token=secret)
        logging.getLogger("y").error("cannot connect to %s", f"redis://u:{secret}@h")
        logging.getLogger("z").error("failed", exc_info=RuntimeError(secret))
    told = stream.getvalue()
    assert not shows(told)
    assert told.count("[secret]") >= 3 * len(secrets)


def test_a_fault_shows_no_stack_to_whoever_caused_it(tmp_path: Path, redis_url: str) -> None:
    """An exception of ours is answered with a line that says nothing."""
    from nurture.adapters.stream_writer import StreamWriter, connect
    from nurture.web.app import create_app
    from nurture.web.parts import WebParts
    from tests.support.waiting import MovableClock

    def broken() -> None:
        raise RuntimeError(f"a bug that quotes {WORD}")

    async def asked() -> list[httpx.Response]:
        writer = StreamWriter(connect(redis_url), 4, 100, lambda *_: None)
        app = create_app(
            WebParts(
                settings=loaded(), clock=MovableClock(), tokens=Tokens("x"), write_keys=WRITE_KEYS, secret_keys={}, writer=writer,
                definitions=broken, metrics=str, ready=list,  # type: ignore[arg-type]  # it is to fail
            )
        )  # fmt: skip
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x", verify=False) as client:
            answers = [await client.get("/f/contact/thanks"), await client.post("/f/contact", data={"email": "a@example.com"})]
        await writer.stop()
        return answers

    for answer in asyncio.run(asked()):
        assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_no_answer_names_what_serves_it() -> None:
    """Neither a name nor a version: they help whoever looks for known holes."""
    from nurture.web.server import config_of

    assert config_of(lambda *_: None, loaded()).server_header is False  # type: ignore[arg-type]  # never called
