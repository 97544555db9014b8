"""The examination: checks side by side in threads, each within its time, none of which can spoil another."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from queue import Empty, Queue
from threading import Thread
from typing import Final, NamedTuple

from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from nurture.errors import NurtureError
from nurture.reports.doctor.finding import Area, Book, Finding
from nurture.reports.doctor.patient import Patient


class Check(NamedTuple):
    """Looks at one thing. `what` says at what; `outside`: it asks somebody who is no part of the installation.

    `patience`: how much longer than others it may take, for what depends on the size of the installation.
    """

    area: Area
    what: str
    look: Callable[[Patient], Iterable[Finding]]
    outside: bool = False
    patience: float = 1.0


class Done(NamedTuple):
    """A check with what it found, and how long it took."""

    check: Check
    findings: Sequence[Finding]
    seconds: float


#: A check asks several servers, one after the other; each of them may take the patience of the patient. Seconds in all.
_QUESTIONS: Final = 3


def examine(patient: Patient, checks: Collection[Check]) -> list[Done]:
    """Make all checks at once. Those that are not done in time say so; what they still do ends with the process."""
    begun, done = time.monotonic(), Queue[Done]()
    for each in checks:
        # Daemons: a server that neither answers nor hangs up must not keep the process from ending.
        Thread(target=_make, args=(each, patient, done), name=each.what, daemon=True).start()
    made: dict[tuple[Area, str], Done] = {}
    limits = {(each.area, each.what): begun + _QUESTIONS * patient.patience * each.patience for each in checks}
    while len(made) < len(checks):
        last = max(limit for name, limit in limits.items() if name not in made)
        try:
            found = done.get(timeout=max(0.0, last - time.monotonic()))
        except Empty:
            break
        made[found.check.area, found.check.what] = found
    return [made.get((each.area, each.what)) or _too_slow(each, time.monotonic() - begun) for each in checks]


def _make(check: Check, patient: Patient, done: "Queue[Done]") -> None:
    begun = time.monotonic()
    try:
        findings = list(_found(check, patient))
    except Exception as error:  # noqa: BLE001 - a check that breaks must not take the others with it
        findings = [_unknown(check, _why(error))]
    done.put(Done(check, findings, time.monotonic() - begun))


def _found(check: Check, patient: Patient) -> Iterable[Finding]:
    if check.outside and patient.offline:
        return [_unknown(check, "nobody outside is asked (--offline)")]
    return check.look(patient)


def _unknown(check: Check, why: str) -> Finding:
    return Book(check.area, {}).unknown(check.what, why)


def _too_slow(check: Check, seconds: float) -> Done:
    return Done(check, [_unknown(check, f"it was not done within {seconds:.0f} s; a longer --timeout waits for it")], seconds)


def _why(error: Exception) -> str:
    """Why a check could not be made, without what an error may tell of URLs and people."""
    if isinstance(error, NurtureError):
        return str(error).partition("; ")[0]
    if isinstance(error, RedisError):
        return f"Redis does not answer it ({type(error).__name__})"
    if isinstance(error, DBAPIError):
        return f"the database does not answer it ({type(error.orig).__name__})"
    return type(error).__name__
