"""The page of kills adds up, and a run that breaks the rule shows."""

import pytest

from benchmarks.kills.points import Event, Point
from benchmarks.kills.runs import Kind, rows
from benchmarks.kills.scene import Came
from benchmarks.kills.table import page, total

FACTS = {
    "measured": "2026-03-02", "commit": "abc", "machine": {"cores": 2, "processor": "P", "system": "S"}, "servers": {"Redis": "7"},
    "python": "3.11",
}  # fmt: skip


@pytest.mark.parametrize(
    ("came", "broken"),
    [
        (Came(uncertain=1, bound=1), 0),
        (Came(uncertain=2, bound=1), 1),
        (Came(duplicates=1), 1),
        (Came(lost=1), 1),
    ],
)
def test_a_run_that_breaks_the_rule_shows_however_good_the_others_are(came: Came, broken: int) -> None:
    assert total([came.judged(), Came(bound=100).judged()]).broken == broken


def test_every_point_is_played_with_everything_that_may_happen_there() -> None:
    played = rows()
    assert len(set(played)) == len(played) == 2 * (3 + 2) * len(Point)
    assert not [row for row in played if (row.backend, row.event) == ("SQLite", Event.DATABASE)]


def test_the_page_adds_up() -> None:
    exact = {row: Came(runs=1, kills=1, mails=24, uncertain=1, arrived=1, bound=row.connections) for row in rows()}
    told = page(FACTS, exact, {Kind("PostgreSQL", 4): Came(runs=2, kills=1_000, mails=5_000, uncertain=7, bound=4_000)})
    assert "**1,080 kills among 6,920 mails: 0 twice, 0 lost, 87 uncertain**" in told
    assert "| PostgreSQL | 4 | 1,000 | 5,000 | 0 | 0 | 7 of 4000 | 0 |" in told
    assert "| before the claim | 4 | 96 | 0 | 0 | 2 of 2 | 2 of 8 | 4 |" in told
    assert "| before the claim | 2 | 48 | 0 | 0 | 1 of 1 | 1 of 4 | 2 |" in told
