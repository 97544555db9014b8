"""People counted afresh from their log: the decision behind the verb *recount*.

Events are resolved as they arrive; that is right as long as they arrive in the order in which people acted. Where they did not,
where a verdict was revised, or where a human joined or parted people, what is stored no longer follows from the log. Then
everybody the log connects (a `Component`) is worked out again: who is who by walking through the events in their true
order (`domain.replaying`), and what each person did by counting their events. What was already done because of them (mails,
promotions, hand-offs) is not undone and not done again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nurture.domain.component import Component, Logged, Recounted
from nurture.domain.counting import recount as count_afresh
from nurture.domain.definitions import Definitions
from nurture.domain.person import Person
from nurture.domain.replaying import identify


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
    events: dict[int, list[Logged]] = defaultdict(list)
    for entry in component.log:
        events[component.root(outcome.owners.get(entry.event.key, entry.person))].append(entry)
    for person in component.people.values():
        if person.merged_into is not None:
            outcome.people.append(replace(person, heat=0.0, heats={}, changed=True))
            outcome.cells[person.id] = {}
            continue
        log = events[person.id]
        kept = {name: told for name, told in person.attributes.items() if component.horizon and told.at < component.horizon}
        human = [entry.event for entry in log if entry.verdict == "human"]
        fresh, outcome.cells[person.id] = count_afresh(_unseen(person, log, component), human, definitions, at, kept)
        outcome.people.append(fresh)


def _unseen(person: Person, log: Sequence[Logged], component: Component) -> Person:
    """A person before their first event, as far as the log reaches back."""
    if component.horizon is not None or not log:
        return person
    first = min(entry.event.occurred_at for entry in log)
    return replace(person, first_seen_at=first, seen_at=first, first_touch=None, last_touch=None)
