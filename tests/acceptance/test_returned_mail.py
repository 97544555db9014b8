"""The whole path back: a mail leaves, its server and its reader mail back, and the workers fetch it from the mailbox."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import enrollments, people, suppressions
from nurture.supervisor.engine import RunningEngine
from tests.acceptance.conftest import ROOT, Start
from tests.acceptance.visitor import ask_for_guide, statuses
from tests.support.imap import ImapServer
from tests.support.returned import BOUNCES, bounce, out_of_office, reply
from tests.support.smtp import Mail, SmtpSink
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

GONE, AWAY, ANSWERS = "gone@acme.example.com", "away@acme.example.com", "answers@acme.example.com"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The example configuration with an address for bounces, and a sequence that an answer ends."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    shutil.rmtree(folder / "tests")
    with (folder / "sending.yaml").open("a") as sending:
        sending.write(f"\nbounce_domain: {BOUNCES}\n")
    plan = folder / "sequences/guide-nurture.yaml"
    text = plan.read_text()
    assert "\nexit:\n" in text
    plan.write_text(text.replace("\nexit:\n", "\nexit:\n  - email_replied\n", 1))
    return folder


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with ImapServer() as server:
        yield server


@pytest.fixture
def engine(start: Start, config: Path, smtp_sink: SmtpSink, server: ImapServer) -> Iterator[RunningEngine]:
    urls = {"smtp_url": SecretStr(smtp_sink.url), "imap_url": SecretStr(server.url)}
    with start(config_dir=config, sweep_seconds=0.05, **urls) as running:
        yield running


@pytest.fixture
def database(engine: RunningEngine) -> Iterator[Engine]:
    made = make_engine(engine.settings.database)
    yield made
    made.dispose()


def name_of(mail: Mail) -> str:
    """What a mail is called, by the address that its bounces go to."""
    name, _, domain = mail.mail_from.removeprefix("b-").partition("@")
    assert domain == BOUNCES
    return name


def runs(database: Engine) -> dict[str, tuple[str, str | None]]:
    wanted = select(people.c.email, enrollments.c.status, enrollments.c.reason).join_from(enrollments, people)
    with database.connect() as connection:
        return {row.email: (row.status, row.reason) for row in connection.execute(wanted)}


def test_what_comes_back_is_fetched_and_heard(
    engine: RunningEngine, database: Engine, smtp_sink: SmtpSink, server: ImapServer
) -> None:
    for address in (GONE, AWAY, ANSWERS):
        ask_for_guide(engine, address)
    sent: dict[str, Any] = {mail.to[0]: name_of(mail) for mail in smtp_sink.wait_for(3, 60)}
    mails = [bounce(sent[GONE]), out_of_office(sent[AWAY]), reply(sent[ANSWERS])]
    server.put(*mails, arrived=datetime.now(UTC))
    wait_until(lambda: runs(database)[ANSWERS] == ("exited", "email_replied"), 60, what="the answer")
    wait_until(lambda: statuses(database, GONE)["thanks"] == "bounced", 60, what="the bounce")
    wait_until(lambda: statuses(database, AWAY)["thanks"] == "delivered", 60, what="the note of absence")
    with database.connect() as connection:
        assert list(connection.scalars(select(suppressions.c.email))) == [GONE]
    assert runs(database)[AWAY] == ("waiting", None)
    wait_until(lambda: server.mails() == [reply(sent[ANSWERS])], 30, what="the others to be put away")
    assert set(server.mails("Nurture/Read")) == {mails[0], mails[1]}
