"""Who comes, when, and what they look at."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.addresses import is_disposable, parse_address
from nurture.demo.cast import HEADCOUNT, everybody
from nurture.demo.itinerary import Fill, lasts, plan, reading_time, times_of
from nurture.demo.play import DAYS, first_day
from nurture.demo.ticks import Ticks

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

#: Every second of three weeks.
instants = st.integers(0, 21 * 86_400).map(lambda second: MONDAY + timedelta(seconds=second))


def test_two_hundred_come_and_each_has_an_address_of_their_own() -> None:
    cast = list(everybody(Random(1)))
    assert Counter(each.persona for each in cast) == HEADCOUNT
    assert len({each.email for each in cast}) == sum(HEADCOUNT.values()) == 200


def test_no_address_can_be_anybodys() -> None:
    """All lie below a domain that is reserved for examples, and forms take them (RFC 2606 §3)."""
    for someone in everybody(Random(2)):
        assert parse_address(someone.email) == someone.email
        assert someone.email.endswith(".example.com")
        assert not is_disposable(someone.email)


@given(st.integers(0, 2**32))
def test_the_same_seed_brings_the_same_people_at_the_same_time(seed: int) -> None:
    first, second = ([plan(each, Random(seed), MONDAY) for each in everybody(Random(seed))] for _ in range(2))
    assert first == second


def test_everybody_comes_in_office_hours_where_they_live() -> None:
    for someone in everybody(Random(3)):
        visits = plan(someone, Random(3), MONDAY)
        assert visits
        for visit in visits:
            local = visit.ends.astimezone(ZoneInfo(someone.timezone))
            assert 8 <= local.hour < 19
            assert MONDAY <= visit.ends < MONDAY + timedelta(days=10)


def test_the_stops_of_a_visit_follow_each_other_up_to_its_end() -> None:
    for someone in everybody(Random(4)):
        for visit in plan(someone, Random(4), MONDAY):
            begins = times_of(visit)
            ends = [at + lasts(stop) for at, stop in zip(begins, visit.stops, strict=True)]
            assert ends == [*begins[1:], visit.ends]
            assert not any(isinstance(stop, Fill) for stop in visit.stops[:-1])


@given(instants, st.integers(0, 2**32), st.sampled_from(["Europe/Paris", "America/Montreal"]))
def test_mail_is_read_by_people_who_are_awake(arrived: datetime, seed: int, zone: str) -> None:
    at = reading_time(arrived, Random(seed), zone)
    assert timedelta(0) < at - arrived < timedelta(days=2)
    assert 7 <= at.astimezone(ZoneInfo(zone)).hour <= 21


@given(instants)
def test_the_next_tick_is_the_first_one_that_is_not_over(at: datetime) -> None:
    ticks = Ticks(MONDAY)
    number = next(number for number in range(600) if ticks[number] >= at)
    assert ticks.from_on(at) == ticks[number]
    assert ticks[number] - at < timedelta(hours=2)


@given(st.integers(0, 5_000))
def test_ticks_go_forward(number: int) -> None:
    ticks = Ticks(MONDAY)
    assert ticks[number] < ticks[number + 1]


@given(st.integers(0, 5 * 365 * 86_400).map(lambda second: MONDAY + timedelta(seconds=second)))
def test_the_play_begins_on_a_monday_and_is_over_before_today(now: datetime) -> None:
    begins = first_day(now)
    assert (begins.weekday(), begins.time().hour) == (0, 0)
    assert begins + timedelta(days=DAYS) <= now
