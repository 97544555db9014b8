"""Conditions as a marketer would say them: `engagement at least 35, or grade B or better`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

from nurture.domain.conditions import Condition, EventCondition
from nurture.domain.duration import parse_duration
from nurture.domain.wording import one_of
from nurture.reports.wording import counted


class _Said(NamedTuple):
    """A condition in words. `joined` is the word that holds its parts together, if it has several."""

    words: str
    joined: str | None = None

    def within(self, joint: str) -> str:
        """The words as one part of several; brackets where it would be unclear what belongs together."""
        return self.words if self.joined in {None, joint} else f"({self.words})"


#: How each test is said, and how its contrary is.
_TESTS: Final[Mapping[str, tuple[str, str]]] = {
    "equals": ("is {}", "is not {}"),
    "in": ("is {}", "is not {}"),
    "contains": ("contains {}", "does not contain {}"),
    "starts_with": ("begins with {}", "does not begin with {}"),
    "ends_with": ("ends with {}", "does not end with {}"),
    "matches": ("matches {}", "does not match {}"),
    "at_least": ("at least {}", "not at least {}"),
    "at_most": ("at most {}", "not at most {}"),
    "above": ("above {}", "not above {}"),
    "below": ("below {}", "not below {}"),
    "between": ("from {} to {}", "not from {} to {}"),
    "before": ("before {}", "not before {}"),
    "after": ("after {}", "not after {}"),
}

#: Grades compare by merit.
_GRADES: Final[Mapping[str, str]] = {
    "at_least": "{} or better", "at_most": "{} or worse", "above": "better than {}", "below": "worse than {}",
}  # fmt: skip

#: Tests of a part of a text, which is quoted, for it may be anything.
_OF_TEXT: Final = frozenset({"contains", "starts_with", "ends_with", "matches"})


def condition_in_words(condition: Condition) -> str:
    """What a condition asks."""
    return _said(condition.raw).words


def events_in_words(events: tuple[str, ...], where: EventCondition | None = None) -> str:
    """`demo requested or form submitted (form is demo-request)`."""
    named = one_of(named_in_words(each) for each in events)
    return named if where is None else f"{named} ({condition_in_words(where)})"


def named_in_words(name: str) -> str:
    """The name of a field or an event without its underscores."""
    return name.replace("_", " ")


def span_in_words(length: timedelta) -> str:
    """`2 days`, `1 day and 12 hours`."""
    hours, seconds = divmod(length.seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    parts = [(length.days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second")]
    *most, last = [counted(count, unit) for count, unit in parts if count] or [counted(0, "seconds", "seconds")]
    return f"{', '.join(most)} and {last}" if most else last


def _said(raw: Mapping[str, Any]) -> _Said:
    return _joined([_entry(str(key), operand) for key, operand in raw.items()], "and")


def _joined(parts: list[_Said], joint: str) -> _Said:
    if len(parts) == 1:
        return parts[0]
    *most, last = [part.within(joint) for part in parts]
    return _Said(f"{', '.join(most)}, {joint} {last}", joint)


def _entry(key: str, operand: Any) -> _Said:
    match key:
        case "all":
            return _joined([_said(each) for each in operand], "and")
        case "any":
            return _joined([_said(each) for each in operand], "or")
        case "not":
            return _not(operand)
        case "happened":
            return _happened(operand)
        case _:
            return _tested(key, operand)


def _not(raw: Mapping[str, Any]) -> _Said:
    """The contrary; a single test has words of its own for it."""
    if len(raw) == 1:
        [(key, operand)] = raw.items()
        tests = _tests_of(operand)
        if key not in {"all", "any", "not", "happened"} and len(tests) == 1:
            return _Said(f"{named_in_words(key)} {_test(key, *next(iter(tests.items())), holds=False)}")
    return _Said(f"not ({_said(raw).words})")


def _tested(field: str, operand: Any) -> _Said:
    tests = [_test(field, name, value) for name, value in _tests_of(operand).items()]
    return _Said(f"{named_in_words(field)} {' and '.join(tests)}")


def _tests_of(operand: Any) -> Mapping[str, Any]:
    if isinstance(operand, dict):
        return operand
    return {"in" if isinstance(operand, list) else "equals": operand}


def _test(field: str, name: str, value: Any, *, holds: bool = True) -> str:
    if name == "exists":
        return "is known" if value == holds else "is not known"
    if field == "grade" and name in _GRADES:
        said = _GRADES[name].format(_value(value))
        return said if holds else f"not {said}"
    said = _TESTS[name][0 if holds else 1]
    if name == "between":
        return said.format(*map(_value, value))
    if name in _OF_TEXT:
        return said.format(f"“{value}”")
    if name == "in":
        listed = f"one of the {named_in_words(value)}" if isinstance(value, str) else one_of(map(_value, value))
        return said.format(listed)
    return said.format(_value(value))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if text and " " not in text else f"“{text}”"


def _happened(asked: Any) -> _Said:
    if isinstance(asked, str):
        return _Said(f"what step {asked} waited for happened")
    names = (asked["event"],) if isinstance(asked["event"], str) else tuple(asked["event"])
    where = EventCondition(asked["where"]) if "where" in asked else None
    within = f" in the last {span_in_words(parse_duration(asked['within']))}" if "within" in asked else ""
    return _Said(f"{events_in_words(names, where)} {_how_often(asked.get('times', 1))}{within}")


def _how_often(times: Any) -> str:
    if isinstance(times, dict):
        return f"happened {' and '.join(_test('times', name, value) for name, value in times.items())} times"
    if times == 0:
        return "did not happen"
    return "happened" if times == 1 else f"happened at least {times} times"
