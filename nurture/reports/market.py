"""The market: about one in twenty is ready to buy now; the others are kept warm, or have fallen asleep.

- *in the market now*: raised their hand in the last 30 days (an event brought them to a stage at which sales talks to them), or are
  hot today.
- *being warmed*: were here in the last 180 days, and are not in the market.
- *asleep*: were here before that.

Whoever has bought, or was ruled out, is in none of them. Only people who were ever here count, a human once.

Whether somebody is kept in touch with is known of those with an address. How many were here at all is asked of the roll-ups, so
what this costs grows with the people who left an address, and not with the visitors or with what they do. A census asks for it
every quarter of an hour; a report tells what that found.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, and_, case, exists, func, or_, select, union

from nurture.adapters.database.census import Answer
from nurture.adapters.database.tables import active_days, enrollments, messages, people, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import LIVE
from nurture.domain.event import day_number
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.measuring.figures import PEOPLE
from nurture.domain.scoring import heat_for
from nurture.reports.everybody import Everybody, Question
from nurture.reports.funnel import SENT
from nurture.reports.reading import root
from nurture.reports.rollups import by_key, people_in
from nurture.reports.sheet import Column, Period, Plot, Sheet, local_day
from nurture.reports.stages import reached

#: For so many days a raised hand counts, and what somebody got or looked at keeps in touch.
RECENT: Final = 30

#: Who was not here for so many days is asleep.
WARM: Final = 180

IN_MARKET: Final = "in_market"
WARMED: Final = "warmed"
ASLEEP: Final = "asleep"
_OUTSIDE: Final = "outside"


class Part(NamedTuple):
    """People of one part of the market: how many have an address, are on a sequence now, and got or looked at anything lately."""

    people: int = 0
    addressed: int = 0
    on_sequence: int = 0
    in_touch: int = 0


class _Known(NamedTuple):
    """Some of those of whom more is known than that they were here, all alike in when that was."""

    part: str
    warm: bool
    ever: bool
    people: int
    addressed: int
    on_sequence: int
    lately: int
    mailed_only: int


def _ask(connection: Connection, definitions: Definitions, at: datetime) -> Answer:
    return [(name, *part) for name, part in market(connection, definitions, at).items()]


MARKET: Final = Question("market", _ask)


def market_sheet(everybody: Everybody) -> Sheet:
    """The three parts of the market."""
    parts = {name: Part(*counts) for name, *counts in everybody.answer(MARKET)}
    whole = sum(part.people for part in parts.values())
    return Sheet(
        name="market",
        columns=(
            Column(name="part", kind="label"), Column(name="in_part", bar=True), Column(name="of_market", kind="share"),
            Column(name="addressed", kind="share"), Column(name="on_sequence", kind="share"), Column(name="in_touch"),
            Column(name="coverage", kind="share"),
        ),
        rows=tuple(
            (
                name, part.people, _share(part.people, whole), _share(part.addressed, part.people),
                _share(part.on_sequence, part.people), part.in_touch, _share(part.in_touch, part.people),
            )
            for name, part in parts.items()
        ),
        plot=Plot(form="bar", along="part", columns=("in_part",)),
        remarks=everybody.remarks,
    )  # fmt: skip


def market(connection: Connection, definitions: Definitions, at: datetime) -> Mapping[str, Part]:
    """The parts of the market, each with its people."""
    timezone = definitions.business_timezone
    today = local_day(at, timezone)
    recently, warm = (Period(first=today + 1 - days, last=today, timezone=timezone) for days in (RECENT, WARM))
    known = [_Known(*row) for row in connection.execute(_of_the_known(definitions, at, recently, warm))]
    ever = by_key(connection, PEOPLE, Period(first=0, last=today)).get("", 0)
    here, lately = people_in(connection, warm)[0], people_in(connection, recently)[0]
    elsewhere = [each for each in known if each.part in (IN_MARKET, _OUTSIDE)]
    raised, warmed, asleep = (_sum(each for each in known if each.part == part) for part in (IN_MARKET, WARMED, ASLEEP))
    return {
        IN_MARKET: raised,
        WARMED: warmed._replace(
            people=here - sum(each.people for each in elsewhere if each.warm),
            in_touch=lately
            - sum(each.lately for each in elsewhere)
            + sum(each.mailed_only for each in known if each.part == WARMED),
        ),
        ASLEEP: asleep._replace(people=ever - here - sum(each.people for each in elsewhere if each.ever and not each.warm)),
    }


def _of_the_known(definitions: Definitions, at: datetime, recently: Period, warm: Period) -> Select[Any]:
    """Everybody with an address, and whoever else is in the market or outside it, counted by their part."""
    ladder = definitions.lifecycle.stages
    hot = heat_for(definitions.hot, day_number(at), definitions.scoring.half_life)
    mine = people.c.merged_into.is_(None)
    raised = _raised(definitions.lifecycle, recently)
    concerned = union(
        select(people.c.id).where(mine, people.c.email.is_not(None)),
        select(people.c.id).where(mine, people.c.stage.in_(ladder[:-1]), people.c.heat >= hot),
        select(people.c.id).where(mine, people.c.stage == ladder[-1]),
        raised,
    ).subquery()
    in_market = or_(people.c.heat >= hot, people.c.id.in_(raised))
    part = case((people.c.stage.not_in(ladder[:-1]), _OUTSIDE), (in_market, IN_MARKET))
    each = (
        select(
            part.label("part"), people.c.email, _last_day().label("last_day"),
            _was_mailed(recently).label("mailed"), _is_on_a_sequence().label("on_sequence"),
        )
        .select_from(people.join(concerned, concerned.c.id == people.c.id))
        .cte("each")
        .prefix_with("MATERIALIZED", dialect="postgresql")  # so that each person is looked up once, and not for each figure
    ).c  # fmt: skip
    ever, is_warm = each.last_day.is_not(None), func.coalesce(each.last_day, -1) >= warm.first
    lately = func.coalesce(each.last_day, -1) >= recently.first
    part = case((each.part.is_not(None), each.part), (is_warm, WARMED), (ever, ASLEEP))
    kind = (part.label("part"), is_warm.label("warm"), ever.label("ever"))
    counts = [func.sum(case((which, 1), else_=0)) for which in (each.on_sequence, lately, and_(each.mailed, ~lately))]
    told = select(*kind, func.count(), func.count(each.email), *counts)
    return told.where(part.is_not(None)).group_by(*kind)


def _raised(lifecycle: Lifecycle, recently: Period) -> Select[Any]:
    """Those whom something they did brought up to a stage at which sales talks to them."""
    above = reached(lifecycle)
    upwards = [
        and_(stage_changes.c.to_stage == stage, stage_changes.c.from_stage.in_(lifecycle.stages[: lifecycle.rank(stage)]))
        for stage in above[2:] or above[-1:]
    ]
    lately = stage_changes.c.at >= recently.begins
    return (
        select(root()).select_from(stage_changes.join(people)).where(lately, stage_changes.c.event_id.is_not(None), or_(*upwards))
    )


def _last_day() -> ScalarSelect[int | None]:
    """The last day on which a person was here."""
    return select(func.max(active_days.c.day)).where(active_days.c.person_id == people.c.id).scalar_subquery()


def _was_mailed(recently: Period) -> ColumnElement[bool]:
    sent = messages.c.sent_at >= recently.begins
    return exists().where(messages.c.person_id == people.c.id, sent, messages.c.status.in_(SENT))


def _is_on_a_sequence() -> ColumnElement[bool]:
    live = enrollments.c.status.in_(sorted(status.value for status in LIVE))
    return exists().where(enrollments.c.person_id == people.c.id, live)


def _sum(known: Iterable[_Known]) -> Part:
    each = list(known)
    return Part(
        sum(one.people for one in each), sum(one.addressed for one in each), sum(one.on_sequence for one in each),
        sum(one.lately + one.mailed_only for one in each),
    )  # fmt: skip


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
