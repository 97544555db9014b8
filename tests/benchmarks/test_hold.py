"""A ratio that got worse by a third is told, whichever way worse lies; a busy moment is not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import next_steps
from benchmarks.__main__ import GROUPS, KEYS, Bench, Group
from benchmarks.figure import Figure, Goal, measure
from benchmarks.hold import fallen, ratios_of, read, record
from benchmarks.laboratory import HERE, Laboratory
from benchmarks.profile import Profile


def figure(ours: float, twin: float = 100, **more: Any) -> Figure:
    return Figure("speed", "speed", ours=[ours], twin=[twin], **more)


@pytest.mark.parametrize(
    ("ours", "better", "falls"),
    [
        (1_000, "more", False), (700, "more", False), (660, "more", True), (2_000, "more", False),
        (1_000, "less", False), (1_490, "less", False), (1_510, "less", True), (100, "less", False),
    ],
)  # fmt: skip
def test_worse_by_a_third_is_told(ours: float, better: Any, falls: bool) -> None:
    assert bool(fallen(figure(ours, better=better), {"twin": 10.0})) is falls


def test_what_fell_is_named_with_both_ratios() -> None:
    assert fallen(figure(500), {"twin": 10.0}) == ["speed: ours ÷ twin was 10 and is 5"]


def test_a_slower_machine_is_no_fall() -> None:
    assert fallen(figure(100, twin=10), {"twin": 10.0}) == []


@pytest.mark.parametrize(
    ("unit", "held"), [("events/s", {"twin": 5.0}), ("s", {"twin": 5.0}), ("×", {"twin": 5.0, "itself": 10}), ("B", {"twin": 5.0, "itself": 10})]
)  # fmt: skip
def test_by_itself_only_what_is_the_same_everywhere_is_held(unit: str, held: dict[str, float]) -> None:
    assert ratios_of(figure(10, 2, unit=unit)) == held


def test_what_is_recorded_is_read_again_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "ratios.json"
    file.write_text(json.dumps({"mail": {"twin": 4.0}, "speed": {"twin": 1.0}}))
    record([figure(1_000, 300)], file)
    assert read(file) == {"mail": {"twin": 4.0}, "speed": {"twin": 3.33}}


def played(values: list[float], *goals: Goal) -> Group:
    """A group of one figure, whose turns give these values one after the other, beside a twin of 100."""
    rest = iter(values)

    def figures(laboratory: Laboratory, *, short: bool, times: int, say: Any) -> Iterator[Figure]:
        yield measure(Figure("speed", "speed", goals=goals), times, say, ours=lambda: next(rest), twin=lambda: 100.0, limit=None)

    return Group("speed", figures, ("speed",))


def held(values: list[float], recorded: dict[str, Any]) -> list[str]:
    bench = Bench(Laboratory(), short=True, times=1, profiled=False, next_steps={}, held=recorded)
    return [line for result in bench.results([played(values)]) for line in result.fallen]


def test_a_fall_is_measured_again_by_more_turns_before_it_counts() -> None:
    assert held([300, 900, 1_000, 1_100], {"speed": {"twin": 10.0}}) == []
    assert held([300, 310, 290, 300], {"speed": {"twin": 10.0}}) == ["speed: ours ÷ twin was 10 and is 3"]


def test_nothing_is_measured_twice_without_need() -> None:
    assert held([900], {"speed": {"twin": 10.0}}) == []


def test_a_figure_without_a_record_is_told_and_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert held([1], {"mail": {"twin": 10.0}}) == []
    assert "no ratio is on record" in capsys.readouterr().err


def test_a_figure_that_its_group_does_not_name_is_a_mistake() -> None:
    bench = Bench(Laboratory(), short=True, times=1, profiled=False, next_steps={}, held=None)
    with pytest.raises(LookupError, match="does not name its figure speed"):
        list(bench.results([played([1])._replace(keys=("other",))]))


def test_only_a_goal_that_is_missed_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.__main__.profile", lambda _laboratory, turn: Profile({"psycopg": turn()}))
    bench = Bench(Laboratory(), short=False, times=1, profiled=True, next_steps={"speed": "a week"}, held=None)
    missed, met = (next(bench.results([played([ours, 7.0], Goal(10, "twin"))])) for ours in (500.0, 1_500.0))
    assert (missed.profile, missed.next_step) == (Profile({"psycopg": 7.0}), "a week")
    assert (met.profile, met.next_step) == (None, "")


def test_keys_are_given_once() -> None:
    assert len(set(KEYS)) == len(KEYS)
    assert len({group.key for group in GROUPS}) == len(GROUPS)


def test_what_is_held_and_what_would_be_next_are_of_figures_there_are() -> None:
    assert set(read(HERE / "ratios.json")) <= set(KEYS)
    assert set(next_steps.read(KEYS)) <= set(KEYS)


@pytest.mark.parametrize(
    ("text", "said"), [("speeed: soon", "no figure is called speeed"), ("speed: ''", "a text is wanted for speed")]
)
def test_a_next_step_of_no_figure_or_without_words_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "next_steps.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        next_steps.read(["speed"], file)


def test_a_next_step_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "next_steps.yaml"
    file.write_text("speed: >\n  a week,\n  and an extension\n")
    assert next_steps.read(["speed"], file) == {"speed": "a week, and an extension"}
