"""How many people stand at each step of a sequence, and how the runs of all others ended."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine, case, func, select

from nurture.adapters.database.tables import enrollments
from nurture.domain.enrollment import LIVE
from nurture.reports.figures import Figures
from nurture.reports.reading import snapshot

_LIVE: Final = sorted(LIVE)


class AtStep(Figures):
    """People at one step: those who wait on it, those who are due to take it, and those who are held."""

    waiting: int = 0
    active: int = 0
    paused: int = 0

    @property
    def people(self) -> int:
        return self.waiting + self.active + self.paused


class Ended(Figures):
    """Runs that ended in the same way."""

    status: str
    reason: str
    runs: int


class Headcount(Figures):
    """One sequence, whatever the versions of its runs. `ended` begins with what is most frequent."""

    steps: Mapping[str, AtStep]
    ended: tuple[Ended, ...]

    @property
    def people(self) -> int:
        """How many people are on the sequence; nobody is on it twice."""
        return sum(each.people for each in self.steps.values())


def headcount(engine: Engine, sequence: str) -> Headcount:
    """Where everybody stands who is or was on a sequence, in one statement; raises Unavailable, or SettingsError without tables."""
    live = enrollments.c.status.in_(_LIVE)
    runs = (
        select(
            enrollments.c.status,
            case((live, enrollments.c.step)).label("step"),
            case((live, None), else_=enrollments.c.reason).label("reason"),
        )
        .where(enrollments.c.sequence == sequence)
        .subquery()
    )
    counting = select(*runs.c, func.count().label("runs")).group_by(*runs.c)
    with snapshot(engine) as connection:
        rows = connection.execute(counting).all()
    steps: dict[str, Counter[str]] = {}
    for row in rows:
        if row.step is not None:
            steps.setdefault(row.step, Counter())[row.status] += row.runs
    ended = (Ended(status=row.status, reason=row.reason or "", runs=row.runs) for row in rows if row.step is None)
    return Headcount(
        steps={step: AtStep(**counts) for step, counts in sorted(steps.items())},
        ended=tuple(sorted(ended, key=lambda each: (-each.runs, each.status, each.reason))),
    )
