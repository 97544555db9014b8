"""Send: queued messages go to the mail servers, each at most once.

1. What a dead worker was just handing over is `uncertain`: nobody can know, so it is listed and not sent again.
2. Claim a batch with everything else that is due to the same people, decide what may go, and lease that, in one transaction.
3. Write the letters, and ask the router by which transport each goes, and from when on.
4. One transaction notes all outcomes that came back and marks as `sending` the next mail of every free connection; only then does
   the first byte go. So a connection never has more than one message `sending`, and a worker that is killed leaves at most that.

All of it goes on at once: letters are written and batches claimed while the connections wait for their servers.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from nurture.domain.definitions import Definitions
from nurture.domain.mail.delivery import REST, Accepted, Unreached, domain_of, verdict
from nurture.domain.mail.dispatch import Allowed, Deferred, Permission, Skipped, decide
from nurture.domain.mail.message import PUT_OFF
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.domain.mail.suppression import Suppressed
from nurture.domain.schedule import Calendar, IsHoliday
from nurture.errors import TemplateError
from nurture.flow.conflicts import again_on_conflict
from nurture.ports import Carried, Carrier, Clock, Go, Mail, Outcome, Parcel, Router, Sending, Wait, Waiting, Writer, Written

#: A claim asks as many questions for one message as for many. What is claimed is kept from other workers until it begins, or until the
#: turn is over.
BATCH: Final = 200

#: At least so many letters are written, and permitted, ahead of the wire; else as many as are on it.
_AHEAD: Final = 8

#: A mail whose permit begins within this time is given to its connection, which waits for the instant: committing that it is
#: `sending`, or claiming the next batch, takes longer than a permit lasts.
_SOON: Final = timedelta(milliseconds=100)

#: How long to wait for the connections at a time, in seconds.
_PATIENCE: Final = 1.0


class SendReport(NamedTuple):
    """What came of it. `left` messages were released because their mail server could not be reached; `more` when the time was up."""

    claimed: int = 0
    sent: int = 0
    left: int = 0
    more: bool = False


@dataclass
class _Errand:
    """A message on its way from the queue to the wire."""

    waiting: Waiting
    definitions: Definitions
    written: Written

    @property
    def message(self) -> int:
        return self.waiting.letter.message


@dataclass
class Mailroom:
    """What one worker sends with.

    What is on the wire, and what came of it but could not be noted because the database was away, outlives a run of `send`: the
    next one goes on with it. `tell` is told what became of how many messages, once that is committed.
    """

    store: Sending
    carrier: Carrier
    router: Router
    writer: Writer
    clock: Clock
    is_holiday: IsHoliday
    worker: str
    tell: Callable[[Mapping[MessageStatus, int]], None] = lambda _: None
    on_the_wire: dict[int, _Errand] = field(default_factory=dict)
    noted: list[Outcome] = field(default_factory=list)


def send(room: Mailroom, limit: int = BATCH, goes_on: Callable[[], bool] | None = None) -> SendReport:
    """Send a batch of due messages; with `goes_on`, others after it until none is due or that says no.

    Returns when all that was begun has ended and is noted; what was not begun by then is put back. `claimed` is 0 when none is due.
    """
    room.store.give_up_on_silent(room.clock.now())
    return _Run(room, limit, goes_on).to_the_end()


class _Run:
    """One run of `send`: what it has claimed, as far as it is not on the wire yet."""

    def __init__(self, room: Mailroom, limit: int, goes_on: Callable[[], bool] | None) -> None:
        self._room, self._limit, self._goes_on = room, limit, goes_on
        self._unwritten: dict[int, tuple[Waiting, Definitions]] = {}
        self._written: dict[int, _Errand] = {}
        self._permitted: dict[int, tuple[_Errand, Go]] = {}
        self._away: set[str] = set()
        self._more, self._time_is_up = True, False
        self._claimed = self._sent = self._left = 0

    def to_the_end(self) -> SendReport:
        try:
            while self._something_to_do():
                self._begin()
                if not self._time_is_up and self._goes_on is not None and not self._goes_on():
                    self._put_back()
                if self._wants_batch():
                    self._claim()
                self._prepare()
                self._hear(self._patience())
        finally:
            self._bring_home()
        return SendReport(self._claimed, self._sent, self._left, self._time_is_up)

    def _something_to_do(self) -> bool:
        under_way = self._unwritten or self._written or self._permitted or self._room.on_the_wire or self._room.noted
        return bool(under_way) or self._wants_batch()

    def _wants_batch(self) -> bool:
        """A batch is claimed before the last one is used up: the connections go on meanwhile."""
        return self._more and not self._left and not self._time_is_up and len(self._unwritten) < self._ahead()

    def _ahead(self) -> int:
        """How many letters to have ready: one for each connection that is busy, lest it wait; more would grow old."""
        return max(_AHEAD, len(self._room.on_the_wire))

    def _claim(self) -> None:
        """Take the next batch; what may not go is settled in the same transaction."""
        room, at = self._room, self._room.clock.now()
        allowed: list[int] = []
        held_back: list[Outcome] = []
        with room.store.claiming() as claim:
            waiting = claim.due(self._limit, at)
            if waiting:
                definitions = claim.definitions()
                calendar = Calendar(definitions.sending.timezone, room.is_holiday)
                answers = decide((each.situation for each in waiting), definitions, calendar, at)
                held_back = list(_held_back(answers, at))
                claim.settle(held_back)
                allowed = [message for message, answer in answers.items() if isinstance(answer, Allowed)]
                claim.lease(room.worker, allowed, at)
        self._tell(held_back)
        if allowed:
            by_message = {each.letter.message: each for each in waiting}
            self._take_in({message: (by_message[message], definitions) for message in allowed})
        self._claimed += len(waiting)
        self._more = len(waiting) >= self._limit and self._goes_on is not None

    def _put_back(self) -> None:
        """The time is up: what has not begun goes back into the queue, for whoever comes next."""
        at, self._time_is_up = self._room.clock.now(), True
        self._give_back([go for _, go in self._permitted.values()])
        for stock in (self._unwritten, self._written, self._permitted):
            self._room.noted += [Outcome(message, MessageStatus.QUEUED, at) for message in stock]
            stock.clear()

    def _take_in(self, claimed: dict[int, tuple[Waiting, Definitions]]) -> None:
        """What we were too slow with may have come to us again; there must not be two of it."""
        self._give_back([go for message, (_, go) in self._permitted.items() if message in claimed])
        for message in claimed:
            self._written.pop(message, None)
            self._permitted.pop(message, None)
        self._unwritten.update(claimed)
        self._room.router.expect({domain_of(waiting.letter.address) for waiting, _ in claimed.values()})

    def _begin(self) -> None:
        """Note what came back, and let the next mail of every free connection go."""
        room, at = self._room, self._room.clock.now()
        chosen = {errand.message: (errand, go) for errand, go in self._ripe(at)}
        if not chosen and not room.noted:
            return
        going = self._note_and_begin(chosen)
        for message in chosen:
            del self._permitted[message]
        room.on_the_wire.update({message: chosen[message][0] for message in chosen if message in going})
        room.carrier.carry([_mail(*each) for message, each in chosen.items() if message in going])
        self._give_back([go for message, (_, go) in chosen.items() if message not in going])

    def _note_and_begin(self, chosen: Collection[int]) -> set[int]:
        room = self._room
        going = again_on_conflict(lambda: room.store.begin(room.worker, list(chosen), room.noted, room.clock.now()))
        # What was put back because the time is up comes to nothing: no instant, no reason.
        self._tell([each for each in room.noted if each.due_at is not None or each.status != MessageStatus.QUEUED])
        room.noted.clear()
        return going

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._room.tell(Counter(outcome.status for outcome in outcomes))

    def _ripe(self, at: datetime) -> Iterator[tuple[_Errand, Go]]:
        """What may begin now, one for each free connection."""
        free: dict[str, int] = {}
        for errand, go in self._permitted.values():
            free.setdefault(go.transport, self._room.carrier.free(go.transport))
            if free[go.transport] and go.at - _SOON <= at <= go.until:
                free[go.transport] -= 1
                yield errand, go

    def _prepare(self) -> None:
        """Write letters, and get permits for them, as many as will be wanted soon."""
        self._ask_again_for([go for _, go in self._permitted.values() if go.until < self._room.clock.now()])
        while self._wants_letters():
            message = next(iter(self._unwritten))
            self._write(*self._unwritten.pop(message))
        if self._written:
            self._route()

    def _wants_letters(self) -> bool:
        return bool(self._unwritten) and self._soon() + len(self._written) < self._ahead()

    def _soon(self) -> int:
        """How many permits begin soon. The others are no reason to keep anybody waiting: their recipients take mail slowly."""
        soon = self._room.clock.now() + _SOON
        return sum(go.at <= soon for _, go in self._permitted.values())

    def _write(self, waiting: Waiting, definitions: Definitions) -> None:
        """One bad template variable costs one message."""
        room, at, message = self._room, self._room.clock.now(), waiting.letter.message
        try:
            written = room.writer.write(waiting.letter, definitions, at)
        except TemplateError as error:
            failed = Outcome(message, MessageStatus.FAILED, at, reason=Reason.TEMPLATE_ERROR, detail=str(error))
            room.noted.append(failed)
        else:
            self._written[message] = _Errand(waiting, definitions, written)

    def _route(self) -> None:
        room, at = self._room, self._room.clock.now()
        errands = list(self._written.values())
        parcels = [Parcel(each.message, domain_of(each.waiting.letter.address)) for each in errands]
        answers = room.router.route(parcels, errands[-1].definitions, at)
        self._written.clear()
        for errand, answer in zip(errands, answers, strict=True):
            match answer:
                case Wait():
                    room.noted.append(_waiting(answer, at))
                    if answer.all_mail:
                        self._let_the_rest_be(answer, at)
                case Go() if answer.transport in self._away:
                    self._give_back([answer])
                    self._release(answer, at)
                case Go():
                    self._permitted[answer.message] = errand, answer

    def _let_the_rest_be(self, wait: Wait, at: datetime) -> None:
        """What would have to wait as well is neither claimed nor written."""
        self._more = False
        self._room.noted += [Outcome(message, MessageStatus.QUEUED, at, reason=wait.reason) for message in self._unwritten]
        self._unwritten.clear()

    def _release(self, go: Go, at: datetime) -> None:
        """There is no other way than a server that is away: let the message go later."""
        why = f"the transport {go.transport!r} was just away"
        room = self._room
        room.noted.append(
            Outcome(
                go.message, MessageStatus.QUEUED, at, at + REST, reason=Reason.UNREACHABLE, detail=why, transport=go.transport
            )
        )
        self._left += 1

    def _patience(self) -> float:
        """How long there is nothing to do but to wait for the connections, in seconds."""
        room, at = self._room, self._room.clock.now()
        if room.noted or self._written or self._wants_letters() or self._wants_batch() or any(self._ripe(at)):
            return 0.0
        until_ripe = [(go.at - _SOON - at).total_seconds() for _, go in self._permitted.values() if go.at - _SOON > at]
        return min([_PATIENCE, *until_ripe]) if room.on_the_wire or self._permitted else 0.0

    def _hear(self, patience: float) -> None:
        """Take what has come to an end on the wire, and tell the router."""
        carried = self._collect(patience)
        gone = {each.transport for each in carried if isinstance(each.answer, Unreached)}
        self._away = (self._away - {each.transport for each in carried}) | gone
        if carried:
            self._room.router.heard(carried, self._room.clock.now())
        self._ask_again_for([go for _, go in self._permitted.values() if go.transport in gone])

    def _collect(self, patience: float) -> list[Carried]:
        carried = self._room.carrier.finished(patience)
        for each in carried:
            self._room.noted.append(_outcome(self._room.on_the_wire.pop(each.message), each))
            self._sent += isinstance(each.answer, Accepted)
            self._left += isinstance(each.answer, Unreached)
        return carried

    def _ask_again_for(self, permits: list[Go]) -> None:
        """Permits that are of no use any more: perhaps there is another way."""
        self._give_back(permits)
        for go in permits:
            self._written[go.message], _ = self._permitted.pop(go.message)

    def _give_back(self, permits: list[Go]) -> None:
        if permits:
            self._room.router.unused(permits, self._room.clock.now())

    def _bring_home(self) -> None:
        """Whatever went wrong: what is on the wire comes to its end, so that nothing more than need be is uncertain."""
        room = self._room
        while room.on_the_wire:
            self._collect(_PATIENCE)
        if room.noted:
            self._note_and_begin({})
        self._give_back([go for _, go in self._permitted.values()])


def _held_back(answers: Mapping[int, Permission], at: datetime) -> Iterator[Outcome]:
    """The outcomes of those that may not go now."""
    for message, answer in answers.items():
        match answer:
            case Deferred(until, reason, lost_to):
                yield Outcome(message, MessageStatus.QUEUED, at, due_at=until, reason=reason, planned_at=until, lost_to=lost_to)
            case Skipped(reason, detail):
                yield Outcome(message, MessageStatus.SKIPPED, at, reason=reason, detail=detail)


def _waiting(wait: Wait, at: datetime) -> Outcome:
    """What we put off ourselves is not late when it goes."""
    planned_at = wait.until if wait.reason in PUT_OFF else None
    return Outcome(
        wait.message, MessageStatus.QUEUED, at, wait.until, reason=wait.reason, detail=wait.detail, planned_at=planned_at
    )


def _mail(errand: _Errand, go: Go) -> Mail:
    letter, written = errand.waiting.letter, errand.written
    domain = domain_of(letter.address)
    return Mail(errand.message, go.transport, written.mail_from, letter.address, written.raw, domain, go.at, go.until)


def _outcome(errand: _Errand, carried: Carried) -> Outcome:
    """What is noted of a mail that was on the wire."""
    letter, attempt, at = errand.waiting.letter, errand.waiting.attempts + 1, carried.at
    stands = verdict(carried.answer, attempt, errand.definitions.sending.retry, at)
    nobody_there = stands.reason == Reason.ADDRESS_REFUSED
    return Outcome(
        letter.message, stands.status, at, stands.due_at, stands.reason, stands.detail,
        written=errand.written if stands.status in (MessageStatus.SENT, MessageStatus.UNCERTAIN) else None,
        attempts=attempt if stands.attempt else None, transport=carried.transport,
        suppressed=Suppressed(letter.address, "bounced", "smtp", at, detail=stands.detail) if nobody_there else None,
    )  # fmt: skip
