"""What comes of what people do and of what their points come to: stages up and down, runs through sequences begun and ended.

The same decisions whether events have just come in (*absorb*) or everybody was counted afresh under other rules (*rescore*).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from collections.abc import Sequence as Ordered
from datetime import date, datetime, timedelta
from typing import Any, Final

from nurture.domain.conditions import HAPPENED
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import (
    Ending,
    Enrollment,
    awaited_by,
    ending_by_event,
    ending_by_state,
    enter,
    is_goal,
    is_triggered,
)  # fmt: skip
from nurture.domain.event import DEAL_LOST, ENROLL_REQUESTED, STEP_SET, TOLD_BY_SALES, Event, midnight
from nurture.domain.holding_out import DESPITE_HOLDOUT
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
    speaks_for_sales,
)  # fmt: skip
from nurture.domain.merging import SequenceOf
from nurture.domain.pauses import RelativeDate, ends_at
from nurture.domain.person import Person, attributes_in
from nurture.domain.program import Wait
from nurture.domain.schedule import Calendar
from nurture.domain.sequence import Sequence

#: How the cause of a stage change begins that sales asked for, or told of.
REJECTED: Final = "rejected: "
LOST: Final = "lost: "

#: Of a reason that sales gave, what fits into the story of a stage.
LONGEST_REASON: Final = 200


#: What happened longer ago, and is only heard of now (an import, a browser that was offline), puts nobody on a sequence.
LATEST_ENTRY: Final = timedelta(hours=72)


class Acting:
    """Decides for people one after the other, and gathers what is to be stored: `moves`, and what changed in `runs` (by person).

    `pinned` gives the sequence of a run that began earlier, in the version it is pinned to; `held` are the sequences that are
    paused, `closed` those that nobody enters any more.
    """

    def __init__(
        self,
        definitions: Definitions,
        runs: MutableMapping[int, list[Enrollment]],
        pinned: SequenceOf,
        at: datetime,
        held: Collection[str] = (),
        closed: Collection[str] = (),
    ) -> None:
        self.definitions = definitions
        self.moves: list[StageChange] = []
        self._runs = runs
        self._pinned = pinned
        self._at = at
        self._held = held
        self._closed = closed
        self._calendar = Calendar(definitions.sending.timezone, _no_holidays)

    def on_event(self, event: Event, person: Person) -> None:
        """Everything that one human event causes by itself; what only sales may say, and did not, causes nothing."""
        if event.name in TOLD_BY_SALES and not speaks_for_sales(event):
            return
        self.end_by_event(event, person)
        self._go_on(event, person)
        self._reject(event, person)
        self._set_stage(event, person)
        caused = [rule for rule in self.definitions.lifecycle.promotions if event.name in rule.on]
        if caused:
            rules = promotions_by_event(event, caused, self._facts(person))
            self._promote(person, rules, event.name, event.occurred_at, event)
        self.enroll(person, event, None, event.occurred_at)
        self._enroll_by_name_or_date(event, person)

    def end_by_event(self, event: Event, person: Person) -> None:
        """End the runs of which an event is the goal or an exit; the goal is noted of those that are over, too."""
        for run in self._runs.get(person.id, ()):
            sequence = self.definitions.sequences.get(run.sequence)
            if sequence is not None and is_goal(sequence, event):
                run.reach_goal(event.occurred_at)
        self._end_runs(person, lambda sequence: ending_by_event(sequence, event))

    def on_state(self, person: Person, event: Event | None = None, outside: Collection[str] = ()) -> None:
        """Everything that rests on a person's totals; `event` is the last thing they did, if they just did something.

        `outside` are the sequences for people of whom something has become true, as far as it was not true of them before.
        """
        facts, stage = self._facts(person), person.stage
        if person.rejected_until is None or person.rejected_until <= self._at:
            rules = promotions_by_state(self.definitions.lifecycle.promotions, facts)
            self._promote(person, rules, state_of(facts), event.occurred_at if event else self._at, event)
        back = recycling_for(person.stage, self.definitions.lifecycle, facts)
        if back is not None:
            self.moves.append(recycle(person, back, state_of(facts), self._at, event))
        if person.stage != stage:
            facts = self._facts(person)
        self._end_runs(person, lambda sequence: ending_by_state(sequence, facts))
        since = event.occurred_at if event else self._at
        if self._comes_too_late(person, since):
            return
        for name in outside:
            sequence = self.definitions.sequences[name]
            if is_inside(person, sequence, facts):
                self._enter(person, sequence, since)

    def outside(self, person: Person) -> list[str]:
        """The sequences for people of whom something becomes true, as far as it was not true of this person when it was last asked:
        after what they last did, or by the survey of the last midnight. What time alone has made true since, this event shows.
        """
        waiting = self.definitions.sequences_by_entry
        if not waiting:
            return []
        asked = min(max(person.seen_at, midnight(self._at)), self._at)
        facts = person.facts(asked, self.definitions.scoring)
        return [sequence.sequence for sequence in waiting if person.new or not is_inside(person, sequence, facts)]

    def enroll(self, person: Person, event: Event | None, change: StageChange | None, happened_at: datetime) -> None:
        """Put a person on every sequence that an event or a stage change triggers; nobody without an address, and nobody for
        what happened long ago.
        """
        if self._comes_too_late(person, happened_at):
            return
        if change is not None:
            waiting = self.definitions.sequences_by_stage.get(change.to_stage, ())
        else:
            waiting = self.definitions.sequences_by_event.get(event.name, ()) if event is not None else ()
        for sequence in waiting:
            if is_triggered(sequence.trigger, event, change):
                self._enter(person, sequence, happened_at)

    def put_on(self, person: Person, name: str, happened_at: datetime) -> None:
        """Put a person on a sequence by its name, as far as its audience and its re-entry rule let them in."""
        sequence = self.definitions.sequences.get(name)
        if sequence is not None and not self._comes_too_late(person, happened_at):
            self._enter(person, sequence, happened_at)

    def _enroll_by_name_or_date(self, event: Event, person: Person) -> None:
        if self._comes_too_late(person, event.occurred_at):
            return
        named = self.definitions.sequences.get(str(event.properties.get("sequence"))) if event.name == ENROLL_REQUESTED else None
        if named is not None and event.assurance == "verified":
            self._enter(person, named, event.occurred_at)
            if event.properties.get(DESPITE_HOLDOUT) is True:
                # That they were held out stays on record, so that no comparison takes them for chosen by the draw.
                self._enter(person, named, event.occurred_at, despite_holdout=True)
        for sequence in self.definitions.sequences_by_date:
            if self.has_date_ahead(person, sequence, event.occurred_at):
                # Whether they are of the audience is asked when the date has come.
                self._begin(person, sequence, event.occurred_at)

    def has_date_ahead(self, person: Person, sequence: Sequence, at: datetime) -> bool:
        """Whether the date of the person that a sequence waits for lies ahead of an instant."""
        pause = sequence.trigger.pause
        if pause is None or pause.date not in person.attributes:
            return False
        comes = ends_at(pause, sequence.window, self._facts(person), self._calendar, at)
        return comes is not None and comes >= at

    def take_in(self, person: Person, sequence: Sequence, since: datetime, due_at: datetime) -> None:
        """Put a person on a sequence for what happened earlier, or for what time has made true, with its first step at `due_at`.

        Audience, re-entry rule and pauses decide as always.
        """
        if person.email is None:
            return
        begin = self._enter if sequence.trigger.date is None else self._begin
        begin(person, sequence, since, due_at)

    def _comes_too_late(self, person: Person, happened_at: datetime) -> bool:
        return person.email is None or self._at - happened_at > LATEST_ENTRY

    def _enter(
        self,
        person: Person,
        sequence: Sequence,
        since: datetime,
        due_at: datetime | None = None,
        *,
        despite_holdout: bool = False,
    ) -> None:
        if sequence.audience is None or sequence.audience.holds(self._facts(person)):
            self._begin(person, sequence, since, due_at, despite_holdout=despite_holdout)

    def _begin(
        self,
        person: Person,
        sequence: Sequence,
        since: datetime,
        due_at: datetime | None = None,
        *,
        despite_holdout: bool = False,
    ) -> None:
        runs, name = self._runs.setdefault(person.id, []), sequence.sequence
        if name in self._closed:
            return
        run = enter(
            sequence, self.definitions.versions[name], person.id, runs, self._at, since=since, held=name in self._held,
            despite_holdout=despite_holdout,
        )  # fmt: skip
        if run is not None:
            run.due_at = due_at or run.due_at if run.live else None
            runs.append(run)

    def _go_on(self, event: Event, person: Person) -> None:
        """Let runs go on that wait for this event, and put runs right that wait for a date which it changes."""
        told: Mapping[str, Any] | None = None
        for run, sequence in self._live_runs(person):
            node = awaited_by(run, sequence, event)
            if node is not None:
                run.go_on(node.next, self._at, {node.id: HAPPENED})
                continue
            waits = sequence.program.nodes.get(run.step)
            if run.step_since is not None and isinstance(waits, Wait) and isinstance(waits.pause, RelativeDate):
                told = attributes_in(event) if told is None else told
                if waits.pause.date in told:
                    self._put_off(run, waits.pause, sequence, person)

    def _put_off(self, run: Enrollment, pause: RelativeDate, sequence: Sequence, person: Person) -> None:
        ends = ends_at(pause, sequence.window, self._facts(person), self._calendar, run.step_since or self._at)
        if ends is not None and ends != run.due_at:
            run.due_at, run.changed = ends, True

    def _set_stage(self, event: Event, person: Person) -> None:
        """What a step of a sequence sets."""
        stage = event.properties.get("stage") if event.name == STEP_SET else None
        if isinstance(stage, str) and stage != person.stage:
            step, sequence = (str(event.properties.get(name)) for name in ("step", "sequence"))
            change = move(person, stage, step, f"step {step} of {sequence}", event.occurred_at, event)
            self.moves.append(change)
            self.enroll(person, None, change, event.occurred_at)

    def _reject(self, event: Event, person: Person) -> None:
        """Sales sends somebody back, with a reason; for a while their score alone does not bring them up again."""
        rule = rejection_by_event(event, person.stage, self.definitions.lifecycle, person.stage_since)
        if rule is None:
            return
        person.rejected_until = event.occurred_at + cool_down_of(event, rule)
        reason = str(event.properties.get("reason") or "no reason given")[:LONGEST_REASON]
        cause = f"{LOST if event.name == DEAL_LOST else REJECTED}{reason}"
        self.moves.append(move(person, rule.to, rule.id, cause, event.occurred_at, event))

    def _promote(self, person: Person, rules: Ordered[Promotion], cause: str, at: datetime, event: Event | None) -> None:
        rule = highest(rules, person.stage, self.definitions.lifecycle)
        if rule is None:
            return
        change = move(person, rule.to, rule.id, cause, at, event)
        self.moves.append(change)
        self.enroll(person, None, change, at)

    def _end_runs(self, person: Person, ending_of: Callable[[Sequence], Ending | None]) -> None:
        for run, sequence in self._live_runs(person):
            ending = ending_of(sequence)
            if ending is not None:
                run.end(ending, self._at)

    def _live_runs(self, person: Person) -> Iterator[tuple[Enrollment, Sequence]]:
        for run in self._runs.get(person.id, ()):
            sequence = self._sequence_of(run) if run.live else None
            if sequence is not None:
                yield run, sequence

    def _sequence_of(self, run: Enrollment) -> Sequence | None:
        return self.definitions.sequences.get(run.sequence) if run.new else self._pinned(run)

    def _facts(self, person: Person) -> Mapping[str, Any]:
        return person.facts(self._at, self.definitions.scoring)


def move(person: Person, to: str, rule: str, cause: str, at: datetime, event: Event | None) -> StageChange:
    """Put a person on another stage and say why."""
    change = StageChange(person.id, person.stage, to, rule, cause, at, event, person.touch)
    person.stage, person.stage_since, person.changed = to, at, True
    return change


def recycle(person: Person, rule: Recycling, cause: str, at: datetime, after: Event | None = None) -> StageChange:
    """Send a person down a stage by a recycling rule, for what their totals are once `after`, if anything just happened, is counted."""
    return move(person, rule.to, rule.id, cause, at, None)._replace(after=after.key if after else None)


def is_inside(person: Person, sequence: Sequence, facts: Mapping[str, Any]) -> bool:
    """Whether what a sequence waits to become true of people is true of one with these facts, whom mail can reach."""
    return person.email is not None and sequence.trigger.enters is not None and sequence.trigger.enters.holds(facts)


def _no_holidays(_day: date, _country: str) -> bool:
    """The date of a person is what it is, on a holiday as well."""
    return False


def state_of(facts: Mapping[str, Any]) -> str:
    """The totals on which a decision rested, in words."""
    return f"engagement {facts['engagement']:.1f}, grade {facts['grade']}"
