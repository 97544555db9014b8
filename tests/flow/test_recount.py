"""Whoever no longer follows from the log is worked out from it, in the database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, Table, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, events, identifiers, identity_journal, people, score_cells
from nurture.domain.event import EMAIL_CLICKED
from nurture.flow.advance import advance
from nurture.flow.recount import Recounts, recount
from nurture.reports.verify import verify
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.waiting import MovableClock


def rows(database: Database, table: Table) -> Sequence[Row[Any]]:
    with database.engine.connect() as connection:
        return connection.execute(select(table)).all()


def minutes(number: int) -> Any:
    return MONDAY + timedelta(minutes=number)


def hits(database: Database, address: str) -> dict[str, int]:
    [person] = [row.id for row in rows(database, people) if row.email == address]
    return {row.rule: row.hits for row in rows(database, score_cells) if row.person_id == person and row.hits}


def test_nobody_is_due_when_events_come_in_their_order(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take([page("/pricing", at=minutes(1)), form("ana@acme.test", at=minutes(2)), page("/blog/a", at=minutes(3))])
    assert recount(database, clock) == Recounts(due=0)


def test_a_form_heard_of_late_takes_what_came_after_it_from_whom_it_was_counted_for(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    intake.take([form("ana@acme.test", at=minutes(1)), page("/pricing", at=minutes(5))])
    intake.take([form("ben@acme.test", at=minutes(3))])
    assert hits(database, "ana@acme.test") == {"pricing": 1}
    assert recount(database, clock).due == 2
    assert hits(database, "ana@acme.test") == {}
    assert hits(database, "ben@acme.test") == {"pricing": 1}
    assert recount(database, clock) == Recounts(due=0)
    assert verify(database.engine, definitions()) == []


def test_events_that_hang_together_beyond_the_bound_stay_as_they_are(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    intake.take([form("ana@acme.test", at=minutes(1)), page("/pricing", at=minutes(5))])
    intake.take([form("ben@acme.test", at=minutes(3))])
    report = recount(database, clock, most=2)
    assert (report.due, report.left) == (2, 2)
    assert hits(database, "ana@acme.test") == {"pricing": 1}
    assert recount(database, clock) == Recounts(due=0)


def test_runs_of_people_who_were_one_all_along_are_joined(intake: Intake, database: Database, clock: MovableClock) -> None:
    """Ana was known by her account before she gave her address; the event that tells so comes last."""
    intake.take([form("ana@acme.test", at=minutes(4)), download("ana@acme.test", at=minutes(5))])
    intake.take([event("demo_requested", minutes(6), user_id="ana")])
    assert len([row for row in rows(database, people) if row.merged_into is None]) == 2
    together = event("identified", minutes(1), kind="identify", user_id="ana", email="ana@acme.test")
    intake.take([together])
    recount(database, clock)
    [ana] = [row for row in rows(database, people) if row.merged_into is None]
    assert (ana.email, ana.stage) == ("ana@acme.test", "sql")
    [run] = rows(database, enrollments)
    assert run.person_id == ana.id
    assert {row.person_id for row in rows(database, identifiers)} == {ana.id}
    [joined] = [row for row in rows(database, identity_journal) if row.action == "merged" and row.by == "recount"]
    assert joined.person_id == ana.id
    assert advance(database, clock, lambda *_: False).queued == 1
    assert verify(database.engine, definitions()) == []


def test_all_links_at_once_are_taken_back_though_the_first_had_counted__mautic_16263(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    intake.take([form("ana@acme.test", at=minutes(1))])
    [ana] = [row.id for row in rows(database, people)]
    click = {"person": ana, "message": 7, "source": "engine", "context": {"userAgent": "Mozilla/5.0 Firefox/140.0"}}
    first = event(EMAIL_CLICKED, minutes(9), properties={"url": "https://www.example.com/a", "path": "/a"}, **click)
    intake.take([first])
    second = first.model_copy(update={"message_id": "second", "properties": {"url": "https://www.example.com/b", "path": "/b"}})
    intake.take([second])
    recount(database, clock)
    clicks = [row for row in rows(database, events) if row.name == EMAIL_CLICKED]
    assert [(row.verdict, row.verdict_reasons) for row in clicks] == [("machine", ["several_links_at_once"])] * 2
    assert verify(database.engine, definitions()) == []


def test_whom_a_human_has_decided_about_is_counted_and_not_placed_anew(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    intake.take([form("ana@acme.test", at=minutes(1)), page("/pricing", at=minutes(5))])
    with database.engine.begin() as connection:
        connection.execute(update(people).values(by_hand=True))
    intake.take([form("ben@acme.test", at=minutes(3))])
    recount(database, clock)
    assert hits(database, "ana@acme.test") == {"pricing": 1}
    assert verify(database.engine, definitions()) == []


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_crowd_is_the_same_whatever_is_recounted_together(
    batch: int, intake: Intake, database: Database, clock: MovableClock
) -> None:
    happened = [form(f"p{n % 3}@acme.test", device=f"d{n % 2}", at=minutes(n)) for n in range(12)]
    happened += [page("/blog/a", device=f"d{n % 2}", at=minutes(n) + timedelta(seconds=30)) for n in range(12)]
    intake.take(happened[::-2])
    intake.take(happened[::2])
    while recount(database, clock, batch).due:
        pass
    assert verify(database.engine, definitions()) == []
    told = sum(row.hits for row in rows(database, score_cells))
    assert told == 12


def test_what_follows_from_the_past_follows_for_whom_it_was_found_to_be(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    """The webinar was counted for Ana; that it was Ben who sat there makes a lead of him, with the same recount."""
    attended = {"id": "attended", "to": "mql", "when": {"happened": {"event": "webinar_attended"}}}
    with database.engine.begin() as connection:
        apply(connection, definitions(lifecycle={"promotions": [attended]}), clock.now())
    intake.take([form("ana@acme.test", at=minutes(1)), event("webinar_attended", minutes(5), anonymous_id="device-1")])
    intake.take([form("ben@acme.test", at=minutes(3))])
    clock.advance(timedelta(minutes=10))
    recount(database, clock)
    stages = {row.email: row.stage for row in rows(database, people)}
    assert stages["ben@acme.test"] == "mql"
