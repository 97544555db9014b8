"""Whoever does not answer for a lead in time is reminded once, and then somebody else is told, once."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import func, select

from nurture.adapters.calendar import is_holiday
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import deliveries, follow_ups, people, reminders
from nurture.adapters.webhook import WebhookCaller
from nurture.domain.answering import Answer, Answered, as_event
from nurture.domain.erasing import Traces
from nurture.domain.outward import LOOPBACK
from nurture.flow.erase import erase
from nurture.flow.follow_up import Followed, follow_up
from nurture.flow.hand_off import hand_off
from nurture.flow.merge import merge, unmerge
from nurture.reports.reading_store import read_migrations, read_store
from tests.flow.conftest import Intake
from tests.flow.test_answers import ANA, LIFECYCLE
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form
from tests.support.receiver import Receiver
from tests.support.waiting import MovableClock

SECRET = "whsec_" + "c2VjcmV0" * 4
HOUR = timedelta(hours=1)
RULE: dict[str, Any] = {
    "within": "4h", "remind": "chat", "escalate": {"after": "18h", "to": ["chat", "lead"]},
    "hours": {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "UTC"},
}  # fmt: skip


class Office:
    """The endpoints of sales, and the verb."""

    def __init__(self, database: Database, clock: MovableClock, receiver: Receiver) -> None:
        self.database, self.clock, self.receiver = database, clock, receiver
        self.put_in_force({"sql": RULE})

    def put_in_force(self, follow_up_rules: dict[str, Any]) -> None:
        endpoints = {name: {"url": f"{self.receiver.url}/{name}", "secret": "crm"} for name in ("chat", "lead")}
        made = definitions(lifecycle=LIFECYCLE, handoff={"endpoints": endpoints, "follow_up": follow_up_rules})
        with self.database.engine.begin() as connection:
            apply(connection, made, self.clock.now())

    def tick(self, limit: int = 200) -> Followed:
        return follow_up(self.database.following_up, self.clock, is_holiday, limit)

    def after(self, hours: float) -> int:
        """How many are reminded, so many hours after Monday at nine; the verb comes twice, as it may."""
        self.clock.move_to(MONDAY + hours * HOUR)
        return self.tick().reminded + self.tick().reminded

    def rows(self) -> list[tuple[str, int, str | None]]:
        with self.database.engine.connect() as connection:
            found = connection.execute(select(follow_ups).order_by(follow_ups.c.since))
            return [(row.stage, row.level, row.answer) for row in found]

    def count(self, table: Any) -> int:
        with self.database.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def office(database: Database, clock: MovableClock) -> Iterator[Office]:
    with Receiver() as receiver:
        yield Office(database, clock, receiver)


@pytest.fixture
def waiting(office: Office, intake: Intake) -> Office:
    """Ana has raised her hand on Monday at nine."""
    raise_hand(intake, ANA)
    return office


def raise_hand(intake: Intake, *addresses: str) -> None:
    for address in addresses:
        intake.put(form(address, device=address), download(address), event("demo_requested", anonymous_id=address))
    intake.absorb()


def answer(said: Answer, clock: MovableClock, number: str = "1") -> Any:
    return as_event(Answered(said, "hook:crm", number, clock.now(), email=ANA), clock.now())


def test_sales_are_reminded_and_then_their_head_each_once(waiting: Office) -> None:
    assert [waiting.after(hours) for hours in (0, 3.9, 4, 5, 24, 32.9, 33, 100)] == [0, 0, 1, 0, 0, 0, 1, 0]
    assert waiting.rows() == [("sql", 2, None)]
    assert (waiting.count(reminders), waiting.count(deliveries)) == (2, 3)


def test_the_call_says_who_waits_since_when_and_why(waiting: Office) -> None:
    waiting.after(4)
    caller = WebhookCaller({"crm": [SECRET]}, allowed=LOOPBACK)
    assert hand_off(waiting.database.handing_off, caller, waiting.clock, lambda: 0.0).delivered == 1
    [taken] = waiting.receiver.taken
    assert taken.path.endswith("/chat")
    assert taken.data["person"]["email"] == ANA
    assert {name: taken.data[name] for name in ("stage", "cause", "level", "escalated", "waiting_since")} == {
        "stage": "sql", "cause": "demo_requested", "level": 1, "escalated": False, "waiting_since": "2026-03-02T09:00:00Z",
    }  # fmt: skip


def test_hours_count_only_while_sales_work(office: Office, intake: Intake, clock: MovableClock) -> None:
    friday = MONDAY + 4 * 24 * HOUR + 7 * HOUR  # 16:00: two hours are left of this week
    clock.move_to(friday)
    intake.put(form(ANA), download(ANA), event("demo_requested", friday, anonymous_id="device-1"))
    intake.absorb()
    assert [office.after(hours) for hours in (4 * 24 + 12, 7 * 24 + 1.9, 7 * 24 + 2)] == [0, 0, 1]


@pytest.mark.parametrize("said", ["accepted", "rejected", "won", "lost"])
def test_an_answer_ends_it(waiting: Office, intake: Intake, clock: MovableClock, said: Answer) -> None:
    waiting.after(1)
    intake.take([answer(said, clock)])
    assert [waiting.after(hours) for hours in (4, 33)] == [0, 0]
    assert waiting.rows() == [("sql", 0, said)]


def test_an_answer_that_moves_nobody_ends_it_too(office: Office, intake: Intake, clock: MovableClock) -> None:
    with office.database.engine.begin() as connection:
        handoff = {
            "endpoints": {"chat": {"url": office.receiver.url, "secret": "crm"}},
            "follow_up": {"sql": {"within": "4h", "remind": "chat"}},
        }
        apply(connection, definitions(handoff=handoff), clock.now())
    raise_hand(intake, ANA)
    intake.take([answer("accepted", clock)])
    assert (office.after(5), office.rows()) == (0, [("sql", 0, "accepted")])


def test_an_old_answer_ends_nothing(waiting: Office, intake: Intake, clock: MovableClock) -> None:
    clock.move_to(MONDAY - 30 * HOUR)
    intake.take([answer("lost", clock)])
    assert (waiting.after(4), waiting.rows()) == (1, [("sql", 1, None)])


def test_another_stage_ends_it_and_may_begin_another(office: Office, intake: Intake, clock: MovableClock) -> None:
    office.put_in_force({"sql": RULE, "opportunity": RULE | {"within": "9h"}})
    raise_hand(intake, ANA)
    clock.move_to(MONDAY + HOUR)
    intake.take([answer("accepted", clock)])
    assert office.rows() == [("sql", 0, "accepted"), ("opportunity", 0, None)]
    assert [office.after(hours) for hours in (9, 24.9, 25.1)] == [0, 0, 1]


def test_without_a_rule_nobody_is_asked_and_what_was_asked_is_dropped(waiting: Office, intake: Intake) -> None:
    waiting.put_in_force({})
    assert waiting.after(5) == 0
    raise_hand(intake, "ben@acme.test")
    assert waiting.rows() == [("sql", 0, "dropped")]


def test_a_rule_that_is_changed_counts_from_when_it_is_looked_at(waiting: Office) -> None:
    waiting.after(0)
    waiting.put_in_force({"sql": RULE | {"within": "6h"}})
    assert [waiting.after(hours) for hours in (4, 5.9, 6)] == [0, 0, 1]


def test_of_old_news_nobody_is_reminded(office: Office, intake: Intake, clock: MovableClock) -> None:
    clock.move_to(MONDAY + timedelta(days=30))
    raise_hand(intake, ANA)  # an import of what happened a month ago
    assert office.tick().reminded == 0
    assert office.rows() == [("sql", 0, "dropped")]


def test_a_lead_who_turns_out_to_be_a_customer_needs_no_answer(waiting: Office, clock: MovableClock) -> None:
    with waiting.database.engine.begin() as connection:
        connection.execute(people.update().values(stage="customer"))  # as a merge by hand leaves it
    assert (waiting.after(4), waiting.rows()) == (0, [("sql", 0, "moved")])


def test_two_workers_remind_once(office: Office, intake: Intake, clock: MovableClock) -> None:
    addresses = [f"p{number}@acme.test" for number in range(40)]
    raise_hand(intake, *addresses)
    clock.move_to(MONDAY + 4 * HOUR)
    told: list[int] = []

    def work() -> None:
        while (followed := office.tick(limit=3)).looked_at:
            told.append(followed.reminded)

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while (followed := office.tick()).looked_at:  # what a worker passed over because another held it
        told.append(followed.reminded)
    assert (sum(told), office.count(reminders), office.count(deliveries)) == (40, 40, 40)


def test_whoever_is_erased_leaves_no_follow_up(waiting: Office, clock: MovableClock) -> None:
    waiting.after(4)
    with waiting.database.engine.connect() as connection:
        person = connection.execute(select(people.c.id)).scalar_one()
    erase([person], Traces(), waiting.database, (), clock.now(), wished=True)
    assert [waiting.count(table) for table in (follow_ups, reminders, deliveries)] == [0, 0, 0]


def test_status_tells_how_many_wait(waiting: Office, intake: Intake) -> None:
    raise_hand(intake, "ben@acme.test")

    def told() -> tuple[int, int]:
        with waiting.database.engine.connect() as connection:
            found = read_store(connection, read_migrations(connection), waiting.clock.now()).unanswered
        assert found is not None
        return found.leads, found.late

    assert told() == (2, 0)
    waiting.after(4)
    assert told() == (2, 2)


def test_who_somebody_was_before_is_answered_for_with_them(waiting: Office, intake: Intake, clock: MovableClock) -> None:
    """Ana raised her hand under another address; sales answer about the one that they know."""
    intake.take([form("ana@home.test", device="phone"), download("ana@home.test")])
    with waiting.database.engine.connect() as connection:
        ids = {row.email: row.id for row in connection.execute(select(people.c.email, people.c.id))}
    entry = merge(waiting.database, clock, ids[ANA], ids["ana@home.test"], "operator", "she told us")
    assert waiting.after(4) == 1
    intake.take([as_event(Answered("accepted", "hook:crm", "1", clock.now(), email="ana@home.test"), clock.now())])
    assert (waiting.after(33), waiting.rows()) == (0, [("sql", 1, "accepted")])
    unmerge(waiting.database, clock, entry.id, "operator")
    assert (waiting.after(34), waiting.rows()) == (0, [("sql", 1, "accepted")])
