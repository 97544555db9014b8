"""Everybody is counted afresh when rules change, and nothing is done twice because of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, Table, func, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import deliveries, enrollments, events, messages, people, score_cells, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.event import day_number
from nurture.domain.scoring import engagement_on
from nurture.flow.rescore import NOBODY, Rescored, rescore
from nurture.reports.verify import verify
from tests.flow.conftest import Intake
from tests.support.definitions import DEFINITIONS, GUIDE_SEQUENCE, definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.waiting import MovableClock

SCORING: dict[str, Any] = DEFINITIONS["scoring"]
HOT = {"sequence": "hot", "trigger": {"promoted_to": "mql"}, "steps": [{"id": "call", "email": "call"}]}
HANDOFF = {"endpoints": {"crm": {"url": "https://crm.test/in", "secret": "crm", "events": ["promoted"]}}}


def rows(database: Database, table: Table) -> Sequence[Row[Any]]:
    with database.engine.connect() as connection:
        return connection.execute(select(table).order_by(*table.primary_key)).all()


def put(database: Database, clock: MovableClock, **changed: Any) -> Definitions:
    made = definitions(sequences={"guide-nurture": GUIDE_SEQUENCE, "hot": HOT}, **changed)
    with database.engine.begin() as connection:
        apply(connection, made, clock.now())
    return made


def priced(points: int) -> dict[str, Any]:
    """The shared rules with another price on the page of prices."""
    return {**SCORING, "rules": [rule | ({"points": points} if rule["id"] == "pricing" else {}) for rule in SCORING["rules"]]}


def everybody(database: Database, clock: MovableClock, **options: Any) -> Rescored:
    return rescore(database, clock, lambda _: None, **options)


def readers(number: int) -> list[Any]:
    happened: list[Any] = []
    for n in range(number):
        happened += [form(f"p{n}@acme.test", f"d{n}", job_title="Head of Sales"), page("/pricing", f"d{n}")]
        happened += [page("/blog/a", f"d{n}", at=MONDAY - timedelta(days=n))]
    return happened


def heats(database: Database) -> set[float]:
    return {round(engagement_on(day_number(MONDAY), row.heat, timedelta(days=30)), 2) for row in rows(database, people)}


def test_changed_rules_recompute_and_do_not_fire_alerts_again__suites_22(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    put(database, clock)
    intake.take(
        [*readers(3), form("ana@acme.test", job_title="Chief"), page("/pricing"), page("/pricing"), download("ana@acme.test")]
    )
    tables = [stage_changes, enrollments, messages, deliveries, events]
    before = [rows(database, table) for table in tables]
    assert [row.to_stage for row in before[0] if row.rule == "hot"] == ["mql"]
    made = put(database, clock, scoring=priced(60))
    assert verify(database.engine, made)
    account = everybody(database, clock)
    assert (account.people, account.left, account.moved, account.begun) == (4, 0, 0, 0)
    assert verify(database.engine, made) == []
    assert [rows(database, table) for table in tables] == before
    assert {row.stage for row in rows(database, people)} == {"audience", "mql"}
    intake.take([page("/blog/z", "d0")])  # who does something next is promoted by it; who was promoted already is not again
    assert sorted(row.rule for row in rows(database, stage_changes)) == ["gated-download", "hot", "hot"]


def test_asked_to_it_lets_new_totals_promote_once(intake: Intake, database: Database, clock: MovableClock) -> None:
    put(database, clock)
    intake.take(readers(3))
    put(database, clock, scoring=priced(60))
    account = everybody(database, clock, fire=True)
    assert (account.moved, account.begun) == (3, 3)
    assert {(row.rule, row.to_stage, row.event_id) for row in rows(database, stage_changes)} == {("hot", "mql", None)}
    assert [row.sequence for row in rows(database, enrollments)] == ["hot"] * 3
    again = everybody(database, clock, fire=True)
    assert (again.people, again.moved, again.begun) == (3, 0, 0)


def test_asked_to_it_ends_runs_and_recycles_as_absorb_does(intake: Intake, database: Database, clock: MovableClock) -> None:
    leaving = HOT | {"exit": [{"stage": "lead"}]}
    put(database, clock)
    with database.engine.begin() as connection:
        apply(connection, definitions(sequences={"hot": leaving}), clock.now())
    intake.take([form("ana@acme.test", job_title="Chief"), page("/pricing"), page("/pricing"), download("ana@acme.test")])
    [run] = rows(database, enrollments)
    assert (run.sequence, run.status) == ("hot", "active")
    with database.engine.begin() as connection:
        apply(connection, definitions(sequences={"hot": leaving}, scoring={**SCORING, "rules": []}), clock.now())
    assert everybody(database, clock, fire=True).moved == 1
    [person], [run] = rows(database, people), rows(database, enrollments)
    assert (person.stage, run.status) == ("lead", "exited")


def test_a_cool_down_holds_when_promotions_are_let(intake: Intake, database: Database, clock: MovableClock) -> None:
    put(database, clock)
    intake.take(readers(1))
    put(database, clock, scoring=priced(60))
    with database.engine.begin() as connection:
        connection.execute(update(people).values(rejected_until=clock.now() + timedelta(days=1)))
    assert everybody(database, clock, fire=True).moved == 0


def test_conditions_of_an_older_version_of_a_sequence_find_their_past(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    older = HOT | {"exit": [{"happened": {"event": "webinar_attended", "within": "9d"}}]}
    with database.engine.begin() as connection:
        apply(connection, definitions(sequences={"hot": older}), clock.now())
    intake.take([form("ana@acme.test", job_title="Chief"), page("/pricing"), page("/pricing"), download("ana@acme.test")])
    put(database, clock)
    account = everybody(database, clock, fire=True)
    assert (account.people, account.moved) == (1, 0)


def test_it_goes_on_where_it_was_broken_off(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take(readers(7))
    made = put(database, clock, scoring=priced(3))
    told: list[tuple[int, int]] = []

    def break_off(account: Rescored) -> None:
        told.append((account.people, account.after))
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rescore(database, clock, break_off, limit=2)
    assert verify(database.engine, made)
    assert [count for count, _ in told] == [2, 4]
    account = everybody(database, clock, after=told[-1][1], limit=2)
    assert account.people == 3
    assert verify(database.engine, made) == []


def test_other_definitions_meanwhile_make_it_begin_anew(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take(readers(5))
    put(database, clock, scoring=priced(3))
    made: list[Definitions] = []

    def meddle(account: Rescored) -> None:
        if not made:
            made.append(put(database, clock, scoring=priced(4)))

    account = rescore(database, clock, meddle, limit=2)
    assert (account.restarted, account.people) == (1, 5)
    assert verify(database.engine, made[0]) == []


def test_whoever_did_too_much_is_left_and_told(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take([*readers(4), *[page(f"/blog/{n}", "d1") for n in range(9)]])
    put(database, clock, scoring=priced(3))
    account = everybody(database, clock, most=5)
    assert (account.people, account.left) == (3, 1)


def test_a_mark_for_recount_stays(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take(readers(2))
    with database.engine.begin() as connection:
        connection.execute(update(people).values(recount_at=clock.now()))
    put(database, clock, scoring=priced(3))
    everybody(database, clock)
    assert [row.recount_at for row in rows(database, people)] == [clock.now()] * 2
    assert heats(database) <= {round(3 + 2 * 2 ** (-n / 30), 2) for n in range(2)}


def test_people_joined_to_others_are_counted_with_them(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take([form("ana@acme.test", "office"), page("/pricing", "phone")])
    intake.take([form("ana@acme.test", "phone", at=MONDAY + timedelta(hours=1)), event("demo_requested", anonymous_id="phone")])
    made = put(database, clock, scoring=priced(7))
    assert everybody(database, clock).people == 1
    assert verify(database.engine, made) == []
    with database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(score_cells)) == 1


def test_nobody_is_there(database: Database, clock: MovableClock) -> None:
    assert everybody(database, clock) == Rescored(after=NOBODY)
