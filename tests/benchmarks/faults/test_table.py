"""The faults of a run are drawn by a seed."""

import random

from benchmarks.faults.table import FAULTS, drawn

DISKS = frozenset({"data", "tables"})


def test_each_fault_comes_at_least_once_and_a_seed_repeats_the_run() -> None:
    faults = drawn(500, random.Random(3), DISKS)
    assert len(faults) == 500
    assert set(faults) == set(FAULTS)
    assert faults == drawn(500, random.Random(3), DISKS)
    assert faults != drawn(500, random.Random(4), DISKS)


def test_what_needs_a_disk_is_left_out_where_there_is_none() -> None:
    faults = drawn(100, random.Random(3), frozenset())
    assert {each.needs_disk for each in faults} == {None}


def test_their_names_tell_them_apart() -> None:
    assert len({each.name for each in FAULTS}) == len(FAULTS)
