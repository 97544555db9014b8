"""Who is in the market, who is warmed and who is asleep equals what plain SQL finds in the log, the people and their mails."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, select, text, update

from nurture.adapters.database.tables import enrollments, messages, people
from nurture.adapters.database.tables.columns import Instant
from nurture.domain.event import day_number
from nurture.domain.scoring import engagement_on
from nurture.reports.everybody import Everybody
from nurture.reports.market import ASLEEP, IN_MARKET, RECENT, WARM, WARMED, Part, market, market_sheet
from nurture.reports.sheet import Period, local_day
from tests.reports.history import STAGES, ZONE, business, told_at_random, told_by_hand
from tests.support.events import event
from tests.support.installation import BROWSER, Installation

AUDIENCE = "audience"

#: Who ever acted on our pages, and when they last did, by the human.
HERE = """
    SELECT COALESCE(p.merged_into, p.id) AS root, MAX(e.occurred_at) AS last FROM events e JOIN people p ON p.id = e.person_id
    WHERE e.verdict = 'human' AND e.name IN ('page_viewed', 'form_submitted', 'asset_downloaded', 'email_clicked')
    GROUP BY COALESCE(p.merged_into, p.id)
"""
RAISED = """
    SELECT COALESCE(p.merged_into, p.id) AS root, c.from_stage, c.to_stage FROM stage_changes c JOIN people p ON p.id = c.person_id
    WHERE c.event_id IS NOT NULL AND c.at >= :recently AND c.to_stage IN ('sql', 'opportunity', 'customer')
"""
MAILED = """
    SELECT DISTINCT person_id AS root FROM messages WHERE sent_at >= :recently AND status IN ('sent', 'delivered', 'bounced', 'complained')
