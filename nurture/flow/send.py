"""Send: queued messages go to the mail server, each at most once.

1. What a dead worker was just handing over is `uncertain`: nobody can know, so it is listed and not sent again.
2. Claim a batch under a lease, and ask of each message whether it may go now.
3. Write the letters.
4. For each: commit `sending` before the first byte, hand it over, keep the outcome. The outcome is committed together with
   the next message's `sending`, so a message costs one commit, and one connection leaves at most one uncertain message.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from nurture.domain.definitions import Definitions
from nurture.domain.schedule import IsHoliday, next_opening, zone_for
from nurture.domain.sending import (
    Allowed,
    Deferred,
    GiveUp,
    MessageStatus,
    Reason,
    RetryAt,
    SendingPolicy,
    Situation,
    Skipped,
    after_failure,
    may_send,
)  # fmt: skip
from nurture.errors import DeliveryError, DeliveryUncertain, TemplateError, Unavailable
from nurture.ports import Clock, Connection, Outcome, Sending, Transport, Waiting, Writer, Written

BATCH: Final = 100

#: How long messages rest when the mail server cannot be reached at all; it does not count as an attempt.
_REST: Final = timedelta(seconds=30)


class SendReport(NamedTuple):
    """What one batch came to. `left` messages were released because the mail server went away."""

    claimed: int = 0
    sent: int = 0
    left: int = 0


class _Ready(NamedTuple):
    waiting: Waiting
    written: Written


def send(
    store: Sending, transport: Transport, writer: Writer, clock: Clock, is_holiday: IsHoliday, worker: str, limit: int = BATCH
) -> SendReport:
    """Take one batch of due messages; `claimed` is 0 when none is due."""
    at = clock.now()
    store.give_up_on_silent(at)
    waiting = store.claim(worker, limit, at)
    if not waiting:
        return SendReport()
    definitions = store.definitions()
    refused = list(_gate(waiting, definitions.sending, is_holiday, at))
    held_back = {outcome.message for outcome in refused}
    allowed = [each for each in waiting if each.letter.message not in held_back]
    ready, unwritable = _write(allowed, writer, definitions, at)
    if refused or unwritable:
        store.settle(refused + unwritable)
    if not ready:
        return SendReport(len(waiting))
    delivery = _Delivery(ready, store, clock, worker, definitions.sending)
    try:
        with transport.connect() as connection:
            delivery.hand_over(connection)
    except Unavailable as error:
        delivery.release(str(error))
    return SendReport(len(waiting), delivery.sent, len(delivery.left))


def _gate(waiting: list[Waiting], policy: SendingPolicy, is_holiday: IsHoliday, at: datetime) -> Iterator[Outcome]:
    """The outcomes of those that may not go now; two messages to one person in a batch count for each other's cap."""
    in_this_batch: dict[int, list[datetime]] = {}
    for each in waiting:
        already = in_this_batch.setdefault(each.letter.person, [])
        situation = Situation(
            each.planned_at, each.address, each.suppressed, each.enrollment_ended, [*each.recent, *already],
            _quiet_until(each, policy, is_holiday, at),
        )  # fmt: skip
        match may_send(situation, policy, at):
            case Allowed():
                already.append(at)
            case Deferred(until, reason):
                yield Outcome(each.letter.message, MessageStatus.QUEUED, at, due_at=until, reason=reason)
            case Skipped(reason):
                yield Outcome(each.letter.message, MessageStatus.SKIPPED, at, reason=reason)


def _quiet_until(waiting: Waiting, policy: SendingPolicy, is_holiday: IsHoliday, at: datetime) -> datetime | None:
    """When mail may next reach a person, as far as quiet hours go; a mail that somebody waits for goes at any time."""
    if policy.quiet_hours is None or waiting.any_time:
        return None
    window = policy.quiet_hours.window
    return next_opening(window, zone_for(window, waiting.letter.facts, policy.timezone), at, is_holiday)


def _write(allowed: list[Waiting], writer: Writer, definitions: Definitions, at: datetime) -> tuple[list[_Ready], list[Outcome]]:
    """The letters, and the outcomes of those that cannot be written; one bad template variable costs one message."""
    ready, unwritable = [], []
    for each in allowed:
        try:
            ready.append(_Ready(each, writer.write(each.letter, definitions, at)))
        except TemplateError as error:
            outcome = Outcome(each.letter.message, MessageStatus.FAILED, at, reason=Reason.TEMPLATE_ERROR, detail=str(error))
            unwritable.append(outcome)
    return ready, unwritable


class _Delivery:
    """One batch on its way over one connection."""

    def __init__(self, ready: list[_Ready], store: Sending, clock: Clock, worker: str, policy: SendingPolicy) -> None:
        self.left = list(ready)
        self._store = store
        self._clock = clock
        self._worker = worker
        self._policy = policy
        self._noted: list[Outcome] = []
        self.sent = 0

    def hand_over(self, connection: Connection) -> None:
        while self.left:
            current = self.left[0]
            message = current.waiting.letter.message
            may_go = self._store.begin(self._worker, message, self._noted, self._clock.now())
            self._noted = []
            self.left.pop(0)
            if may_go:
                try:
                    self._noted = [self._deliver(current, connection)]
                except Unavailable:
                    self.left.insert(0, current)  # nothing was handed over
                    raise
        self._store.settle(self._noted)

    def _deliver(self, current: _Ready, connection: Connection) -> Outcome:
        letter, written = current.waiting.letter, current.written
        try:
            reply = connection.send(written.mail_from, letter.address, written.raw)
        except DeliveryUncertain as error:
            return Outcome(letter.message, MessageStatus.UNCERTAIN, self._clock.now(), detail=str(error), written=written)
        except DeliveryError as error:
            return self._refused(current, error)
        self.sent += 1
        return Outcome(letter.message, MessageStatus.SENT, self._clock.now(), detail=reply, written=written)

    def _refused(self, current: _Ready, error: DeliveryError) -> Outcome:
        at, message = self._clock.now(), current.waiting.letter.message
        match after_failure(current.waiting.attempts + 1, self._policy.retry, at, permanent=error.permanent):
            case RetryAt(due_at):
                reason = Reason.TEMPORARY_FAILURE
                return Outcome(message, MessageStatus.QUEUED, at, due_at=due_at, reason=reason, detail=str(error))
            case GiveUp():
                return Outcome(message, MessageStatus.FAILED, at, detail=str(error))

    def release(self, why: str) -> None:
        """The mail server went away: note what is known and let the rest go later."""
        at = self._clock.now()
        rest = [
            Outcome(
                each.waiting.letter.message, MessageStatus.QUEUED, at, due_at=at + _REST, reason=Reason.UNREACHABLE, detail=why
            )
            for each in self.left
        ]
        self._store.settle(self._noted + rest)
        self._noted = []
