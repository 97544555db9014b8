"""Rebuild: figures worked out anew come to what they would be had they been counted from the first, whoever works meanwhile."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from nurture.adapters.database.figure_basis import needs_rebuild
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import active_days, contributions, figure_basis, rollups
from nurture.domain.definitions import Definitions
from nurture.flow.rebuild import Rebuilt, rebuild
from nurture.flow.recount import recount
from nurture.reports.verify import audit
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.waiting import MovableClock


@pytest.fixture
def lived(intake: Intake, database: Database, clock: MovableClock) -> Database:
    """Three weeks: readers who come back, somebody known by two devices, a machine, leads, and events that are heard of late."""
    for day in range(21):
        at = MONDAY + timedelta(days=day)
        intake.take([
            page(f"/blog/{day % 4}", f"reader-{day % 5}", at=at),
            page("/pricing", "phone", at=at + timedelta(hours=14, minutes=30)),
            event("page_engaged", at, anonymous_id="phone", properties={"path": "/pricing", "seconds": 40, "scroll": 90}),
            page("/pricing", "spider", at=at).model_copy(update={"context": {"page": {"path": "/"}, "userAgent": "bot"}}),
        ])  # fmt: skip
    later = MONDAY + timedelta(days=3)
    intake.take([form("ana@acme.test", "phone", at=later), download("ana@acme.test", at=later)])
    intake.take([form("ana@acme.test", "office", at=MONDAY - timedelta(days=2)), page("/", "reader-2", at=MONDAY - timedelta(3))])
    while recount(database, clock).due:
        pass
    return database


def figures(database: Database) -> dict[tuple[str, int, str], int]:
    sums: Counter[tuple[str, int, str]] = Counter()
    with database.engine.connect() as connection:
        for row in connection.execute(select(rollups)):
            sums[row.figure, row.day, row.key] += row.n
    return {place: n for place, n in sums.items() if n}


def nothing_differs(database: Database, definitions: Definitions) -> None:
    found = audit(database.engine, definitions)
    assert not found.differing, found.differences


def due(database: Database, wanted: Definitions) -> bool:
    with database.engine.connect() as connection:
        return needs_rebuild(connection, wanted)


def test_after_an_upgrade_everything_is_counted_as_if_from_the_first(lived: Database, clock: MovableClock) -> None:
    nothing_differs(lived, definitions())
    before = figures(lived)
    assert {figure for figure, _, _ in before} >= {"events", "views", "people", "cohort", "seconds", "submits", "downloads"}
    assert any(figure.startswith("reached") for figure, _, _ in before)
    with lived.engine.begin() as connection:
        for table in (rollups, active_days, contributions, figure_basis):
            connection.execute(delete(table))
    assert due(lived, definitions())
    assert rebuild(lived, clock, lambda _: None, limit=2).counted
    assert figures(lived) == before
    assert not due(lived, definitions())
    nothing_differs(lived, definitions())


def test_a_second_time_it_changes_nothing(lived: Database, clock: MovableClock) -> None:
    def rows() -> Any:
        with lived.engine.connect() as connection:
            return sorted(map(tuple, connection.execute(select(rollups))))

    before = rows()
    rebuild(lived, clock, lambda _: None)
    assert rows() == before


def test_another_time_zone_makes_other_days(lived: Database, clock: MovableClock) -> None:
    tokyo = definitions(reporting={"timezone": "Asia/Tokyo", "brand": ["acme"]})
    with lived.engine.begin() as connection:
        apply(connection, tokyo, clock.now())
    assert due(lived, tokyo)
    assert audit(lived.engine, tokyo).differing
    rebuild(lived, clock, lambda _: None, limit=2)
    nothing_differs(lived, tokyo)
    monday = (MONDAY.date() - date(1970, 1, 1)).days
    views = {day for figure, day, key in figures(lived) if (figure, key) == ("views", "/pricing")}
    assert min(views) == monday + 1  # half past eleven at night in London is the next morning in Tokyo


def test_what_was_changed_by_hand_is_put_right(lived: Database, clock: MovableClock) -> None:
    before = figures(lived)
    with lived.engine.begin() as connection:
        connection.execute(update(rollups).where(rollups.c.figure == "views").values(n=rollups.c.n + 5))
        connection.execute(delete(rollups).where(rollups.c.figure == "people"))
    kinds = {each.what for each in audit(lived.engine, definitions()).differences}
    assert kinds == {"figure"}
    rebuild(lived, clock, lambda _: None)
    assert figures(lived) == before


def test_workers_go_on_meanwhile(lived: Database, intake: Intake, clock: MovableClock) -> None:
    """Between any two of its transactions something happens: somebody new, somebody merged, something late."""
    with lived.engine.begin() as connection:
        connection.execute(delete(rollups).where(rollups.c.figure != "people"))
    steps: list[int] = []

    def something_happens(_: Rebuilt) -> None:
        steps.append(len(steps))
        number = len(steps)
        at = MONDAY + timedelta(days=number % 20, minutes=number)
        intake.take(
            [page(f"/new/{number % 3}", f"new-{number}", at=at), form(f"p{number % 3}@acme.test", f"new-{number}", at=at)]
        )

    rebuild(lived, clock, something_happens, limit=2)
    assert len(steps) > 20
    while recount(lived, clock).due:
        pass
    nothing_differs(lived, definitions())


def test_definitions_that_change_meanwhile_make_it_begin_anew(lived: Database, clock: MovableClock) -> None:
    paris = definitions(reporting={"timezone": "Europe/Paris"})
    steps: list[int] = []

    def another_zone(_: Rebuilt) -> None:
        steps.append(1)
        if len(steps) == 5:
            with lived.engine.begin() as connection:
                apply(connection, paris, clock.now())

    assert rebuild(lived, clock, another_zone, limit=2).restarted == 1
    nothing_differs(lived, paris)
