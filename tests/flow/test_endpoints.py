"""How endpoints are treated that are gone, busy, silent or held; and in which order one person is told of."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select, update

from nurture.adapters.database.migrations import revisions
from nurture.adapters.database.queue_holds import HeldQueues
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import alarms, deliveries, endpoints, holds
from nurture.adapters.webhook import WebhookCaller
from nurture.domain.holds import Hold
from nurture.domain.outward import LOOPBACK
from nurture.flow.hand_off import HandedOff, hand_off
from nurture.flow.hold_queue import hold, resume
from nurture.reports.diagnosis import in_store
from nurture.reports.facts import Migrations, Store
from nurture.reports.reading_store import read_store
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import download, event, form
from tests.support.receiver import HANG, HANG_UP, Receiver
from tests.support.waiting import MovableClock, wait_until

SECRET = "whsec_" + "c2VjcmV0" * 4
DAY = timedelta(days=1)


class Desk:
    """One worker's hand-offs to `crm` and `chat`, each a receiver of its own."""

    def __init__(self, database: Database, clock: MovableClock, crm: Receiver, chat: Receiver) -> None:
        self.database, self.clock, self.crm, self.chat = database, clock, crm, chat
        found = {
            "crm": {"url": crm.url, "stages": ["lead", "sql"], "secret": "crm"},
            "chat": {"url": chat.url, "stages": ["sql"], "secret": "crm", "alarms": True},
        }
        with database.engine.begin() as connection:
            apply(connection, definitions(handoff={"endpoints": found}), clock.now())

    def hand_off(self, limit: int = 20, timeout: float = 5.0, goes_on: Any = lambda: False) -> HandedOff:
        caller = WebhookCaller({"crm": [SECRET]}, timeout, allowed=LOOPBACK)
        return hand_off(self.database.handing_off, caller, self.clock, lambda: 0.0, limit, goes_on)

    def until_quiet(self) -> None:
        while self.hand_off().claimed:
            pass

    def rows(self, table: Any, **wanted: Any) -> list[Any]:
        with self.database.engine.connect() as connection:
            found = select(table).where(*(table.c[name] == value for name, value in wanted.items()))
            return list(connection.execute(found.order_by(*table.primary_key)))


@pytest.fixture
def desk(database: Database, clock: MovableClock) -> Iterator[Desk]:
    with Receiver() as crm, Receiver() as chat:
        yield Desk(database, clock, crm, chat)


def become_lead(intake: Intake, *addresses: str) -> None:
    for address in addresses:
        intake.put(form(address, device=address), download(address))
    intake.absorb(2 * len(addresses))


def raise_hands(intake: Intake, *addresses: str) -> None:
    for address in addresses:
        intake.put(event("demo_requested", intake.clock.now(), anonymous_id=address, message_id=f"demo-{address}"))
    intake.absorb(len(addresses))


def test_one_that_is_gone_is_called_no_more_with_an_alarm_and_all_that_is_due_waits(
    intake: Intake, desk: Desk, clock: MovableClock
) -> None:
    become_lead(intake, "ana@acme.test", "ben@acme.test")
    desk.crm.answers.append(410)
    assert desk.hand_off(limit=1) == HandedOff(claimed=1, disabled=("crm",))
    [held] = desk.rows(holds)
    assert (held.kind, held.name, held.reason, held.by) == ("endpoint", "crm", "it answered 410: it wants no more calls", None)
    desk.until_quiet()
    clock.advance(30 * DAY)
    desk.until_quiet()
    assert len(desk.crm.taken) == 1
    assert {row.status for row in desk.rows(deliveries, endpoint="crm")} == {"waiting"}
    [alarm] = desk.rows(alarms)
    assert (alarm.kind, alarm.about) == ("endpoint", "crm")
    assert "`nurture resume endpoint crm`" in alarm.text
    [told] = desk.chat.taken
    assert b'"type":"endpoint.alarm.v1"' in told.body


def test_let_go_on_it_gets_everything_under_the_same_ids(intake: Intake, desk: Desk, clock: MovableClock) -> None:
    become_lead(intake, "ana@acme.test", "ben@acme.test")
    desk.crm.answers.append(410)
    desk.hand_off(limit=1)
    clock.advance(DAY)
    resume(desk.database, "endpoint", "crm", (), clock.now())
    desk.until_quiet()
    assert {row.status for row in desk.rows(deliveries, endpoint="crm")} == {"delivered"}
    assert len(desk.crm.taken) == 3
    assert set(desk.crm.ids) == {str(row.id) for row in desk.rows(deliveries, endpoint="crm")}
    assert desk.rows(holds) == []


def test_one_that_takes_nothing_for_five_days_is_called_no_more(intake: Intake, desk: Desk, clock: MovableClock) -> None:
    desk.crm.usually = 500
    began = clock.now()
    for day in range(6):
        become_lead(intake, f"p{day}@acme.test")
        desk.until_quiet()
        clock.move_to(began + (day + 1) * DAY)
    [held] = desk.rows(holds)
    assert held.reason == f"it has taken nothing since {began:%Y-%m-%d %H:%M} UTC"
    assert held.since == began + 5 * DAY


def test_one_call_that_is_taken_makes_an_endpoint_well(intake: Intake, desk: Desk, clock: MovableClock) -> None:
    desk.crm.answers.append(500)
    become_lead(intake, "ana@acme.test")
    desk.hand_off()
    assert [row.failing_since for row in desk.rows(endpoints)] == [clock.now()]
    clock.advance(timedelta(seconds=6))
    desk.hand_off()
    assert [row.failing_since for row in desk.rows(endpoints)] == [None]


