"""`nurture hooks`: addresses for providers, and what a recorded request comes to."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.adapters.hooks.taking import key_of
from nurture.adapters.tokens import Tokens
from nurture.errors import DefinitionError, UnreadableFile
from nurture.settings import Settings
from tests.cli.conftest import Command
from tests.web.hooks.conftest import MAIL
from tests.web.hooks.signing import SECRETS, post_of, shape

HOOKS = """\
sources:
  main: {provider: sendgrid, secret: sendgrid}
  other: {provider: mailgun, secret: lost, edition: 3}
  amazon: {provider: ses, topics: [arn:aws:sns:eu-west-1:123456789012:mail]}
"""
KEY = "a secret key of these tests"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def hooks(alone: Command, config: Path, environment: pytest.MonkeyPatch) -> Command:
    """`nurture …` where three hooks are defined and the secret of one is known."""
    (config / "hooks.yaml").write_text(HOOKS)
    environment.setenv("NURTURE_SECRET_KEY", KEY)
    environment.setenv("NURTURE_PUBLIC_URL", "https://events.example.com")
    environment.setenv("NURTURE_HOOK_SECRETS", json.dumps({"sendgrid": SECRETS["sendgrid"]}))
    return alone


@pytest.fixture
def batch(tmp_path: Path) -> tuple[Path, list[str]]:
    """A recorded batch of SendGrid's, and its headers as options."""
    signed = post_of("sendgrid", shape("sendgrid-batch", Tokens(KEY).mail_name(MAIL)), AT)
    file = tmp_path / "batch.json"
    file.write_bytes(signed.body)
    return file, [part for name, value in signed.headers.items() for part in ("--header", f"{name}: {value}")]


def test_list_prints_what_is_given_to_each_provider(hooks: Command) -> None:
    told = hooks("hooks", "list")
    assert told.exit_code == 0
    key = key_of(Tokens(KEY), "main", 1)
    assert f"main  https://events.example.com/hooks/main/{key}\n" in told.stdout
    assert f"/hooks/other/{key_of(Tokens(KEY), 'other', 3)}\n" in told.stdout
    assert "Signature Verification" in told.stdout
    assert "the secret 'sendgrid' is here" in told.stdout
    assert "the secret 'lost' is missing: add it to NURTURE_HOOK_SECRETS" in told.stdout
    assert SECRETS["sendgrid"] not in told.stdout


def test_list_as_json(hooks: Command) -> None:
    listed = json.loads(hooks("hooks", "list", "--json").stdout)
    assert [each["name"] for each in listed] == ["main", "other", "amazon"]
    assert listed[2]["here"] == "believes arn:aws:sns:eu-west-1:123456789012:mail"


def test_without_hooks_it_says_where_they_are_added(alone: Command) -> None:
    assert "config/hooks.yaml" in alone("hooks", "list").stdout


def test_try_says_what_a_request_comes_to(hooks: Command, batch: tuple[Path, list[str]]) -> None:
    file, headers = batch
    told = hooks("hooks", "try", "main", str(file), "--at", AT.isoformat(), *headers)
    assert told.exit_code == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["2026-03-02", "08:59:00", "delivered", "message", str(MAIL.message), "250", "2.0.0", "OK"]
    assert any("bounced" in line and "address 5.1.1 550 5.1.1" in line for line in lines)
    assert "  levitated: not known" in lines
    assert "  open: nothing that is kept" in lines


def test_try_as_json_and_from_standard_input(hooks: Command, batch: tuple[Path, list[str]]) -> None:
    file, headers = batch
    told = hooks("hooks", "try", "main", "-", "--json", "--at", AT.isoformat(), *headers, stdin=file.read_text())
    heard = json.loads(told.stdout)["heard"]
    assert len(heard) == 9
    assert {each["source"] for each in heard} == {"hook:main"}


def test_try_refuses_what_the_web_process_would_refuse(hooks: Command, batch: tuple[Path, list[str]]) -> None:
    file, headers = batch
    stale = hooks("hooks", "try", "main", str(file), "--at", "2026-03-04T09:00:00Z", *headers)
    assert stale.exit_code == 1
    assert stale.stderr.startswith("refused, 403 stale (x-twilio-email-event-webhook-timestamp):")
    unsigned = hooks("hooks", "try", "main", str(file), "--json")
    assert (unsigned.exit_code, json.loads(unsigned.stdout)["code"]) == (1, "signature")
    assert hooks("hooks", "try", "main", str(file), "--unsigned").exit_code == 0


def test_try_names_what_cannot_be_read(hooks: Command, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('[{"event": "bounce"}]')
    told = hooks("hooks", "try", "main", str(file), "--unsigned")
    assert told.exit_code == 1
    assert told.stderr.startswith("item 0:")
    file.write_text("[")
    assert "malformed" in hooks("hooks", "try", "main", str(file), "--unsigned").stderr


def test_what_is_asked_wrongly_is_refused(hooks: Command, config: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("[]")
    assert hooks("hooks", "try", "nobody", str(file)).exit_code == 2
    assert hooks("hooks", "try", "main", str(file), "--header", "x").exit_code == 2
    assert hooks("hooks", "try", "main", str(file), "--at", "then").exit_code == 2
    assert isinstance(hooks("hooks", "try", "main", "lost.json").exception, UnreadableFile)
    (config / "hooks.yaml").write_text("sources: {x: 5}")
    assert isinstance(hooks("hooks", "list").exception, DefinitionError)


def test_the_settings_of_hooks_are_read_as_given() -> None:
    assert Settings.model_validate({"hook_secrets": '{"a": "12345678"}'}).secrets_of_hooks == {"a": ("12345678",)}
