"""What a pool's processes write on their board, and how busy a worker is."""

import multiprocessing
import os
import signal
import time
from types import SimpleNamespace

import pytest

from workers.board import Board, Running
from workers.life import Busy, memory_of, told


def test_a_task_is_told_while_it_runs_and_no_longer() -> None:
    board = Board(2)
    slot = board.slot(1)
    slot.born()
    assert board.running({os.getpid()}) == []
    slot.begin("nurture.absorb", "3")
    slot.batch(500)
    slot.batch(20)
    (running,) = board.running({os.getpid()})
    assert (running.task, running.about, running.batches, running.rows) == ("nurture.absorb", "3", 2, 520)
    assert abs(time.time() - running.since) < 60
    slot.end()
    assert board.running({os.getpid()}) == []
    slot.begin("nurture.send", "")
    (running,) = board.running({os.getpid()})
    assert (running.task, running.about, running.batches, running.rows) == ("nurture.send", "", 0, 0)


def test_busy_seconds_grow_while_a_task_runs_and_stay_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("workers.board.time", SimpleNamespace(monotonic=lambda: now))
    board, mine = Board(2), {os.getpid()}
    slot = board.slot(0)
    slot.born()
    slot.begin("nurture.send", "")
    now = 103.0
    assert board.busy_seconds(mine) == 3.0
    slot.end()
    now = 110.0
    assert board.busy_seconds(mine) == 3.0
    slot.end()  # twice changes nothing
    assert board.busy_seconds(mine) == 3.0


def _dies(board: Board) -> None:
    slot = board.slot(0)
    slot.born()
    slot.begin("nurture.absorb", "1")
    os.kill(os.getpid(), signal.SIGKILL)


def _ends_in_order(board: Board) -> None:
    slot = board.slot(0)
    slot.born()
    slot.ended()


def _run(target: object, board: Board) -> int:
    child = multiprocessing.get_context("fork").Process(target=target, args=(board,))  # type: ignore[arg-type]  # a function
    child.start()
    child.join(30)
    assert child.pid is not None
    return child.pid


def test_what_a_killed_process_left_is_not_told_and_its_death_is_counted() -> None:
    board = Board(1)
    dead = _run(_dies, board)
    assert [each.task for each in board.running({dead})] == ["nurture.absorb"]  # it stands there …
    assert board.running({os.getpid()}) == []  # … and is known for old by its pid
    assert board.deaths == 0  # nobody has taken its place yet
    board.slot(0).born()
    assert board.deaths == 1
    assert board.running({os.getpid()}) == []


def test_a_process_that_ends_in_order_has_not_died() -> None:
    board = Board(1)
    for _ in range(2):
        _run(_ends_in_order, board)
    assert board.deaths == 0
    _run(_dies, board)
    assert board.deaths == 0
    for _ in range(2):
        _run(_ends_in_order, board)
        assert board.deaths == 1


@pytest.mark.parametrize(
    ("size", "past", "share"),
    [
        (2, [(0, 0)], 0.0),  # nothing to compare with
        (2, [(0, 0), (2, 4)], 1.0),
        (2, [(0, 0), (2, 1)], 0.25),
        (1, [(0, 0), (5, 0), (10, 0), (15, 5), (20, 10)], 1.0),  # only the last ten seconds
        (1, [(0, 0), (5, 5), (10, 10), (15, 10), (20, 10)], 0.0),
        (1, [(0, 8), (2, 3)], 0.0),  # a process died with what it was at
        (1, [(0, 0), (2, 9)], 1.0),
        (1, [(0, 0), (0, 0)], 0.0),
    ],
)
def test_busy_is_the_share_of_the_last_ten_seconds(size: int, past: list[tuple[float, float]], share: float) -> None:
    busy = Busy(size)
    answers = [busy.share(float(now), float(seconds)) for now, seconds in past]
    assert answers[-1] == pytest.approx(share)


def test_a_task_is_told_by_its_short_name_and_the_batch_it_works_on() -> None:
    assert told(Running("nurture.absorb", "3", 12.3456, 2, 520)) == {
        "task": "absorb", "since": 12.346, "batch": 3, "about": "3", "rows": 520,
    }  # fmt: skip


def test_memory_of_this_process_is_some_megabytes_and_of_nobody_is_unknown() -> None:
    assert 5e6 < (memory_of([os.getpid()]) or 0) < 5e9
    assert memory_of([]) is None
    assert memory_of([2**22 + 1]) is None
