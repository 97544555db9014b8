"""Stage changes reach the systems that asked for them, each at least once."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import func, select, update
from standardwebhooks import Webhook

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import deliveries, people, stage_changes
from nurture.adapters.webhook import WebhookCaller
from nurture.domain.ids import stable_id
from nurture.domain.outward import LOOPBACK
from nurture.domain.telling.calls import LEASE, DeliveryStatus, Fared, Result
from nurture.errors import Unavailable
from nurture.flow.cool import cool
from nurture.flow.hand_off import HandedOff, hand_off
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import download, event, form, page
from tests.support.receiver import HANG, Receiver
from tests.support.waiting import MovableClock

SECRET = "whsec_" + "c2VjcmV0" * 4


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


class Desk:
    """The handing-off side of one worker."""

    def __init__(self, database: Database, clock: MovableClock, receiver: Receiver) -> None:
        self.database, self.clock, self.receiver = database, clock, receiver
        self.secrets = {"crm": [SECRET]}
        self.caller = WebhookCaller(self.secrets, allowed=LOOPBACK)

    def put_in_force(self, **stages: list[str]) -> None:
        """Endpoints by name with their stages, all at the receiver."""
        endpoints = {name: {"url": self.receiver.url, "stages": told_of, "secret": "crm"} for name, told_of in stages.items()}
        with self.database.engine.begin() as connection:
            apply(connection, definitions(handoff={"endpoints": endpoints}), self.clock.now())

    def hand_off(self, limit: int = 20, caller: WebhookCaller | None = None) -> HandedOff:
        return hand_off(self.database.handing_off, caller or self.caller, self.clock, lambda: 0.0, limit)

    def rows(self) -> list[Any]:
        with self.database.engine.connect() as connection:
            return list(connection.execute(select(deliveries).order_by(deliveries.c.endpoint, deliveries.c.id)))

    def row(self) -> Any:
        [row] = self.rows()
        return row


@pytest.fixture
def desk(database: Database, clock: MovableClock, receiver: Receiver) -> Desk:
    desk = Desk(database, clock, receiver)
    desk.put_in_force(crm=["mql", "sql"])
    return desk


def raise_hands(intake: Intake, *addresses: str) -> None:
    """Everybody downloads, becomes a lead, asks for a demo and is an SQL."""
    for address in addresses:
        demo = event("demo_requested", anonymous_id=address)
        intake.put(form(address, device=address, company="Acme"), download(address), demo)
    intake.absorb(3 * len(addresses))


def test_a_hand_raised_reaches_the_crm_once_with_the_reason(
    intake: Intake, desk: Desk, receiver: Receiver, clock: MovableClock
) -> None:
    raise_hands(intake, "ana@acme.test")
    assert desk.hand_off() == HandedOff(claimed=1, delivered=1)
    assert desk.hand_off() == HandedOff()
    [taken] = receiver.taken
    assert taken.data["person"]["email"] == "ana@acme.test"
    assert taken.data["person"]["attributes"] == {"company": "Acme"}
    assert (taken.data["from"], taken.data["to"], taken.data["rule"]) == ("lead", "sql", "hand-raise")
    assert (taken.data["cause"], taken.data["engagement"]) == ("demo_requested", 20.0)
    assert [line["rule"] for line in taken.data["score_lines"]] == ["download"]
    signed = Webhook(SECRET).sign(taken.id, clock.now(), taken.body.decode())
    assert taken.headers["webhook-signature"] == signed
    assert (desk.row().status, desk.row().attempts, desk.row().detail) == ("delivered", 1, "HTTP 204")


def test_the_receiver_verifies_the_call_with_the_library(
    intake: Intake, desk: Desk, receiver: Receiver, clock: MovableClock
) -> None:
    clock.move_to(datetime.now(UTC))
    raise_hands(intake, "ana@acme.test")
    desk.hand_off()
    [taken] = receiver.taken
    assert Webhook(SECRET).verify(taken.body, taken.headers)["type"] == "stage.changed.v1"


def test_each_endpoint_is_told_of_its_own_stages_only(intake: Intake, desk: Desk) -> None:
    desk.put_in_force(crm=["mql", "sql"], chat=["lead", "sql"], shop=["customer"])
    raise_hands(intake, "ana@acme.test")
    assert [row.endpoint for row in desk.rows()] == ["chat", "chat", "crm"]
    assert [desk.hand_off().delivered for _ in range(2)] == [2, 1]  # who is a lead first, then that she raised her hand
    assert [taken.data["to"] for taken in desk.receiver.taken].count("sql") == 2


def test_a_delivery_is_named_by_what_it_tells_and_whom(intake: Intake, desk: Desk) -> None:
    raise_hands(intake, "ana@acme.test")
    row = desk.row()
    with desk.database.engine.connect() as connection:
        [change] = connection.scalars(select(stage_changes.c.id).where(stage_changes.c.to_stage == "sql"))
    assert (row.stage_change_id, row.id) == (change, stable_id("delivery", change, "crm"))


def test_without_endpoints_nothing_is_kept_and_nobody_called(intake: Intake, desk: Desk, receiver: Receiver) -> None:
    desk.put_in_force()
    raise_hands(intake, "ana@acme.test")
    assert desk.rows() == []
    desk.put_in_force(crm=["sql"])  # the definitions in force when it happened decide
    assert desk.hand_off() == HandedOff()
    assert receiver.taken == []


def test_the_same_event_again_is_handed_off_once(intake: Intake, desk: Desk, receiver: Receiver) -> None:
    items = [form("ana@acme.test"), download("ana@acme.test"), event("demo_requested", anonymous_id="device-1", message_id="m")]
    intake.take(items)
    intake.take(items)
    desk.hand_off()
    assert len(receiver.taken) == 1


def test_whoever_cools_is_handed_off_too(intake: Intake, desk: Desk, receiver: Receiver, clock: MovableClock) -> None:
    desk.put_in_force(crm=["lead"])
    warm = [page("/pricing"), page("/pricing"), form("ana@acme.test", job_title="Chief"), download("ana@acme.test")]
    intake.take(warm)
    assert desk.hand_off().delivered == 1
    clock.advance(timedelta(days=45))
    assert cool(desk.database, clock) == 1
    assert desk.hand_off() == HandedOff(claimed=1, delivered=1)
    promoted, cooled = receiver.taken
    assert (promoted.data["from"], promoted.data["to"]) == ("audience", "lead")
    assert (cooled.data["from"], cooled.data["to"], cooled.data["rule"]) == ("mql", "lead", "cooled")
    assert cooled.id != promoted.id


def test_somebody_merged_meanwhile_is_told_of_as_who_they_are(intake: Intake, desk: Desk, receiver: Receiver) -> None:
    raise_hands(intake, "ana@acme.test", "ben@acme.test")
    with desk.database.engine.begin() as connection:
        by_address = {row.email: row.id for row in connection.execute(select(people))}
        ben = update(people).where(people.c.id == by_address["ben@acme.test"])
        connection.execute(ben.values(merged_into=by_address["ana@acme.test"], email=None))
    desk.hand_off()
    assert {taken.data["person"]["id"] for taken in receiver.taken} == {str(by_address["ana@acme.test"])}


def test_one_that_fails_is_tried_again_by_the_specification_until_given_up(
    intake: Intake, desk: Desk, receiver: Receiver, clock: MovableClock
) -> None:
    raise_hands(intake, "ana@acme.test")
    receiver.answers.extend([503] * 10)
    waits = []
    for attempt in range(1, 10):
        assert desk.hand_off() == HandedOff(claimed=1)
        row = desk.row()
        assert (row.status, row.attempts, row.detail) == ("waiting", attempt, "HTTP 503")
        waits.append((row.due_at - clock.now()) / timedelta(seconds=1))
        clock.move_to(row.due_at - timedelta(microseconds=1))
        assert desk.hand_off() == HandedOff()
        clock.move_to(row.due_at)
    assert waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert desk.hand_off() == HandedOff(claimed=1, given_up=1)
    assert (desk.row().status, desk.row().attempts) == ("failed", 10)
    clock.advance(timedelta(days=30))
    assert desk.hand_off() == HandedOff()
    assert len(receiver.taken) == 10
    assert len(set(receiver.ids)) == 1


def test_one_that_recovers_gets_it_under_the_same_id(intake: Intake, desk: Desk, receiver: Receiver, clock: MovableClock) -> None:
    raise_hands(intake, "ana@acme.test")
    receiver.answers.extend([500, 302])
    for _ in range(2):
        assert desk.hand_off() == HandedOff(claimed=1)
        clock.move_to(desk.row().due_at)
    assert desk.hand_off() == HandedOff(claimed=1, delivered=1)
    assert (desk.row().status, desk.row().attempts) == ("delivered", 3)
    assert len(receiver.taken) == 3
    assert len(set(receiver.ids)) == 1
    assert len({taken.headers["webhook-timestamp"] for taken in receiver.taken}) == 3


def test_one_that_hangs_is_tried_again_and_holds_up_no_other(intake: Intake, desk: Desk, receiver: Receiver) -> None:
    raise_hands(intake, *(f"p{number}@acme.test" for number in range(5)))
    receiver.answers.append(HANG)
    assert desk.hand_off(caller=WebhookCaller(desk.secrets, timeout=1.0, allowed=LOOPBACK)) == HandedOff(claimed=5, delivered=4)
    [hung] = [row for row in desk.rows() if row.status == "waiting"]
    assert (hung.attempts, hung.detail) == (1, "no answer within 1 s")


def test_no_transaction_is_open_while_an_endpoint_is_waited_for(intake: Intake, desk: Desk, receiver: Receiver) -> None:
    raise_hands(intake, "ana@acme.test")
    receiver.answers.append(HANG)

    class Watching(WebhookCaller):
        def call(self, calls: Sequence[Any], at: datetime) -> list[Any]:
            with desk.database.engine.begin() as connection:  # on SQLite this would wait for a writer, and fail
                connection.execute(update(people).values(stage="customer"))
            return super().call(calls, at)

    assert desk.hand_off(caller=Watching(desk.secrets, timeout=0.2, allowed=LOOPBACK)) == HandedOff(claimed=1)
    assert len(receiver.taken) == 1


def test_killed_between_the_answer_and_the_commit_it_is_delivered_again_under_the_same_id(
    intake: Intake, desk: Desk, receiver: Receiver, clock: MovableClock
) -> None:
    raise_hands(intake, "ana@acme.test")

    class Dying:
        """The store of a worker that is killed when it wants to note what came of the call."""

        definitions = desk.database.handing_off.definitions
        endpoints = desk.database.handing_off.endpoints
        claim = desk.database.handing_off.claim

        def settle(self, endpoint: str, results: Sequence[Result], how: Fared | None, at: datetime) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hand_off(Dying(), desk.caller, clock, lambda: 0.0)
    assert len(receiver.taken) == 1
    assert desk.hand_off() == HandedOff()  # nobody knows yet that the worker is dead
    clock.advance(LEASE)
    assert desk.hand_off() == HandedOff(claimed=1, delivered=1)
    first, again = receiver.taken
    assert first.id == again.id
    assert first.data | {"next": None} == again.data | {"next": None}  # what to do next is as of the call


def test_a_worker_that_outlived_its_lease_does_not_undo_what_another_found_out(
    intake: Intake, desk: Desk, clock: MovableClock
) -> None:
    raise_hands(intake, "ana@acme.test")
    store = desk.database.handing_off
    [slow] = store.claim("crm", 10, clock.now()).deliveries
    clock.advance(LEASE)
    assert desk.hand_off().delivered == 1
    late = Result(slow.id, DeliveryStatus.WAITING, slow.attempts + 1, "no answer within 15 s", clock.now())
    store.settle("crm", [late], None, clock.now())
    assert (desk.row().status, desk.row().detail) == ("delivered", "HTTP 204")


def test_four_workers_at_once_make_each_call_once(intake: Intake, desk: Desk, receiver: Receiver) -> None:
    raise_hands(intake, *(f"p{number}@acme.test" for number in range(40)))

    def drain() -> None:
        while desk.hand_off(limit=7).claimed:
            pass

    threads = [Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.ids) == len(set(receiver.ids)) == 40
    assert {row.status for row in desk.rows()} == {"delivered"}


def test_an_endpoint_taken_away_is_given_up_with_the_reason(intake: Intake, desk: Desk, receiver: Receiver) -> None:
    raise_hands(intake, "ana@acme.test")
    desk.put_in_force(chat=["sql"])
    assert desk.hand_off() == HandedOff(claimed=1, given_up=1)
    assert (desk.row().status, desk.row().attempts) == ("failed", 0)
    assert desk.row().detail == "config/handoff.yaml defines this endpoint no more"
    assert receiver.taken == []


def test_a_secret_that_is_missing_delays_and_loses_nothing(
    intake: Intake, desk: Desk, receiver: Receiver, clock: MovableClock
) -> None:
    raise_hands(intake, "ana@acme.test")
    desk.secrets.clear()
    assert desk.hand_off() == HandedOff(claimed=1)
    assert "NURTURE_HANDOFF_SECRETS" in desk.row().detail
    clock.move_to(desk.row().due_at)
    desk.secrets["crm"] = [SECRET]
    assert desk.hand_off() == HandedOff(claimed=1, delivered=1)


def test_a_delivery_is_stored_with_its_stage_change_or_not_at_all(
    intake: Intake, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the commit of absorb, neither is there; the batch comes again and brings both."""
    from nurture.adapters.database.absorbing import AbsorbingTransaction

    whole = AbsorbingTransaction.store

    def store_and_die(self: AbsorbingTransaction, changes: Any) -> None:
        whole(self, changes)
        raise Unavailable("killed before the commit")

    with monkeypatch.context() as dying:
        dying.setattr(AbsorbingTransaction, "store", store_and_die)
        with pytest.raises(Unavailable):
            raise_hands(intake, "ana@acme.test")
    with desk.database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(stage_changes)) == 0
    assert desk.rows() == []
    intake.absorb()
    assert desk.hand_off().delivered == 1
