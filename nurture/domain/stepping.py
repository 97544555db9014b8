"""The next steps of an enrollment: the decision behind the verb *advance*.

From the node it stands on, an enrollment walks until it must wait, until a step has changed its person (the next walk sees
them as they are then), or until its sequence ends. Steps only lead forward, so a walk is never longer than the sequence.
"""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Sequence as Ordered
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from nurture.domain.conditions import HAPPENED, OUTCOMES
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import (
    REACHED_END,
    Ending,
    Enrollment,
    EnrollmentStatus,
    counts_from,
    ending_by_state,
    enter,
    is_awaited,
    message_id,
)
from nurture.domain.event import ENGINE, STEP_SCORED, STEP_SET, Event
from nurture.domain.history import HISTORY, History, HistoryQuestion, MissingHistory
from nurture.domain.ids import stable_id
from nurture.domain.lateness import Late
from nurture.domain.mail.message import Reason
from nurture.domain.pauses import RelativeDate, ends_at
from nurture.domain.pools import next_unseen
from nurture.domain.program import (
    END,
    Branch,
    Chain,
    Change,
    Gate,
    Goto,
    Node,
    Notify,
    Offer,
    Send,
    Split,
    Wait,
    WaitFor,
)
from nurture.domain.schedule import Calendar, next_window, opening
from nurture.domain.sequence import Sequence
from nurture.domain.steps import EmailStep, PoolStep, ScoreStep
from nurture.domain.window import Window

#: What may come of a step, beside HAPPENED: the event that it waited for did not come; the pool has nothing new to offer.
TIMED_OUT: Final = "timed_out"
EXHAUSTED: Final = "exhausted"

#: The key in a run's outcomes under which `migrate` keeps the e-mails that were mailed by steps which have another name now.
MAILED_BEFORE: Final = "<mailed>"


class Standing(NamedTuple):
    """An enrollment that is due, with the sequence it is pinned to (None if that version is gone) and its person's facts.

    `mailed` are the e-mails ever queued for the person, and `runs` their runs through the sequences that this one leads on to;
    both only where the sequence has steps that ask. `held` are the sequences that are paused,
    `closed` those that nobody enters any more.
    """

    run: Enrollment
    sequence: Sequence | None
    facts: Mapping[str, Any]
    mailed: Collection[str] = ()
    runs: Ordered[Enrollment] = ()
    held: Collection[str] = ()
    closed: Collection[str] = ()


class PlannedMessage(NamedTuple):
    """A message to be queued for a step, or, with `skipped`, the note that it will not go and why.

    There is one per enrollment, step and pass. `planned_at` is when it should go; `any_time` frees it from quiet hours.
    """

    id: int
    enrollment: int
    person: int
    step: str
    pass_: int
    template: str
    planned_at: datetime
    any_time: bool
    priority: int
    variant: str | None = None
    skipped: Reason | None = None
    topic: str | None = None


class Alert(NamedTuple):
    """What another system is to be told: somebody has come to a step."""

    id: int
    enrollment: int
    person: int
    step: str
    endpoint: str
    text: str | None


class Move(NamedTuple):
    """Where an enrollment stands afterwards, and what its steps leave: messages, events about the person, alerts, other runs.

    `outcomes` is what came of all its steps so far; `taken` are the steps of this walk that are behind it.
    """

    enrollment: int
    status: EnrollmentStatus
    step: str
    due_at: datetime | None
    reason: str | None
    step_since: datetime | None = None
    outcomes: Mapping[str, str] = {}
    messages: tuple[PlannedMessage, ...] = ()
    events: tuple[Event, ...] = ()
    alerts: tuple[Alert, ...] = ()
    begun: tuple[Enrollment, ...] = ()
    taken: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        return self.status in (EnrollmentStatus.COMPLETED, EnrollmentStatus.EXITED)


