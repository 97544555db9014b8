"""The tests of the condition language: from what stands behind a test's name to a predicate on one fact.

Tests never raise: a value of the wrong type is simply not a match.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from operator import ge, gt, le, lt
from typing import Any, Final

from nurture.domain.named_lists import NAMED_LISTS
from nurture.domain.patterns import UnfitPattern, searcher
from nurture.domain.wording import instead

Test = Callable[[Any], bool]

_NUMBER: Final = re.compile(r"\s*-?\d{1,300}(\.\d{1,300})?\s*", re.ASCII)

#: So much of a pattern is quoted back to its author.
_QUOTED: Final = 80


class Unfit(ValueError):
    """What stands behind a test makes no sense; says what, and what to write."""


def _text(operand: Any) -> str:
    if isinstance(operand, bool) or not isinstance(operand, int | float | str):
        raise Unfit(f"{shown(operand)} is no text; write one text, and `any` around several conditions")
    return str(operand)


def _single(operand: Any) -> Any:
    if operand is None:
        raise Unfit("there is nothing to compare with; write a value, or {exists: false} to ask that it is missing")
    if not isinstance(operand, bool | int | float | str):
        raise Unfit(f"{shown(operand)} is no single value; write a text, a number, true or false")
    return operand


def shown(value: Any) -> str:
    """A value as its author sees it in YAML; what is long is only named."""
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "nothing"}[value]
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else repr(value)


def _equals(operand: Any) -> Test:
    expected = _single(operand)
    return lambda value: bool(value == expected)


def _comparable(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def make(operand: Any) -> Test:
        if isinstance(operand, bool) or not isinstance(operand, int | float | str):
            raise Unfit(f"{shown(operand)} cannot be compared; write a number or a text")
        numeric = not isinstance(operand, str)

        def test(value: Any) -> bool:
            if numeric and isinstance(value, str):
                value = _number(value)
            try:
                return bool(compare(value, operand))
            except TypeError:
                return False

        return test

    return make


def _number(text: str) -> float | None:
    """The number that a text is; forms know nothing but texts."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _instants(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def make(operand: Any) -> Test:
        limit = _instant(operand)
        if limit is None:
            raise Unfit(f"{shown(operand)} is no date; write one like 2026-03-31 or 2026-03-31T09:00:00Z")

        def test(value: Any) -> bool:
            instant = _instant(value)
            return instant is not None and compare(instant, limit)

        return test

    return make


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _members(operand: Any) -> Test:
    if isinstance(operand, str):
        if operand not in NAMED_LISTS:
            raise Unfit(f"{operand!r} is no list; {instead(operand, NAMED_LISTS, verb='write [a, b], or')}")
        named = NAMED_LISTS[operand]
        return lambda value: isinstance(value, str) and value.lower() in named
    if not isinstance(operand, list) or not operand:
        raise Unfit(f"{'an empty list' if operand == [] else shown(operand)} holds no value; write a list such as [a, b]")
    members = [_single(each) for each in operand]
    return lambda value: value in members


def _starts_with(operand: Any) -> Test:
    prefix = _text(operand)
    return lambda value: isinstance(value, str) and value.startswith(prefix)


def _ends_with(operand: Any) -> Test:
    suffix = _text(operand)
    return lambda value: isinstance(value, str) and value.endswith(suffix)


def _contains(operand: Any) -> Test:
    part, text = _single(operand), _text(operand)
    return lambda value: part in value if isinstance(value, list) else isinstance(value, str) and text in value


def _pattern(operand: Any) -> Test:
    try:
        return searcher(_text(operand))
    except UnfitPattern as error:
        raise Unfit(f"{str(operand)[:_QUOTED]!r} cannot be searched for: {error}") from None


def _between(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) != 2:  # noqa: PLR2004 - a range has two ends
        raise Unfit(f"{shown(operand)} is no range; write [lowest, highest], both included")
    least, most = TESTS["at_least"](operand[0]), TESTS["at_most"](operand[1])
    if all(isinstance(end, int | float) for end in operand) and operand[0] > operand[1]:
        raise Unfit(f"nothing lies between {operand[0]} and {operand[1]}; write the lower end first")
    return lambda value: least(value) and most(value)


def _exists(operand: Any) -> Test:
    if not isinstance(operand, bool):
        raise Unfit(f"{shown(operand)} is no answer; write exists: true or exists: false")
    return lambda value: (value is not None) == operand


#: Every test by its name in YAML: from what stands behind the name to a predicate on a fact that is there. Raises
#: a ValueError (what; what to do) for an operand that makes no sense.
TESTS: Final[Mapping[str, Callable[[Any], Test]]] = {
    "equals": _equals,
    "in": _members,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "matches": _pattern,
    "at_least": _comparable(ge),
    "at_most": _comparable(le),
    "above": _comparable(gt),
    "below": _comparable(lt),
    "between": _between,
    "before": _instants(lt),
    "after": _instants(gt),
    "exists": _exists,
}
