"""Who stood where, for how long."""

from datetime import timedelta

from nurture.domain.lifecycle import Lifecycle
from nurture.domain.person import Person
from nurture.domain.scoring import Grade
from nurture.reports.stage_story import Move, stage_spans
from tests.support.events import MONDAY


def at(days: float) -> timedelta:
    return timedelta(days=days)


def spans(stage: str, since: float, *moves: tuple[float, str, bool]) -> list[tuple[str, float]]:
    person = Person(
        id=1, stage=stage, stage_since=MONDAY + at(since), first_seen_at=MONDAY, seen_at=MONDAY, grade=Grade("D")
    )  # fmt: skip
    told = [Move(MONDAY + at(day), to, own) for day, to, own in moves]
    found = stage_spans(person, told, Lifecycle(), MONDAY + at(10))
    assert [each.until for each in found] == [*(each.since for each in found[1:]), None]
    return [(each.stage, each.seconds / 86_400) for each in found]


def test_whoever_never_moved_stands_where_everybody_begins() -> None:
    assert spans("audience", 0) == [("audience", 10)]


def test_each_move_ends_a_stage_and_begins_the_next() -> None:
    assert spans("lead", 7, (2, "lead", True), (4, "mql", True), (7, "lead", True)) == [
        ("audience", 2), ("lead", 2), ("mql", 3), ("lead", 3),
    ]  # fmt: skip


def test_of_whom_they_turned_out_to_be_only_what_leads_further_up_counts() -> None:
    assert spans("mql", 4, (4, "mql", True), (6, "lead", False)) == [("audience", 4), ("mql", 6)]
    assert spans("sql", 6, (4, "mql", True), (6, "sql", False)) == [("audience", 4), ("mql", 2), ("sql", 4)]


def test_a_stage_that_no_move_explains_is_told_since_it_holds() -> None:
    assert spans("customer", 3, (2, "lead", True)) == [("audience", 2), ("lead", 1), ("customer", 7)]
