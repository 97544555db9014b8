"""Clocks: this machine's against that of the database. That of Redis, and those of workers, are part of `nurture status`."""

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from time import time
from typing import Final

from sqlalchemy import text

from nurture.reports.diagnosis import SKEW
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.reports.problems import KINDS
from nurture.reports.wording import length

_KIND: Final = KINDS["clock-skew"]

BOOK: Final = Book(
    "clock",
    {
        "clock-skew": Code("warning", _KIND.means, _KIND.remedy, _KIND.command),
        "clock-moved": Code(
            "note",
            "The engine's clock is moved by NURTURE_CLOCK_FILE, as tests and the demo do.",
            "unset NURTURE_CLOCK_FILE where real people are written to",
        ),
    },
)


def look(patient: Patient) -> Iterator[Finding]:
    """The database's clock, unless it is a file of this machine."""
    if patient.settings.clock_file is not None:
        yield BOOK("clock-moved", "the engine's clock is moved by NURTURE_CLOCK_FILE")
    with patient.reading() as connection:
        if connection.dialect.name != "postgresql":
            yield BOOK.fine("the database has the clock of this machine")
            return
        asked = time()
        told = float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
        answered = time()
    yield from compared(asked, told, answered, "the database")


def compared(asked: float, told: float, answered: float, whose: str) -> Iterator[Finding]:
    """A clock that told the time between two instants of ours (all in seconds since 1970)."""
    off = max(asked - told, told - answered, 0.0)
    if off > SKEW:
        ahead = "ahead of" if told < asked else "behind"
        yield BOOK("clock-skew", f"this machine's clock is {length(off)} {ahead} that of {whose}", f"this machine or {whose}")
    else:
        yield BOOK.fine(f"this machine's clock agrees with that of {whose}")


def compared_with_date(date: str, asked: float, answered: float, whose: str) -> Iterator[Finding]:
    """A clock by what HTTP says in its header Date, which is to the second."""
    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return
    seconds = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    yield from compared(asked - 1, seconds, answered + 1, whose)


CHECKS: Final = (Check("clock", "the clocks", look),)
