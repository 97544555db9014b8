"""What comes of what people do and of what their points come to: stages up and down, runs through sequences begun and ended.

The same decisions whether events have just come in (*absorb*) or everybody was counted afresh under other rules (*rescore*).
"""

from collections.abc import Callable, Mapping, MutableMapping
from collections.abc import Sequence as Ordered
from datetime import datetime, timedelta
from typing import Any, Final

from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Ending, Enrollment, ending_by_event, ending_by_state, enter, is_triggered
from nurture.domain.event import Event
from nurture.domain.lifecycle import (
    Promotion,
    Recycling,
    StageChange,
    cool_down_of,
    highest,
    promotions_by_event,
    promotions_by_state,
    recycling_for,
    rejection_by_event,
)  # fmt: skip
from nurture.domain.merging import SequenceOf
from nurture.domain.person import Person
from nurture.domain.sequence import Sequence

#: How the cause of a stage change begins that sales asked for.
REJECTED: Final = "rejected: "

#: Of a reason that sales gave, what fits into the story of a stage.
LONGEST_REASON: Final = 200


#: What happened longer ago, and is only heard of now (an import, a browser that was offline), puts nobody on a sequence.
LATEST_ENTRY: Final = timedelta(hours=72)


class Acting:
    """Decides for people one after the other, and gathers what is to be stored: `moves`, and what changed in `runs` (by person).

    `pinned` gives the sequence of a run that began earlier, in the version it is pinned to.
    """

    def __init__(
        self, definitions: Definitions, runs: MutableMapping[int, list[Enrollment]], pinned: SequenceOf, at: datetime
    ) -> None:
        self.definitions = definitions
        self.moves: list[StageChange] = []
        self._runs = runs
        self._pinned = pinned
        self._at = at

    def on_event(self, event: Event, person: Person) -> None:
        """Everything that one human event causes by itself."""
        self._end_runs(person, lambda sequence: ending_by_event(sequence, event))
        self._reject(event, person)
        caused = [rule for rule in self.definitions.lifecycle.promotions if event.name in rule.on]
        if caused:
            rules = promotions_by_event(event, caused, self._facts(person))
            self._promote(person, rules, event.name, event.occurred_at, event)
        self.enroll(person, event, None, event.occurred_at)

    def on_state(self, person: Person, event: Event | None = None) -> None:
        """Everything that rests on a person's totals; `event` is the last thing they did, if they just did something."""
        facts, stage = self._facts(person), person.stage
        if person.rejected_until is None or person.rejected_until <= self._at:
            rules = promotions_by_state(self.definitions.lifecycle.promotions, facts)
            self._promote(person, rules, state_of(facts), event.occurred_at if event else self._at, event)
        back = recycling_for(person.stage, self.definitions.lifecycle, facts)
        if back is not None:
            self.moves.append(recycle(person, back, state_of(facts), self._at))
        if person.stage != stage:
            facts = self._facts(person)
        self._end_runs(person, lambda sequence: ending_by_state(sequence, facts))

    def enroll(self, person: Person, event: Event | None, change: StageChange | None, happened_at: datetime) -> None:
        """Put a person on every sequence that an event or a stage change triggers; nobody without an address, and nobody for
        what happened long ago.
        """
        if person.email is None or self._at - happened_at > LATEST_ENTRY:
            return
        for name, sequence in self.definitions.sequences.items():
            if not is_triggered(sequence.trigger, event, change):
                continue
            if sequence.audience is not None and not sequence.audience.holds(self._facts(person)):
                continue
            runs = self._runs.setdefault(person.id, [])
            run = enter(sequence, self.definitions.versions[name], person.id, runs, self._at)
            if run is not None:
                runs.append(run)

    def _reject(self, event: Event, person: Person) -> None:
        """Sales sends somebody back, with a reason; for a while their score alone does not bring them up again."""
        rule = rejection_by_event(event, person.stage, self.definitions.lifecycle)
        if rule is None:
            return
        person.rejected_until = event.occurred_at + cool_down_of(event, rule)
        reason = str(event.properties.get("reason") or "no reason given")[:LONGEST_REASON]
        self.moves.append(move(person, rule.to, rule.id, f"{REJECTED}{reason}", event.occurred_at, event))

    def _promote(self, person: Person, rules: Ordered[Promotion], cause: str, at: datetime, event: Event | None) -> None:
        rule = highest(rules, person.stage, self.definitions.lifecycle)
        if rule is None:
            return
        change = move(person, rule.to, rule.id, cause, at, event)
        self.moves.append(change)
        self.enroll(person, None, change, at)

    def _end_runs(self, person: Person, ending_of: Callable[[Sequence], Ending | None]) -> None:
        for run in self._runs.get(person.id, ()):
            sequence = self._sequence_of(run) if run.live else None
            ending = ending_of(sequence) if sequence is not None else None
            if ending is not None:
                run.end(ending, self._at)

    def _sequence_of(self, run: Enrollment) -> Sequence | None:
        return self.definitions.sequences.get(run.sequence) if run.new else self._pinned(run)

    def _facts(self, person: Person) -> Mapping[str, Any]:
        return person.facts(self._at, self.definitions.scoring)


def move(person: Person, to: str, rule: str, cause: str, at: datetime, event: Event | None) -> StageChange:
    """Put a person on another stage and say why."""
    change = StageChange(person.id, person.stage, to, rule, cause, at, event, person.touch)
    person.stage, person.stage_since, person.changed = to, at, True
    return change


def recycle(person: Person, rule: Recycling, cause: str, at: datetime) -> StageChange:
    """Send a person down a stage by a recycling rule."""
    return move(person, rule.to, rule.id, cause, at, None)


def state_of(facts: Mapping[str, Any]) -> str:
    """The totals on which a decision rested, in words."""
    return f"engagement {facts['engagement']:.1f}, grade {facts['grade']}"
