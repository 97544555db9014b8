"""The tasks, in the order of the flow. Each is short, carries no business data, and may run twice or not at all.

A task works through what waits until nothing is left or its time is up, then ends; what is left finds its next nudge.
"""

import random
import time
from functools import cache
from typing import Final

from celery import shared_task
from structlog import get_logger

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.calendar import is_holiday
from nurture.adapters.redis_keys import events
from nurture.adapters.stream import held_partition
from nurture.bootstrap import WorkerParts, settle_down
from nurture.errors import NurtureError
from nurture.flow.absorb import BATCH as ABSORB_BATCH
from nurture.flow.absorb import absorb
from nurture.flow.advance import BATCH as ADVANCE_BATCH
from nurture.flow.advance import advance
from nurture.flow.cool import cool
from nurture.flow.forget import forget
from nurture.flow.hand_off import BATCH as HAND_OFF_BATCH
from nurture.flow.hand_off import hand_off
from nurture.flow.recount import BATCH as RECOUNT_BATCH
from nurture.flow.recount import recount
from nurture.flow.send import BATCH as SEND_BATCH
from nurture.flow.send import send
from nurture.settings import Settings

#: How long one run of a task goes on, in seconds: well under its time limit, long enough to be worth its message.
TURN: Final = 10.0

log = get_logger("nurture.tasks")


@cache
def parts() -> WorkerParts:
    """What this process works with; made after the fork, on the first task."""
    settle_down()
    return WorkerParts(Settings.load())


class _Turn:
    """The time one run of a task may take."""

    def __init__(self) -> None:
        self._over = time.monotonic() + TURN

    def goes_on(self) -> bool:
        return time.monotonic() < self._over


@shared_task(name="nurture.absorb")
def absorb_partition(partition: int) -> None:
    """Drain a partition of the stream into the database."""
    mine = parts()
    turn = _Turn()
    with held_partition(mine.redis, partition) as held:
        if held is None:
            return
        while turn.goes_on():
            try:
                absorbed = absorb(held, mine.database, mine.clock, kind_of_agent)
            except NurtureError as error:
                log.warning("absorb stopped", partition=partition, why=str(error), retried=error.retry_helps)
                return
            if absorbed.read:
                counts = {
                    "read": absorbed.read,
                    "stored": absorbed.stored,
                    "parked": absorbed.parked,
                    "dropped": absorbed.dropped,
                }
                log.info("absorbed", partition=partition, **counts)
            if absorbed.wakes_sequences:
                mine.nudge("advance")
            if absorbed.wakes_recount:
                mine.nudge("recount")
            if absorbed.read < ABSORB_BATCH:
                break
    if held.waiting():
        mine.nudge("absorb", partition)  # somebody wrote while we were putting the lease down


@shared_task(name="nurture.recount")
def recount_due() -> None:
    """Work out people of whom what is stored no longer follows from the log."""
    mine = parts()
    turn = _Turn()
    while turn.goes_on():
        try:
            report = recount(mine.database, mine.clock)
        except NurtureError as error:
            log.warning("recount stopped", why=str(error), retried=error.retry_helps)
            return
        if report.due:
            log.info("recounted", due=report.due, left=report.left, moved=report.moved)
        if report.begun:
            mine.nudge("advance")
        if report.due < RECOUNT_BATCH:
            return


@shared_task(name="nurture.advance")
def advance_due() -> None:
    """Let due enrollments take their next steps."""
    mine = parts()
    turn = _Turn()
    while turn.goes_on():
        try:
            advanced = advance(mine.database, mine.clock, is_holiday)
        except NurtureError as error:
            log.warning("advance stopped", why=str(error), retried=error.retry_helps)
            return
        if advanced.moved:
            log.info("advanced", moved=advanced.moved, queued=advanced.queued)
        if advanced.queued:
            mine.nudge("send")
        if advanced.moved < ADVANCE_BATCH:
            return


@shared_task(name="nurture.send")
def send_due() -> None:
    """Hand queued messages to the mail server."""
    mine = parts()
    turn = _Turn()
    while turn.goes_on():
        try:
            report = send(mine.database.sending, mine.transport, mine.writer, mine.clock, is_holiday, mine.name)
        except NurtureError as error:
            log.warning("send stopped", why=str(error), retried=error.retry_helps)
            return
        if report.claimed:
            log.info("sent", claimed=report.claimed, sent=report.sent, left=report.left)
        if report.claimed < SEND_BATCH or report.left:
            return


@shared_task(name="nurture.hand_off")
def hand_off_due() -> None:
    """Tell other systems of the stage changes they asked for."""
    mine = parts()
    turn = _Turn()
    while turn.goes_on():
        try:
            report = hand_off(mine.database.handing_off, mine.webhooks, mine.clock, random.random)
        except NurtureError as error:
            log.warning("hand-off stopped", why=str(error), retried=error.retry_helps)
            return
        if report.claimed:
            log.info("handed off", claimed=report.claimed, delivered=report.delivered, given_up=report.given_up)
        if report.claimed < HAND_OFF_BATCH:
            return


@shared_task(name="nurture.cool")
def cool_down() -> None:
    """Recycle people whose engagement has faded."""
    mine = parts()
    recycled = cool(mine.database, mine.clock)
    if recycled:
        log.info("cooled", recycled=recycled)


@shared_task(name="nurture.forget")
def forget_old() -> None:
    """Forget what is older than its class of data is kept for."""
    mine = parts()
    turn = _Turn()
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
    if more:
        mine.nudge("forget")


@shared_task(name="nurture.sweep")
def sweep() -> None:
    """Nudge every partition in which something waits: a lost nudge costs one sweep of latency, never an event."""
    mine = parts()
    pipeline = mine.redis.pipeline(transaction=False)
    for partition in range(mine.settings.partitions):
        pipeline.xlen(events(partition))
    for partition, waiting in enumerate(pipeline.execute()):
        if waiting:
            mine.nudge("absorb", partition)
