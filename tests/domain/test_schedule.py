"""When a window opens, everywhere on earth and on every day of the year."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.schedule import ZONE_OF_COUNTRY, next_opening, zone_for
from nurture.domain.window import WEEKDAYS, Window

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
OFFICE = Window.model_validate({"days": "mon-fri", "hours": "09:00-18:00"})


def never(_day: date, _country: str) -> bool:
    return False


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def opens(window: Window, zone: str, local: str, is_holiday: Callable[[date, str], bool] = never) -> str:
    """When the window next opens, both in local time."""
    found = next_opening(window, ZoneInfo(zone), at(local, zone), is_holiday)
    return found.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")


def window(days: str, hours: str) -> Window:
    return Window.model_validate({"days": days, "hours": hours})


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


def test_the_hour_that_comes_twice_in_autumn_counts_once() -> None:
    nightly = window("mon-sun", "02:15-02:45")
    paris = ZoneInfo("Europe/Paris")
    first = next_opening(nightly, paris, datetime(2026, 10, 25, 0, tzinfo=UTC), never)
    assert first == datetime(2026, 10, 25, 0, 15, tzinfo=UTC)
    assert next_opening(nightly, paris, datetime(2026, 10, 25, 0, 45, tzinfo=UTC), never) == datetime(
        2026, 10, 26, 1, 15, tzinfo=UTC
    )


def test_a_day_that_the_date_line_swallowed_never_opens() -> None:
    """Samoa went from Thursday the 29th to Saturday the 31st of December 2011."""
    friday = window("fri", "09:00-18:00")
    assert opens(friday, "Pacific/Apia", "2011-12-29T20:00") == "2012-01-06T09:00+14:00"


def test_public_holidays_are_skipped_where_the_window_names_a_country() -> None:
    def holiday(day: date, country: str) -> bool:
        return country == "FR" and day in {date(2026, 5, 1), date(2026, 5, 8)}

    french = Window.model_validate({"days": "fri", "hours": "09:00-18:00", "holidays": "FR"})
    assert opens(french, "Europe/Paris", "2026-04-30T12:00", holiday) == "2026-05-15T09:00+02:00"
    assert opens(window("fri", "09:00-18:00"), "Europe/Paris", "2026-04-30T12:00", holiday) == "2026-05-01T09:00+02:00"


def test_a_window_that_never_opens_says_so() -> None:
    french = Window.model_validate({"holidays": "FR"})
    with pytest.raises(ValueError, match="never opens"):
        next_opening(french, ZoneInfo("UTC"), at("2026-01-01"), lambda _day, _country: True)


def test_monday_at_nine_is_monday_at_nine_everywhere() -> None:
    """From the Friday before each of these Mondays: plain ones, and those after the clock changes of north and south."""
    monday = window("mon", "09:00-10:00")
    for zone in ZONES:
        for day in ("2026-01-05", "2026-03-30", "2026-04-06", "2026-07-06", "2026-10-05", "2026-10-26", "2026-11-02"):
            expected = at(f"{day}T09:00", zone)
            found = next_opening(monday, ZoneInfo(zone), expected.astimezone(UTC) - timedelta(days=3, hours=7), never)
            local = found.astimezone(ZoneInfo(zone))
            assert (local.weekday(), local.hour, local.minute) == (0, 9, 0), zone
            assert (found, found.tzinfo) == (expected, UTC), zone


windows = st.builds(
    lambda days, opens, closes: Window.model_validate(
        {"days": days, "hours": f"{opens}-{closes if closes != opens else '24:00'}"}
    ),
    st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
    st.times().map(lambda time: f"{time:%H:%M}"),
    st.times().map(lambda time: f"{time:%H:%M}"),
).filter(lambda window: window.hours.opens != window.hours.closes)
instants = st.datetimes(datetime(2005, 1, 2), datetime(2037, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone follows


def is_open_by_the_clock_on_the_wall(window: Window, local: datetime) -> bool:
    """Whether a clock on the wall shows an hour of the window; right where no clock change is near."""
    begins, closes = window.hours
    now, today = local.time(), WEEKDAYS[local.weekday()]
    if begins < closes:
        return today in window.days and begins <= now < closes
    yesterday = WEEKDAYS[local.weekday() - 1]
    return (today in window.days and now >= begins) or (yesterday in window.days and now < closes)


@given(window=windows, zone=st.sampled_from(ZONES).map(ZoneInfo), at=instants)
def test_the_next_opening_is_the_first_open_instant(window: Window, zone: ZoneInfo, at: datetime) -> None:
    found = next_opening(window, zone, at, never)
    assert found >= at
    assert next_opening(window, zone, found, never) == found
    assert found - at <= timedelta(days=9)
    around = [found + timedelta(days=days) for days in range(-9, 2)]
    if len({instant.astimezone(zone).utcoffset() for instant in around}) == 1:
        assert is_open_by_the_clock_on_the_wall(window, found.astimezone(zone))
        if found > at:
            assert found.astimezone(zone).time() == window.hours.opens
            assert not is_open_by_the_clock_on_the_wall(window, (found - timedelta(seconds=1)).astimezone(zone))
            assert not is_open_by_the_clock_on_the_wall(window, at.astimezone(zone))


@given(
    window=windows, zone=st.sampled_from(ZONES).map(ZoneInfo), at=instants, later=st.timedeltas(timedelta(0), timedelta(days=20))
)
def test_asking_later_never_gives_an_earlier_opening(window: Window, zone: ZoneInfo, at: datetime, later: timedelta) -> None:
    assert next_opening(window, zone, at, never) <= next_opening(window, zone, at + later, never)


@pytest.mark.parametrize(
    ("timezone", "attributes", "expected"),
    [
        ("Asia/Tokyo", {"timezone": "Europe/Paris"}, "Asia/Tokyo"),
        ("person", {"timezone": "America/Montreal", "country": "FR"}, "America/Montreal"),
        ("person", {"country": "fr"}, "Europe/Paris"),
        ("person", {"timezone": "Mars/Olympus", "country": "GB"}, "Europe/London"),
        ("person", {"country": "US"}, "Europe/Brussels"),  # a country of many zones says too little
        ("person", {"timezone": 5, "country": 5}, "Europe/Brussels"),
        ("person", {"timezone": "../etc/passwd"}, "Europe/Brussels"),
        ("person", {}, "Europe/Brussels"),
    ],
)
def test_whose_clock_it_is(timezone: str, attributes: dict[str, object], expected: str) -> None:
    assert zone_for(Window.model_validate({"timezone": timezone}), attributes, "Europe/Brussels").key == expected


def test_every_country_has_a_zone_that_exists() -> None:
    assert set(ZONE_OF_COUNTRY.values()) <= set(ZONES)
