"""What mail servers and readers say of a mail comes to its message, its reader and their runs."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, events, messages, people, score_cells, suppressions
from nurture.domain.erasing import Traces
from nurture.domain.event import EMAIL_DELIVERED
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.feedback import Feedback, FeedbackKind, as_event
from nurture.domain.mail.message import MessageStatus
from nurture.flow.erase import erase
from nurture.reports.verify import verify
from tests.flow.conftest import Intake, queue
from tests.flow.post import Post
from tests.support.definitions import definitions
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"


@pytest.fixture
def mailed(intake: Intake, post: Post, database: Database) -> Any:
    """Ana's first mail, which has left."""
    queue(intake, ANA)
    post.send()
    with database.engine.connect() as connection:
        return connection.execute(select(messages).where(messages.c.status == MessageStatus.SENT)).one()


def rows(database: Database, table: Any) -> Any:
    with database.engine.connect() as connection:
        return connection.execute(select(table)).all()


def hear(intake: Intake, mailed: Any, kind: FeedbackKind, at: datetime, **said: Any) -> None:
    number = said.pop("id", f"{kind}-{at:%d%H%M%S}")
    feedback = Feedback(kind, "hook:test", number, at, message=mailed.id, person=mailed.person_id, **said)
    intake.take([as_event(feedback, at)])


@pytest.mark.parametrize(
    ("kind", "fault", "status", "reason"),
    [
        ("delivered", None, "delivered", None),
        ("deferred", Fault.MAILBOX, "sent", None),
        ("bounced", Fault.ADDRESS, "bounced", "bounced"),
        ("bounced", Fault.MAILBOX, "bounced", None),
        ("bounced", Fault.POLICY, "bounced", None),
        ("complained", None, "complained", "complained"),
        ("replied", None, "delivered", None),
        ("auto_replied", None, "delivered", None),
        ("unsubscribed", None, "sent", "unsubscribed"),
    ],
)
def test_each_word_comes_to_the_message_and_to_the_address(
    kind: FeedbackKind, fault: Fault | None, status: str, reason: str | None, mailed: Any, intake: Intake, database: Database
) -> None:
    hear(intake, mailed, kind, intake.clock.now(), fault=fault, code="5.1.1", detail="said the server")
    [message] = [row for row in rows(database, messages) if row.id == mailed.id]
    assert message.status.value == status
    assert [row.reason for row in rows(database, suppressions)] == ([reason] if reason else [])
    assert verify(database.engine, definitions()) == []


def test_a_bounce_says_why_and_is_told_once(mailed: Any, intake: Intake, database: Database) -> None:
    for _ in range(2):
        said = {"fault": Fault.ADDRESS, "code": "5.1.1", "detail": "no such user"}
        hear(intake, mailed, "bounced", intake.clock.now(), id="once", **said)
    [message] = [row for row in rows(database, messages) if row.id == mailed.id]
    assert message.detail == "address 5.1.1: no such user"
    assert len([row for row in rows(database, events) if row.name == "email_bounced"]) == 1


def test_a_delivery_that_is_heard_of_late_takes_no_bounce_back(mailed: Any, intake: Intake, database: Database) -> None:
    hear(intake, mailed, "bounced", intake.clock.now(), fault=Fault.ADDRESS)
    hear(intake, mailed, "delivered", intake.clock.now())
    assert {row.status for row in rows(database, messages) if row.id == mailed.id} == {MessageStatus.BOUNCED}


@pytest.mark.parametrize(
    ("kind", "status"),
    [("delivered", "delivered"), ("bounced", "bounced"), ("complained", "complained"), ("replied", "delivered")],
)
@pytest.mark.parametrize("stood", [MessageStatus.UNCERTAIN, MessageStatus.QUEUED, MessageStatus.FAILED])
def test_what_was_uncertain_or_taken_for_not_sent_is_known_when_a_server_tells(
    stood: MessageStatus, kind: FeedbackKind, status: str, mailed: Any, intake: Intake, post: Post
) -> None:
    """What was resolved by hand may prove wrong: it is not mailed again then."""
    post.change(update(messages).where(messages.c.id == mailed.id).values(status=stood, claimed_by="dead", sent_at=None))
    hear(intake, mailed, kind, intake.clock.now(), fault=Fault.MAILBOX if kind == "bounced" else None)
    assert post.send().sent == 0
    [message] = [row for row in rows(post.database, messages) if row.id == mailed.id]
    assert (message.status.value, message.claimed_by, message.sent_at) == (status, None, intake.clock.now())


