"""When people first did what their sequences aim at, worked out from the log.

Absorb notes it as it happens. Where it turns out otherwise who did something, or whether it was a human, it is looked up again.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from nurture.adapters.database.bulk import among, update_rows
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import enrollments, events, horizons, people
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import is_goal
from nurture.domain.event import Event

#: What of the log was forgotten, by its name among horizons.
_LOG: Final = "events"


def note_goals(connection: Connection, definitions: Definitions, concerned: Collection[int]) -> None:
    """Let the runs of these people say when their goal was first reached. What was reached before events were forgotten stays."""
    aiming = {name: plan for name, plan in definitions.sequences.items() if plan.goal is not None}
    theirs = among(connection, enrollments.c.person_id, concerned)
    runs = connection.execute(select(enrollments).where(theirs, enrollments.c.sequence.in_(sorted(aiming)))).all()
    if not runs:
        return
    names = {name for run in runs if (goal := aiming[run.sequence].goal) is not None for name in goal.event}
    did = _what_they_did(connection, {run.person_id for run in runs}, names)
    horizon = connection.scalar(select(horizons.c.at).where(horizons.c.what == _LOG))
    changed = []
    for run in runs:
        reached = [
            event.occurred_at for event in did[run.person_id]
            if event.occurred_at > run.entered_at and is_goal(aiming[run.sequence], event)
        ]  # fmt: skip
        first = min([*reached, *_kept(run, horizon)], default=None)
        if first != run.goal_at:
            changed.append({"id": run.id, "goal_at": first})
    update_rows(connection, enrollments, changed)


def _kept(run: Row[Any], horizon: datetime | None) -> list[datetime]:
    return [run.goal_at] if run.goal_at is not None and horizon is not None and run.goal_at < horizon else []


def _what_they_did(connection: Connection, roots: Collection[int], names: Collection[str]) -> dict[int, list[Event]]:
    """The human events of these names, by who these people turned out to be."""
    who = connection.execute(
        select(people.c.id, people.c.merged_into).where(
            or_(among(connection, people.c.id, roots), among(connection, people.c.merged_into, roots))
        )
    )
    root_of = {row.id: row.merged_into or row.id for row in who}
    found = select(events).where(
        among(connection, events.c.person_id, root_of), events.c.name.in_(sorted(names)), events.c.verdict == "human"
    )
    did: dict[int, list[Event]] = defaultdict(list)
    for row in connection.execute(found):
        did[root_of[row.person_id]].append(event_of(row))
    return did
