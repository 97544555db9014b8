"""The tasks, in the order of the flow. Each is short, carries no business data, and may run twice or not at all.

A task works through what waits until nothing is left or its time is up, then ends; what is left finds its next nudge. While an
operator holds its queue it begins no batch, and wakes nobody: `nurture resume` does.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from typing import Any, Final, ParamSpec

from celery import current_app, current_task, shared_task, signals
from redis.exceptions import RedisError
from structlog import get_logger

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.broker import ROUTES, task_name
from nurture.adapters.calendar import is_holiday
from nurture.adapters.redis_keys import MAILBOX_FAILS, events
from nurture.adapters.stream import held_partition
from nurture.bootstrap import WorkerParts, settle_down
from nurture.domain.event import TRACEPARENT
from nurture.errors import NurtureError
from nurture.flow.absorb import BATCH as ABSORB_BATCH
from nurture.flow.absorb import Absorbed, absorb
from nurture.flow.advance import advance
from nurture.flow.census import census
from nurture.flow.cool import cool
from nurture.flow.fetch import fetch
from nurture.flow.follow_up import follow_up
from nurture.flow.forget import forget
from nurture.flow.guard import guard
from nurture.flow.hand_off import hand_off
from nurture.flow.recount import BATCH as RECOUNT_BATCH
from nurture.flow.recount import recount
from nurture.flow.send import send
from nurture.flow.survey import survey
from nurture.settings import Settings
from workers.counting import counted
from workers.life import batch_done, goes_on_with

#: How long one run of a task goes on, in seconds: well under its time limit, long enough to be worth its message.
TURN: Final = 10.0

P = ParamSpec("P")

#: What a task's process goes on with at once, if with anything.
Onward = Callable[[], None] | None

log = get_logger("nurture.tasks")


@cache
def parts() -> WorkerParts:
    """What this process works with; made after the fork, on the first task."""
    settle_down()
    return WorkerParts(Settings.load(), frozenset(current_app.amqp.queues.consume_from))


def _task(name: str) -> Callable[[Callable[P, Onward]], Callable[P, None]]:
    """Makes a Celery task of a function; its runs are counted. That Redis is away is a line of the log and no stack of calls."""

    def make(run: Callable[P, Onward]) -> Callable[P, None]:
        @wraps(run)
        def counted_run(*args: P.args, **kwargs: P.kwargs) -> None:
            mine = parts()
            mine.traces.woken_by(_origin())
            try:
                with counted(name, mine.tally):
                    onward = run(*args, **kwargs)
                if onward is not None:
                    onward()
            except RedisError as error:
                log.warning("task stopped, Redis does not answer or refuses", task=name, why=str(error).partition("\n")[0])

        return shared_task(name=task_name(name))(counted_run)

    return make


def _origin() -> str | None:
    """Which batch woke this task, if traces are kept."""
    task: Any = current_task  # a stand-in, which is empty where no task runs
    headers = task.request.headers if task else None
    return str(headers[TRACEPARENT]) if headers and TRACEPARENT in headers else None


@signals.worker_process_shutdown.connect
def _send_traces(**_told: Any) -> None:
    if parts.cache_info().currsize:
        parts().traces.flush()


class _Turn:
    """The time one run of a task may take, unless its queue is held."""

    def __init__(self, task: str) -> None:
        self._queue = ROUTES[task]
        self._over = time.monotonic() + TURN

    def goes_on(self) -> bool:
        return time.monotonic() < self._over and not self.is_held()

    def is_held(self) -> bool:
        return parts().held_queues.stop(self._queue)


@_task("absorb")
def absorb_partition(partition: int) -> Onward:
    """Drain a partition of the stream into the database; then let the runs that are due by it take their steps."""
    mine, turn = parts(), _Turn("absorb")
    if turn.is_held():
        return None
    with held_partition(mine.redis, partition) as held:
        if held is None:
            return None
        absorbed = Absorbed()
        while turn.goes_on():
            try:
                with mine.traces.batch("absorb", partition=partition) as batch:
                    absorbed = absorb(batch.watching(held), mine.database, mine.clock, kind_of_agent)
                    batch.came_to(read=absorbed.read, stored=absorbed.stored, parked=absorbed.parked)
                batch_done(absorbed.read)
            except NurtureError as error:
                log.warning("absorb stopped", partition=partition, why=str(error), retried=error.retry_helps)
                return None
            if absorbed.read:
                _tell_of_absorbed(partition, absorbed)
            if absorbed.wakes_recount:
                mine.nudge("recount")
            if absorbed.read < ABSORB_BATCH:
                break
            if absorbed.wakes_sequences:
                mine.nudge("advance")
    if held.wants_another() and not turn.is_held():
        mine.nudge("absorb", partition)
    return _advance_at_once if absorbed.wakes_sequences else None


def _tell_of_absorbed(partition: int, absorbed: Absorbed) -> None:
    counts = {"read": absorbed.read, "stored": absorbed.stored, "parked": absorbed.parked, "dropped": absorbed.dropped}
    log.info("absorbed", partition=partition, **counts)
    parts().tally.add(events_stored=absorbed.stored, events_parked=absorbed.parked, events_dropped=absorbed.dropped)


def _advance_at_once() -> None:
    """Take the steps that became due just now here, for somebody may wait for the mail: a message to Celery takes longer than the step.

    One batch, and only where this worker serves their queue and nobody holds it; the rest is for whoever is nudged.
    """
    mine = parts()
    if ROUTES["advance"] not in mine.queues:
        mine.nudge("advance")
        return
    if _Turn("advance").is_held():
        return
    goes_on_with(task_name("advance"))
    mine.traces.woken_by(mine.traces.carried().get(TRACEPARENT))
    with counted("advance", mine.tally):
        more = _advance_batch()
    if more:
        mine.nudge("advance")


@_task("recount")
def recount_due() -> None:
    """Work out people of whom what is stored no longer follows from the log."""
    mine, turn = parts(), _Turn("recount")
    while turn.goes_on():
        try:
            report = recount(mine.database, mine.clock)
            batch_done(report.due)
        except NurtureError as error:
            log.warning("recount stopped", why=str(error), retried=error.retry_helps)
            return
        if report.due:
            log.info("recounted", due=report.due, left=report.left, moved=report.moved)
        if report.begun:
            mine.nudge("advance")
        if report.due < RECOUNT_BATCH:
            return


@_task("advance")
def advance_due() -> None:
    """Let due enrollments take their next steps."""
    turn = _Turn("advance")
    while turn.goes_on() and _advance_batch():
        pass


def _advance_batch() -> bool:
    """Whether more is due at once."""
    mine = parts()
    try:
        with mine.traces.batch("advance") as batch:
            advanced = advance(mine.database, mine.clock, is_holiday)
            batch.came_to(moved=advanced.moved, queued=advanced.queued)
            batch_done(advanced.moved)
    except NurtureError as error:
        log.warning("advance stopped", why=str(error), retried=error.retry_helps)
        return False
    if advanced.moved:
        log.info("advanced", moved=advanced.moved, queued=advanced.queued)
        mine.tally.add(runs_advanced=advanced.moved, messages_queued=advanced.queued)
    for failure in advanced.failures:
        log.error("a step cannot be taken; it is tried again in an hour", where=failure)
    if advanced.queued:
        mine.nudge("send")
    return advanced.more


@_task("send")
def send_due() -> None:
    """Hand queued messages to the mail servers."""
    mine, turn = parts(), _Turn("send")
    if turn.is_held():
        return
    try:
        with mine.traces.batch("send") as batch:
            report = send(mine.mailroom, goes_on=turn.goes_on)
            batch.came_to(claimed=report.claimed, sent=report.sent)
    except NurtureError as error:
        log.warning("send stopped", why=str(error), retried=error.retry_helps)
        return
    if report.claimed:
        log.info("sent", claimed=report.claimed, sent=report.sent, left=report.left)
    if report.more and not turn.is_held():
        mine.nudge("send")


@_task("hand_off")
def hand_off_due() -> None:
    """Tell other systems of what they asked for."""
    mine, turn = parts(), _Turn("hand_off")
    if turn.is_held():
        return
    try:
        with mine.traces.batch("hand_off") as batch:
            report = hand_off(
                mine.database.handing_off, mine.webhooks, mine.clock, random.random, goes_on=turn.goes_on
            )  # fmt: skip
            batch.came_to(claimed=report.claimed, delivered=report.delivered)
            batch_done(report.claimed)
    except NurtureError as error:
        log.warning("hand-off stopped", why=str(error), retried=error.retry_helps)
        return
    if report.claimed:
        log.info("handed off", claimed=report.claimed, delivered=report.delivered, given_up=report.given_up)
        mine.tally.add(handoffs_delivered=report.delivered, handoffs_failed=report.given_up)
    for endpoint in report.disabled:
        log.error("endpoint called no more", endpoint=endpoint)


@_task("follow_up")
def follow_up_due() -> None:
    """Remind sales of leads for whom they have not answered in time."""
    mine, turn = parts(), _Turn("follow_up")
    while turn.goes_on():
        try:
            followed = follow_up(mine.database.following_up, mine.clock, is_holiday)
        except NurtureError as error:
            log.warning("follow-ups stopped", why=str(error), retried=error.retry_helps)
            return
        if followed.reminded:
            log.info("reminded", leads=followed.reminded)
            mine.nudge("hand_off")
        if not followed.more:
            return


@_task("fetch")
def fetch_mail() -> None:
    """Read what servers and readers mailed back."""
    mine, turn = parts(), _Turn("fetch")
    if mine.settings.imap_url is None or turn.is_held():
        return
    try:
        with mine.returned_mail() as mailbox:
            while turn.goes_on():
                fetched = fetch(mailbox, mine.mail_reader.read, mine.feedback, mine.clock)
                if fetched.mails:
                    log.info("fetched", mails=fetched.mails, unread=fetched.unread, **fetched.kinds)
                if not fetched.more:
                    break
    except NurtureError as error:
        log.warning("fetch stopped", why=str(error), retried=error.retry_helps)
        _note_mailbox(fails=True)
    else:
        _note_mailbox(fails=False)


def _note_mailbox(*, fails: bool) -> None:
    """Since when the mailbox could not be read, for `nurture status`; forgotten when nobody tries any more."""
    with suppress(RedisError):
        if fails:
            parts().redis.set(MAILBOX_FAILS, f"{time.time():.3f}", nx=True)
            parts().redis.expire(MAILBOX_FAILS, 7_200)
        else:
            parts().redis.delete(MAILBOX_FAILS)


@_task("cool")
def cool_down() -> None:
    """Recycle people whose engagement has faded."""
    mine = parts()
    if _Turn("cool").is_held():
        return
    try:
        recycled = cool(mine.database, mine.clock)
    except NurtureError as error:
        log.warning("cooling stopped", why=str(error), retried=error.retry_helps)
        return
    if recycled:
        log.info("cooled", recycled=recycled)
        mine.tally.add(people_recycled=recycled)


@_task("guard")
def guard_mail() -> None:
    """Stop mail that does harm. Only what holds everything holds this: it begins nothing, and watches over what goes on."""
    mine = parts()
    if mine.held_queues.stop_all():
        return
    try:
        alarms = guard(mine.database.guarding, mine.clock)
    except NurtureError as error:
        log.warning("mail could not be looked at", why=str(error), retried=error.retry_helps)
        return
    for alarm in alarms:
        log.error("mail stopped by itself", kind=alarm.kind, about=alarm.about, why=alarm.text)
    if alarms:
        mine.nudge("hand_off")


@_task("survey")
def survey_due() -> None:
    """Walk through everybody for sequences that take people in without an event."""
    mine, turn = parts(), _Turn("survey")
    while turn.goes_on():
        try:
            surveyed = survey(mine.database, mine.clock)
        except NurtureError as error:
            log.warning("survey stopped", why=str(error), retried=error.retry_helps)
            return
        if not surveyed.walked:
            return
        if surveyed.entered:
            log.info("surveyed", people=surveyed.people, entered=surveyed.entered)
            mine.nudge("advance")
    if not turn.is_held():
        mine.nudge("survey")


@_task("census")
def take_census() -> None:
    """Count everybody as they stand, for reports."""
    mine = parts()
    if _Turn("census").is_held():
        return
    try:
        rows = census(mine.censuses, mine.clock)
    except NurtureError as error:
        log.warning("census not taken", why=str(error), retried=error.retry_helps)
        return
    log.info("census taken", rows=rows)


@_task("forget")
def forget_old() -> None:
    """Forget what is older than its class of data is kept for."""
    mine, turn = parts(), _Turn("forget")
    more = True
    while more and turn.goes_on():
        try:
            outcome = forget(mine.database, mine.eraser, mine.clock)
        except NurtureError as error:
            log.warning("forgetting stopped", why=str(error), retried=error.retry_helps)
            return
        more = outcome.more
        if more:
            log.info("forgot", **{what: gone for what, gone in outcome.gone.items() if gone})
    if more and not turn.is_held():
        mine.nudge("forget")


@_task("sweep")
def sweep() -> None:
    """Nudge every partition in which something waits: a lost nudge costs one sweep of latency, never an event."""
    mine = parts()
    if _Turn("sweep").is_held():
        return
    pipeline = mine.redis.pipeline(transaction=False)
    for partition in range(mine.settings.partitions):
        pipeline.xlen(events(partition))
    for partition, waiting in enumerate(pipeline.execute()):
        if waiting:
            mine.nudge("absorb", partition)
