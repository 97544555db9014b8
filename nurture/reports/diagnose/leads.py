"""Facts about leads: how many come, who they are, and how far they get."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Select, and_, case, distinct, func, literal, select

from nurture.adapters.database.tables import enrollments, people, stage_changes
from nurture.domain.diagnosing.facts import Fact, Number, Share
from nurture.domain.diagnosing.judging import Case
from nurture.reports.diagnose.looking import Look
from nurture.reports.reading import root
from nurture.reports.rollups import people_in


def facts_of_leads(look: Look) -> dict[str, Fact]:
    """See docs/diagnose.md for what each means."""
    leads, qualified = (look.became(stage) for stage in (look.stages.lead, look.stages.qualified))
    called = look.reached(look.stages.sales)
    visitors, _ = people_in(look.connection, look.period)
    counted, poor, unknown, nurtured = _quality(look)
    return {
        "leads": Number(leads),
        "lead_rate": Share(min(leads, visitors), visitors),
        "leads_qualified": Share(qualified, leads),
        "sales_leads": Number(called),
        "past_threshold": Share(_past_threshold(look), called),
        "poor_fit": Share(poor, counted),
        "fit_unknown": Share(unknown, counted),
        "leads_nurtured": Share(nurtured, counted),
    }


def _moves(look: Look) -> ColumnElement[bool]:
    return and_(stage_changes.c.at >= look.period.begins, stage_changes.c.at < look.period.ends)


def _newcomers(look: Look) -> Select[int]:
    """Everybody who left the first stage in the period, as the id under which they count now."""
    moved = select(root().label("id")).select_from(stage_changes.join(people, people.c.id == stage_changes.c.person_id))
    upwards = stage_changes.c.to_stage.in_(look.definitions.lifecycle.stages[1:])
    return moved.where(_moves(look), stage_changes.c.from_stage == look.stages.first, upwards).distinct()


def _quality(look: Look) -> tuple[int, int, int, int]:
    """New leads; those of a poor fit; those of whom nothing is known to judge by; those whom a sequence took in."""
    new = _newcomers(look).subquery()
    grades = look.definitions.scoring.grades
    worst = min(grades, key=lambda grade: grades[grade]) if grades else ""
    taken = select(literal(1)).where(enrollments.c.person_id == new.c.id).exists()
    counted = select(
        func.count(),
        func.sum(case((and_(people.c.grade == worst, people.c.fit != 0), 1), else_=0)),
        func.sum(case((people.c.fit == 0, 1), else_=0)),
        func.sum(case((taken, 1), else_=0)),
    ).select_from(new.join(people, people.c.id == new.c.id))
    row = look.connection.execute(counted).one()
    return int(row[0]), int(row[1] or 0), int(row[2] or 0), int(row[3] or 0)


def _past_threshold(look: Look) -> int:
    """People whom sales got in the period although their points had not qualified them before."""
    names = look.definitions.lifecycle.stages
    below, above = names[: names.index(look.stages.qualified)], names[names.index(look.stages.sales) :]
    counted = select(func.count(distinct(root()))).select_from(
        stage_changes.join(people, people.c.id == stage_changes.c.person_id)
    )
    passed = counted.where(_moves(look), stage_changes.c.from_stage.in_(below), stage_changes.c.to_stage.in_(above))
    return look.connection.scalar(passed) or 0


def by_promotion(look: Look) -> Iterator[Case]:
    """Every promotion that rests on points: whom it brought up in the period, and what sales thought of them since."""
    rules = {rule.id: rule for rule in look.scored_promotions}
    rejections = [rule.id for rule in look.definitions.lifecycle.rejections]
    up, later = stage_changes.alias("up"), stage_changes.alias("later")
    after = and_(later.c.person_id == up.c.person_id, later.c.at >= up.c.at, later.c.id != up.c.id)
    back = later.c.rule.in_(rejections)
    names = look.definitions.lifecycle.stages
    onwards = later.c.to_stage.in_(names[names.index(look.stages.sales) :])
    counted = (
        select(
            up.c.rule, func.count(distinct(up.c.person_id)),
            func.count(distinct(case((back, up.c.person_id)))), func.count(distinct(case((back | onwards, up.c.person_id)))),
        )
        .select_from(up.outerjoin(later, after))
        .where(up.c.rule.in_(rules), up.c.at >= look.period.begins, up.c.at < look.period.ends)
        .group_by(up.c.rule)
    )  # fmt: skip
    found = {rule: (people, rejected, decided) for rule, people, rejected, decided in look.connection.execute(counted)}
    everybody = sum(row[0] for row in found.values())
    for rule in rules:
        promoted, rejected, decided = found.get(rule, (0, 0, 0))
        yield Case(rule, {
            "promotion_people": Number(promoted), "promotion_share": Share(promoted, everybody),
            "promotion_decided": Number(decided), "promotion_rejected": Share(rejected, decided),
        })  # fmt: skip
