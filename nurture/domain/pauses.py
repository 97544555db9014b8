"""What stands behind `wait:`: a length of time, so many business days, until a weekday, or relative to somebody's date.

    wait: 2d
    wait: {business_days: 3, at: "09:00"}
    wait: {until: "mon,thu", at: "09:00"}
    wait: {date: webinar_day, before: 1d, at: "09:00", if_missing: continue}

All but a plain length go by the clock on which the window is read: the person's, unless it says otherwise.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)

from nurture.domain.duration import Duration, format_duration
from nurture.domain.model import Definition, Problem, refuse
from nurture.domain.schedule import Calendar, Local, came, instant_of, local_for
from nurture.domain.window import WEEKDAYS, Weekday, Window, parse_days
from nurture.domain.wording import nearest

_CLOCK_PATTERN: Final = r"^([01]\d|2[0-3]):[0-5]\d$"

_SHORT_FORMS: Final[Mapping[str, Weekday]] = {
    "monday": "mon", "tuesday": "tue", "wednesday": "wed", "thursday": "thu", "friday": "fri", "saturday": "sat", "sunday": "sun",
    **{day: day for day in WEEKDAYS},
}  # fmt: skip
_DAY: Final = f"({'|'.join(_SHORT_FORMS)})"
_UNTIL_PATTERN: Final = f"^{_DAY}(-{_DAY})?(, ?{_DAY}(-{_DAY})?)*$"

_ONE_DAY: Final = timedelta(days=1)

#: As many days as the longest count of business days may take, with the longest holidays.
_HORIZON: Final = 500 * 7 * 2


def parse_clock(text: Any) -> Any:
    """`09:00` as a time of day; raises ValueError with the accepted form."""
    if isinstance(text, time):
        return text
    if not isinstance(text, str) or not re.fullmatch(_CLOCK_PATTERN, text, re.ASCII):
        raise ValueError(f"{text!r} is no time of day; {_clock_meant(str(text))}")
    return time.fromisoformat(text)


def _clock_meant(text: str) -> str:
    found = re.fullmatch(r"\s*(\d{1,2})(?:[:.hH](\d\d)?)?(?::\d\d)?\s*([ap])?\.?(?:m\.?)?\s*", text, re.ASCII | re.IGNORECASE)
    hour, minute, half = found.groups() if found else ("99", None, None)
    if half:
        hour = str(int(hour) % 12 + (12 if half.lower() == "p" else 0)) if int(hour) <= 12 else "99"  # noqa: PLR2004 - half a day
    meant = f"{hour:0>2}:{minute or '00'}".replace("24:00", "00:00")
    return f"did you mean {meant!r}?" if re.fullmatch(_CLOCK_PATTERN, meant) else "write it like 09:00"


def parse_until(written: Any) -> Any:
    """`monday`, `mon`, `mon,thu`, `mon-fri` or a list, as days in their order; raises ValueError with the accepted form."""
    if isinstance(written, list | tuple):
        return tuple(_SHORT_FORMS.get(str(day), day) for day in written)
    text = str(written)
    if not re.fullmatch(_UNTIL_PATTERN, text):
        meant = re.sub(r"\w+", lambda word: nearest(word[0], _SHORT_FORMS, alike=0.7) or word[0], text)
        near = f"did you mean {meant!r}?" if re.fullmatch(_UNTIL_PATTERN, meant) else "write monday, or mon,thu"
        raise ValueError(f"{written!r} names no weekday; {near}")
    return parse_days(re.sub(r"\w+", lambda word: _SHORT_FORMS[word[0]], text))


def _no_weekday(text: Any) -> Any:
    if isinstance(text, str) and re.fullmatch(_UNTIL_PATTERN, text):
        raise ValueError(f"{text!r} is no duration; did you mean {{until: {text}}}?")
    return text


ClockTime = Annotated[
    time,
    PlainValidator(parse_clock),
    PlainSerializer("{:%H:%M}".format),
    WithJsonSchema({"type": "string", "pattern": _CLOCK_PATTERN, "examples": ["09:00"]}),
]
UntilDays = Annotated[
    tuple[Weekday, ...],
    Field(min_length=1),
    BeforeValidator(
        parse_until,
        json_schema_input_type=Annotated[str, Field(pattern=_UNTIL_PATTERN, examples=["monday", "mon,thu"])]
        | tuple[Weekday, ...],
    ),
]
AttributeName = Annotated[str, Field(min_length=1, max_length=128)]


class BusinessDays(Definition):
    """So many business days: the days of the window (mon-fri if it names all seven) without its public holidays."""

    business_days: Annotated[int, Field(ge=1, le=500)]
    """How many; 3 means the third one after today."""
    at: ClockTime | None = None
    """At what time of that day, local; without it, the time at which the wait began."""


class UntilWeekday(Definition):
    """Until the next of these weekdays, on the person's clock."""

    until: UntilDays
    """Which: monday, or mon,thu, or mon-fri."""
    at: ClockTime = time(0)
    """At what time of that day, local."""


