"""What the table says of a figure: medians, ratios, which goals are met, and what is known where one is missed."""

from typing import Any

import pytest
from rich.console import Console

from benchmarks.breakdown import Breakdown
from benchmarks.figure import Figure, Goal
from benchmarks.profile import Profile
from benchmarks.table import Result, quantity, show

FACTS: dict[str, Any] = {
    "measured": "2026-11-29T10:00+00:00", "commit": "28952fa", "python": "3.11.7", "servers": {"PostgreSQL": "15.18"}, "packages": {},
    "machine": {"cores": 2, "processor": "a processor", "memory_gb": 8, "system": "Linux 6.18", "load_before": 0.1},
}  # fmt: skip

ACCEPT = Figure(
    "accept", "accept", ours=[3_000, 5_000, 4_000], twin=[500, 500], limit=[10_000], limit_is="the most there is",
    goals=(Goal(10, "twin"), Goal(0.4, "limit")),
)  # fmt: skip


def printed(*results: Result) -> str:
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as capture:
        show(FACTS, results, console)
    return capture.get()


def row_of(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if name in line)
    return [cell.strip() for cell in line.strip("│ ").split("│")]


@pytest.mark.parametrize(
    ("value", "told"), [(0.271, "0.271"), (6.94, "6.94"), (14.53, "14.5"), (132.4, "132"), (13_083.2, "13,083"), (0, "0")]
)
def test_a_number_has_the_digits_that_say_something(value: float, told: str) -> None:
    assert quantity(value) == told


def test_a_row_has_the_medians_and_their_ratios() -> None:
    text = printed(Result(ACCEPT))
    assert row_of(text, "accept, events/s") == ["accept, events/s", "4,000", "500", "10,000", "8", "0.4", "the most there is"]


def test_each_ratio_says_whether_its_goal_is_met() -> None:
    text = printed(Result(ACCEPT))
    assert "≥ 10 missed" in text
    assert "≥ 0.4 met" in text
    assert "accept misses ≥ 10 ours ÷ twin (8)" in text
    assert "2026-11-29T10:00+00:00, commit 28952fa" in text
    assert "PostgreSQL 15.18, Python 3.11.7" in text


def test_a_goal_of_the_figure_itself_stands_beside_ours() -> None:
    stored = Figure("bytes", "an event stored", "B", "less", ours=[431.0], goals=(Goal(400),))
    text = printed(Result(stored))
    assert row_of(text, "an event stored, B")[1:6] == ["431", "—", "—", "—", "—"]
    assert "≤ 400 missed" in text
    assert "an event stored misses ≤ 400 B (431)" in text


def test_a_goal_whose_column_was_not_measured_is_missed() -> None:
    text = printed(Result(Figure("mail", "mail", ours=[10.0], goals=(Goal(5, "twin"),))))
    assert "mail misses ≥ 5 ours ÷ twin (—)" in text


def test_beside_a_missed_goal_stand_the_profile_and_the_next_step() -> None:
    profile = Profile({"psycopg": 0.6, "nurture.flow.absorb": 0.4}, 250, {"engine": 3.0, "PostgreSQL": 1.0, "Redis": 0.0})
    text = printed(Result(ACCEPT, profile, "an extension in C"))
    assert "processor time of a turn and its start: engine 3.0 s (75%), PostgreSQL 1.0 s (25%), Redis 0.0 s (0%)" in text
    assert "60.0%" in text
    assert "nurture.flow.absorb" in text
    assert "next step: an extension in C" in text


def test_what_a_figure_is_made_of_stands_beside_a_missed_goal() -> None:
    parts = Breakdown(("B an event", "share"), {"column body": (250.0, 0.58), "index": (181.0, 0.42)})
    stored = Figure("bytes", "an event stored", "B", "less", ours=[431.0], goals=(Goal(400),), made_of=parts)
    text = printed(Result(stored))
    assert [line.split() for line in text.splitlines() if "column body" in line or "share" in line] == [
        ["what", "it", "is", "made", "of", "B", "an", "event", "share"], ["column", "body", "250", "0.58"],
    ]  # fmt: skip
    assert Result(stored).as_json()["made_of"]["parts"] == {"column body": (250.0, 0.58), "index": (181.0, 0.42)}


def test_who_could_not_look_says_so_in_one_line() -> None:
    text = printed(Result(ACCEPT, Profile(remark="py-spy is not installed")))
    assert "py-spy is not installed" in text
    assert "nobody has said what it would cost" in text


def test_of_a_figure_that_meets_its_goals_nothing_stands_below() -> None:
    text = printed(Result(Figure("accept", "accept", ours=[4_000], twin=[100], goals=(Goal(10, "twin"),))))
    assert "misses" not in text
    assert "next step" not in text


def test_what_is_kept_says_the_same() -> None:
    told = Result(ACCEPT, Profile({"psycopg": 1.0}, 10), "a step", ["it fell"]).as_json()
    assert told["medians"] == {"ours": 4_000, "twin": 500, "limit": 10_000}
    assert (told["missed"], told["next_step"], told["fallen"]) == (["≥ 10"], "a step", ["it fell"])
    assert told["profile"]["shares"] == {"psycopg": 1.0}
