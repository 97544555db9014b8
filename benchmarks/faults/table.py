"""All faults, and which of them happen in a run."""

import random
from collections.abc import Sequence

from benchmarks.faults import (
    faults_of_database,
    faults_of_input,
    faults_of_mail,
    faults_of_processes,
    faults_of_redis,
)  # fmt: skip
from benchmarks.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *faults_of_processes.FAULTS, *faults_of_redis.FAULTS, *faults_of_database.FAULTS, *faults_of_mail.FAULTS,
    *faults_of_input.FAULTS,
)  # fmt: skip


def drawn(number: int, chance: random.Random, disks: frozenset[str], only: str = "") -> Sequence[Fault]:
    """So many faults in random order: each that can be played on these disks once, as far as the number goes, the others by weight."""
    playable = [each for each in FAULTS if (each.needs_disk is None or each.needs_disk in disks) and only in each.name]
    once = chance.sample(playable, len(playable))[:number]
    more = chance.choices(playable, [each.weight for each in playable], k=max(0, number - len(once)))
    together = [*once, *more]
    chance.shuffle(together)
    return together
