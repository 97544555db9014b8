"""A worker process that does nothing but send, and can be made to stop at one point.

What it does is the engine's own: the mailroom of `WorkerParts` and the verb. Only the calls to the store are watched
from outside, so that the process can die, or wait for somebody else's death, exactly there.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any, Final, cast

from sqlalchemy import Engine, event

from benchmarks.kills.points import Point, Trap
from nurture.adapters.mail.carrier import SmtpCarrier
from nurture.adapters.mail.writer import MailWriter
from nurture.bootstrap import WorkerParts, settle_down
from nurture.domain.mail.sending import MessageStatus
from nurture.errors import NurtureError
from nurture.flow.send import send
from nurture.ports import Claiming, Outcome, Sending
from nurture.settings import Settings

#: What workers load when they first send is loaded before they are forked.
_EARLY: Final = (SmtpCarrier, MailWriter)

#: How long a worker with nothing to do, or no database, rests before it looks again. Seconds.
_REST = 0.01


def work(harness: Connection, settings: Settings, trap: Trap | None, *, batch: int) -> None:
    """Send until told to end. On `settle`, tells `idle` when nothing more is due."""
    parts = WorkerParts(settings)
    settle_down()
    snare = _Snare(trap, harness)
    room = parts.mailroom
    room.store = cast("Sending", _WatchedStore(room.store, parts.database.engine, snare))
    settling = False
    while True:
        if harness.poll():
            word = harness.recv()
            if word == "end":
                return
            settling = settling or word == "settle"
        try:
            report = send(room, batch)
        except NurtureError as error:
            harness.send(f"failed: {error}")
            time.sleep(_REST)
            continue
        if report.claimed:
            snare.reach(Point.BETWEEN)
            continue
        if settling:
            harness.send("idle")
            settling = False
        time.sleep(_REST)


class _Snare:
    """The trap as it is laid in this process; it springs once."""

    def __init__(self, trap: Trap | None, harness: Connection) -> None:
        self._trap, self._harness = trap, harness
        self._passing = trap.passing if trap else 0

    def reach(self, point: Point) -> None:
        if self._trap is None or self._trap.point != point:
            return
        self._passing -= 1
        if self._passing:
            return
        if self._trap.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        self._harness.send(str(point))
        while self._harness.recv() != "go":
            pass


class _WatchedStore:
    """The engine's store; tells the snare when a mail comes to a point."""

    def __init__(self, store: Sending, engine: Engine, snare: _Snare) -> None:
        self._store = store
        self._snare = snare
        self._notes = False

        @event.listens_for(engine, "commit")
        def _before_commit(_connection: Any) -> None:
            if self._notes:
                snare.reach(Point.BEFORE_COMMIT)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def claiming(self) -> Iterator[Claiming]:
        self._snare.reach(Point.BEFORE_CLAIM)
        with self._store.claiming() as claim:
            yield claim
        self._snare.reach(Point.AFTER_CLAIM)

    def begin(self, worker: str, messages: Sequence[int], before: Sequence[Outcome], at: datetime) -> set[int]:
        if not any(outcome.status == MessageStatus.SENT for outcome in before):
            return self._store.begin(worker, messages, before, at)
        self._snare.reach(Point.AFTER_REPLY)
        self._notes = True
        try:
            going = self._store.begin(worker, messages, before, at)
        finally:
            self._notes = False
        self._snare.reach(Point.AFTER_NOTE)
        return going
