"""Who entered sequences in some days, where people stand now, how runs ended, and what those reached who were held out.

A run belongs to the day on which it was entered; what came of it later counts for it, whenever that was.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Boolean, ColumnElement, Connection, and_, case, exists, func, literal_column, or_, select, union_all

from nurture.adapters.database.releases import Releases
from nurture.adapters.database.tables import enrollments, pauses
from nurture.domain.enrollment import EnrollmentStatus
from nurture.domain.holding_out import HELD_OUT
from nurture.domain.proportions import Counted
from nurture.reports.sheet import Period

_DAY: Final = 86_400

#: As it stands in the index of runs that are due.
_AWAKE: Final = "enrollments.status IN ('active', 'waiting')"


class Entered(NamedTuple):
    """The runs of a sequence. `goals` are those of whose people it was seen afterwards that they did what it aims at."""

    mailed: int = 0
    goals: int = 0
    held_out: int = 0
    held_out_goals: int = 0


class Ended(NamedTuple):
    """Runs that ended in one way."""

    sequence: str
    status: str
    reason: str
    runs: int


class Arms(NamedTuple):
    """People whose first time on a sequence this was, and how many of them reached the goal: those who were mailed, and those who
    were held out.
    """

    mailed: Counted
    held_out: Counted


def entered_by_sequence(connection: Connection, period: Period) -> Mapping[str, Entered]:
    """The runs entered in a period."""
    run = enrollments.c
    held = case((run.reason == HELD_OUT, 1), else_=0)
    counted = select(run.sequence, held.label("held"), func.count().label("runs"), func.count(run.goal_at).label("goals"))
    found: dict[str, Entered] = {}
    for row in connection.execute(counted.where(*_entered_in(period)).group_by(run.sequence, held)):
        told = {"held_out": row.runs, "held_out_goals": row.goals} if row.held else {"mailed": row.runs, "goals": row.goals}
        found[row.sequence] = found.get(row.sequence, Entered())._replace(**told)
    return found


def days_to_goal(connection: Connection, period: Period) -> Mapping[str, list[float]]:
    """How many days each of the mailed runs entered in a period took to the goal, in order."""
    run = enrollments.c
    asked = select(run.sequence, run.entered_at, run.goal_at).where(
        *_entered_in(period), run.goal_at.is_not(None), run.reason.is_distinct_from(HELD_OUT)
    )
    found: dict[str, list[float]] = defaultdict(list)
    for row in connection.execute(asked):
        found[row.sequence].append((row.goal_at - row.entered_at).total_seconds() / _DAY)
    return {sequence: sorted(days) for sequence, days in found.items()}


def standing_now(connection: Connection) -> Mapping[tuple[str, str], int]:
    """How many people stand at each step now, by sequence and step. Only the runs that go on are looked at, by their index, and
    those of sequences that are paused.
    """
    run = enrollments.c
    awake = select(run.sequence, run.step).where(literal_column(_AWAKE, Boolean))
    paused = select(run.sequence, run.step).where(
        run.status == EnrollmentStatus.PAUSED.value, run.sequence.in_(select(pauses.c.sequence))
    )
    live = union_all(awake, paused).subquery()
    counted = select(live.c.sequence, live.c.step, func.count().label("people")).group_by(live.c.sequence, live.c.step)
    return {(row.sequence, row.step): row.people for row in connection.execute(counted)}


def endings(connection: Connection, period: Period) -> Iterator[Ended]:
    """How the runs entered in a period ended."""
    kind = (enrollments.c.sequence, enrollments.c.status, enrollments.c.reason)
    counted = select(*kind, func.count().label("runs")).where(*_entered_in(period), enrollments.c.ended_at.is_not(None))
    for row in connection.execute(counted.group_by(*kind)):
        yield Ended(row.sequence, row.status, row.reason or "", row.runs)


def arms(connection: Connection, period: Period, sequences: Collection[str]) -> Mapping[str, Arms]:
    """Those who were drawn to be mailed or to be held out in a period, by sequence, of those that held somebody out.

    Only the first time somebody entered a sequence counts, and only while a share was held out, for else the two were not drawn from
    the same people; whoever was both held out and mailed (by hand, or because nobody is held out any more) counts for neither.
    """
    run = enrollments.c
    held = case((run.reason == HELD_OUT, 1), else_=0)
    kind = (run.sequence, run.version, held)
    counted = (
        select(
            run.sequence, run.version, held.label("held"), func.count().label("people"), func.count(run.goal_at).label("goals")
        )
        .where(*_entered_in(period), run.sequence.in_(sorted(sequences)), ~_another_time())
        .group_by(*kind)
    )
    rows = connection.execute(counted).all()
    pinned = Releases().pinned(connection, {(row.sequence, row.version) for row in rows})
    people, goals = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for row in rows:
        plan = pinned.get((row.sequence, row.version))
        if plan is not None and plan.holdout is not None:
            people[row.sequence, row.held] += row.people
            goals[row.sequence, row.held] += row.goals
    return {
        sequence: Arms(*(Counted(goals[sequence, held], people[sequence, held]) for held in (0, 1)))
        for sequence in {sequence for sequence, _ in people}
    }


def _entered_in(period: Period) -> tuple[ColumnElement[bool], ...]:
    return enrollments.c.entered_at >= period.begins, enrollments.c.entered_at < period.ends


def _another_time() -> ColumnElement[bool]:
    """Whether the person was on the sequence before, or is in the other group as well."""
    run, other = enrollments.c, enrollments.alias("other")
    before = or_(other.c.entered_at < run.entered_at, and_(other.c.entered_at == run.entered_at, other.c.entry < run.entry))
    held = case((run.reason == HELD_OUT, 1), else_=0)
    otherwise = case((other.c.reason == HELD_OUT, 1), else_=0) != held
    return exists().where(
        other.c.person_id == run.person_id, other.c.sequence == run.sequence, other.c.id != run.id, or_(before, otherwise)
    )
