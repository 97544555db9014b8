"""Time for which an operator held something counts as nobody's lateness, and is taken out once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.holds import EVERYTHING, Held, Hold, let_go, moved

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def queue(name: str, since: int) -> Hold:
    return Hold("queue", name, "paused", None, at(since))


def everything(since: int) -> Hold:
    return Hold("all", EVERYTHING, "paused", None, at(since))


@pytest.mark.parametrize(
    ("gone", "others", "span"),
    [
        (queue("mail", 0), [], (0, 60)),
        (queue("mail", 0), [queue("events", 10)], (0, 60)),
        (queue("mail", 0), [everything(20)], (0, 20)),  # the rest is taken out when everything goes on
        (queue("mail", 30), [everything(20)], None),
        (everything(0), [queue("mail", 0)], None),
        (queue("events", 0), [], None),
    ],
)
def test_what_other_holds_cover_is_left_to_them(gone: Hold, others: Sequence[Hold], span: tuple[int, int] | None) -> None:
    found = let_go(gone, others, "mail", at(60))
    assert found == (Held(at(span[0]), at(span[1])) if span else None)


@pytest.mark.parametrize(("planned", "becomes"), [(-10, 20), (0, 30), (10, 30), (30, 30), (40, 40)])
def test_lateness_of_before_the_hold_stays(planned: int, becomes: int) -> None:
    assert moved(at(planned), Held(at(0), at(30))) == at(becomes)


spans = st.tuples(st.integers(0, 100), st.integers(1, 50)).map(lambda each: (each[0], each[0] + each[1]))


@given(planned=st.integers(-50, 150), all_spans=st.lists(spans, max_size=4), mail_spans=st.lists(spans, max_size=4))
def test_all_time_held_is_taken_out_and_none_twice(
    planned: int, all_spans: list[tuple[int, int]], mail_spans: list[tuple[int, int]]
) -> None:
    held = [(begin, end, everything(begin)) for begin, end in apart(all_spans)]
    held += [(begin, end, queue("mail", begin)) for begin, end in apart(mail_spans)]
    now, stands = at(300), at(planned)
    ending = sorted(held, key=lambda each: each[1])
    for number, (_, end, hold) in enumerate(ending, start=1):
        others = [other for begins, _, other in ending[number:] if begins <= end]
        span = let_go(hold, others, "mail", at(end))
        if span is not None:
            stands = moved(stands, span)
    minutes = {minute for begin, end, _ in held for minute in range(max(begin, planned), end)}
    assert now - stands == timedelta(minutes=300 - planned - len(minutes))


def apart(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of one kind: nothing is held twice at a time, so those that touch an earlier one are left out. Ends differ, too."""
    kept: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if not kept or begin > kept[-1][1]:
            kept.append((begin, end))
    return kept
