"""What a sequence says about time, and about who enters and leaves, as a marketer would say it."""

from collections.abc import Iterator
from datetime import time
from typing import Final

from nurture.domain.conditions import Condition
from nurture.domain.duration import LONGEST
from nurture.domain.lateness import Late
from nurture.domain.pauses import AnyPause, BusinessDays, RelativeDate, UntilWeekday
from nurture.domain.sequence import Exit, Reentry, Sequence
from nurture.domain.triggers import Enroll, Goal, Trigger
from nurture.domain.window import ALL_DAY, COUNTRY, PERSON, WEEKDAYS, Weekday, Window
from nurture.reports.condition_words import condition_in_words, events_in_words, named_in_words, span_in_words
from nurture.reports.wording import counted

_DAYS: Final = dict(zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True))

#: From so many days in a row on, the first and the last say it.
_A_STRETCH: Final = 3


def pause_in_words(pause: AnyPause, window: Window) -> str:
    """How long a wait is: `2 days`, `until Monday 09:00, their time`."""
    match pause:
        case BusinessDays(business_days=count, at=at):
            return f"{counted(count, 'business day')}{_to_the_hour(at, window)}"
        case UntilWeekday(until=days, at=at):
            return f"until {_days_in_words(days, 'or')} {at:%H:%M}, {clock_in_words(window)}"
        case RelativeDate():
            return f"until {date_in_words(pause, window)}"
        case _:
            return span_in_words(pause)


def date_in_words(pause: RelativeDate, window: Window) -> str:
    """`1 day before webinar day, at 09:00, their time`."""
    attribute = named_in_words(pause.date)
    if pause.before:
        attribute = f"{span_in_words(pause.before)} before {attribute}"
    elif pause.after:
        attribute = f"{span_in_words(pause.after)} after {attribute}"
    return f"{attribute}{_to_the_hour(pause.at, window)}"


def _to_the_hour(at: time | None, window: Window) -> str:
    return "" if at is None else f", at {at:%H:%M}, {clock_in_words(window)}"


def clock_in_words(window: Window) -> str:
    """Whose time a window goes by."""
    first = window.fallbacks[0]
    return {PERSON: "their time", COUNTRY: "their country’s time"}.get(first, f"{named_in_words(first)} time")


def _days_in_words(days: tuple[Weekday, ...], joint: str) -> str:
    indices = [WEEKDAYS.index(day) for day in days]
    stretch = range(indices[0], indices[0] + len(indices))
    if len(indices) >= _A_STRETCH and indices == [*stretch]:
        return f"{_DAYS[days[0]]} to {_DAYS[days[-1]]}"
    *most, last = [_DAYS[day] for day in days]
    return f"{', '.join(most)} {joint} {last}" if most else last


def window_in_words(window: Window) -> str:
    """When mail may go: `Monday to Friday, 09:00-18:00, their time, not on public holidays (FR)`."""
    if window.is_always_open:
        return "on any day, at any hour"
    days = "on any day" if {*window.days} == {*WEEKDAYS} else _days_in_words(window.days, "and")
    hours = [] if window.hours == ALL_DAY else [f"{window.hours.opens:%H:%M} to {window.hours.closes:%H:%M}"]
    said = [days, *hours, clock_in_words(window)]
    if window.holidays is not None:
        whose = "their country’s" if window.holidays == PERSON else window.holidays
        said.append(f"but not on public holidays ({whose})")
    if window.spread:
        said.append(f"spread over {span_in_words(window.spread)} after the opening")
    return ", ".join(said)


def late_in_words(late: Late) -> str:
    """What becomes of a mail that is late."""
    when = "when late" if late.after is None else f"when more than {span_in_words(late.after)} late"
    what = {"send": "sent all the same", "skip": "not sent", "next_window": "sent at the next opening"}[late.then]
    return f"{when}: {what}"


def trigger_in_words(trigger: Trigger, window: Window) -> str:
    """What puts people on the sequence."""
    if trigger.manual:
        return "put on it by name"
    if trigger.enters is not None:
        return f"this has just become true: {condition_in_words(trigger.enters)}"
    if trigger.pause is not None:
        return date_in_words(trigger.pause, window)
    if trigger.promoted_to is not None:
        cause, where = f"promoted to {trigger.promoted_to}", trigger.where
        asked = "" if where is None else f" ({condition_in_words(where)})"
    else:
        cause, asked = events_in_words(trigger.events, trigger.where), ""
    through = [f"{kind} {name}" for kind, name in (("form", trigger.form), ("asset", trigger.asset)) if name is not None]
    return ", through ".join([f"{cause}{asked}", *([" and ".join(through)] if through else [])])


def goal_in_words(goal: Goal) -> str:
    """What makes the sequence a success."""
    return events_in_words(goal.event, goal.where)


def exit_in_words(way_out: Exit) -> str:
    """What else ends it."""
    return condition_in_words(way_out) if isinstance(way_out, Condition) else named_in_words(way_out)


def facts_in_words(sequence: Sequence) -> Iterator[tuple[str, str]]:
    """What holds for the whole sequence: a heading, and what is so."""
    yield "Enters", trigger_in_words(sequence.trigger, sequence.window)
    yield "Audience", "everybody" if sequence.audience is None else condition_in_words(sequence.audience)
    yield "When put in force", _enroll_in_words(sequence.enroll)
    yield "Goal", "none" if sequence.goal is None else goal_in_words(sequence.goal)
    if sequence.holdout is not None:
        yield "Held out", f"{sequence.holdout.written()} of those who enter are not mailed, to see what the mail brings"
    yield "Ends early", "; or ".join(map(exit_in_words, sequence.exit)) or "only by the goal"
    yield "Again", _reentry_in_words(sequence.reentry)
    yield "Mail goes", window_in_words(sequence.window)
    if sequence.late is not None:
        yield "Late mail", late_in_words(sequence.late)
    yield "Priority", f"{sequence.priority} of 100"


def _enroll_in_words(enroll: Enroll) -> str:
    if enroll.backfill is None:
        return "only who enters from now on"
    if enroll.backfill == LONGEST:
        return "also everybody who would have entered before"
    return f"also who would have entered in the last {span_in_words(enroll.backfill)}"


def _reentry_in_words(reentry: Reentry) -> str:
    if reentry.after is None:
        return "never"
    return f"{span_in_words(reentry.after)} after the last time" if reentry.after else "as soon as the last time is over"
