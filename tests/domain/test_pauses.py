"""What stands behind `wait:`, and when it ends."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.calendar import is_holiday
from nurture.definitions.document import read
from nurture.definitions.schema import schema_for
from nurture.definitions.validation import validate
from nurture.domain.model import Definition
from nurture.domain.pauses import AnyPause, BusinessDays, Pause, RelativeDate, UntilWeekday, date_attributes, ends_at
from nurture.domain.schedule import Calendar, came
from nurture.domain.window import WEEKDAYS, Window
from tests.definitions.test_schema import faults
from tests.domain.test_schedule import MONDAYS, ZONES, instants, people


class Step(Definition):
    """A step that waits."""

    wait: Pause
    """How long."""


UTC_CALENDAR = Calendar("UTC", is_holiday)
WINDOW = Window()


def pause(written: Any) -> AnyPause:
    step: Any = Step.model_validate({"wait": written})
    found: AnyPause = step.wait
    return found


def ends(written: Any, begins: str, zone: str = "UTC", **facts: Any) -> str | None:
    """When the wait ends, both in local time."""
    return ends_in(WINDOW, written, begins, zone, **facts)


def ends_in(window: Window, written: Any, begins: str, zone: str = "UTC", **facts: Any) -> str | None:
    here = ZoneInfo(zone)
    start = datetime.fromisoformat(begins).replace(tzinfo=here)
    found = ends_at(pause(written), window, {"timezone": zone, **facts}, UTC_CALENDAR, start)
    if found is None:
        return None
    assert found.tzinfo is UTC
    return found.astimezone(here).replace(tzinfo=None).isoformat(timespec="minutes")


FORMS: list[tuple[Any, AnyPause]] = [
    ("2d", timedelta(days=2)),
    ({"business_days": 3}, BusinessDays(business_days=3)),
    ({"business_days": 3, "at": "09:30"}, BusinessDays(business_days=3, at=time(9, 30))),
    ({"until": "monday"}, UntilWeekday(until=("mon",))),
    ({"until": "mon,thursday", "at": "09:00"}, UntilWeekday(until=("mon", "thu"), at=time(9))),
    ({"until": "fri-monday"}, UntilWeekday(until=("mon", "fri", "sat", "sun"))),
    ({"until": ["thu", "mon"]}, UntilWeekday(until=("thu", "mon"))),
    ({"date": "webinar_day"}, RelativeDate(date="webinar_day")),
    (
        {"date": "d", "before": "1d", "at": "09:00", "if_missing": "continue"},
        RelativeDate(date="d", before=timedelta(days=1), at=time(9), if_missing="continue"),
    ),
    ({"date": "d", "after": "2h"}, RelativeDate(date="d", after=timedelta(hours=2))),
]


@pytest.mark.parametrize(("written", "expected"), FORMS)
def test_what_is_written_comes_back(written: Any, expected: AnyPause) -> None:
    step = Step.model_validate({"wait": written})
    assert step.wait == expected
    assert Step.model_validate_json(step.model_dump_json(exclude_defaults=True)) == step
    schema = schema_for(Step)
    assert faults({"wait": written}, schema, schema) == []


def test_which_dates_a_pause_depends_on() -> None:
    assert date_attributes(pause({"date": "webinar_day"})) == {"webinar_day"}
    assert date_attributes(pause("2d")) == date_attributes(pause({"until": "mon"})) == set()


NO_WAIT = "this is no wait; write 2d, {business_days: 3}, {until: monday} or {date: webinar_day, before: 1d}"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("»2 days", "'2 days' is no duration; did you mean '2d'?"),
        ("»2", "2 is no duration; write the unit, too, such as 2d for days or 2h for hours"),
        ("»monday", "'monday' is no duration; did you mean {until: monday}?"),
        ("»{}", NO_WAIT),
        ("»{weeks: 3}", NO_WAIT),
        ("{»busines_days: 3}", "unknown key 'busines_days'; did you mean 'business_days'?"),
        ("{business_days: »0}", "0 is too small for 'business_days'; write 1 or more"),
        ("{business_days: »501}", "501 is too large for 'business_days'; write 500 or less"),
        ("{business_days: »two}", "'business_days' takes a whole number, not the text 'two'; write one such as 5"),
        ("{business_days: 2, »att: 09:00}", "unknown key 'att'; did you mean 'at'?"),
        ("{business_days: 2, at: »9am}", "'9am' is no time of day; did you mean '09:00'?"),
        ("{business_days: 2, at: »2pm}", "'2pm' is no time of day; did you mean '14:00'?"),
        ("{business_days: 2, at: »12 a.m.}", "'12 a.m.' is no time of day; did you mean '00:00'?"),
        ("{business_days: 2, at: »9h30}", "'9h30' is no time of day; did you mean '09:30'?"),
        ("{business_days: 2, at: »9}", "9 is no time of day; did you mean '09:00'?"),
        ("{business_days: 2, at: »'24:00'}", "'24:00' is no time of day; did you mean '00:00'?"),
        ("{business_days: 2, at: »'09:00:00'}", "'09:00:00' is no time of day; did you mean '09:00'?"),
        ("{business_days: 2, at: »13pm}", "'13pm' is no time of day; write it like 09:00"),
        ("{business_days: 2, at: »noon}", "'noon' is no time of day; write it like 09:00"),
        ("{until: »mondays}", "'mondays' names no weekday; did you mean 'monday'?"),
        ("{until: »Monday}", "'Monday' names no weekday; did you mean 'monday'?"),
        ("{until: »'mon, thurs'}", "'mon, thurs' names no weekday; did you mean 'mon, thursday'?"),
        ("{until: »lundi}", "'lundi' names no weekday; write monday, or mon,thu"),
        ("{until: »7}", "7 names no weekday; write monday, or mon,thu"),
        ("{until: »[]}", "'until' is empty; give it at least one entry"),
        ("{until: [mon, »lundi]}", "'lundi' is none of the choices here; write mon, tue, wed, thu, fri, sat or sun"),
        ("{»dat: d}", "unknown key 'dat'; did you mean 'date'?"),
        ("{date: d, »befor: 1d}", "unknown key 'befor'; did you mean 'before'?"),
        ("{date: d, before: »1 day}", "'1 day' is no duration; did you mean '1d'?"),
        ("{date: d, before: 1d, »after: 2d}", "a wait cannot end both before and after a date; keep 'before' or 'after'"),
        (
            "{date: d, after: »36h, at: 09:00}",
            "'1d12h' is not in whole days, and 'at' names the time of day; write 1d, or delete 'at'",
        ),
        ("{date: d, if_missing: »stop}", "'stop' is none of the choices here; write exit or continue"),
        ("{business_days: 2, »until: mon}", "unknown key 'until'; the keys here are business_days, at"),
    ],
)
def test_mistakes_have_their_place_and_say_what_to_write(written: str, told: str) -> None:
    text = f"wait: {written}"
    document, flaws = read(text.replace("»", "").encode())
    assert document
    flaws += validate(Step, document).flaws
    assert [(each.spot.column - 1, f"{each.what}; {each.fix}") for each in flaws] == [(text.index("»"), told)]


def test_a_length_passes_by_the_clock_of_no_zone() -> None:
    assert ends("2d", "2026-03-28T12:00", "Europe/Paris") == "2026-03-30T13:00"


@pytest.mark.parametrize(
    ("written", "begins", "expected"),
    [
        ({"business_days": 3}, "2026-01-05T15:00", "2026-01-08T15:00"),
        ({"business_days": 1}, "2026-01-09T15:00", "2026-01-12T15:00"),  # from Friday to Monday
        ({"business_days": 1}, "2026-01-10T15:00", "2026-01-12T15:00"),  # and from Saturday
        ({"business_days": 1, "at": "09:00"}, "2026-01-09T15:00", "2026-01-12T09:00"),
        ({"business_days": 1, "at": "00:00"}, "2026-01-09T15:00", "2026-01-12T00:00"),
        ({"business_days": 500}, "2026-01-05T15:00", "2027-12-06T15:00"),
        ({"business_days": 1, "at": "02:30"}, "2024-09-05T15:00", "2024-09-06T02:30"),
    ],
)
def test_business_days(written: Any, begins: str, expected: str) -> None:
    assert ends(written, begins, "Europe/Paris") == expected


@pytest.mark.parametrize(
    ("country", "begins", "days", "expected"),
    [
        ("FR", "2026-05-13", 1, "2026-05-15"),  # Ascension Day
        ("FR", "2026-04-30", 1, "2026-05-04"),  # Labour Day, and a week-end
        ("FR", "2026-04-30", 5, "2026-05-11"),  # … and the 8th of May
        ("US", "2026-07-02", 1, "2026-07-06"),  # the 4th is a Saturday, so they rest on the 3rd
        ("US", "2026-11-25", 1, "2026-11-27"),  # Thanksgiving
        ("JP", "2026-05-01", 1, "2026-05-07"),  # Golden Week, with its substitute
        ("JP", "2026-09-18", 1, "2026-09-24"),  # a day between two holidays is one, too
        ("US", "2026-05-13", 1, "2026-05-14"),
    ],
)
def test_business_days_with_the_holidays_of_real_countries(country: str, begins: str, days: int, expected: str) -> None:
    for window, facts in [(Window(holidays=country), {}), (Window(holidays="person"), {"country": country})]:
        assert ends_in(window, {"business_days": days}, f"{begins}T10:00", "UTC", **facts) == f"{expected}T10:00"
    assert ends_in(Window(), {"business_days": 1}, "2026-05-13T10:00", "UTC", country=country) == "2026-05-14T10:00"


def test_business_days_are_those_of_the_window() -> None:
    shop = Window.model_validate({"days": "tue-sat"})
    assert ends_in(shop, {"business_days": 2}, "2026-01-09T10:00") == "2026-01-13T10:00"  # Saturday, Tuesday
    assert ends_in(Window.model_validate({"days": "sun"}), {"business_days": 2}, "2026-01-09T10:00") == "2026-01-18T10:00"


def test_a_window_without_business_days_says_so() -> None:
    with pytest.raises(ValueError, match="no business days"):
        ends_at(
            BusinessDays(business_days=1),
            Window(holidays="FR"),
            {},
            Calendar("UTC", lambda *_: True),
            datetime(2026, 1, 1, tzinfo=UTC),
        )


@given(facts=people, begins=instants, days=st.integers(1, 30), at=st.none() | st.times().map(lambda at: at.replace(second=0)))
def test_so_many_business_days_lie_between(facts: dict[str, str], begins: datetime, days: int, at: time | None) -> None:
    zone, window = ZoneInfo(facts["timezone"]), Window(holidays="FR")
    found = ends_at(BusinessDays(business_days=days, at=at), window, facts, UTC_CALENDAR, begins)
    assert found
    assert found > begins
    first, last = begins.astimezone(zone).date(), found.astimezone(zone).date()
    between = [first + timedelta(days=number) for number in range(1, (last - first).days + 1)]
    open_days = [day for day in between if day.weekday() < 5 and not is_holiday(day, "FR") and came(day, zone)]
    rolled = found.astimezone(zone).time().replace(fold=0) != (at or begins.astimezone(zone).time().replace(fold=0))
    assert len(open_days) == days or rolled
    assert open_days[-1] == last or rolled


@pytest.mark.parametrize(
    ("written", "zone", "begins", "expected"),
    [
        ({"until": "monday", "at": "09:00"}, "Europe/Paris", "2026-01-07T10:00", "2026-01-12T09:00"),
        ({"until": "mon", "at": "09:00"}, "Europe/Paris", "2026-01-12T08:59", "2026-01-12T09:00"),
        ({"until": "mon", "at": "09:00"}, "Europe/Paris", "2026-01-12T09:00", "2026-01-19T09:00"),  # strictly after
        ({"until": "mon"}, "Europe/Paris", "2026-01-07T10:00", "2026-01-12T00:00"),
        ({"until": "mon,thu", "at": "09:00"}, "Europe/Paris", "2026-01-07T10:00", "2026-01-08T09:00"),
        ({"until": "mon-fri", "at": "09:00"}, "Europe/Paris", "2026-01-09T10:00", "2026-01-12T09:00"),
        ({"until": "sun", "at": "02:30"}, "Europe/Paris", "2026-03-27T10:00", "2026-03-29T03:30"),  # no such hour
        ({"until": "sat", "at": "23:30"}, "America/Nuuk", "2026-03-27T10:00", "2026-03-29T00:30"),  # … before midnight
        ({"until": "sat", "at": "23:30"}, "America/Nuuk", "2026-03-29T00:10", "2026-03-29T00:30"),
        ({"until": "fri", "at": "09:00"}, "Pacific/Apia", "2011-12-28T10:00", "2012-01-06T09:00"),  # no such day
    ],
)
def test_until_a_weekday(written: Any, zone: str, begins: str, expected: str) -> None:
    assert ends(written, begins, zone) == expected


def test_an_hour_that_comes_twice_ends_a_wait_once() -> None:
    sunday, paris = pause({"until": "sun", "at": "02:30"}), {"timezone": "Europe/Paris"}
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert ends_at(sunday, WINDOW, paris, UTC_CALENDAR, first - timedelta(minutes=1)) == first
    for begins in (first, first + timedelta(minutes=45), first + timedelta(hours=1)):
        assert ends_at(sunday, WINDOW, paris, UTC_CALENDAR, begins) == datetime(2026, 11, 1, 1, 30, tzinfo=UTC)


def test_monday_at_nine_is_monday_at_nine_everywhere() -> None:
    monday = UntilWeekday(until=("mon",), at=time(9))
    for name in ZONES:
        zone = ZoneInfo(name)
        for day in MONDAYS:
            expected = datetime.combine(date.fromisoformat(day), time(9), zone).astimezone(UTC)
            for earlier in (timedelta(seconds=1), timedelta(days=3), timedelta(days=5, hours=23)):
                assert ends_at(monday, WINDOW, {"timezone": name}, UTC_CALENDAR, expected - earlier) == expected, (name, day)


@given(
    facts=people,
    begins=instants,
    later=st.timedeltas(timedelta(0), timedelta(days=20)),
    days=st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
    at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
)
def test_the_next_weekday_is_the_first_after(
    facts: dict[str, str], begins: datetime, later: timedelta, days: list[Any], at: time
) -> None:
    until = UntilWeekday(until=tuple(days), at=at)
    found = ends_at(until, WINDOW, facts, UTC_CALENDAR, begins)
    afterwards = ends_at(until, WINDOW, facts, UTC_CALENDAR, begins + later)
    assert found
    assert afterwards
    assert begins < found <= afterwards
    assert found - begins <= timedelta(days=15)
    local = found.astimezone(ZoneInfo(facts["timezone"]))
    if local.time() == at:  # else the clock skipped that hour
        assert WEEKDAYS[local.weekday()] in days


@pytest.mark.parametrize(
    ("written", "value", "expected"),
    [
        ({"date": "d"}, "2026-03-14", "2026-03-14T00:00"),
        ({"date": "d"}, "2026-03-14T18:30", "2026-03-14T18:30"),
        ({"date": "d"}, " 2026-03-14 18:30 ", "2026-03-14T18:30"),
        ({"date": "d"}, "2026-03-14T18:30:00.000Z", "2026-03-14T19:30"),
        ({"date": "d"}, "2026-03-14T18:30+05:30", "2026-03-14T14:00"),
        ({"date": "d", "before": "1d"}, "2026-03-14", "2026-03-13T00:00"),
        ({"date": "d", "before": "1d", "at": "09:00"}, "2026-03-14", "2026-03-13T09:00"),
        ({"date": "d", "before": "1d", "at": "09:00"}, "2026-03-14T23:30Z", "2026-03-14T09:00"),  # the 15th already, here
        ({"date": "d", "at": "09:00"}, "2026-03-14T18:30", "2026-03-14T09:00"),
        ({"date": "d", "at": "00:00"}, "2026-03-14T18:30", "2026-03-14T00:00"),
        ({"date": "d", "before": "1h"}, "2026-03-14T18:30", "2026-03-14T17:30"),
        ({"date": "d", "after": "2h"}, "2026-03-14T18:30", "2026-03-14T20:30"),
        ({"date": "d", "after": "1d2h"}, "2026-03-14T18:30", "2026-03-15T20:30"),
        ({"date": "d", "before": "1d2h"}, "2026-03-14T18:30", "2026-03-13T16:30"),
        ({"date": "d", "before": "1d"}, "2026-03-30T12:00", "2026-03-29T12:00"),  # days go by the calendar
        ({"date": "d", "before": "24h"}, "2026-03-29T12:00", "2026-03-28T12:00"),
        ({"date": "d", "before": "10h"}, "2026-03-29T12:00", "2026-03-29T01:00"),  # hours by the clock
        ({"date": "d"}, "2026-03-29T02:30", "2026-03-29T03:30"),
        ({"date": "d", "before": "1d"}, "2026-03-30T02:30", "2026-03-29T03:30"),
        ({"date": "d", "at": "09:00"}, "1999-12-31", "1999-12-31T09:00"),  # it has passed
        ({"date": "d"}, "tomorrow", None),
        ({"date": "d"}, "", None),
        ({"date": "d"}, "2026-02-30", None),
        ({"date": "d"}, 20260314, None),
        ({"date": "d"}, None, None),
        ({"date": "d"}, ["2026-03-14"], None),
        ({"date": "d", "before": "1d"}, "0001-01-01", None),
        ({"date": "d"}, "0001-01-01", None),  # before the beginning of the calendar in UTC
        ({"date": "d", "after": "1d"}, "9999-12-31", None),
        ({"date": "other"}, "2026-03-14", None),
    ],
)
def test_around_a_date(written: Any, value: Any, expected: str | None) -> None:
    assert ends(written, "2026-01-01T12:00", "Europe/Paris", d=value) == expected


def test_an_instant_in_the_hour_that_comes_twice_is_kept() -> None:
    second = "2026-10-25T02:30+01:00"
    found = ends_at(
        RelativeDate(date="d"), Window(timezone="Europe/Paris"), {"d": second}, UTC_CALENDAR, datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert found == datetime.fromisoformat(second)


def test_a_date_that_never_came_is_the_next_day() -> None:
    assert ends({"date": "d", "at": "09:00"}, "2011-12-01T12:00", "Pacific/Apia", d="2011-12-30") == "2011-12-31T09:00"


def test_a_fixed_zone_of_the_window_decides() -> None:
    tokyo = Window(timezone="Asia/Tokyo")
    assert ends_in(tokyo, {"date": "d", "at": "09:00"}, "2026-01-01T12:00", "UTC", d="2026-03-14") == "2026-03-14T00:00"


@given(facts=people, day=st.dates(date(2005, 1, 2), date(2037, 1, 1)), before=st.integers(0, 400))
def test_nine_on_the_day_is_nine_on_the_day_everywhere(facts: dict[str, str], day: date, before: int) -> None:
    zone = ZoneInfo(facts["timezone"])
    wait = RelativeDate(date="d", before=timedelta(days=before), at=time(9))
    found = ends_at(wait, WINDOW, {**facts, "d": day.isoformat()}, UTC_CALENDAR, datetime(2026, 1, 1, tzinfo=UTC))
    assert found
    target = day - timedelta(days=before)
    assert found.astimezone(zone).time() == time(9)
    assert found.astimezone(zone).date() == (target if came(target, zone) else target + timedelta(days=1))
