"""How fast people go on, and how long they have stood where they stand."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, or_, select

from nurture.adapters.database.census import Answer
from nurture.adapters.database.tables import people
from nurture.domain.definitions import Definitions
from nurture.domain.measuring.figures import VELOCITY
from nurture.reports.everybody import Everybody, Question
from nurture.reports.leads.kept import Kept
from nurture.reports.quartiles import quartiles
from nurture.reports.sheet import Column, Remark, Sheet, Value
from nurture.reports.stages import reached

_QUARTILES = (Column(name="lower", kind="days"), Column(name="median", kind="days"), Column(name="upper", kind="days"))


def velocity(kept: Kept) -> Sheet:
    """The whole days between stages, of those who arrived in these days."""
    rows: list[tuple[Value, ...]] = []
    for stage in kept.stages:
        days: dict[str, dict[int, int]] = defaultdict(dict)
        for key, n in kept.by_key(VELOCITY.format(stage)).items():
            came_from, _, took = key.rpartition(":")
            days[came_from][int(took)] = n
        for came_from in sorted(days, key=lambda each: -sum(days[each].values())):
            found = quartiles(days[came_from])
            if found is not None:
                rows.append((came_from, stage, sum(days[came_from].values()), *found))
    columns = (Column(name="from_stage", kind="text"), Column(name="stage", kind="text"), Column(name="people"), *_QUARTILES)
    return Sheet(name="velocity", columns=columns, rows=tuple(rows))


def _ask(connection: Connection, definitions: Definitions, _at: datetime) -> Answer:
    """The database ranks people: only those around a quartile are fetched."""
    place = (func.row_number().over(partition_by=people.c.stage, order_by=people.c.stage_since.desc()) - 1).label("place")
    n = func.count().over(partition_by=people.c.stage).label("n")
    whose = people.c.stage.in_(reached(definitions.lifecycle)), people.c.merged_into.is_(None)
    ranked = select(people.c.stage, people.c.stage_since, place, n).where(*whose).subquery()
    cuts = [(ranked.c.n - 1) * quarter for quarter in (1, 2, 3)]
    around = [ranked.c.place.in_([cut // 4, (cut + 3) // 4]) for cut in cuts]
    found = connection.execute(select(ranked).where(or_(*around)))
    return [(row.stage, row.n, row.place, row.stage_since.isoformat()) for row in found]


#: How many people stand in a stage, and since when those do who stand at a place among them.
STANDING: Final = Question("standing", _ask)


def standing(everybody: Everybody, stages: Sequence[str]) -> Sheet:
    """For how long people have been in the stage in which they stand now."""
    held: dict[str, dict[int, float]] = defaultdict(dict)
    counts: dict[str, int] = {}
    for stage, n, place, since in everybody.answer(STANDING):
        held[stage][place] = max(0.0, (everybody.at - datetime.fromisoformat(since)) / timedelta(days=1))
        counts[stage] = n
    rows = tuple(
        (
            stage,
            counts.get(stage, 0),
            *(_cut(held[stage], counts[stage], quarter) if stage in held else None for quarter in (1, 2, 3)),
        )
        for stage in stages
    )
    columns = (Column(name="stage", kind="text"), Column(name="people", bar=True), *_QUARTILES)
    return Sheet(name="standing", columns=columns, rows=rows, remarks=everybody.remarks or (Remark(code="now"),))


def _cut(held: dict[int, float], n: int, quarter: int) -> float:
    whole, rest = divmod((n - 1) * quarter, 4)
    return held[whole] if not rest else held[whole] + (held[whole + 1] - held[whole]) * rest / 4
