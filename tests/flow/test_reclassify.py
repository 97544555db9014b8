"""Stored events are judged afresh by the judge who judged them first."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, Table, select

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import events, people, stage_changes
from nurture.domain.event import EMAIL_CLICKED, Event
from nurture.domain.verdict import AgentKind, KindOfAgent
from nurture.flow.reclassify import Reclassified, Turn, reclassify
from nurture.flow.recount import recount
from nurture.reports.verify import verify
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.waiting import MovableClock


def known(agent: str) -> AgentKind:
    """The list that was in use when events came in: see `Intake`."""
    return "crawler" if "bot" in agent else "browser"


def better(agent: str) -> AgentKind:
    return "crawler" if "bot" in agent or "Scanner" in agent else "browser"


def milder(_: str) -> AgentKind:
    return "browser"


def rows(database: Database, table: Table) -> Sequence[Row[Any]]:
    with database.engine.connect() as connection:
        return connection.execute(select(table).order_by(table.c.id)).all()


def again(database: Database, clock: MovableClock, kind_of_agent: KindOfAgent, **options: Any) -> Reclassified:
    return reclassify(database, clock, kind_of_agent, lambda _: None, **options)


def visit(agent: str, path: str = "/pricing", device: str = "device-1", at: datetime = MONDAY, **parts: Any) -> Event:
    return event("page_viewed", at, anonymous_id=device, context={"page": {"path": path}, "userAgent": agent}, **parts)


def click(person: int, url: str, seconds: float, message: int = 7, agent: str = "Firefox") -> Event:
    at = MONDAY + timedelta(seconds=seconds)
    return event(
        EMAIL_CLICKED, at, person=person, message=message, source="engine", properties={"url": url}, context={"userAgent": agent}
    )  # fmt: skip


def verdicts(database: Database) -> Mapping[str, tuple[str, Any, str | None]]:
    return {row.body["message_id"]: (row.verdict, row.verdict_reasons, row.channel) for row in rows(database, events)}


def test_a_longer_list_of_crawlers_takes_points_away_and_undoes_nothing(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    intake.take(
        [
            form("ana@acme.test", job_title="Chief"),
            download("ana@acme.test"),
            visit("Scanner/2"),
            visit("Scanner/2"),
            page("/blog/a"),
        ]
    )
    assert {row.rule for row in rows(database, stage_changes)} == {"gated-download", "hot"}
    planned = again(database, clock, better)
    turn = Turn("human", "machine", ("crawler_user_agent",))
    assert (planned.events, planned.revised, planned.marked) == (5, 2, 1)
    assert (planned.turns[turn], planned.people[turn]) == (2, 1)
    assert rows(database, people)[0].recount_at is None
    assert again(database, clock, better, apply=True) == planned
    [person] = rows(database, people)
    assert person.recount_at == clock.now()
    assert recount(database, clock).due == 1
    assert verify(database.engine, definitions()) == []
    assert rows(database, people)[0].heat < person.heat
    assert (rows(database, people)[0].stage, len(rows(database, stage_changes))) == ("mql", 2)
    assert again(database, clock, better).revised == 0


def test_what_was_taken_for_a_machines_makes_somebody_known(intake: Intake, database: Database, clock: MovableClock) -> None:
    """A form that a machine posts makes nobody known; when it turns out to be a human's, it does."""
    intake.take(
        [event("identified", anonymous_id="d", email="ana@acme.test", context={"userAgent": "robot"}), page("/pricing", "d")]
    )
    assert [row.email for row in rows(database, people)] == [None]
    found = again(database, clock, milder, apply=True)
    assert found.turns == {Turn("machine", "human", ("crawler_user_agent",)): 1}
    recount(database, clock)
    assert [row.email for row in rows(database, people)] == ["ana@acme.test"]
    assert verify(database.engine, definitions()) == []


def test_the_channel_goes_and_comes_with_the_verdict(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take([visit("Scanner/2", message_id="m")])
    assert verdicts(database)["m"] == ("human", None, "direct")
    again(database, clock, better, apply=True)
    assert verdicts(database)["m"] == ("machine", ["crawler_user_agent"], None)
    again(database, clock, known, apply=True)
    assert verdicts(database)["m"] == ("human", None, "direct")


@pytest.mark.parametrize("seed", range(6))
def test_a_verdict_is_the_same_whichever_way_the_event_came_to_it(
    intake: Intake, database: Database, clock: MovableClock, seed: int
) -> None:
    """Clicks on several links in one moment, in batches of any cut: absorb comes to what the whole log comes to."""
    draw = random.Random(seed)
    intake.take([form(f"p{n}@acme.test", f"d{n}") for n in range(3)])
    persons = [row.id for row in rows(database, people)]
    log = [
        click(persons[n % 3], draw.choice(["/a", "/b", "/c"]), draw.choice([0, 0.4, 0.9, 1.3, 2, 9, 9.6]), 100 + n % 3)
        for n in range(24)
    ]
    log += [visit(draw.choice(["Firefox", "robot"]), device=f"d{n % 3}", at=MONDAY + timedelta(seconds=n)) for n in range(9)]
    draw.shuffle(log)
    while log:
        size = draw.randint(1, 9)
        intake.take(log[:size])
        log = log[size:]
    found = again(database, clock, known, limit=2)
    assert (found.events, found.turns, found.revised) == (36, {}, 0)
    assert {verdict for verdict, *_ in verdicts(database).values()} == {"human", "machine"}


def test_a_third_click_at_once_in_a_later_batch_is_the_scanners_too(intake: Intake, database: Database) -> None:
    intake.take([form("ana@acme.test")])
    [person] = rows(database, people)
    for number, url in enumerate("abc"):
        intake.take([click(person.id, f"/{url}", 0.3 * number)])
    clicks = [row for row in rows(database, events) if row.name == EMAIL_CLICKED]
    assert [(row.verdict, row.verdict_reasons, row.channel) for row in clicks] == [
        ("machine", ["several_links_at_once"], None)
    ] * 3


def test_since_looks_at_later_events_only_and_at_the_moment_before_them(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    intake.take([form("ana@acme.test", at=MONDAY - timedelta(days=1)), visit("Scanner/2", at=MONDAY - timedelta(days=1))])
    [person] = rows(database, people)
    intake.take([click(person.id, "/a", -0.5), click(person.id, "/b", 0.2), visit("Scanner/2", at=MONDAY)])
    found = again(database, clock, better, since=MONDAY)
    assert (found.events, found.revised) == (2, 1)
    assert again(database, clock, better).revised == 2


def test_somebody_marked_already_keeps_their_place_in_the_queue(intake: Intake, database: Database, clock: MovableClock) -> None:
    intake.take([visit("Scanner/2")])
    again(database, clock, better, apply=True)
    first = rows(database, people)[0].recount_at
    clock.advance(timedelta(hours=1))
    again(database, clock, known, apply=True)
    assert rows(database, people)[0].recount_at == first


def test_nothing_is_there(database: Database, clock: MovableClock) -> None:
    assert again(database, clock, known, apply=True) == Reclassified()