def advance(standing: Standing, definitions: Definitions, calendar: Calendar, at: datetime) -> Move:
    """Walk an enrollment that is due at instant `at` as far as it goes."""
    run, sequence = standing.run, standing.sequence
    if sequence is None:
        reason = f"version {run.version} of the sequence is gone"
        return Move(run.id, EnrollmentStatus.EXITED, run.step, None, reason, outcomes=run.outcomes)
    ending = ending_by_state(sequence, standing.facts)
    if ending is not None:
        return Move(run.id, ending.status, run.step, None, ending.reason, outcomes=run.outcomes)
    return _Walk(standing, sequence, definitions, calendar, at).go()


def put_off(run: Enrollment, until: datetime) -> Move:
    """Leave a run where it stands, and look at it again later."""
    return Move(run.id, run.status, run.step, until, None, run.step_since, run.outcomes)


def waits_back_to(run: Enrollment, sequence: Sequence, at: datetime) -> Iterator[HistoryQuestion]:
    """What must be known of a person's past so that steps which wait for events can look back."""
    if sequence.awaited_events:
        yield HistoryQuestion(tuple(sorted(sequence.awaited_events)), at - run.entered_at)


class _Stop(NamedTuple):
    """The walk ends here: the run waits on its step until `until`, or is due again at once on the next one."""

    until: datetime
    waits: bool