class RelativeDate(Definition):
    """Until a date that is known about the person, or so long before or after it."""

    date: AttributeName
    """The attribute that holds it, as 2026-03-14 or 2026-03-14T18:30 (local time unless it has an offset)."""
    before: Duration | None = None
    """How long before it, such as 1d; whole days go by the calendar."""
    after: Duration | None = None
    """How long after it, such as 2h; whole days go by the calendar."""
    at: ClockTime | None = None
    """At what time of that day, local; without it, the date's own, which is midnight where it has none."""
    if_missing: Literal["exit", "continue"] = "exit"
    """What happens to those of whom no date is known: exit, or continue at once."""

    @model_validator(mode="after")
    def _shifts_one_way(self) -> "RelativeDate":
        if self.before is not None and self.after is not None:
            text = "a wait cannot end both before and after a date; keep 'before' or 'after'"
            refuse("wait", [Problem(("after",), text, in_key=True)])
        if self.at is not None:
            refuse("wait", self._part_days())
        return self

    def _part_days(self) -> Iterator[Problem]:
        for key, length in (("before", self.before), ("after", self.after)):
            if length is not None and length % _ONE_DAY:
                text = (
                    f"{format_duration(length)!r} is not in whole days, and 'at' names the time of day; write 1d, or delete 'at'"
                )
                yield Problem((key,), text)

    @property
    def shift(self) -> timedelta:
        """How long after the date; negative before it."""
        return -self.before if self.before is not None else self.after or timedelta(0)


AnyPause = timedelta | BusinessDays | UntilWeekday | RelativeDate

#: What makes a pause what it is: the key that only this kind has.
_KINDS: Final[Mapping[str, str]] = {"business_days": "<BusinessDays>", "until": "<UntilWeekday>", "date": "<RelativeDate>"}


def _kind_of_pause(value: Any) -> str | None:
    if isinstance(value, Definition):
        return f"<{type(value).__name__}>"
    if not isinstance(value, dict):
        return "<Duration>"
    meant = next((key for key in _KINDS if key in value), None)
    return _KINDS.get(meant or next(filter(None, (nearest(key, _KINDS, alike=0.7) for key in value)), ""))


Pause = Annotated[
    Annotated[Duration, BeforeValidator(_no_weekday), Tag("<Duration>")]
    | Annotated[BusinessDays, Tag("<BusinessDays>")]
    | Annotated[UntilWeekday, Tag("<UntilWeekday>")]
    | Annotated[RelativeDate, Tag("<RelativeDate>")],
    Discriminator(
        _kind_of_pause,
        custom_error_type="mistake",
        custom_error_message="{text}",
        custom_error_context={
            "text": "this is no wait; write 2d, {business_days: 3}, {until: monday} or {date: webinar_day, before: 1d}"
        },
    ),
]


def date_attributes(pause: AnyPause) -> frozenset[str]:
    """The attributes whose dates decide how long the pause is; when one of them changes, so may its end."""
    return frozenset({pause.date} if isinstance(pause, RelativeDate) else ())


def ends_at(pause: AnyPause, window: Window, facts: Mapping[str, Any], calendar: Calendar, begins: datetime) -> datetime | None:
    """When a wait that begins at `begins` (aware) ends (UTC); None if it depends on a date that is missing or unreadable.

    A date may have passed: then so has the end. Raises ValueError if the window leaves no business day.
    """
    if isinstance(pause, timedelta):
        return begins.astimezone(UTC) + pause
    local = local_for(window, facts, calendar)
    match pause:
        case BusinessDays():
            return _after_business_days(pause, window, local, calendar, begins)
        case UntilWeekday():
            return _next_weekday(pause, local.zone, begins)
        case RelativeDate():
            return _around_date(pause, facts.get(pause.date), local.zone)


def _after_business_days(pause: BusinessDays, window: Window, local: Local, calendar: Calendar, begins: datetime) -> datetime:
    wall_clock = begins.astimezone(local.zone)
    weekdays = window.days if len({*window.days}) < len(WEEKDAYS) else WEEKDAYS[:5]
    open_days = (
        day
        for day in _days_from(wall_clock.date() + _ONE_DAY, local.zone)
        if WEEKDAYS[day.weekday()] in weekdays and not (local.holidays is not None and calendar.is_holiday(day, local.holidays))
    )
    for number, day in enumerate(open_days, start=1):
        if number == pause.business_days:
            return instant_of(day, wall_clock.time() if pause.at is None else pause.at, local.zone)
    raise ValueError("this window has no business days; give it days that are not all holidays")


def _next_weekday(pause: UntilWeekday, zone: ZoneInfo, begins: datetime) -> datetime:
    # From yesterday on: an hour that the clock skipped before midnight comes after it.
    days = _days_from(begins.astimezone(zone).date() - _ONE_DAY, zone)
    instants = (instant_of(day, pause.at, zone) for day in days if WEEKDAYS[day.weekday()] in pause.until)
    return next(instant for instant in instants if instant > begins)


def _days_from(first: date, zone: ZoneInfo) -> Iterator[date]:
    """The days that come in a zone, from `first` on."""
    days = (first + timedelta(days=offset) for offset in range(_HORIZON))
    return (day for day in days if came(day, zone))


def _around_date(pause: RelativeDate, written: Any, zone: ZoneInfo) -> datetime | None:
    try:
        wall_clock = _read_date(written, zone)
        return _shifted(wall_clock, pause.shift, pause.at, zone)
    except (ValueError, OverflowError):  # no date, or one that leaves the calendar
        return None


def _read_date(written: Any, zone: ZoneInfo) -> datetime:
    """An ISO date or instant on the clock of `zone`; raises ValueError, or OverflowError at the ends of the calendar."""
    if not isinstance(written, str):
        raise ValueError("no text is no date")
    read = datetime.fromisoformat(written.strip())
    return read.replace(tzinfo=zone) if read.tzinfo is None else read.astimezone(zone)


def _shifted(wall_clock: datetime, shift: timedelta, at: time | None, zone: ZoneInfo) -> datetime:
    """`wall_clock` moved by whole days on the calendar and by the rest of `shift` in time, to the hour `at` if one is given."""
    days = timedelta(days=int(shift / _ONE_DAY))
    if not days and at is None:
        return wall_clock.astimezone(UTC) + shift
    return instant_of(wall_clock.date() + days, wall_clock.time() if at is None else at, zone) + (shift - days)
