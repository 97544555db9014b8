"""The whole path: a form, a download, a mail, a click that scores, and an unsubscription that ends it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from nurture import bootstrap
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import enrollments, people, score_cells, suppressions
from nurture.demo.letterbox import Mail, read_mail
from nurture.supervisor.engine import RunningEngine
from tests.acceptance.conftest import ROOT, Start
from tests.acceptance.visitor import AGENT, ask_for_guide, happened, move_clock, next_due, statuses
from tests.support.smtp import SmtpSink
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

LEAVER, STAYER = "ada@leaver.example.com", "grace@stayer.example.com"


@pytest.fixture(params=["sqlite and an embedded Redis", "PostgreSQL and a Redis of its own"])
def servers(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings that name the servers, if any."""
    if request.param.startswith("sqlite"):
        return {}
    urls = {
        name: request.getfixturevalue(fixture)
        for name, fixture in (("database_url", "postgresql_url"), ("redis_url", "redis_url"))
    }
    return {name: SecretStr(url) for name, url in urls.items()}


@pytest.fixture
def engine(start: Start, servers: dict[str, Any], smtp_sink: SmtpSink) -> Iterator[RunningEngine]:
    with start(smtp_url=SecretStr(smtp_sink.url), **servers) as running:
        yield running


@pytest.fixture
def database(engine: RunningEngine) -> Iterator[Engine]:
    with ExitStack() as undo:
        made = make_engine(engine.settings.database)
        undo.callback(made.dispose)
        yield made


def mails_to(sink: SmtpSink, address: str) -> list[Mail]:
    return [read_mail(mail.raw) for mail in sink.mails if mail.to == (address,)]


def test_from_the_form_to_the_last_mail(engine: RunningEngine, database: Engine, smtp_sink: SmtpSink) -> None:
    for address in (LEAVER, STAYER):
        assert ask_for_guide(engine, address) == (ROOT / "config/assets/guide-lead-gen.pdf").read_bytes()
    wait_until(lambda: all(mails_to(smtp_sink, address) for address in (LEAVER, STAYER)), 30, what="a mail to each")
    check_headers(next(mail.message for mail in smtp_sink.mails if mail.to == (LEAVER,)))
    assert stage(database, LEAVER) == "lead"

    thanks = mails_to(smtp_sink, LEAVER)[0]
    assert (thanks.sequence, thanks.step) == ("guide-nurture", "thanks")
    move_clock(engine, thanks.at + timedelta(minutes=10))
    click(engine, thanks.links[0])
    wait_until(lambda: happened(database, LEAVER, "email_clicked"), 30, what="the click")
    assert [row.verdict for row in happened(database, LEAVER, "email_clicked")] == ["human"]
    assert hits(database, LEAVER, "clicked-mail") == 1

    assert unsubscribe(engine, thanks.unsubscribe) == 200
    wait_until(lambda: suppressed(database), 30, what="the suppression")
    assert suppressed(database) == [LEAVER]
    assert [run.reason for run in runs(database, LEAVER)] == ["unsubscribed"]

    walk_on(engine, database, lambda: len(mails_to(smtp_sink, STAYER)) > 1)
    assert [mail.step for mail in mails_to(smtp_sink, STAYER)] == ["thanks", "case"]
    assert [mail.step for mail in mails_to(smtp_sink, LEAVER)] == ["thanks"]
    assert statuses(database, LEAVER) == {"thanks": "sent"}
    assert (Path(engine.settings.data_dir) / "mail").exists() is False, "nothing went to the development mailbox"


def test_unsubscribing_stops_a_mail_that_is_queued_already(
    engine: RunningEngine, database: Engine, smtp_sink: SmtpSink
) -> None:  # fmt: skip
    """The mail server is away when the mail comes due; meanwhile its reader unsubscribes."""
    ask_for_guide(engine, LEAVER)
    (thanks,) = wait_until(lambda: mails_to(smtp_sink, LEAVER), 30, what="the first mail")
    smtp_sink.refuse(".*", "451 4.3.0 not now")
    walk_on(engine, database, lambda: statuses(database, LEAVER).get("case") == "queued")
    assert unsubscribe(engine, thanks.unsubscribe) == 200
    wait_until(lambda: suppressed(database), 30, what="the suppression")
    smtp_sink.clear()
    walk_on(engine, database, lambda: statuses(database, LEAVER).get("case") == "skipped")
    assert smtp_sink.mails == []


def check_headers(mail: EmailMessage) -> None:
    assert mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert mail["content-language"] == "en"
    assert {part.get_content_type() for part in mail.walk() if not part.is_multipart()} == {"text/plain", "text/html"}


def click(engine: RunningEngine, link: str) -> None:
    path = link.removeprefix(engine.settings.public_url)
    answer = httpx.get(engine.url + path, headers={"User-Agent": AGENT}, timeout=30)
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")


def unsubscribe(engine: RunningEngine, link: str) -> int:
    """As a mail provider does (RFC 8058 §3.2)."""
    path = link.removeprefix(engine.settings.public_url)
    return httpx.post(engine.url + path, data={"List-Unsubscribe": "One-Click"}, timeout=30).status_code


def walk_on(engine: RunningEngine, database: Engine, reached: Callable[[], bool]) -> None:
    """Move the clock from one due time to the next until something is reached."""
    clock = bootstrap.clock(engine.settings)

    def on() -> bool:
        due = next_due(database)
        if due is not None and due > clock.now():
            move_clock(engine, due + timedelta(seconds=1))
        return reached()

    wait_until(on, 60, every=0.1, what="the sequence to go on")


def stage(database: Engine, email: str) -> str:
    with database.connect() as connection:
        return str(connection.scalar(select(people.c.stage).where(people.c.email == email)))


def hits(database: Engine, email: str, rule: str) -> int:
    with database.connect() as connection:
        wanted = select(score_cells.c.hits).join(people).where(people.c.email == email, score_cells.c.rule == rule)
        return connection.scalar(wanted) or 0


def runs(database: Engine, email: str) -> list[Any]:
    with database.connect() as connection:
        return list(connection.execute(select(enrollments).join(people).where(people.c.email == email)))


def suppressed(database: Engine) -> list[str]:
    with database.connect() as connection:
        return list(connection.scalars(select(suppressions.c.email)))