class _Walk:
    """One walk of one enrollment."""

    def __init__(
        self, standing: Standing, sequence: Sequence, definitions: Definitions, calendar: Calendar, at: datetime
    ) -> None:
        self.run, self.facts, self.mailed = standing.run, standing.facts, set(standing.mailed)
        self.standing, self.sequence, self.definitions, self.calendar, self.at = standing, sequence, definitions, calendar, at
        self.step = standing.run.step
        # When the steps of this walk should have been taken; later than that by an outage, or by a date that lies in the past.
        self.scheduled = min(standing.run.due_at or at, at)
        self.waited_since = standing.run.step_since
        self.outcomes = dict(standing.run.outcomes)
        self.messages: list[PlannedMessage] = []
        self.events: list[Event] = []
        self.alerts: list[Alert] = []
        self.begun: list[Enrollment] = []
        self.taken: list[str] = []

    def go(self) -> Move:
        while self.step != END:
            node = self.sequence.program.nodes.get(self.step)
            if node is None:
                return self._end(Ending(EnrollmentStatus.EXITED, f"step {self.step} is not in version {self.run.version}"))
            found = self._take(node)
            match found:
                case Ending():
                    return self._end(found)
                case _Stop(until, waits=True):
                    return self._move(EnrollmentStatus.WAITING, until, step_since=self.waited_since or self.at)
                case _Stop(until):
                    return self._move(EnrollmentStatus.ACTIVE, until)
                case _:
                    self.taken.append(self.step)
                    self.step, self.waited_since = found, None
        return self._end(Ending(EnrollmentStatus.COMPLETED, REACHED_END))

    def _end(self, ending: Ending) -> Move:
        return self._move(ending.status, None, reason=ending.reason)

    def _move(
        self, status: EnrollmentStatus, due_at: datetime | None, *, reason: str | None = None, step_since: datetime | None = None
    ) -> Move:
        return Move(
            self.run.id, status, self.step, due_at, reason, step_since, self.outcomes, tuple(self.messages), tuple(self.events),
            tuple(self.alerts), tuple(self.begun), tuple(self.taken),
        )  # fmt: skip

    def _take(self, node: Node) -> "str | _Stop | Ending":
        """Take one step: the id of the next, or why the walk ends here."""
        match node:
            case Send(step=step, next=following):
                return self._send(step, following)
            case Offer():
                return self._offer(node)
            case Wait():
                return self._wait(node)
            case WaitFor():
                return self._wait_for(node)
            case Change():
                return self._change(node)
            case Gate(audience=audience) if not audience.holds(self.facts):
                return Ending(EnrollmentStatus.EXITED, "not in the audience")
            case _:
                return self._pass(node)

    def _pass(self, node: Branch | Split | Notify | Chain | Gate | Goto) -> str:
        """Take a step that neither mails nor waits: the id of the next."""
        match node:
            case Branch(arms=arms, otherwise=otherwise):
                facts = {**self.facts, OUTCOMES: self.outcomes}
                return next((target for condition, target in arms if condition.holds(facts)), otherwise)
            case Split():
                return self._drawn(node)
            case Notify(id=own, step=step, next=following):
                alert = stable_id("alert", self.run.id, own)
                self.alerts.append(Alert(alert, self.run.id, self.run.person, own, step.notify, step.text))
                return following
            case Chain(sequence=name, next=following):
                self._chain(name)
                return following
            case Gate(next=following) | Goto(next=following):
                return following

    def _send(self, step: EmailStep, following: str) -> "str | _Stop":
        variant = _variant_for(step, self.sequence.sequence, self.run.person)
        template = (step.variants or {})[variant].email or step.email if variant else step.email
        if template in self.run.outcomes.get(MAILED_BEFORE, "").split():
            self._plan(step, template, variant, skipped=Reason.ALREADY_SENT)
            return following
        return self._queue(step, template, variant) or following

    def _offer(self, node: Offer) -> "str | _Stop":
        pool = self.definitions.pools.get(node.step.pool, ())
        piece = next_unseen(pool, self.facts, self.mailed)
        if piece is None:
            self.outcomes[node.id] = EXHAUSTED
            return node.exhausted
        return self._queue(node.step, piece.email, None) or node.next

    def _queue(self, step: EmailStep | PoolStep, template: str, variant: str | None) -> _Stop | None:
        """Queue a mail if its window is open, or leave it out if it is too late; else stop until the window opens."""
        late, window = late_policy(step, self.sequence, self.definitions), window_of(step, self.sequence)
        if late.is_late(self.scheduled, self.at, self.definitions.sending.too_late):
            if late.then == "skip":
                self._plan(step, template, variant, skipped=Reason.TOO_LATE)
                return None
            if late.then == "next_window":
                self.scheduled = next_window(window, self.facts, self.calendar, self.at, self._share(window, step.id))
                if self.scheduled > self.at:
                    return _Stop(self.scheduled, waits=True)
            self.scheduled = self.at
        opens = opening(window, self.facts, self.calendar, self.at, self._share(window, step.id))
        if opens > self.at:
            return _Stop(opens, waits=True)
        self._plan(step, template, variant)
        return None

    def _plan(self, step: EmailStep | PoolStep, template: str, variant: str | None, skipped: Reason | None = None) -> None:
        any_time = step.window == "any"
        planned = PlannedMessage(
            message_id(self.run.id, step.id), self.run.id, self.run.person, step.id, 1, template, self.scheduled, any_time,
            self.sequence.priority, variant, skipped, self.sequence.topic,
        )  # fmt: skip
        self.messages.append(planned)
        if skipped is None:
            self.mailed.add(template)

    def _wait(self, node: Wait) -> "str | _Stop | Ending":
        if self.waited_since is not None:
            return node.next  # it was begun earlier, and is over
        ends = ends_at(node.pause, self.sequence.window, self.facts, self.calendar, self.at)
        if ends is None:
            return self._without_date(node)
        if ends > self.at:
            return _Stop(ends, waits=True)
        self.scheduled = ends
        return node.next

    def _without_date(self, node: Wait) -> "str | Ending":
        assert isinstance(node.pause, RelativeDate)  # no other pause lacks anything
        if node.pause.if_missing == "continue":
            return node.next
        return Ending(EnrollmentStatus.EXITED, f"no date in {node.pause.date}")

    def _wait_for(self, node: WaitFor) -> "str | _Stop":
        came = self.waited_since or self.at
        if self._has_happened(node, came):
            self.outcomes[node.id] = HAPPENED
            return node.next
        if self.waited_since is not None:
            self.outcomes[node.id] = TIMED_OUT
            return node.on_timeout
        return _Stop(self.at + node.awaited.within, waits=True)

    def _has_happened(self, node: WaitFor, came: datetime) -> bool:
        history = self.facts.get(HISTORY)
        if not isinstance(history, History):
            raise MissingHistory(f"step {node.id!r} waits for {node.awaited.event}; put the history into the facts")
        since = counts_from(node, self.run, came)
        question = HistoryQuestion(node.awaited.event, max(self.at - since, timedelta(0)))
        return history.count(question, self.at, lambda facts: is_awaited(node, self.run, facts)) > 0

    def _drawn(self, node: Split) -> str:
        drawn = self._draw(node.id) % 100
        for share, target in node.arms:
            if drawn < share:
                return target
            drawn -= share
        return node.otherwise

    def _share(self, window: Window, step: str) -> int:
        """What decides how late after its opening this person comes; drawn only where a window is spread."""
        return self._draw(step) if window.spread is not None else 0

    def _draw(self, step: str) -> int:
        """A number that is always the same for this person at this step."""
        return drawn_for(self.run.person, self.sequence.sequence, step)

    def _change(self, node: Change) -> _Stop:
        self.events.append(_event_of(node, self.run, self.sequence, self.at))
        self.taken.append(node.id)
        self.step = node.next
        return _Stop(self.scheduled, waits=False)

    def _chain(self, name: str) -> None:
        sequence = self.definitions.sequences.get(name)
        if sequence is None or name in self.standing.closed:
            return
        if sequence.audience is not None and not sequence.audience.holds(self.facts):
            return
        earlier = [*self.standing.runs, *self.begun]
        held = name in self.standing.held
        begun = enter(sequence, self.definitions.versions[name], self.run.person, earlier, self.at, held=held)
        if begun is not None:
            self.begun.append(begun)


