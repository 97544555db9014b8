"""What no value from outside may hold, whoever sends it: what a database cannot store or a reader would drown in."""

from math import isfinite
from typing import Any, Final

from nurture.web.refusals import invalid

#: Objects and lists inside one another.
DEEPEST: Final = 32

#: Values of all kinds and at all depths in one event.
MOST_VALUES: Final = 1_000

_INT64: Final = range(-(2**63), 2**63)


class _Unclean(Exception):
    """A finding on its way up to where its place is known."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place: list[str] = []


def inspect(value: dict[str, Any]) -> None:
    """Raise Refusal (422), naming the place, if a JSON object holds a NUL, an endless number, or too much of anything."""
    try:
        count = _count(value, DEEPEST)
    except _Unclean as unclean:
        raise invalid(unclean.code, unclean.message, ".".join(reversed(unclean.place)) or None) from None
    if count > MOST_VALUES:
        raise invalid("too_many_values", f"an event holds at most {MOST_VALUES:,} values; this one holds {count:,}")


def _count(container: dict[str, Any] | list[Any], deeper: int) -> int:
    """How many values lie in a container. Every event goes through here, so what is usual is asked first."""
    if not deeper:
        raise _Unclean("too_deep", f"objects and lists lie inside one another more than {DEEPEST} deep")
    count = len(container)
    key: str | int = ""
    try:
        for key, value in container.items() if type(container) is dict else enumerate(container):
            kind = type(value)
            if kind is str:
                if "\0" in value:
                    raise _nul()
            elif kind is dict or kind is list:
                count += _count(value, deeper - 1)
            elif kind is int or kind is float:
                _check_number(value)
            if type(key) is str and "\0" in key:
                raise _nul()
    except _Unclean as unclean:
        unclean.place.append(str(key).replace("\0", "\ufffd"))
        raise
    return count


def _nul() -> _Unclean:
    return _Unclean("nul_character", "a NUL character cannot be stored; remove it")


def _check_number(number: float) -> None:
    if number not in _INT64 if isinstance(number, int) else not isfinite(number):
        raise _Unclean("number_out_of_range", "this number is too large to be kept; send it as a text")
