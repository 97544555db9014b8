"""Facts about leads: how many come, who they are, and how far they get."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, case, func, literal, select

from nurture.adapters.database.census import Answer
from nurture.adapters.database.tables import enrollments, people, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.facts import Fact, Number, Share
from nurture.domain.diagnosing.judging import Case
from nurture.reports.diagnose.looking import Look, scored_promotions, stages_of
from nurture.reports.everybody import DailyQuestion, Span, day_before
from nurture.reports.reading import root


def facts_of_leads(look: Look) -> dict[str, Fact]:
    """See docs/diagnose.md for what each means."""
    leads, qualified = (look.became(stage) for stage in (look.stages.lead, look.stages.qualified))
    called = look.reached(look.stages.sales)
    visitors, _ = look.visitors
    counted, poor, unknown, nurtured = _summed(look.everybody.answer_about(NEWCOMERS, look.period), 4)
    [past] = _summed(look.everybody.answer_about(PAST_THRESHOLD, look.period), 1)
    return {
        "leads": Number(leads),
        "lead_rate": Share(min(leads, visitors), visitors),
        "leads_qualified": Share(qualified, leads),
        "sales_leads": Number(called),
        "past_threshold": Share(past, called),
        "poor_fit": Share(poor, counted),
        "fit_unknown": Share(unknown, counted),
        "leads_nurtured": Share(nurtured, counted),
    }


def by_promotion(look: Look) -> Iterator[Case]:
    """Every promotion that rests on points: whom it brought up in the period, and what sales thought of them since."""
    rows = look.everybody.answer_about(PROMOTED, look.period)
    everybody = sum(people for _, people, *_ in rows)
    for rule in scored_promotions(look.definitions.lifecycle):
        promoted, rejected, decided = _summed([counts for name, *counts in rows if name == rule.id], 3)
        yield Case(rule.id, {
            "promotion_people": Number(promoted), "promotion_share": Share(promoted, everybody),
            "promotion_decided": Number(decided), "promotion_rejected": Share(rejected, decided),
        })  # fmt: skip


def _summed(rows: Answer, width: int) -> list[int]:
    return [sum(row[place] for row in rows) for place in range(width)]


def _ask_who_came(connection: Connection, definitions: Definitions, span: Span) -> Answer:
    """Everybody who left the first stage: how many; those of a poor fit; those of whom nothing is known to judge by; those whom a
    sequence took in.
    """
    ladder, grades = definitions.lifecycle.stages, definitions.scoring.grades
    upwards = stage_changes.c.from_stage == ladder[0], stage_changes.c.to_stage.in_(ladder[1:])
    moved = _moved(span, *upwards)
    new = select(moved.c.day, day_before(moved.c.day, moved.c.id).label("before"), moved.c.id).subquery()
    worst = min(grades, key=lambda grade: grades[grade]) if grades else ""
    taken = select(literal(1)).where(enrollments.c.person_id == new.c.id).exists()
    kinds = and_(people.c.grade == worst, people.c.fit != 0), people.c.fit == 0, taken
    counted = select(new.c.day, new.c.before, func.count(), *(_count(kind) for kind in kinds))
    joined = counted.select_from(new.join(people, people.c.id == new.c.id))
    return _rows(connection, joined.group_by(new.c.day, new.c.before))


def _ask_who_passed(connection: Connection, definitions: Definitions, span: Span) -> Answer:
    """How many people sales got although their points had not qualified them before."""
    stages, ladder = stages_of(definitions.lifecycle), definitions.lifecycle.stages
    below, above = ladder[: ladder.index(stages.qualified)], ladder[ladder.index(stages.sales) :]
    moved = _moved(span, stage_changes.c.from_stage.in_(below), stage_changes.c.to_stage.in_(above))
    passed = select(moved.c.day, day_before(moved.c.day, moved.c.id).label("before")).subquery()
    return _rows(connection, select(passed.c.day, passed.c.before, func.count()).group_by(passed.c.day, passed.c.before))


def _ask_who_was_promoted(connection: Connection, definitions: Definitions, span: Span) -> Answer:
    """By rule, how many people it brought up; those whom sales sent back since; and those on whom it has decided."""
    lifecycle = definitions.lifecycle
    rules = [rule.id for rule in scored_promotions(lifecycle)]
    later, names = stage_changes.alias("later"), lifecycle.stages
    back = later.c.rule.in_([rule.id for rule in lifecycle.rejections])
    onwards = later.c.to_stage.in_(names[names.index(stages_of(lifecycle).sales) :])
    at, whose = stage_changes.c.at, (stage_changes.c.id, stage_changes.c.rule, stage_changes.c.person_id)
    up = select(span.day(at), at, *whose).where(stage_changes.c.rule.in_(rules), span.holds(at)).subquery()
    after = and_(later.c.person_id == up.c.person_id, later.c.at >= up.c.at, later.c.id != up.c.id)
    which = up.c.day, up.c.rule, up.c.person_id
    came = [func.max(case((kind, 1), else_=0)).label(name) for name, kind in (("rejected", back), ("decided", back | onwards))]
    each = select(*which, *came).select_from(up.outerjoin(later, after)).group_by(*which).subquery()
    before = day_before(each.c.day, each.c.rule, each.c.person_id).label("before")
    once = select(each, before).subquery().c
    sums = func.count(), func.sum(once.rejected), func.sum(once.decided)
    return _rows(connection, select(once.day, once.before, once.rule, *sums).group_by(once.day, once.before, once.rule))


def _moved(span: Span, *how: ColumnElement[bool]) -> Subquery:
    """Everybody who moved in some way, once for each day, as the `id` under which they count now."""
    changes = stage_changes.join(people, people.c.id == stage_changes.c.person_id)
    day = span.day(stage_changes.c.at)
    return select(day, root().label("id")).select_from(changes).where(span.holds(stage_changes.c.at), *how).distinct().subquery()


def _count(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((which, 1), else_=0))


def _rows(connection: Connection, asked: Select[Any]) -> Answer:
    return [tuple(row) for row in connection.execute(asked)]


#: New leads and how good they are.
NEWCOMERS: Final = DailyQuestion("newcomers", _ask_who_came)

#: People whom sales got without a score that had qualified them.
PAST_THRESHOLD: Final = DailyQuestion("past_threshold", _ask_who_passed)

#: Promotions by points, and what sales thought of those whom they brought up.
PROMOTED: Final = DailyQuestion("promoted", _ask_who_was_promoted)