def drawn_for(person: int, sequence: str, step: str) -> int:
    """A number of 63 bits that is always the same for a person at a step of a sequence, and spreads people evenly."""
    return stable_id("draw", person, sequence, step)


def window_of(step: EmailStep | PoolStep, sequence: Sequence) -> Window:
    """The hours of a step: its own, or its sequence's."""
    if step.window == "any":
        return _ANY_TIME
    return step.window or sequence.window


_ANY_TIME: Final = Window()


def late_policy(step: EmailStep | PoolStep, sequence: Sequence, definitions: Definitions) -> Late:
    """What becomes of a step's mail that is late: as the step says, or its sequence, or sending.yaml."""
    return step.late or sequence.late or definitions.sending.late


def _variant_for(step: EmailStep, sequence: str, person: int) -> str | None:
    """The variant of a mail that a person gets: drawn by weight, and always the same."""
    if not step.variants:
        return None
    drawn = stable_id("variant", person, sequence, step.id) % sum(each.weight for each in step.variants.values())
    for name, variant in step.variants.items():
        if drawn < variant.weight:
            return name
        drawn -= variant.weight
    raise AssertionError("a number below the sum of all weights lies within one of them")


def _event_of(node: Change, run: Enrollment, sequence: Sequence, at: datetime) -> Event:
    """The event by which a step changes what is known of its person."""
    where = {"sequence": sequence.sequence, "step": node.id}
    common: dict[str, Any] = {
        "message_id": f"{run.id}:{node.id}", "source": ENGINE, "occurred_at": at, "received_at": at, "person": run.person,
        "assurance": "verified",
    }  # fmt: skip
    if isinstance(node.step, ScoreStep):
        return Event(name=STEP_SCORED, properties={**where, "rule": node.step.score}, **common)
    told = dict(node.step.set)
    stage = told.pop("stage", None)
    return Event(name=STEP_SET, properties=where if stage is None else {**where, "stage": stage}, traits=told, **common)
