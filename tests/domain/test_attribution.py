"""Credit for what brought people: each model gives away exactly one person."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.attribution import credits_of
from nurture.domain.channel_table import DIRECT, UNASSIGNED
from nurture.domain.measuring.figures import MODELS, WHOLE
from nurture.domain.touches import Touch
from tests.support.events import MONDAY

CHANNELS = st.sampled_from([DIRECT, "email", "organic-search", "paid-search", "referral"])


def visits(*channels: str) -> list[Touch]:
    """One visit an hour."""
    return [Touch(MONDAY + timedelta(hours=hour), channel) for hour, channel in enumerate(channels)]


def credited(*channels: str, promoting: str | None = None) -> dict[str, dict[str, int]]:
    by = Touch(MONDAY, promoting) if promoting else None
    found = credits_of(visits(*channels), by, lambda touch: touch.channel, UNASSIGNED)
    return {model: dict(shares) for model, shares in found.items()}


@pytest.mark.parametrize(
    ("channels", "model", "shares"),
    [
        (["paid-search"], "position", {"paid-search": 1_000_000}),
        (["paid-search", "email"], "first", {"paid-search": 1_000_000}),
        (["paid-search", "email"], "last", {"email": 1_000_000}),
        (["paid-search", "email"], "linear", {"paid-search": 500_000, "email": 500_000}),
        (["paid-search", "email"], "position", {"paid-search": 500_000, "email": 500_000}),
        (["paid-search", DIRECT], "last", {"paid-search": 1_000_000}),
        ([DIRECT, DIRECT], "last", {DIRECT: 1_000_000}),
        ([DIRECT, "email"], "first", {DIRECT: 1_000_000}),
        (["a", "b", "c"], "position", {"a": 400_000, "b": 200_000, "c": 400_000}),
        (["a", "b", "a"], "position", {"a": 800_000, "b": 200_000}),
        (["a", "b", "c"], "linear", {"a": 333_334, "b": 333_333, "c": 333_333}),
        (["a", "b", "c", "d", "e"], "position", {"a": 400_000, "b": 66_667, "c": 66_667, "d": 66_666, "e": 400_000}),
    ],
)
def test_each_model_by_example(channels: list[str], model: str, shares: dict[str, int]) -> None:
    assert credited(*channels)[model] == shares


def test_the_promoting_visit_is_what_is_on_record_and_else_the_last() -> None:
    assert credited("email", "referral", promoting="email")["promoting"] == {"email": WHOLE}
    assert credited("email", "referral")["promoting"] == {"referral": WHOLE}


def test_of_whom_no_visit_is_known_nothing_brought() -> None:
    assert credited() == {model: {UNASSIGNED: WHOLE} for model in MODELS}


@given(channels=st.lists(CHANNELS, max_size=60), promoting=st.none() | CHANNELS)
def test_every_model_gives_away_one_person(channels: list[str], promoting: str | None) -> None:
    found = credited(*channels, promoting=promoting)
    assert tuple(found) == MODELS
    assert {model: sum(shares.values()) for model, shares in found.items()} == dict.fromkeys(MODELS, WHOLE)
    assert all(share > 0 for shares in found.values() for share in shares.values())


@given(channels=st.lists(CHANNELS, min_size=1, max_size=60))
def test_only_who_brought_somebody_is_credited(channels: list[str]) -> None:
    for shares in credited(*channels).values():
        assert set(shares) <= set(channels)


def test_linear_differs_by_a_millionth_at_most_whatever_the_order() -> None:
    for order in permutations("abcd"):
        shares = credited(*order)["linear"]
        assert max(shares.values()) - min(shares.values()) <= 1
