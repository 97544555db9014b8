"""What processes weigh is counted once, with everybody who descends from them; and growth is told from a straight line."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

import pytest

from benchmarks.laboratory import ROOT, WrongResultError
from benchmarks.memory import Held, Scales, Weights, family, held_by, made_of

MILLIONS = 40

#: Takes so many MB, shares them with a child, says so, and stays until its input ends.
_PARENT = f"""
import os, sys
held = bytearray(os.urandom({MILLIONS}_000_000))
if os.fork():
    print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def _python(program: str) -> Iterator[Popen[str]]:
    process = Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()  # the child has the same one, and ends too


def test_what_a_process_shares_with_its_child_counts_once() -> None:
    with _python(_PARENT) as process:
        assert len(family(process.pid)) == 2
        held = held_by(process.pid)
        assert (held.processes, MILLIONS < held.own < held.all < 2 * MILLIONS) == (2, True)


def test_grandchildren_belong_to_the_family() -> None:
    program = "import os, sys\nfor _ in range(3):\n    if os.fork(): break\nelse: print('ready', flush=True)\nsys.stdin.read()"
    with _python(program) as process:
        assert len(set(family(process.pid))) == 4


def test_a_process_that_ended_is_not_weighed() -> None:
    ended = Popen([sys.executable, "-c", "raise SystemExit(3)"])
    ended.wait()
    with pytest.raises(WrongResultError, match="web ended with exit code 3"):
        Scales({"web": ended}).now()


def test_growth_is_that_of_the_later_three_quarters() -> None:
    filling = [(float(second), 100.0 + 9 * second) for second in range(100)]
    growing = [(float(second), 1_000.0 + second / 3_600) for second in range(100, 400)]
    weights = Weights({"web": Held(1, 60.0, 30.0)}, [*filling, *growing])
    assert weights.slope == pytest.approx(1.0)
    assert weights.full == growing[-1][1]


def test_it_is_told_what_each_process_made_and_what_it_maps() -> None:
    told = made_of({"web": Held(1, 60.0, 30.0), "worker": Held(3, 150.0, 20.0)})
    assert told.columns == ("processes", "their own, MB", "mapped files, MB", "together, MB")
    assert told.parts == {"web": (1, 60.0, 30.0, 90.0), "worker": (3, 150.0, 20.0, 170.0)}
