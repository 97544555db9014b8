"""The run: one fault after the other; after each, the engine must be well again by itself within a deadline."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from benchmarks.faults.asking import Said
from benchmarks.faults.books import put_off, unfinished
from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from nurture.domain.mail.sending import LEASE
from nurture.reports.status import Status

#: Until then the engine must be well again, in seconds of this machine.
DEADLINE: Final = 90.0

#: So many faults at most follow upon each other.
GROUP: Final = 6

#: How long status may take to notice what is wrong: a worker that was just killed must be back to find that mail cannot leave. Seconds.
_NOTICE: Final = 45.0

#: What a person is asked to look at in their own time; nothing waits for it.
STANDING: Final = frozenset({"dead-letters", "mails-uncertain", "alarms-unseen"})

_LOOK_EVERY: Final = 0.1

#: Longer than the engine needs for anything that is due now. A letter that was put off is waited for by moving the clock.
_SOON: Final = 2.0


class Happened(NamedTuple):
    """A fault that was played. `said` is what status named during it; `recovered` the seconds until all was well, by the engine's
    clock, None if that did not come; `noticed` whether status named what it must.
    """

    fault: Fault
    said: tuple[str, ...]
    noticed: bool
    recovered: float | None
    left: tuple[str, ...] = ()


def play(
    scene: Scene, faults: Sequence[Fault], chance: random.Random, say: Callable[[str], None], minutes: float
) -> list[Happened]:
    """Every fault; up to GROUP of them follow upon each other before the engine is given time to be well again.

    Ends early when it does not recover, and when the minutes are over.
    """
    happened: list[Happened] = []
    left, over = list(faults), time.monotonic() + 60 * minutes
    while left and all(each.recovered is not None for each in happened) and time.monotonic() < over:
        size = chance.randint(1, GROUP)
        group, left = left[:size], left[size:]
        for number, each in enumerate(_play(scene, group, chance), start=len(happened) + 1):
            happened.append(each)
            well = f"well after {each.recovered:.1f} s" if each.recovered is not None else f"NOT WELL: {', '.join(each.left)}"
            unsaid = "" if each.noticed else " — NOT NAMED"
            say(f"{number:>4} {each.fault.name}: {', '.join(each.said) or 'nothing'} said{unsaid}; {well}")
    return happened


class _Blow(NamedTuple):
    """A fault that was done, what status said, and from when on its recovery counts, by the engine's clock."""

    fault: Fault
    said: Said
    since: datetime


def _play(scene: Scene, group: Sequence[Fault], chance: random.Random) -> list[Happened]:
    blows: list[_Blow] = []
    for fault in group:
        try:
            blows.append(_strike(scene, fault, chance))
        except (AssertionError, TimeoutError) as error:  # what was waited for did not come; the account is settled all the same
            return [Happened(fault, (), noticed=True, recovered=None, left=(str(error),))]
    left = _recovery(scene)
    at = scene.now()
    return [
        Happened(
            blow.fault,
            tuple(dict.fromkeys(each for each in blow.said.codes if each not in STANDING)),
            not blow.fault.names or bool(blow.fault.names & set(blow.said.codes)),
            None if left else (at - blow.since).total_seconds(),
            left,
        )
        for blow in blows
    ]


def _strike(scene: Scene, fault: Fault, chance: random.Random) -> _Blow:
    lasts, struck = chance.uniform(fault.shortest, fault.longest), scene.now()
    with fault.harm(scene, chance):
        ends = time.monotonic() + lasts
        said = _ask(scene, fault, ends)
        time.sleep(max(0.0, ends - time.monotonic()))
    return _Blow(fault, said, struck if fault.is_blow else scene.now())


def _ask(scene: Scene, fault: Fault, ends: float) -> Said:
    """What status says while the fault lasts; once it does, or, of what must be named, when that has had time to show."""
    time.sleep(min(0.2, max(0.0, ends - time.monotonic())))
    said = scene.ask().answer()
    late = time.monotonic() + _NOTICE
    while fault.names and not fault.names & set(said.codes) and time.monotonic() < late:
        time.sleep(0.2)
        said = scene.ask().answer()
    return said


def _recovery(scene: Scene) -> tuple[str, ...]:
    """Return once somebody who posts a form now has their letter, and status finds nothing wrong; what is left at the deadline."""
    began, mails = time.monotonic(), len(scene.sink.mails)
    reader = scene.load.lead()
    moved = began
    while True:
        arrived = scene.sink.has_letter_for(reader, mails)
        found = scene.look()
        left = wrong(found)
        if arrived and not left:
            return ()
        if time.monotonic() > began + DEADLINE:
            return left if arrived else (*left, "the letter of who posted last did not come")
        if time.monotonic() > moved + _SOON and _pass_rest(scene, found, reader):
            moved = time.monotonic()
        time.sleep(_LOOK_EVERY)


def wrong(found: Status) -> tuple[str, ...]:
    """The codes of what is wrong, except what waits for a person."""
    return tuple(each.code for each in found.problems if each.code not in STANDING)


def _pass_rest(scene: Scene, found: Status, reader: str) -> bool:
    """Move the clock to where a resting mail server is tried again, or the letter to the reader, which was put off, is due."""
    if found.store is None:
        return False
    ends = [brake.until for brake in found.store.brakes if brake.until is not None]
    following = max(ends) if ends else put_off(scene.database, reader)
    if following is None or (following - scene.now()).total_seconds() <= 0:
        return False
    scene.move_clock((following - scene.now()).total_seconds() + 0.5)
    return True


def come_to_rest(scene: Scene) -> None:
    """Stop the crowd; let everything be accepted, absorbed and sent, whatever leases that takes. What is left is for the account."""
    scene.load.stop()
    _await(lambda: scene.load.under_way == 0)
    _await(scene.drained)
    for _ in range(20):
        if _await(lambda: unfinished(scene.database) == 0, 15):
            return
        scene.move_clock(max((LEASE + timedelta(minutes=1)).total_seconds(), _until_due(scene)))


def _until_due(scene: Scene) -> float:
    """Seconds until the next step: one that was planned while the clock was ahead may lie an hour away."""
    store = scene.look().store
    due = store.steps.next_due if store is not None else None
    return (due - scene.now()).total_seconds() + 1 if due is not None else 0.0


def _await(done: Callable[[], bool], seconds: float = DEADLINE) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY)
    return True
