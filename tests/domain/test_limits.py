"""Limits on how much one person is known by: the same people in every order, and nobody beyond the limits."""

from collections import Counter
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain.event import Event
from nurture.domain.identity import LIMITS
from tests.domain.test_recounting import HAPPENED, at_minutes, played

FEW = {"user_id": 1, "email": 1, "anonymous_id": 2, "submission": 2}


@given(st.data(), st.lists(HAPPENED, max_size=12).map(at_minutes), st.integers(1, 6))
@settings(max_examples=500)
def test_limits_hold_and_every_order_gives_the_same_people__posthog_21049(
    data: st.DataObject, told: list[Event], cut: int
) -> None:
    arrived = data.draw(st.permutations(told))
    with mock.patch.dict(LIMITS, FEW):
        found = played(arrived, cut).people()
        assert found == played(told).people()
    for somebody in found:
        held = Counter(identifier.kind for identifier in somebody.known_by)
        assert all(number <= FEW[kind] for kind, number in held.items())
