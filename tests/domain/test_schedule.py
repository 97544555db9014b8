"""When a window opens, everywhere on earth and on every day of the year."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.calendar import is_holiday as is_real_holiday
from nurture.domain.countries import MAIN_ZONE
from nurture.domain.ids import stable_id
from nurture.domain.schedule import Calendar, IsHoliday, came, instant_of, local_for, next_window, opening
from nurture.domain.window import WEEKDAYS, Window

ZONES = sorted(available_timezones() - {"localtime", "Factory"})


def never(_day: date, _country: str) -> bool:
    return False


PLAIN = Calendar("UTC", never)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def window(days: str, hours: str, **more: Any) -> Window:
    return Window.model_validate({"days": days, "hours": hours, **more})


OFFICE = window("mon-fri", "09:00-18:00")


def opens(window: Window, zone: str, local: str, is_holiday: IsHoliday = never) -> str:
    """When the window next opens for somebody in `zone`, both in local time."""
    found = opening(window, {"timezone": zone}, Calendar("UTC", is_holiday), at(local, zone))
    assert found.tzinfo is UTC
    return found.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("Europe/Paris", "2026-01-05T10:30", "2026-01-05T10:30+01:00"),  # open: at once
        ("Europe/Paris", "2026-01-05T08:59", "2026-01-05T09:00+01:00"),
        ("Europe/Paris", "2026-01-05T09:00", "2026-01-05T09:00+01:00"),  # the first minute is inside
        ("Europe/Paris", "2026-01-05T18:00", "2026-01-06T09:00+01:00"),  # the last is not
        ("Europe/Paris", "2026-01-09T18:01", "2026-01-12T09:00+01:00"),  # over the week-end
        ("Europe/Paris", "2026-03-27T19:00", "2026-03-30T09:00+02:00"),  # … in which summer begins
        ("America/New_York", "2026-10-30T19:00", "2026-11-02T09:00-05:00"),  # … in which it ends
        ("Asia/Kolkata", "2026-01-05T08:00", "2026-01-05T09:00+05:30"),
    ],
)
def test_office_hours(zone: str, local: str, expected: str) -> None:
    assert opens(OFFICE, zone, local) == expected


@pytest.mark.parametrize(
    ("days", "hours", "local", "expected"),
    [
        ("mon", "22:00-02:00", "2026-01-06T01:00", "2026-01-06T01:00+01:00"),  # Monday's window still, on Tuesday
        ("mon", "22:00-02:00", "2026-01-06T02:00", "2026-01-12T22:00+01:00"),
        ("sun", "22:00-02:00", "2026-01-05T01:30", "2026-01-05T01:30+01:00"),
        ("mon-sun", "00:00-24:00", "2026-01-05T23:59", "2026-01-05T23:59+01:00"),
        ("tue", "00:00-24:00", "2026-01-05T12:00", "2026-01-06T00:00+01:00"),
        ("mon-sun", "20:00-24:00", "2026-01-05T12:00", "2026-01-05T20:00+01:00"),
    ],
)
def test_windows_that_span_midnight(days: str, hours: str, local: str, expected: str) -> None:
    assert opens(window(days, hours), "Europe/Paris", local) == expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("02:30-18:00", "2026-03-29T03:30+02:00"),  # the hour that is skipped moves forward
        ("02:10-02:40", "2026-03-29T03:10+02:00"),  # with its end
        ("02:30-03:00", "2026-03-30T02:30+02:00"),  # what is swallowed whole does not open that day
        ("01:00-02:30", "2026-03-29T01:00+01:00"),
    ],
)
def test_the_hour_that_spring_skips(hours: str, expected: str) -> None:
    assert opens(window("mon-sun", hours), "Europe/Paris", "2026-03-29T00:00") == expected


def test_an_hour_skipped_before_midnight_comes_after_it() -> None:
    """In Nuuk, summer begins on a Saturday at 23:00, which is Sunday at once."""
    saturday = window("sat", "23:30-08:00")
    assert opens(saturday, "America/Nuuk", "2026-03-28T20:00") == "2026-03-29T00:30-01:00"
    assert opens(saturday, "America/Nuuk", "2026-03-29T00:10") == "2026-03-29T00:30-01:00"


def test_the_hour_that_comes_twice_in_autumn_counts_once() -> None:
    nightly, paris = window("mon-sun", "02:15-02:45", timezone="Europe/Paris"), Calendar("UTC", never)
    assert opening(nightly, {}, paris, at("2026-10-25T00:00")) == at("2026-10-25T00:15")
    assert opening(nightly, {}, paris, at("2026-10-25T00:45")) == at("2026-10-26T01:15")


def test_a_day_that_the_date_line_swallowed_never_opens() -> None:
    """Samoa went from Thursday the 29th to Saturday the 31st of December 2011."""
    friday = window("fri", "09:00-18:00")
    assert opens(friday, "Pacific/Apia", "2011-12-29T20:00") == "2012-01-06T09:00+14:00"
    assert not came(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
    assert came(date(2011, 12, 30), ZoneInfo("Pacific/Pago_Pago"))


def test_public_holidays_are_skipped_where_the_window_names_a_country() -> None:
    def holiday(day: date, country: str) -> bool:
        return country == "FR" and day in {date(2026, 5, 1), date(2026, 5, 8)}

    french = window("fri", "09:00-18:00", holidays="FR")
    assert opens(french, "Europe/Paris", "2026-04-30T12:00", holiday) == "2026-05-15T09:00+02:00"
    assert opens(window("fri", "09:00-18:00"), "Europe/Paris", "2026-04-30T12:00", holiday) == "2026-05-01T09:00+02:00"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"country": "FR"}, "2026-07-15"),
        ({"country": "fr"}, "2026-07-15"),
        ({"country": "US"}, "2026-07-14"),
        ({"country": "ZZ"}, "2026-07-14"),  # a country that nobody knows has no holidays
        ({"country": "France"}, "2026-07-14"),
        ({"country": 5}, "2026-07-14"),
        ({}, "2026-07-14"),
    ],
)
def test_the_holidays_of_the_person(attributes: dict[str, Any], expected: str) -> None:
    theirs = window("mon-sun", "09:00-18:00", holidays="person", timezone="UTC")
    found = opening(theirs, attributes, Calendar("UTC", is_real_holiday), at("2026-07-13T20:00"))
    assert found == at(f"{expected}T09:00")


def test_a_window_that_never_opens_says_so() -> None:
    closed, every_day = Window.model_validate({"holidays": "FR"}), Calendar("UTC", lambda _day, _country: True)
    for ask in (opening, next_window):
        with pytest.raises(ValueError, match="never opens"):
            ask(closed, {}, every_day, at("2026-01-01"))


MONDAYS = ("2026-01-05", "2026-03-30", "2026-04-06", "2026-07-06", "2026-10-05", "2026-10-26", "2026-11-02", "2012-01-02")


def test_monday_at_nine_is_monday_at_nine_everywhere() -> None:
    """Asked on the Friday before: plain Mondays, those after the clock changes of north and south, and after the date line."""
    monday = window("mon", "09:00-10:00")
    for zone in ZONES:
        for day in MONDAYS:
            expected = at(f"{day}T09:00", zone)
            found = opening(monday, {"timezone": zone}, PLAIN, expected.astimezone(UTC) - timedelta(days=3, hours=7))
            local = found.astimezone(ZoneInfo(zone))
            assert (local.weekday(), local.hour, local.minute) == (0, 9, 0), zone
            assert (found, found.tzinfo) == (expected, UTC), zone


QUARTER = timedelta(minutes=15)


def test_every_quarter_of_an_hour_around_every_clock_change_on_earth() -> None:
    """Held against a clock on the wall that is read every quarter of an hour: 2025 and 2026, and when Samoa changed sides."""
    seen = {"skipped": 0, "repeated": 0}
    for zone in map(ZoneInfo, ZONES):
        for day in clock_changes(zone):
            around = [at(day.isoformat()) + number * QUARTER for number in range(-96, 288)]
            wall = [instant.astimezone(zone).replace(tzinfo=None, fold=0) for instant in around]
            first = dict(zip(reversed(wall), reversed(around), strict=True))
            seen["repeated"] += len(wall) - len(first)
            gap = max((after - before for before, after in pairwise(wall)), default=QUARTER) - QUARTER
            for number in range(96):
                asked = datetime.combine(day, time(0)) + number * QUARTER
                found = instant_of(asked.date(), asked.time(), zone)
                if asked in first:
                    assert found == first[asked], (zone, asked)
                else:
                    seen["skipped"] += 1
                    assert found == first[asked + gap], (zone, asked)
            assert came(day, zone) == any(shown.date() == day for shown in wall), (zone, day)
    assert min(seen.values()) > 1000


def clock_changes(zone: ZoneInfo) -> list[date]:
    """The days, UTC, within which the offset of a zone changes."""
    midnights = [
        at(start) + timedelta(days=number) for start, days in (("2025-01-01", 730), ("2011-12-20", 20)) for number in range(days)
    ]
    return [
        one.date() for one, other in pairwise(midnights) if one.astimezone(zone).utcoffset() != other.astimezone(zone).utcoffset()
    ]


windows = st.builds(
    lambda days, opens, closes: Window.model_validate(
        {"days": days, "hours": f"{opens}-{closes if closes != opens else '24:00'}"}
    ),
    st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
    st.times().map(lambda time: f"{time:%H:%M}"),
    st.times().map(lambda time: f"{time:%H:%M}"),
).filter(lambda window: window.hours.opens != window.hours.closes)
instants = st.datetimes(datetime(2005, 1, 2), datetime(2037, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone follows
people = st.sampled_from(ZONES).map(lambda zone: {"timezone": zone})
keys = st.integers(0, 2**63 - 1)
spreads = st.timedeltas(timedelta(0), timedelta(hours=30))


def is_open_by_the_clock_on_the_wall(window: Window, local: datetime) -> bool:
    """Whether a clock on the wall shows an hour of the window; right where no clock change is near."""
    begins, closes = window.hours
    now, today = local.time(), WEEKDAYS[local.weekday()]
    if begins < closes:
        return today in window.days and begins <= now < closes
    yesterday = WEEKDAYS[local.weekday() - 1]
    return (today in window.days and now >= begins) or (yesterday in window.days and now < closes)


def is_steady(zone: ZoneInfo, around: datetime) -> bool:
    """Whether no clock change is near."""
    return len({(around + timedelta(days=days)).astimezone(zone).utcoffset() for days in range(-9, 2)}) == 1


@given(window=windows, facts=people, at=instants)
def test_the_opening_is_the_first_open_instant(window: Window, facts: Mapping[str, str], at: datetime) -> None:
    found, zone = opening(window, facts, PLAIN, at), ZoneInfo(facts["timezone"])
    assert found >= at
    assert found - at <= timedelta(days=9)
    if is_steady(zone, found):
        assert is_open_by_the_clock_on_the_wall(window, found.astimezone(zone))
        if found > at:
            assert found.astimezone(zone).time() == window.hours.opens
            assert not is_open_by_the_clock_on_the_wall(window, (found - timedelta(seconds=1)).astimezone(zone))
            assert not is_open_by_the_clock_on_the_wall(window, at.astimezone(zone))


@given(window=windows, facts=people, at=instants, later=st.timedeltas(timedelta(0), timedelta(days=20)))
def test_asking_later_never_gives_an_earlier_opening(
    window: Window, facts: Mapping[str, str], at: datetime, later: timedelta
) -> None:
    for ask in (opening, next_window):
        assert ask(window, facts, PLAIN, at) <= ask(window, facts, PLAIN, at + later)


@given(window=windows, spread=spreads, facts=people, at=instants, key=keys)
def test_what_has_come_stays(window: Window, spread: timedelta, facts: Mapping[str, str], at: datetime, key: int) -> None:
    spreading = window.model_copy(update={"spread": spread})
    for ask in (opening, next_window):
        found = ask(spreading, facts, PLAIN, at, key)
        assert opening(spreading, facts, PLAIN, found, key) == found


@given(window=windows, spread=spreads, facts=people, at=instants, key=keys)
def test_spread_stays_inside_the_opening(
    window: Window, spread: timedelta, facts: Mapping[str, str], at: datetime, key: int
) -> None:
    spreading = window.model_copy(update={"spread": spread})
    for ask in (opening, next_window):
        plain, found = ask(window, facts, PLAIN, at), ask(spreading, facts, PLAIN, at, key)
        assert plain <= found <= plain + spread
        assert found == ask(spreading, facts, PLAIN, at, key)
        # Open from the plain opening on without a break: whoever asks on the way is not sent to a later one.
        assert opening(window, facts, PLAIN, found) == found
        assert opening(window, facts, PLAIN, plain + (found - plain) / 2) == plain + (found - plain) / 2


def test_only_those_who_had_to_wait_are_spread_and_they_are_spread_evenly() -> None:
    spreading, utc = window("mon-fri", "09:00-18:00", spread="1h"), {"timezone": "UTC"}
    assert opening(spreading, utc, PLAIN, at("2026-01-05T09:01"), 2**62) == at("2026-01-05T09:01")
    assert opening(spreading, utc, PLAIN, at("2026-01-05T09:00"), 2**62) == at("2026-01-05T09:00")
    assert opening(spreading, utc, PLAIN, at("2026-01-05T08:59"), 2**62) == at("2026-01-05T09:30")
    assert opening(spreading, utc, PLAIN, at("2026-01-05T08:59"), 2**63 - 1) == at("2026-01-05T09:59:59")
    found = [
        opening(spreading, utc, PLAIN, at("2026-01-05T03:00"), stable_id("spread", person, "hello")) for person in range(4000)
    ]
    quarters = [sum(instant.minute // 15 == quarter for instant in found) for quarter in range(4)]
    assert min(quarters) > 900, quarters


def test_a_spread_longer_than_the_window_ends_with_it() -> None:
    short, utc = window("mon-fri", "09:00-09:30", spread="5h"), {"timezone": "UTC"}
    assert opening(short, utc, PLAIN, at("2026-01-05T03:00"), 2**63 - 1) == at("2026-01-05T09:29:59")


@given(window=windows, facts=people, at=instants)
def test_the_next_window_begins_after_the_instant(window: Window, facts: Mapping[str, str], at: datetime) -> None:
    found, zone = next_window(window, facts, PLAIN, at), ZoneInfo(facts["timezone"])
    assert at < found <= at + timedelta(days=15)
    if is_steady(zone, found) and is_steady(zone, at):
        local = found.astimezone(zone)
        assert (local.time(), WEEKDAYS[local.weekday()] in window.days) == (window.hours.opens, True)


@pytest.mark.parametrize(
    ("days", "hours", "asked", "expected"),
    [
        ("mon-fri", "09:00-18:00", "2026-01-05T08:00", "2026-01-05T09:00"),
        ("mon-fri", "09:00-18:00", "2026-01-05T09:00", "2026-01-06T09:00"),  # open already: the one after
        ("mon-fri", "09:00-18:00", "2026-01-09T12:00", "2026-01-12T09:00"),
        ("mon-fri", "00:00-24:00", "2026-01-05T12:00", "2026-01-06T00:00"),  # the next of its days
        ("mon-sun", "22:00-02:00", "2026-01-06T01:00", "2026-01-06T22:00"),
        ("mon-sun", "00:00-24:00", "2026-01-05T12:00", "2026-01-05T12:00"),  # it never shuts
    ],
)
def test_the_next_window(days: str, hours: str, asked: str, expected: str) -> None:
    assert next_window(window(days, hours, timezone="UTC"), {}, PLAIN, at(asked)) == at(expected)


@pytest.mark.parametrize(
    ("timezone", "attributes", "zone", "source"),
    [
        ("Asia/Tokyo", {"timezone": "Europe/Paris"}, "Asia/Tokyo", "window"),
        ("person", {"timezone": "America/Montreal", "country": "FR"}, "America/Montreal", "person"),
        ("person", {"country": "fr"}, "Europe/Paris", "country"),
        ("person", {"timezone": "Mars/Olympus", "country": "GB"}, "Europe/London", "country"),
        ("person", {"country": "US"}, "America/New_York", "country"),  # where most of them live
        ("person", {"country": "ZZ"}, "Europe/Brussels", "business"),
        ("person", {"timezone": 5, "country": 5}, "Europe/Brussels", "business"),
        ("person", {"timezone": ["Europe/Paris"], "country": ["FR"]}, "Europe/Brussels", "business"),
        ("person", {"timezone": "../etc/passwd"}, "Europe/Brussels", "business"),
        ("person", {"timezone": "", "country": ""}, "Europe/Brussels", "business"),
        ("person", {}, "Europe/Brussels", "business"),
        (["person"], {"country": "FR"}, "Europe/Brussels", "business"),  # a list means what it says
        (["country"], {"timezone": "Asia/Tokyo", "country": "FR"}, "Europe/Paris", "country"),
        (["country", "person"], {"timezone": "Asia/Tokyo"}, "Asia/Tokyo", "person"),
        (["person", "America/Chicago"], {"timezone": "Asia/Tokyo"}, "Asia/Tokyo", "person"),
        (["person", "country", "America/Chicago"], {"country": "ZZ"}, "America/Chicago", "window"),
    ],
)
def test_whose_clock_it_is(timezone: Any, attributes: dict[str, Any], zone: str, source: str) -> None:
    found = local_for(Window.model_validate({"timezone": timezone}), attributes, Calendar("Europe/Brussels", never))
    assert (found.zone.key, found.source) == (zone, source)


def test_whose_holidays_they_are() -> None:
    brussels = Calendar("Europe/Brussels", never)
    for holidays, facts, expected in [
        (None, {"country": "FR"}, None),
        ("BE", {"country": "FR"}, "BE"),
        ("person", {"country": "fr"}, "FR"),
        ("person", {}, None),
    ]:
        assert local_for(Window(holidays=holidays), facts, brussels).holidays == expected


def test_every_country_has_a_zone_of_its_own() -> None:
    zones_of: dict[str, set[str]] = {}
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            zones_of.setdefault(country, set()).add(zone)
    assert MAIN_ZONE.keys() == zones_of.keys()
    assert [country for country, zone in MAIN_ZONE.items() if zone not in zones_of[country]] == []
    assert {*MAIN_ZONE.values()} <= {*ZONES}
