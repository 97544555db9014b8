"""People counted afresh from their log: the decision behind the verb *recount*.

Events are resolved as they arrive; that is right as long as they arrive in the order in which people acted. Where they did not,
where a verdict was revised, or where a human joined or parted people, what is stored no longer follows from the log. Then
everybody the log connects (a `Component`) is worked out again: who is who by walking through the events in their true
order (`domain.replaying`), and what each person did by counting their events. What was already done because of them (mails,
promotions, hand-offs) is not undone and not done again; what only their right totals bring happens now (`consequences`).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from nurture.domain.acting import Acting
from nurture.domain.component import Component, Logged, Recounted
from nurture.domain.counting import blank, count, forgotten, total
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Person
from nurture.domain.replaying import identify
from nurture.domain.scoring import Cell


def recount(component: Component, definitions: Definitions, at: datetime, *, who: bool = True) -> Recounted:
    """Everything of a component, worked out from its log at instant `at`; with `who` false only what people did is counted."""
    if who and component.complete and component.log:
        outcome = identify(component, definitions, at)
    else:
        outcome = Recounted(holdings=dict(component.holdings))
    count_people(component, outcome, definitions, at)
    return outcome


def count_people(component: Component, outcome: Recounted, definitions: Definitions, at: datetime) -> None:
    """Count every person of a component from the events that count for them."""
    logs: dict[int, list[Logged]] = defaultdict(list)
    for entry in component.log:
        logs[component.root(outcome.owners.get(entry.event.key, entry.person))].append(entry)
    for person in component.people.values():
        if person.merged_into is not None:
            outcome.people.append(replace(person, heat=0.0, heats={}, sums=None, changed=True))
            outcome.cells[person.id] = {}
        else:
            fresh, outcome.cells[person.id] = _counted(person, logs[person.id], component, definitions, at)
            outcome.people.append(fresh)


def _counted(
    person: Person, log: Sequence[Logged], component: Component, definitions: Definitions, at: datetime
) -> tuple[Person, Counter[Cell]]:
    reaches_back = component.horizon is None and bool(log)
    first = min(entry.event.occurred_at for entry in log) if reaches_back else None
    fresh, cells = blank(person, definitions, first, forgotten(person, component.horizon)), Counter[Cell]()
    for entry in log:
        if entry.verdict == "human":
            cells.update(count(entry.event, fresh, definitions).cells)
    total(fresh, cells, definitions, at)
    return fresh, cells


class Consequences(NamedTuple):
    """What new totals bring: stage changes, and runs that begin."""

    moves: list[StageChange]
    begun: list[Enrollment]


def consequences(component: Component, outcome: Recounted, definitions: Definitions, at: datetime) -> Consequences:
    """What everybody's new totals bring at instant `at`, as after any event of theirs; people must know their past."""
    runs: dict[int, list[Enrollment]] = defaultdict(list)
    for run in component.enrollments:
        runs[run.person].append(run)
    acting = Acting(definitions, runs, component.sequence_of, at)
    for person in outcome.people:
        if person.merged_into is None and person.acted:
            acting.on_state(person)
    return Consequences(acting.moves, [run for each in runs.values() for run in each if run.new])