def test_one_that_asks_for_time_is_not_called_before_for_anything(intake: Intake, desk: Desk, clock: MovableClock) -> None:
    desk.crm.answers.append(429)
    desk.crm.headers["retry-after"] = "600"
    become_lead(intake, "ana@acme.test")
    desk.hand_off()
    become_lead(intake, "ben@acme.test")
    clock.advance(timedelta(seconds=599))
    assert desk.hand_off() == HandedOff()
    clock.advance(timedelta(seconds=1))
    assert desk.hand_off() == HandedOff(claimed=2, delivered=2)


def test_one_that_hangs_up_is_tried_again(intake: Intake, desk: Desk, clock: MovableClock) -> None:
    desk.crm.answers.append(HANG_UP)
    become_lead(intake, "ana@acme.test")
    assert desk.hand_off() == HandedOff(claimed=1)
    clock.advance(timedelta(seconds=6))
    assert desk.hand_off() == HandedOff(claimed=1, delivered=1)
    assert len(set(desk.crm.ids)) == 1


def test_while_one_hangs_the_other_is_told_again_and_again(intake: Intake, desk: Desk) -> None:
    """All within one run: what comes due while `crm` lets itself be waited for goes to `chat` at once."""
    desk.crm.answers.extend([HANG] * 10)
    become_lead(intake, "ana@acme.test", "ben@acme.test")
    over, told = Signal(), HandedOff()

    def run() -> None:
        nonlocal told
        told = desk.hand_off(timeout=20.0, goes_on=lambda: not over.is_set())

    worker = Thread(target=run)
    worker.start()
    wait_until(lambda: len(desk.crm.taken) == 2)
    raise_hands(intake, "ana@acme.test")
    wait_until(lambda: len(desk.chat.taken) == 1)
    raise_hands(intake, "ben@acme.test")
    wait_until(lambda: len(desk.chat.taken) == 2)
    assert worker.is_alive()
    over.set()
    desk.crm.let_go()
    worker.join()
    assert (told.claimed, told.delivered) == (4, 2)


def test_a_person_is_told_of_in_the_order_in_which_it_happened(intake: Intake, desk: Desk, clock: MovableClock) -> None:
    become_lead(intake, "ana@acme.test")
    clock.advance(timedelta(seconds=1))
    raise_hands(intake, "ana@acme.test")
    become_lead(intake, "ben@acme.test")
    assert desk.hand_off().claimed == 3  # both as leads, and `chat` of the hand that Ana raised
    assert [taken.data["to"] for taken in desk.crm.taken] == ["lead", "lead"]
    desk.until_quiet()
    assert [taken.data["to"] for taken in desk.crm.taken] == ["lead", "lead", "sql"]


def test_what_comes_later_waits_for_a_receiver_that_restarts_and_not_for_a_call_that_is_refused_for_ever(
    intake: Intake, desk: Desk, clock: MovableClock
) -> None:
    become_lead(intake, "ana@acme.test")
    clock.advance(timedelta(seconds=1))
    raise_hands(intake, "ana@acme.test")
    desk.crm.answers.extend([400] * 3)
    tries = []
    for _ in range(3):
        desk.hand_off()
        tries.append([taken.data["to"] for taken in desk.crm.taken])
        assert desk.hand_off().claimed == 0 or len(tries) == 3
        clock.advance(timedelta(minutes=6))
    assert tries == [["lead"], ["lead"] * 2, ["lead"] * 3]
    assert [taken.data["to"] for taken in desk.crm.taken] == ["lead", "lead", "lead", "sql"]


def test_somebody_who_holds_an_endpoint_holds_nothing_else(intake: Intake, desk: Desk, clock: MovableClock) -> None:
    hold(desk.database, Hold("endpoint", "crm", "paused", "they move house", clock.now(), "ops"))
    become_lead(intake, "ana@acme.test")
    clock.advance(timedelta(seconds=1))
    raise_hands(intake, "ana@acme.test")
    desk.until_quiet()
    assert (len(desk.crm.taken), len(desk.chat.taken)) == (0, 1)
    assert not HeldQueues(desk.database.engine).stop("handoff")
    resume(desk.database, "endpoint", "crm", (), clock.now())
    desk.until_quiet()
    assert [taken.data["to"] for taken in desk.crm.taken] == ["lead", "sql"]


def test_what_waits_for_one_that_is_held_is_not_overdue(intake: Intake, desk: Desk, clock: MovableClock) -> None:
    hold(desk.database, Hold("endpoint", "crm", "paused", None, clock.now(), "ops"))
    become_lead(intake, "ana@acme.test")
    clock.advance(DAY)
    assert _overdue(desk, clock.now()) == 0
    resume(desk.database, "endpoint", "crm", (), clock.now())
    assert _overdue(desk, clock.now()) == 1


def test_status_tells_of_an_endpoint_that_is_held_and_of_what_was_given_up(
    intake: Intake, desk: Desk, clock: MovableClock
) -> None:
    become_lead(intake, "ana@acme.test", "ben@acme.test")
    desk.crm.answers.append(410)
    desk.hand_off(limit=1)
    with desk.database.engine.begin() as connection:
        connection.execute(update(deliveries).where(deliveries.c.attempts == 1).values(status="failed"))
    told = {each.code: each.command for each in in_store(_store(desk, clock.now()))}
    assert told["endpoint-held"] == "nurture resume endpoint crm"
    assert told["handoffs-given-up"] == "nurture handoff list --status failed"


def _overdue(desk: Desk, at: datetime) -> int:
    return _store(desk, at).calls.overdue


def _store(desk: Desk, at: datetime) -> Store:
    current, newest = revisions(desk.database.engine)
    with desk.database.engine.connect() as connection:
        return read_store(connection, Migrations(revision=current, newest=newest), at)
