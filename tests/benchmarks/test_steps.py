"""The figures of steps: everybody's step is taken once, and the limit leaves the same rows as the engine."""

from typing import Any

import pytest
from sqlalchemy import select

from benchmarks.laboratory import Laboratory, WrongResultError
from benchmarks.steps import Crowd, by_hand, crowded, growth, planning, speed
from nurture.adapters.database.tables import enrollments, messages

PEOPLE = 1_200


def _left_by(crowd: Crowd) -> list[Any]:
    """What stands in the database, but for the ids of messages."""
    runs = select(*(column for column in enrollments.c)).order_by(enrollments.c.id)
    mails = select(*(column for column in messages.c if column.name != "id")).order_by(messages.c.enrollment_id)
    with crowd.database.engine.connect() as connection:
        return [*connection.execute(runs), *connection.execute(mails)]


def test_the_limit_leaves_what_the_engine_leaves(laboratory: Laboratory) -> None:
    with crowded(laboratory, PEOPLE) as ours, crowded(laboratory, PEOPLE) as raw:
        planned = planning(ours)
        assert planned["steps"] == PEOPLE
        assert by_hand(laboratory, raw) > 0
        left = _left_by(ours)
        assert left == _left_by(raw)
        assert len(left) == 2 * PEOPLE


def test_a_step_that_was_not_taken_gives_no_figure(laboratory: Laboratory) -> None:
    with crowded(laboratory, PEOPLE) as crowd, pytest.raises(WrongResultError, match="mails queued"):
        crowd.check(PEOPLE)


def test_steps_have_a_limit_and_their_growth_has_none(laboratory: Laboratory) -> None:
    lines: list[str] = []
    fast = speed(laboratory, PEOPLE, 1, lines.append)
    assert (fast.key, len(fast.ours), len(fast.limit), fast.twin) == ("steps", 1, 1, [])
    assert fast.share_of_limit is not None
    grown = growth(laboratory, 2, lines.append, few=3_000, many=6_000)
    assert (grown.key, grown.better, grown.unit, len(grown.ours)) == ("steps-growth", "less", "×", 2)
    assert min(grown.ours) > 0
    assert len(lines) == 4
