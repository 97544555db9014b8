"""Rates: no window holds more than it may, wherever it begins; nearly all of a rate is used; nobody asks again and again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.mail.rates import HORIZON, UNHURRIED, Lane, Later, Limiter, Permit, Rate, Slot, day_lane, lane_of
from tests.support.windows import fullest

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

rates = st.builds(
    Rate, mails=st.integers(1, 20), per=st.sampled_from([timedelta(seconds=1), timedelta(seconds=7), timedelta(hours=1)])
)


def slots(limiter: Limiter, ways: Sequence[Sequence[Lane]], number: int, at: datetime = NOON) -> list[Slot]:
    return [each for each in limiter.take([ways] * number, at) if isinstance(each, Slot)]


@settings(max_examples=40)
@given(rates, st.lists(st.tuples(st.integers(0, 400), st.integers(1, 25), st.floats(0, 0.99)), max_size=8))
def test_no_window_holds_more_than_its_rate_whenever_the_permits_are_used(
    rate: Rate, asking: list[tuple[int, int, float]]
) -> None:
    limiter, at, left = Limiter(), NOON, []
    for waited, number, late in asking:
        at += waited * rate.per / 100
        granted = slots(limiter, [[lane_of("lane", rate)]], number, at)
        left += [slot.at + late * (slot.until - slot.at) for slot in granted]
    assert fullest(left, rate.per) <= rate.mails


@pytest.mark.parametrize("mails", [3, 50, 200])
def test_nearly_all_of_a_rate_is_used(mails: int) -> None:
    limiter, lane, at, left = Limiter(), lane_of("lane", Rate(mails=mails, per=timedelta(seconds=1))), NOON, 0
    for _ in range(12):
        left += len(slots(limiter, [[lane]], mails, at))
        at += timedelta(seconds=0.5)
    assert left >= 0.97 * mails * (at - NOON) / timedelta(seconds=1)


def test_a_pace_is_spread_and_a_quota_goes_at_once() -> None:
    pace = slots(Limiter(), [[lane_of("pace", Rate(mails=100, per=timedelta(seconds=1)))]], 100)
    assert len({each.at for each in pace}) == 100
    assert max(each.at for each in pace) - NOON >= timedelta(milliseconds=490)
    slow = slots(Limiter(), [[lane_of("slow", Rate(mails=5, per=timedelta(seconds=1)))]], 5)
    assert {(later.at - earlier.at) / MILLISECOND for earlier, later in pairwise(slow)} == {160}
    quota = slots(Limiter(), [[lane_of("quota", Rate(mails=100, per=timedelta(days=1)))]], 100)
    assert {each.at for each in quota} == {NOON}


def test_a_mail_passes_through_all_its_lanes() -> None:
    wide, narrow = (lane_of(str(mails), Rate(mails=mails, per=timedelta(seconds=1))) for mails in (50, 2))
    limiter = Limiter()
    assert len(slots(limiter, [[wide, narrow]], 50)) == 4, "two a second, two seconds ahead"
    assert len(slots(limiter, [[wide]], 100)) == 96


def test_a_mail_takes_another_way_when_its_own_is_full() -> None:
    first, second = (lane_of(name, Rate(mails=1, per=timedelta(minutes=1))) for name in ("first", "second"))
    given_ = Limiter().take([[[first], [second]]] * 3, NOON)
    assert [each.way for each in given_] == [0, 1, 0]
    assert [type(each) for each in given_] == [Slot, Slot, Later]


def test_who_finds_no_slot_is_told_when_to_ask_again_at_the_pace_of_the_lane() -> None:
    lane = lane_of("lane", Rate(mails=10, per=timedelta(seconds=10)))
    limiter = Limiter()
    waiting = [each.at for each in limiter.take([[[lane]]] * 100, NOON) if isinstance(each, Later)]
    assert min(waiting) > NOON
    gaps = {later - earlier for earlier, later in pairwise(waiting)}
    assert gaps == {timedelta(seconds=1.02)}
    assert all(isinstance(each, Later) and each.at > waiting[-1] for each in limiter.take([[[lane]]], NOON))


def test_nothing_is_given_away_far_ahead() -> None:
    lane = lane_of("lane", Rate(mails=50, per=timedelta(seconds=1)))
    assert max(each.at for each in slots(Limiter(), [[lane]], 1000)) <= NOON + HORIZON


def test_what_was_not_used_goes_to_others() -> None:
    lane, limiter = lane_of("lane", Rate(mails=1, per=timedelta(hours=1))), Limiter()
    [slot] = slots(limiter, [[lane]], 1)
    assert not slots(limiter, [[lane]], 1)
    limiter.give_back([Permit([lane], slot.at)])
    assert slots(limiter, [[lane]], 1)


def test_a_quota_of_a_day_begins_anew_at_midnight() -> None:
    limiter, lane = Limiter(), day_lane("warm", 5)
    assert len(limiter.take([[[lane]]] * 3, NOON, {lane: 3})) == 3
    assert len(slots(limiter, [[lane]], 5)) == 0
    again = slots(limiter, [[lane]], 9, NOON + timedelta(hours=12))
    assert {each.until for each in again} == {NOON + timedelta(hours=36)}
    assert len(again) == 5


def test_without_a_rate_nobody_waits() -> None:
    assert Limiter().take([[[]]], NOON) == [Slot(0, NOON, NOON + UNHURRIED)]


@pytest.mark.parametrize(("mails", "per"), [(0, "1s"), (1, "0s"), (1, "32d"), (1, "soon")])
def test_what_is_no_rate(mails: int, per: str) -> None:
    with pytest.raises(ValidationError):
        Rate.model_validate({"mails": mails, "per": per})
