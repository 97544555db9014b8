"""An operator joins two people, and parts them again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, Table, select

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, identifiers, identity_journal, messages, people
from nurture.errors import Refused
from nurture.flow.advance import advance
from nurture.flow.merge import merge, unmerge
from nurture.flow.recount import recount
from nurture.reports.verify import verify
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import download, event, form, page
from tests.support.waiting import MovableClock


def rows(database: Database, table: Table) -> Sequence[Row[Any]]:
    with database.engine.connect() as connection:
        return connection.execute(select(table)).all()


def person(database: Database, address: str) -> Row[Any]:
    [found] = [row for row in rows(database, people) if row.email == address and row.merged_into is None]
    return found


@pytest.fixture
def two_addresses(intake: Intake, database: Database, clock: MovableClock) -> tuple[int, int]:
    """Ana under two addresses, each in the sequence; the second got further."""
    at = clock.now()
    intake.take([form("ana@acme.test", device="office", at=at), download("ana@acme.test", at=at)])
    intake.take([form("ana@home.test", device="phone", at=at), download("ana@home.test", at=at)])
    return person(database, "ana@acme.test").id, person(database, "ana@home.test").id


def test_two_addresses_become_one_person_with_all_they_did(
    two_addresses: tuple[int, int], intake: Intake, database: Database, clock: MovableClock
) -> None:
    work, home = two_addresses
    clock.advance(timedelta(hours=1))
    merge(database, clock, home, work, "operator", "she told us")
    ana = person(database, "ana@acme.test")
    assert ana.id == work
    assert {row.person_id for row in rows(database, identifiers)} == {work}
    intake.take([page("/pricing", device="phone", at=clock.now())])
    assert verify(database.engine, definitions()) == []
    assert person(database, "ana@acme.test").heat > ana.heat


def test_a_merged_person_in_one_sequence_twice_keeps_the_further_run(
    two_addresses: tuple[int, int], database: Database, clock: MovableClock
) -> None:
    work, home = two_addresses
    [behind] = [row.id for row in rows(database, enrollments) if row.person_id == work]
    advance(database, clock, lambda *_: False)
    with database.engine.begin() as connection:
        connection.execute(enrollments.update().where(enrollments.c.id == behind).values(step="thanks"))
    merge(database, clock, home, work, "operator", "she told us")
    runs = {row.step: (row.person_id, row.status, row.reason) for row in rows(database, enrollments)}
    assert runs == {"wait-after-thanks": (work, "waiting", None), "thanks": (work, "exited", "merged")}
    assert {row.person_id for row in rows(database, messages)} == {work}
    assert [row.status.value for row in rows(database, messages) if row.enrollment_id == behind] == ["skipped"]


def test_parting_gives_runs_and_queued_mail_back(two_addresses: tuple[int, int], database: Database, clock: MovableClock) -> None:
    work, home = two_addresses
    advance(database, clock, lambda *_: False)
    before = [sorted(map(tuple, rows(database, table))) for table in (enrollments, identifiers)]
    queued = sorted((row.id, row.person_id, row.status) for row in rows(database, messages))
    entry = merge(database, clock, home, work, "operator", "a mistake")
    unmerge(database, clock, entry.id, "operator")
    after = [sorted(map(tuple, rows(database, table))) for table in (enrollments, identifiers)]
    assert [row[:7] for row in after[0]] == [row[:7] for row in before[0]]
    assert after[1] == before[1]
    assert sorted((row.id, row.person_id, row.status) for row in rows(database, messages)) == queued


def test_what_each_did_since_they_were_joined_goes_to_whose_it_is(
    two_addresses: tuple[int, int], intake: Intake, database: Database, clock: MovableClock
) -> None:
    work, home = two_addresses
    entry = merge(database, clock, home, work, "operator", "a mistake")
    at = clock.advance(timedelta(minutes=5))
    intake.take([page("/pricing", device="phone", at=at), page("/blog/a", device="office", at=at)])
    tablet = event("identified", at, kind="identify", anonymous_id="tablet", email="ana@home.test", assurance="claimed")
    intake.take([tablet, page("/blog/b", device="tablet", at=at + timedelta(minutes=1))])
    unmerge(database, clock, entry.id, "operator")
    assert verify(database.engine, definitions()) == []
    held = {(row.kind, row.value): row.person_id for row in rows(database, identifiers)}
    assert held["anonymous_id", "tablet"] == held["anonymous_id", "phone"] == home
    assert held["anonymous_id", "office"] == work
    told = [(row.action, row.by) for row in rows(database, identity_journal)]
    assert ("unmerged", "operator") in told


def test_an_anonymous_merge_can_be_taken_back_and_is_not_made_again(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    """A colleague used the office computer once: what was read there before is not hers."""
    intake.take([page("/pricing", device="meeting-room", at=clock.now())])
    at = clock.advance(timedelta(minutes=1))
    intake.take([form("ana@acme.test", device="laptop", at=at)])
    at = clock.advance(timedelta(minutes=1))
    intake.take([form("ana@acme.test", device="meeting-room", at=at)])
    [joined] = [row for row in rows(database, identity_journal) if row.action == "merged"]
    unmerge(database, clock, joined.id, "operator")
    assert verify(database.engine, definitions()) == []
    at = clock.advance(timedelta(minutes=1))
    intake.take([form("ana@acme.test", device="meeting-room", at=at)])
    assert len([row for row in rows(database, people) if row.merged_into is None]) == 2
    assert [row.undone_at is None for row in rows(database, identity_journal) if row.action == "merged"] == [False]


def test_joining_one_person_with_themselves_is_refused(
    two_addresses: tuple[int, int], database: Database, clock: MovableClock
) -> None:
    work, home = two_addresses
    entry = merge(database, clock, home, work, "operator", "she told us")
    with pytest.raises(Refused, match="one person already"):
        merge(database, clock, work, home, "operator", "again")
    unmerge(database, clock, entry.id, "operator")
    with pytest.raises(Refused, match="no such merge"):
        unmerge(database, clock, entry.id, "operator")


def test_parting_after_a_late_form_leaves_the_address_with_whom_it_named(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    """The form that told of the telephone came last, though it was filled in first; all else is linked later than it."""
    start = clock.now()
    happened = [
        form("ana@acme.test", device="phone", at=start),
        form("ana@acme.test", device="laptop", at=start + timedelta(minutes=1)),
        page("/pricing", device="phone", at=start + timedelta(minutes=2)),
    ]
    clock.advance(timedelta(minutes=5))
    for each in reversed(happened):
        intake.take([each])
        recount(database, clock)
    [joined] = [row for row in rows(database, identity_journal) if row.action == "merged" and row.undone_at is None]
    unmerge(database, clock, joined.id, "operator")
    ana = person(database, "ana@acme.test").id
    held = {(row.kind, row.value): row.person_id for row in rows(database, identifiers)}
    assert held["email", "ana@acme.test"] == held["anonymous_id", "laptop"] == ana
    assert held["anonymous_id", "phone"] != ana
    assert verify(database.engine, definitions()) == []


def test_whoever_was_parted_since_is_not_given_back_again(intake: Intake, database: Database, clock: MovableClock) -> None:
    """The telephone was joined to Ana, Ana by hand to Ben; the telephone is parted first, then Ana from Ben."""
    intake.take([page("/pricing", device="phone", at=clock.now()), form("ben@acme.test", device="desk", at=clock.now())])
    intake.take([form("ana@acme.test", device="laptop", at=clock.advance(timedelta(minutes=1)))])
    intake.take([form("ana@acme.test", device="phone", at=clock.advance(timedelta(minutes=1)))])
    [telephone] = [row for row in rows(database, identity_journal) if row.action == "merged"]
    ana, ben = (person(database, f"{name}@acme.test").id for name in ("ana", "ben"))
    clock.advance(timedelta(minutes=1))
    by_hand = merge(database, clock, ana, ben, "operator", "a mistake")
    clock.advance(timedelta(minutes=1))
    unmerge(database, clock, telephone.id, "operator")
    clock.advance(timedelta(minutes=1))
    unmerge(database, clock, by_hand.id, "operator")
    assert all(row.merged_into is None for row in rows(database, people))
    held = {(row.kind, row.value): row.person_id for row in rows(database, identifiers)}
    assert len({held["anonymous_id", device] for device in ("phone", "laptop", "desk")}) == 3
    assert verify(database.engine, definitions()) == []


def test_whoever_was_parted_and_took_the_others_in_stays_a_person_of_their_own(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    for minute, device in enumerate(["a", "b", "c"]):
        intake.take([page("/pricing", device=device, at=clock.now() + timedelta(minutes=minute))])
    a, b, c = (next(row.person_id for row in rows(database, identifiers) if row.value == device) for device in "abc")

    def join(weak: int, into: int) -> int:
        clock.advance(timedelta(minutes=1))
        return merge(database, clock, weak, into, "operator", "one human").id

    first, second = join(a, b), join(b, c)
    unmerge(database, clock, first, "operator")
    join(c, a)
    unmerge(database, clock, second, "operator")
    holders = {row.value: row.person_id for row in rows(database, identifiers)}
    assert holders == {"a": a, "b": b, "c": a}
    assert {row.id: row.merged_into for row in rows(database, people)} == {a: None, b: None, c: a}
    assert verify(database.engine, definitions()) == []
