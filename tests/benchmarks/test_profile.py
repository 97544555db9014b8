"""Samples are told by the room whose line was running, and a process that is busy is seen to be."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.laboratory import Laboratory
from benchmarks.profile import MOST, NoProfileError, Watch, fold, room_of, sampled, shares
from tests.support.waiting import wait_until

#: A module of ours works, and then says so with each round.
BUSY = """
import hashlib, pathlib, sys
def work():
    for number in range(100_000):
        hashlib.sha256(str(number).encode()).hexdigest()
rounds = pathlib.Path(sys.argv[1])
for number in range(1_000_000):
    work()
    rounds.write_text(str(number))
"""


@pytest.mark.parametrize(
    ("frame", "room"),
    [
        ("absorb (nurture/flow/absorb.py:120)", "nurture.flow.absorb"),
        ("<module> (nurture/cli/__init__.py:3)", "nurture.cli"),
        ("absorb (workers/tasks.py:12)", "workers.tasks"),
        ("execute (psycopg/cursor.py:97)", "psycopg"),
        ("_GeneratorContextManager.__exit__ (contextlib.py:144)", "Python: contextlib"),
        ("raw_decode (json/decoder.py:353)", "Python: json"),
        ("_run_code (<frozen runpy>:88)", "Python: <frozen runpy>"),
        ("render (<template>)", "Python: <template>"),
        ("work", "elsewhere"),
    ],
)
def test_a_frame_belongs_to_a_room(frame: str, room: str) -> None:
    assert room_of(frame) == room


RAW = (
    'process 7:"python -m nurture.cli.main";main (nurture/cli/main.py:9);absorb (nurture/flow/absorb.py:120) 3\n',
    'process 7:"python -m nurture.cli.main";main (nurture/cli/main.py:9);execute (psycopg/cursor.py:97) 5\n',
    'process 7:"python -m nurture.cli.main";<module> (nurture/cli/main.py:1);_find_and_load (<frozen importlib._bootstrap>:1176) 9\n',
    "answer_of (benchmarks/laboratory.py:88);select (selectors.py:415) 2\n",
    "\n",
)


def test_samples_are_counted_by_the_innermost_frame_and_imports_are_left_out() -> None:
    assert fold(RAW) == {"nurture.flow.absorb": 3, "psycopg": 5, "Python: selectors": 2}


def test_a_line_that_was_cut_off_counts_for_nothing() -> None:
    assert fold([*RAW, 'process 7:"python -m nurture.cli.main beat";']) == fold(RAW)


def test_of_this_process_only_what_the_engine_did_counts() -> None:
    assert fold(RAW, through="(nurture/") == {"nurture.flow.absorb": 3, "psycopg": 5}


def test_the_largest_rooms_are_told_and_all_shares_are_one() -> None:
    told = shares(Counter({f"room-{number}": number + 1 for number in range(MOST + 3)}))
    assert len(told) == MOST + 1
    assert next(iter(told)) == f"room-{MOST + 2}"
    assert list(told)[-1] == "3 others"
    assert sum(told.values()) == pytest.approx(1)
    assert shares(Counter({"a": 3, "b": 1})) == {"a": 0.75, "b": 0.25}


@contextmanager
def busy(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    program, rounds = folder / "busy_bee.py", folder / "rounds"
    program.write_text(BUSY)
    with subprocess.Popen([sys.executable, str(program), str(rounds)]) as process:
        try:
            wait_until(rounds.exists, 60, what="the first round")
            yield process, rounds
        finally:
            process.kill()


def round_of(rounds: Path) -> int:
    return int(rounds.read_text() or "0")


def test_a_busy_process_is_seen_where_it_works(tmp_path: Path) -> None:
    """Where nobody may trace processes, that is said instead."""
    watch = Watch(tmp_path)
    with busy(tmp_path) as (process, rounds):
        with watch.of(("nurture.cli.main", "worker"), process.pid):
            begun = round_of(rounds)
            wait_until(lambda: round_of(rounds) > begun + 5, 120, what="some rounds while it is looked at")
        assert process.poll() is None, "whoever is looked at goes on"
    seen = watch.rooms()
    assert seen["busy_bee"] > seen.total() / 2 > 0 or "ermission" in watch.refused
    assert watch.engine_seconds > 0


def test_a_process_that_is_gone_has_no_profile_and_says_why(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with pytest.raises(NoProfileError, match="py-spy"), sampled(gone.pid, tmp_path / "seen.raw"):
        pytest.fail("there is nobody to look at")


def test_a_watch_that_is_refused_lets_the_turn_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.profile.sysconfig.get_path", lambda _name: str(tmp_path))
    watch, played = Watch(tmp_path), []
    with watch.of(("nurture.cli.main", "worker"), os.getpid()):
        played.append("turn")
    assert played == ["turn"]
    assert watch.refused == "py-spy is not installed"
    assert not watch.rooms()


def test_only_processes_of_the_engine_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.profile.sampled", lambda *_: pytest.fail("it is none of ours"))
    with Watch(tmp_path).of(("benchmarks.sink", "2525"), os.getpid()):
        pass


def test_the_laboratory_has_each_process_looked_at_while_it_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laboratory, told = Laboratory(), list[object]()
    monkeypatch.setattr(laboratory, "folder", tmp_path, raising=False)

    @contextmanager
    def watching(module: Sequence[str], pid: int) -> Iterator[None]:
        told.append((*module, pid))
        yield
        told.append("enough")

    with laboratory.watched_by(watching), laboratory.process("this", environ={}) as process:
        assert told == [("this", process.pid)]
    assert told[1:] == ["enough"]
    with laboratory.process("this", environ={}):
        pass
    assert len(told) == 2, "behind the block nobody looks any more"
