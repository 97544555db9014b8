"""`python -m benchmarks`: what it prints and keeps, and how it ends."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as bench
from benchmarks.figure import Figure, Goal, measure
from benchmarks.laboratory import Laboratory, WrongResultError

FACTS: dict[str, Any] = {
    "measured": "2026-11-29T10:00+00:00", "commit": "28952fa", "python": "3.11.7", "servers": {}, "packages": {},
    "machine": {"cores": 2, "processor": "a processor", "memory_gb": 8, "system": "Linux 6.18", "load_before": 0.1},
}  # fmt: skip


def _speed(laboratory: Laboratory, *, short: bool, times: int, say: Any) -> Iterator[Figure]:
    """Ours is 1,000 in the short form, and 600 otherwise."""
    figure = Figure("speed", "speed", goals=(Goal(5, "twin"),))
    yield measure(figure, times, say, ours=lambda: 1_000 if short else 600, twin=lambda: 100, limit=None)


def _lossy(laboratory: Laboratory, *, short: bool, times: int, say: Any) -> Iterator[Figure]:
    yield measure(Figure("lost", "lost"), times, say, ours=_loses, twin=None, limit=None)


def _loses() -> float:
    raise WrongResultError("events stored: 9 instead of 10")


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = (bench.Group("speed", _speed, ("speed",)), bench.Group("lossy", _lossy, ("lost",), in_short=False))
    monkeypatch.setattr(bench, "GROUPS", groups)
    monkeypatch.setattr(bench, "Laboratory", lambda: nullcontext(Laboratory()))
    monkeypatch.setattr(bench, "describe", lambda _laboratory: FACTS)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def ran(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["benchmarks", "--json", str(tmp_path / "bench.json"), *words])
        return bench.main()

    return ran


def test_figures_are_printed_and_kept(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--short") == 0
    assert "≥ 5 met" in capsys.readouterr().out
    told = json.loads((tmp_path / "bench.json").read_text())
    assert told["commit"] == "28952fa"
    assert told["figures"][0]["ours"] == [1_000, 1_000, 1_000]


def test_what_is_recorded_holds_and_what_fell_ends_with_two(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ratios = str(tmp_path / "ratios.json")
    assert run("--short", "--record", ratios) == 0
    assert run("--short", "--hold", ratios) == 0
    assert run("--only", "speed", "--hold", ratios, "--times", "1") == 2
    told = capsys.readouterr()
    assert "fell by more than a third: speed: ours ÷ twin was 10 and is 6" in told.err
    assert "speed, events/s" in told.out, "the table stands all the same"


def test_a_wrong_run_has_no_figure_but_what_was_measured_before_is_kept(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 1
    told = capsys.readouterr()
    assert "events stored: 9 instead of 10" in told.err
    assert "medians" not in told.out
    assert [each["key"] for each in json.loads((tmp_path / "bench.json").read_text())["figures"]] == ["speed"]


def test_the_short_form_leaves_out_what_takes_long_unless_it_is_asked_for(run: Any) -> None:
    assert run("--short") == 0
    assert run("--short", "--only", "lossy") == 1
