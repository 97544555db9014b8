"""Mail that does harm stops by itself, is told once, and is counted anew when a human lets it go on."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import alarms, brakes, deliveries, enrollments, messages, pauses
from nurture.domain.mail.breakers import Alarm
from nurture.domain.mail.message import MessageStatus
from nurture.domain.telling.calls import Answer
from nurture.flow.guard import guard
from nurture.flow.hand_off import hand_off
from nurture.flow.hold import resume
from tests.flow.conftest import Intake, queue
from tests.flow.post import Post
from tests.support.definitions import SENDING, definitions
from tests.support.waiting import MovableClock

CROWD = [f"reader{number}@acme.test" for number in range(60)]
CHAT = {"endpoints": {"chat": {"url": "https://chat.example.com/x", "alarms": True, "secret": "chat"}}}


def rows(database: Database, table: Any) -> Any:
    with database.engine.connect() as connection:
        return connection.execute(select(table)).all()


@pytest.fixture
def mailed(intake: Intake, post: Post) -> None:
    """Sixty people have their first mail of the sequence."""
    queue(intake, *CROWD)
    while post.send().claimed:
        pass


def come_to(database: Database, status: MessageStatus, number: int, detail: str | None = None) -> None:
    with database.engine.begin() as connection:
        sent = select(messages.c.id).where(messages.c.status == MessageStatus.SENT).limit(number)
        chosen = update(messages).where(messages.c.id.in_(list(connection.scalars(sent))))
        connection.execute(chosen.values(status=status, detail=detail))


@pytest.mark.usefixtures("mailed")
@pytest.mark.parametrize(
    ("status", "detail", "kind"),
    [
        (MessageStatus.COMPLAINED, None, "complaints"),
        (MessageStatus.BOUNCED, "address 5.1.1: no such user", "hard_bounces"),
        (MessageStatus.BOUNCED, "policy 5.7.1: we do not like you", None),
        (MessageStatus.BOUNCED, "mailbox 5.2.2: full", None),
    ],
)
def test_complaints_and_hard_bounces_pause_their_sequence(
    status: MessageStatus, detail: str | None, kind: str | None, database: Database, clock: MovableClock
) -> None:
    come_to(database, status, 3, detail)
    raised = guard(database.guarding, clock)
    assert [(alarm.kind, alarm.about) for alarm in raised] == ([(kind, "guide-nurture")] if kind else [])
    assert [row.sequence for row in rows(database, pauses)] == (["guide-nurture"] if kind else [])
    assert {row.status for row in rows(database, enrollments)} == ({"paused"} if kind else {"waiting"})
    assert guard(database.guarding, clock) == [], "told once"


@pytest.mark.usefixtures("mailed")
def test_what_goes_on_is_counted_anew(database: Database, clock: MovableClock) -> None:
    come_to(database, MessageStatus.COMPLAINED, 3)
    assert guard(database.guarding, clock)
    clock.advance(timedelta(minutes=5))
    resume(database, "guide-nurture", timedelta(0), clock.now())
    assert guard(database.guarding, clock) == []
    assert rows(database, pauses) == []


@pytest.mark.usefixtures("mailed")
def test_addresses_that_a_server_refused_at_once_count_as_well(database: Database, clock: MovableClock) -> None:
    with database.engine.begin() as connection:
        sent = list(connection.scalars(select(messages.c.id).where(messages.c.status == MessageStatus.SENT).limit(3)))
        refused = update(messages).where(messages.c.id.in_(sent))
        connection.execute(refused.values(status=MessageStatus.FAILED, reason="address_refused", sent_at=None))
    assert [alarm.kind for alarm in guard(database.guarding, clock)] == ["hard_bounces"]


@pytest.mark.usefixtures("mailed")
def test_a_surge_brakes_all_mail_and_pauses_the_sequence(database: Database, clock: MovableClock) -> None:
    surge = {"breakers": {"surge": {"times": 3, "least": 50}}}
    with database.engine.begin() as connection:
        apply(connection, definitions(sending=SENDING | surge), clock.now())
    assert sorted(alarm.about for alarm in guard(database.guarding, clock)) == ["all mail", "guide-nurture"]
    assert [row.kind for row in rows(database, brakes)] == ["all"]
    assert [row.sequence for row in rows(database, pauses)] == ["guide-nurture"]


@pytest.mark.usefixtures("mailed")
def test_what_is_usual_is_no_surge(database: Database, clock: MovableClock) -> None:
    surge = {"breakers": {"surge": {"times": 3, "least": 50}}}
    with database.engine.begin() as connection:
        apply(connection, definitions(sending=SENDING | surge), clock.now())
        half = list(connection.scalars(select(messages.c.id).where(messages.c.status == MessageStatus.SENT).limit(30)))
        yesterday = update(messages).where(messages.c.id.in_(half)).values(sent_at=clock.now() - timedelta(days=1))
        connection.execute(yesterday)
    assert guard(database.guarding, clock) == []


class Chat:
    """An endpoint that keeps what it is told; fulfils `ports.Caller`."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def call(self, calls: Any, at: Any) -> list[Answer]:
        self.told += [call.body for call in calls]
        return [Answer(call.delivery, 200, "ok") for call in calls]


@pytest.mark.usefixtures("mailed")
def test_an_alarm_is_handed_off_to_whoever_wants_alarms(database: Database, clock: MovableClock) -> None:
    with database.engine.begin() as connection:
        apply(connection, definitions(handoff=CHAT), clock.now())
    come_to(database, MessageStatus.COMPLAINED, 3)
    guard(database.guarding, clock)
    chat = Chat()
    hand_off(database.handing_off, chat, clock, lambda: 0.0)
    [body] = chat.told
    assert '"type":"mail.alarm.v1"' in body
    assert '"about":"guide-nurture"' in body
    assert [row.status for row in rows(database, deliveries)] == ["delivered"]


def test_the_same_mail_again_within_a_day_is_kept_back_and_told(
    intake: Intake, post: Post, database: Database, clock: MovableClock
) -> None:
    queue(intake, CROWD[0])
    post.send()
    [sent] = rows(database, messages)
    again = dict(sent._mapping) | {
        "id": 5,
        "step": "another",
        "status": MessageStatus.QUEUED,
        "sent_at": None,
        "due_at": clock.now(),
    }
    with database.engine.begin() as connection:
        connection.execute(insert(messages).values(again))
    post.send()
    assert post.statuses() == {"sent": 1, "skipped": 1}
    [alarm] = rows(database, alarms)
    assert (alarm.kind, alarm.about) == ("same_mail", str(sent.person_id))
    assert CROWD[0] not in alarm.text


def test_alarms_about_one_person_are_one_a_day(clock: MovableClock) -> None:
    first = Alarm("per_person", "7", "x", clock.now())
    assert (
        first.id
        == first._replace(at=clock.now() + timedelta(hours=1)).id
        != first._replace(at=clock.now() + timedelta(days=1)).id
    )
