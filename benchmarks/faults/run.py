"""One run from the first process to the account."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.faults import books, drill
from benchmarks.faults.account import Account
from benchmarks.faults.drill import Happened
from benchmarks.faults.page import Setting, Side
from benchmarks.faults.scene import IN_DOUBT, Scene, built
from benchmarks.faults.table import FAULTS, drawn
from benchmarks.machine import describe
from tests.support.waiting import wait_until

#: What PostgreSQL says of what was done to it, and what it is called on the page.
_REFUSALS: Final = {
    "deadlock detected": "deadlocks",
    "could not serialize access": "serialisation failures",
    "No space left on device": "full disks",
    "terminating connection due to administrator command": "ended connections",
}


class Came(NamedTuple):
    """What came of a run."""

    account: Account
    happened: list[Happened]
    side: Side
    setting: Setting
    facts: dict[str, Any]

    @property
    def mistakes(self) -> list[str]:
        """Everything that is not as it must be, in words."""
        found = list(self.account.mistakes)
        for each in self.happened:
            if each.recovered is None:
                found.append(f"the engine did not recover from: {each.fault.name} ({', '.join(each.left)})")
            if not each.noticed:
                said = ", ".join(each.said) or "nothing"
                found.append(f"status said {said} during: {each.fault.name}")
        return found


class Plan(NamedTuple):
    """How many faults, of those whose name holds `only`, for how many minutes at most; and what the crowd and Redis do."""

    faults: int
    seed: int
    only: str = ""
    minutes: float = inf
    rate: float = 8.0
    appendfsync: str = "everysec"


def run(plan: Plan, say: Callable[[str], None], keep: Path | None = None) -> Came:
    """Play the faults and settle the account. What the processes said stays in the folder `keep`."""
    with tempfile.TemporaryDirectory(prefix="nurture-faults-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with built(folder, rate=plan.rate, seed=plan.seed, appendfsync=plan.appendfsync) as scene:
            return _played(scene, plan, say)


def _played(scene: Scene, plan: Plan, say: Callable[[str], None]) -> Came:
    began, chance, facts = time.monotonic(), random.Random(plan.seed), describe(scene)
    wait_until(lambda: scene.sink.mails, 60, what="the first letter")
    disks = frozenset(
        name for name, disk in (("data", scene.data_disk), ("tables", scene.table_disk)) if disk is not None
    )  # fmt: skip
    happened = drill.play(scene, drawn(plan.faults, chance, disks, plan.only), chance, say, plan.minutes)
    drill.come_to_rest(scene)
    account = books.close(scene)
    left_out = tuple(each.name for each in FAULTS if each.needs_disk is not None and each.needs_disk not in disks)
    side = Side(scene.load.statuses, scene.bursts, scene.memory, _refusals(scene))
    if scene.load.refused:
        say(f"the crowd was refused {len(scene.load.refused)} times, first: {scene.load.refused[0]}")
    setting = Setting(plan.seed, plan.appendfsync, IN_DOUBT, time.monotonic() - began, left_out)
    return Came(account, happened, side, setting, facts)


def _refusals(scene: Scene) -> Counter[str]:
    """How often PostgreSQL logged each of the refusals."""
    counted: Counter[str] = Counter()
    with scene.postgres.log.open(errors="replace") as log:
        for line in log:
            counted.update(name for words, name in _REFUSALS.items() if words in line)
    return counted
