"""The run: one fault after the other; after each, the engine must be well again by itself within a deadline."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from benchmarks.faults.asking import Said, codes_of
from benchmarks.faults.books import unfinished
from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from nurture.domain.mail.sending import LEASE
from nurture.reports.status import Status

#: Until then the engine must be well again, in seconds of this machine.
DEADLINE: Final = 90.0

#: How long status may take to notice what is wrong. Seconds.
_NOTICE: Final = 10.0

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


def play(scene: Scene, faults: Sequence[Fault], chance: random.Random, say: Callable[[str], None]) -> list[Happened]:
    """Every fault, one after the other."""
    happened = []
    for number, fault in enumerate(faults, start=1):
        each = _play(scene, fault, chance)
        happened.append(each)
        well = f"well after {each.recovered:.1f} s" if each.recovered is not None else f"NOT WELL: {', '.join(each.left)}"
        unsaid = "" if each.noticed else " — NOT NAMED"
        say(f"{number:>4} {fault.name}: {', '.join(each.said) or 'nothing'} said{unsaid}; {well}")
        if each.recovered is None:
            break
    return happened


def _play(scene: Scene, fault: Fault, chance: random.Random) -> Happened:
    lasts = chance.uniform(fault.shortest, fault.longest)
    began = time.monotonic()
    with fault.harm(scene, chance):
        ends = time.monotonic() + lasts
        said = _ask(scene, fault, ends)
        time.sleep(max(0.0, ends - time.monotonic()))
    recovered, left = _recovery(scene, began if fault.is_blow else time.monotonic())
    told = tuple(each for each in said.codes if each not in STANDING)
    return Happened(fault, told, not fault.names or bool(fault.names & set(said.codes)), recovered, left)


def _ask(scene: Scene, fault: Fault, ends: float) -> Said:
    """What status says while the fault lasts; once it does, or, of what must be named, when that has had time to show."""
    time.sleep(min(0.2, max(0.0, ends - time.monotonic())))
    said = scene.ask().answer()
    late = time.monotonic() + _NOTICE
    while fault.names and not fault.names & set(said.codes) and time.monotonic() < late:
        time.sleep(0.2)
        said = scene.ask().answer()
    return said


def _recovery(scene: Scene, began: float) -> tuple[float | None, tuple[str, ...]]:
    """Seconds by the engine's clock from `began` until somebody who posts a form now has their letter, and status finds nothing wrong."""
    shift, mails = scene.shift, len(scene.sink.mails)
    reader = scene.load.lead()
    moved = time.monotonic()
    left: tuple[str, ...] = ()
    while time.monotonic() < began + DEADLINE:
        arrived = scene.sink.has_letter_for(reader, mails)
        found = scene.look()
        left = wrong(found)
        if arrived and not left:
            return time.monotonic() - began + scene.shift - shift, ()
        if time.monotonic() > moved + _SOON and _pass_rest(scene, found):
            moved = time.monotonic()
        time.sleep(_LOOK_EVERY)
    return None, left if arrived else (*left, "the letter of who posted last did not come")


def wrong(found: Status) -> tuple[str, ...]:
    """The codes of what is wrong, except what waits for a person."""
    return tuple(code for code in codes_of(each.model_dump() for each in found.problems) if code not in STANDING)


def _pass_rest(scene: Scene, found: Status) -> bool:
    """Move the clock to where a resting mail server is tried again, or a letter that was put off is due."""
    if found.store is None:
        return False
    ends = [brake.until for brake in found.store.brakes if brake.until is not None]
    following = max(ends) if ends else found.store.mails.next_due
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
        scene.move_clock((LEASE + timedelta(minutes=1)).total_seconds())


def _await(done: Callable[[], bool], seconds: float = DEADLINE) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY)
    return True
