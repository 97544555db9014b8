"""Other definitions come into force while people are in flight."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from nurture.adapters.database.releases import apply, listed, taken_back
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages, releases
from nurture.domain.definitions import Definitions
from nurture.domain.releasing import Wishes
from nurture.domain.stepping import MAILED_BEFORE
from nurture.errors import DefinitionError
from nurture.flow.release import release
from tests.flow.conftest import Intake
from tests.flow.flight import BYE, CASE, THANKS, WAIT, WELCOME, Flight, Step, guide
from tests.support.definitions import definitions
from tests.support.events import event as event_of
from tests.support.waiting import MovableClock


@pytest.fixture
def flight(intake: Intake, database: Database, clock: MovableClock) -> Flight:
    found = Flight(intake, database, clock)
    with database.engine.begin() as connection:
        apply(connection, guide(THANKS, WAIT, CASE), clock.now())
    return found


def test_who_waits_goes_over_and_waits_as_long_as_before(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    before = flight.run()
    flight.clock.advance(timedelta(days=1))
    after = guide(THANKS, {"notify": "crm"}, {"wait": "9d"}, {"id": "extra", "email": "extra"}, CASE, exit=["demo_requested"])
    # The wait is still called after the mail before it: what was put in has another kind.
    released = flight.release(after)
    assert (released.applied, [each.fate for each in released.forecast.outlooks]) == (True, ["moves"])
    run = flight.run()
    assert run.version == after.versions["guide-nurture"] != before.version
    assert {**run._mapping, "version": before.version} == before._mapping
    flight.later(days=1)
    assert sorted(flight.mails()) == [("case", "case-study"), ("extra", "extra"), ("thanks", "guide-thanks")]


def test_nothing_changes_when_somebody_would_be_stranded(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    before, digest = flight.run(), flight.digest()
    released = flight.release(guide(THANKS, CASE))
    assert (released.applied, released.forecast.refused) == (False, True)
    assert [(each.group.step, each.group.people) for each in released.forecast.stranded] == [("wait-after-thanks", 1)]
    assert (flight.run(), flight.digest()) == (before, digest)


def test_a_map_leads_on_in_the_same_transaction(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    wanted = guide(THANKS, CASE)
    assert flight.release(wanted, maps={"guide-nurture": {"wait-after-thanks": "case"}}).applied
    run = flight.run()
    assert (run.step, run.status, run.due_at, run.step_since) == ("case", "active", flight.clock.now(), None)
    flight.advance()
    assert flight.mails() == [("case", "case-study"), ("thanks", "guide-thanks")]
    assert (flight.run().status, flight.run().reason, flight.digest()) == ("completed", "end", wanted.digest)


def test_a_wait_mapped_to_a_wait_has_the_time_that_is_left(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    before = flight.run()
    flight.clock.advance(timedelta(days=1))
    flight.release(guide(WELCOME, WAIT, CASE), maps={"guide-nurture": {"wait-after-thanks": "wait-after-welcome"}})
    run = flight.run()
    assert (run.step, run.status, run.due_at, run.step_since) == (
        "wait-after-welcome", "waiting", before.due_at, before.step_since,
    )  # fmt: skip


def test_a_renamed_mail_does_not_go_again_to_who_is_led_back_before_it(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    flight.release(guide(WELCOME, WAIT, CASE), maps={"guide-nurture": {"wait-after-thanks": "welcome"}})
    assert flight.run().outcomes == {MAILED_BEFORE: "guide-thanks"}
    flight.advance()
    flight.later(days=2)
    assert sorted(flight.mails()) == [("case", "case-study"), ("thanks", "guide-thanks"), ("welcome", "already_sent")]


def test_a_renamed_mail_does_not_go_again_to_who_stays_on_a_step_that_now_stands_before_it(flight: Flight) -> None:
    pause = {"id": "pause", "wait": "2d"}
    flight.release(guide(THANKS, pause, CASE))
    flight.enroll("ana@acme.test")
    flight.advance()
    assert flight.release(guide(pause, WELCOME, {"id": "last", "email": "case-study"})).applied
    flight.later(days=2)
    assert sorted(flight.mails()) == [("last", "case-study"), ("thanks", "guide-thanks"), ("welcome", "already_sent")]


def test_e_mails_that_change_places_go_once_each(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    flight.release(guide(THANKS | {"email": "case-study"}, WAIT, CASE | {"email": "guide-thanks"}))
    flight.later(days=2)
    assert sorted(flight.mails()) == [("case", "already_sent"), ("thanks", "guide-thanks")]


def test_what_was_mailed_under_a_lost_name_is_remembered_over_several_releases_once(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    for number in range(3):
        first = {"id": f"welcome-{number}", "email": "guide-thanks"}
        pause = {"id": "pause", "wait": "2d"}
        led = {"guide-nurture": {"wait-after-thanks": "pause"}} if not number else {}
        assert flight.release(guide(pause, first, CASE), maps=led).applied
    assert flight.run().outcomes == {MAILED_BEFORE: "guide-thanks"}


def test_a_skipped_mail_was_never_had(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    with flight.database.engine.begin() as connection:
        connection.execute(update(messages).values(status="skipped", reason="too_late"))
    flight.release(guide(WELCOME, WAIT, CASE), maps={"guide-nurture": {"wait-after-thanks": "welcome"}})
    flight.advance()
    assert sorted(flight.mails()) == [("thanks", "too_late"), ("welcome", "guide-thanks")]


def test_a_step_that_stays_and_goes_behind_another_is_mailed_once(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    pause = {"id": "pause", "wait": "1d"}
    flight.release(guide(pause, CASE, THANKS), maps={"guide-nurture": {"wait-after-thanks": "pause"}})
    flight.later(days=2)
    assert sorted(flight.mails()) == [("case", "case-study"), ("thanks", "guide-thanks")]
    assert flight.run().reason == "end"


def test_a_map_to_the_end_lets_people_go_with_a_reason(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    flight.release(guide(THANKS), maps={"guide-nurture": {"wait-after-thanks": "end"}})
    run = flight.run()
    assert (run.status, run.reason, run.ended_at, run.due_at) == ("exited", "migrated to the end", flight.clock.now(), None)
    flight.later(days=3)
    assert flight.mails() == [("thanks", "guide-thanks")]


def test_who_may_finish_does_so_whatever_comes_into_force_until_everybody_is_taken_along(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    old = flight.run().version
    assert flight.release(guide(THANKS, BYE), finish_old=True).applied
    assert flight.release(guide(THANKS, {"wait": "1d"}, BYE)).applied
    assert flight.run().version == old
    newest = guide(THANKS, {"wait": "1d"}, BYE, priority=60)
    released = flight.release(newest, whole=frozenset({"guide-nurture"}))
    assert [each.fate for each in released.forecast.outlooks] == ["moves"]
    assert flight.run().version == newest.versions["guide-nurture"]
    again = flight.release(newest, whole=frozenset({"guide-nurture"}))
    assert (again.applied, [each.fate for each in again.forecast.outlooks]) == (False, ["stays"])
    flight.later(days=2)
    assert sorted(flight.mails()) == [("bye", "bye"), ("thanks", "guide-thanks")]


def test_who_finishes_an_older_version_is_mailed_what_it_says(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    flight.release(guide(THANKS, BYE), finish_old=True)
    flight.later(days=2)
    assert sorted(flight.mails()) == [("case", "case-study"), ("thanks", "guide-thanks")]


def test_people_of_a_sequence_that_is_gone_finish_it_if_they_may(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    assert flight.release(definitions(sequences={})).forecast.refused
    assert flight.release(definitions(sequences={}), finish_old=True).applied
    flight.later(days=2)
    assert (flight.run().status, len(flight.mails())) == ("completed", 2)


def test_who_is_held_goes_over_and_stays_held(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    with flight.database.engine.begin() as connection:
        connection.execute(update(enrollments).values(status="paused"))
    flight.release(guide(THANKS, CASE), maps={"guide-nurture": {"wait-after-thanks": "case"}})
    assert (flight.run().status, flight.run().step) == ("paused", "case")


def test_who_is_through_is_not_looked_at(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    flight.later(days=2)
    before = flight.run()
    assert before.status == "completed"
    assert flight.release(guide({"id": "all-new", "email": "all-new"})).applied
    flight.later(days=9)
    assert flight.run() == before


def test_the_first_definitions_come_into_force(migrated_engine: Any, clock: MovableClock) -> None:
    database = Database(migrated_engine)
    assert release(database, guide(THANKS), Wishes(), clock.now(), seen=None).applied
    assert not release(database, guide(THANKS), Wishes(), clock.now(), seen=None).applied


def test_definitions_that_an_older_engine_wrote_otherwise_are_replaced_and_their_people_finish(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    with flight.database.engine.begin() as connection:
        connection.execute(update(releases).values(body='{"written": "otherwise"}'))
    fresh = Database(flight.database.engine)
    with pytest.raises(DefinitionError, match="was written for another version of nurture"), fresh.absorbing() as transaction:
        transaction.definitions()
    seen = flight.newest()
    assert release(fresh, guide(THANKS, BYE), Wishes(), flight.clock.now(), seen=seen).applied
    flight.later(days=2)
    assert sorted(flight.mails()) == [("case", "case-study"), ("thanks", "guide-thanks")]


def test_an_earlier_release_comes_into_force_again_as_a_new_one(flight: Flight) -> None:
    first, bad = flight.newest(), guide(THANKS, WAIT, BYE)
    flight.release(bad)
    flight.enroll("ana@acme.test")
    flight.advance()
    assert flight.release(guide(THANKS, WAIT, CASE), restores=first).applied
    with flight.database.engine.connect() as connection:
        newest = listed(connection)[0]
        assert newest.restores == first
        assert taken_back(connection, bad.digest) == newest
        assert taken_back(connection, newest.digest) is None
    flight.later(days=2)
    assert sorted(flight.mails()) == [("case", "case-study"), ("thanks", "guide-thanks")]
    flight.release(bad)
    with flight.database.engine.connect() as connection:
        assert taken_back(connection, bad.digest) is None


ASKED: Step = {"id": "asked", "wait_for": {"event": "demo_requested", "within": "1h"}}
REST: Step = {"id": "rest", "wait": "2d"}


def asking(wait_for: Step) -> Definitions:
    fork = {"branch": [{"if": {"happened": wait_for["id"]}, "then": [BYE]}, {"else": [CASE]}]}
    return guide(wait_for, REST, fork)


def test_what_came_of_a_step_goes_along_under_its_new_name(flight: Flight) -> None:
    flight.release(asking(ASKED))
    flight.enroll("ana@acme.test", "ben@acme.test")
    flight.advance()
    flight.intake.take([event_of("demo_requested", flight.clock.now(), anonymous_id="ana@acme.test")])
    flight.later(hours=1)
    flight.clock.advance(timedelta(hours=1))
    flight.enroll("cy@acme.test")  # still waits, on a version of before
    flight.advance()
    assert sorted(str(run.outcomes) for run in flight.runs()) == ["None", "{'asked': 'happened'}", "{'asked': 'timed_out'}"]
    assert flight.release(asking(ASKED | {"id": "wanted"}), maps={"guide-nurture": {"asked": "wanted"}}).applied
    told = [(run.step, run.outcomes or {}) for run in flight.runs()]
    assert sorted(told, key=str) == [
        ("rest", {"wanted": "happened"}), ("rest", {"wanted": "timed_out"}), ("wanted", {}),
    ]  # fmt: skip
    flight.later(days=1, hours=23)
    assert sorted(flight.mails()) == [("bye", "bye"), ("case", "case-study")]
