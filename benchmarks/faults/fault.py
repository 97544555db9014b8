"""What a fault is."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from benchmarks.faults.scene import Scene

#: Does the harm when it is entered, and takes the cause away when it is left.
Harm = Callable[[Scene, random.Random], AbstractContextManager[None]]


class Fault(NamedTuple):
    """Something that may happen.

    It lasts between `shortest` and `longest` seconds. While it does, `nurture status` must name one of `names` (codes of problems);
    without any, nobody need notice, because it is over sooner than anything counts as a problem. `weight` is how often it is
    drawn; `needs_disk` names the small disk without which it cannot be played.
    A blow is over when it has fallen, so recovery counts from there; another harm lasts, and recovery counts from its end.
    """

    name: str
    harm: Harm
    names: frozenset[str] = frozenset()
    shortest: float = 0.3
    longest: float = 1.5
    weight: float = 1.0
    needs_disk: str | None = None
    is_blow: bool = False