def test_what_servers_say_is_no_act_of_anybody(mailed: Any, intake: Intake, database: Database, clock: MovableClock) -> None:
    before = [(row.heat, row.seen_at) for row in rows(database, people)], rows(database, score_cells)
    clock.advance(timedelta(hours=1))
    hear(intake, mailed, "delivered", clock.now())
    assert ([(row.heat, row.seen_at) for row in rows(database, people)], rows(database, score_cells)) == before
    assert {row.verdict for row in rows(database, events) if row.name == EMAIL_DELIVERED} == {"machine"}


def test_soft_bounces_suppress_on_the_third_day(mailed: Any, intake: Intake, database: Database, clock: MovableClock) -> None:
    counted = []
    for _ in range(3):
        clock.advance(timedelta(days=1))
        hear(intake, mailed, "bounced", clock.now(), fault=Fault.MAILBOX, code="5.2.2")
        counted.append(len(rows(database, suppressions)))
    assert counted == [0, 0, 1]


def test_a_complaint_ends_what_is_queued(mailed: Any, intake: Intake, database: Database, clock: MovableClock) -> None:
    with database.engine.begin() as connection:
        other = {**mailed._mapping, "id": mailed.id - 1, "step": "another", "status": MessageStatus.QUEUED, "sent_at": None}
        connection.execute(insert(messages).values(other))
    hear(intake, mailed, "complained", clock.now())
    stand = {row.id: (row.status.value, row.reason) for row in rows(database, messages)}
    assert stand == {mailed.id: ("complained", None), mailed.id - 1: ("skipped", "suppressed")}


def test_an_address_alone_is_suppressed_and_nobody_is_made_of_it(intake: Intake, database: Database) -> None:
    at = intake.clock.now()
    told = [
        Feedback("bounced", "hook:test", "1", at, recipient="eve@acme.test", fault=Fault.ADDRESS),
        Feedback("bounced", "hook:test", "2", at, recipient="ben@acme.test", fault=Fault.POLICY),
        Feedback("delivered", "hook:test", "3", at, recipient="ben@acme.test"),
    ]
    intake.take([as_event(each, at) for each in told])
    assert [row.email for row in rows(database, suppressions)] == ["eve@acme.test"]
    assert rows(database, people) == rows(database, events) == []


def test_the_address_of_somebody_who_was_erased_is_not_written_down_again(
    mailed: Any, intake: Intake, database: Database, clock: MovableClock
) -> None:
    erase([mailed.person_id], Traces(), database, (), clock.now())
    said = Feedback("complained", "hook:test", "1", clock.now(), recipient=ANA)
    intake.take([as_event(said, clock.now())])
    assert [row.email for row in rows(database, suppressions)] == []


@pytest.mark.parametrize("kind", ["bounced", "replied"])
def test_a_sequence_that_names_it_ends_by_it(
    kind: FeedbackKind, mailed: Any, intake: Intake, database: Database, clock: MovableClock
) -> None:
    exits = {"bounced": "email_bounced", "replied": "email_replied"}
    plan = definitions().sequences["guide-nurture"].model_copy(update={"exit": (exits[kind],)})
    changed = definitions().model_copy(update={"sequences": {"guide-nurture": plan}})
    with database.engine.begin() as connection:
        apply(connection, changed, clock.now())
        version = changed.versions["guide-nurture"]
        connection.execute(update(enrollments).values(version=version))
    hear(intake, mailed, kind, clock.now(), fault=Fault.MAILBOX)
    [run] = rows(database, enrollments)
    assert (run.status, run.reason) == ("exited", exits[kind])