"""
ON_SEQUENCE = "SELECT DISTINCT person_id AS root FROM enrollments WHERE status IN ('active', 'waiting', 'paused')"


@pytest.fixture(params=["by hand", "at random 1", "at random 2"])
def past(request: pytest.FixtureRequest, installation: Installation) -> Installation:
    """A past of which most have no address, some are on a sequence, and some were mailed lately."""
    installation.apply(business())
    if request.param == "by hand":
        told_by_hand(installation)
    else:
        told_at_random(installation, seed=int(request.param[-1]))
    installation.happen(*(
        event("page_viewed", installation.clock.now() - timedelta(days=20 * number), anonymous_id=f"stranger-{number}",
              context={"page": {"path": "/pricing"}, "userAgent": BROWSER})
        for number in range(9)
    ))  # fmt: skip
    _mail_some(installation)
    return installation


def _mail_some(installation: Installation) -> None:
    at = installation.clock.now()
    with installation.engine.begin() as connection:
        known = connection.scalars(select(people.c.id).where(people.c.email.is_not(None), people.c.merged_into.is_(None))).all()
        for number, person in enumerate(sorted(known)):
            status = "waiting" if number % 2 else "exited"
            run = {"id": number, "person_id": person, "sequence": "s", "version": "v", "entry": 1, "step": "a", "status": status}
            connection.execute(insert(enrollments).values(**run, entered_at=at, due_at=at))
            mail = {"id": number, "enrollment_id": number, "person_id": person, "step": "a", "pass": 1, "template": "a"}
            more = {"status": "skipped" if number % 3 else "sent", "any_time": True, "planned_at": at, "due_at": at}
            connection.execute(insert(messages).values(**mail, **more, sent_at=None if number % 3 else at))


def _ask(connection: Connection, question: str, recently: datetime) -> list[Any]:
    statement = text(question)
    if ":recently" in question:
        statement = statement.bindparams(bindparam("recently", recently, type_=Instant))
    return list(connection.execute(statement))


def expected(connection: Connection, installation: Installation, at: datetime) -> Mapping[str, Part]:
    """Everybody looked at, one by one."""
    definitions = installation.definitions
    today = local_day(at, ZONE)
    recently = Period(first=today - RECENT + 1, last=today, timezone=ZONE)
    last = {root: local_day(_instant(seen), ZONE) for root, seen in _ask(connection, HERE, recently.begins)}
    ladder = [AUDIENCE, *STAGES]
    raised = {
        root for root, before, to in _ask(connection, RAISED, recently.begins)
        if before in ladder and ladder.index(before) < ladder.index(to)
    }  # fmt: skip
    mailed = {row.root for row in _ask(connection, MAILED, recently.begins)}
    walking = {row.root for row in _ask(connection, ON_SEQUENCE, recently.begins)}
    parts: dict[str, list[Any]] = {IN_MARKET: [], WARMED: [], ASLEEP: []}
    for row in connection.execute(text("SELECT id, stage, email, heat FROM people WHERE merged_into IS NULL")):
        if row.stage not in ladder[:-1]:
            continue
        engagement = engagement_on(day_number(at), row.heat, definitions.scoring.half_life)
        if row.id in raised or engagement >= definitions.hot:
            parts[IN_MARKET].append(row)
        elif row.id in last:
            parts[WARMED if last[row.id] > today - WARM else ASLEEP].append(row)
    return {
        name: Part(
            len(rows), sum(row.email is not None for row in rows), sum(row.id in walking for row in rows),
            sum(row.id in mailed or last.get(row.id, -1) > today - RECENT for row in rows),
        )
        for name, rows in parts.items()
    }  # fmt: skip


def _instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(f"{value}+00:00")


@pytest.fixture(params=[0, 25, 100, 190])
def at(request: pytest.FixtureRequest, past: Installation) -> datetime:
    """Some days later, without anything happening meanwhile."""
    days: int = request.param
    return past.clock.now() + timedelta(days=days)


def test_each_part_is_as_it_is_when_everybody_is_looked_at(past: Installation, at: datetime) -> None:
    with past.engine.connect() as connection:
        assert market(connection, past.definitions, at) == expected(connection, past, at)


def test_shares_are_of_all_and_of_each_part(past: Installation) -> None:
    at = past.clock.now()
    with past.engine.connect() as connection:
        found, sheet = market(connection, past.definitions, at), market_sheet(Everybody(connection, past.definitions, at))
    whole = sum(part.people for part in found.values())
    assert whole > 0
    for row, (name, part) in zip(sheet.rows, found.items(), strict=True):
        told = dict(zip([column.name for column in sheet.columns], row, strict=True))
        assert (told["part"], told["in_part"], told["of_market"]) == (name, part.people, part.people / whole)
        if part.people:
            assert told["coverage"] == part.in_touch / part.people
            assert (told["addressed"], told["on_sequence"]) == (part.addressed / part.people, part.on_sequence / part.people)


def test_who_has_bought_or_was_ruled_out_is_in_no_part(installation: Installation) -> None:
    installation.apply(business())
    at = installation.clock.now()
    installation.happen(*(
        event("form_submitted", at, anonymous_id=name, email=f"{name}@acme.test", source="form:guide", context={"userAgent": BROWSER})
        for name in ("ana", "ben", "cem")
    ))  # fmt: skip
    with installation.engine.begin() as connection:
        connection.execute(update(people).where(people.c.email == "ana@acme.test").values(stage=STAGES[-1], heat=1e9))
        connection.execute(update(people).where(people.c.email == "ben@acme.test").values(stage="disqualified", heat=1e9))
        found = market(connection, installation.definitions, at)
    assert [part.people for part in found.values()] == [0, 1, 0]


def test_nobody_is_in_the_market_of_nobody(installation: Installation) -> None:
    with installation.engine.connect() as connection:
        sheet = market_sheet(Everybody(connection, installation.definitions, installation.clock.now()))
    assert [row[1:] for row in sheet.rows] == [(0, None, None, None, 0, None)] * 3
