"""Leases in the database: of several processes that could do something, one does it, and another goes on within seconds if it dies."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog
from sqlalchemy import Engine, and_, delete, or_
from sqlalchemy.exc import SQLAlchemyError

from nurture.adapters.database.dialect import insert
from nurture.adapters.database.tables import leases

#: Whether a lease is ours, somebody else's, or nobody can say because the database does not answer.
Standing = Literal["ours", "theirs", "unknown"]

#: Seconds that a lease lasts, and after which its holder renews it.
LASTS: Final = 6.0
RENEWED: Final = 2.0


def take(engine: Engine, name: str, holder: str, at: datetime, lasts: float = LASTS) -> bool:
    """Take or renew a lease for some seconds from `at` on; False while another holds it. Raises SQLAlchemyError.

    Holders read clocks of their own: as far as these differ, a lease changes hands that much earlier or later.
    """
    with engine.begin() as connection:
        row = {"name": name, "holder": holder, "until": at + timedelta(seconds=lasts)}
        statement = insert(connection, leases).values(row)
        free = or_(leases.c.holder == holder, leases.c.until <= at)
        new = {"holder": statement.excluded.holder, "until": statement.excluded.until}
        taken = statement.on_conflict_do_update(index_elements=[leases.c.name], set_=new, where=free).returning(leases.c.holder)
        return connection.execute(taken).one_or_none() is not None


def give_back(engine: Engine, name: str, holder: str) -> None:
    """Let another take it at once. Raises SQLAlchemyError."""
    with engine.begin() as connection:
        connection.execute(delete(leases).where(and_(leases.c.name == name, leases.c.holder == holder)))


class LeaseKeeper:
    """Keeps asking for a lease from a thread of its own, so that whoever goes by it never waits for the database."""

    def __init__(self, engine: Engine, name: str, holder: str, now: Callable[[], datetime], lasts: float = LASTS) -> None:
        self._engine, self._name, self._holder, self._now, self._lasts = engine, name, holder, now, lasts
        self._ours: bool | None = None
        self._answered = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._first = threading.Event()

    def start(self) -> None:
        """Begin to ask; returns when the database has answered, or after a moment."""
        self._thread.start()
        self._first.wait(self._lasts / 3)

    def standing(self) -> Standing:
        """Whose the lease is. An answer older than a lease lasts is none."""
        if self._ours is None or time.monotonic() - self._answered > self._lasts:
            return "unknown"
        return "ours" if self._ours else "theirs"

    def stop(self) -> None:
        """Ask no more, and give the lease back."""
        self._over.set()
        self._thread.join(self._lasts)
        self._engine.dispose()

    def _keep(self) -> None:
        while not self._over.is_set():
            self._ask()
            self._first.set()
            self._over.wait(self._lasts * RENEWED / LASTS)
        if self._ours:
            try:
                give_back(self._engine, self._name, self._holder)
            except SQLAlchemyError:  # it runs out by itself
                structlog.get_logger(__name__).debug("a lease was not given back", name=self._name)

    def _ask(self) -> None:
        try:
            ours: bool | None = take(self._engine, self._name, self._holder, self._now(), self._lasts)
        except SQLAlchemyError as error:
            ours = None
            structlog.get_logger(__name__).debug("a lease was not asked for", name=self._name, error=type(error).__name__)
        if ours != self._ours:
            structlog.get_logger(__name__).info(
                "lease", name=self._name, standing={True: "ours", False: "theirs", None: "unknown"}[ours]
            )
        self._ours, self._answered = ours, time.monotonic()
