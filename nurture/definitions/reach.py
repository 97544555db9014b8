"""What can be said about conditions without knowing anybody: that one never holds, that one includes another.

Only what is certain is said. A condition is taken apart into the questions that must all hold; whatever nests in `any` or
`not`, and what `happened` before, counts only where it is written alike on both sides.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from nurture.domain.comparisons import TESTS
from nurture.domain.conditions import Condition
from nurture.domain.scoring import Grade

#: The bounds that a test sets: which end, and whether the bound itself is left out.
_BOUNDS: Final[Mapping[str, tuple[str, bool]]] = {
    "at_least": ("low", False),
    "above": ("low", True),
    "at_most": ("high", False),
    "below": ("high", True),
}


#: Keys whose operand is looked at as a whole.
_WHOLE: Final = frozenset({"any", "not", "happened"})


class _Question(NamedTuple):
    """One test on one fact; `field` is the key of what cannot be taken apart."""

    field: str
    test: str
    operand: Any


class _Bound(NamedTuple):
    end: str
    value: Any
    open: bool


def never_holds(condition: Condition) -> bool:
    """Whether the condition contradicts itself, such as `{engagement: {at_least: 50, below: 20}}`."""
    questions = list(_questions(condition.raw))
    return any(_contradict(one, other) for one in questions for other in questions if one.field == other.field)


def asks_for_stage_alone(condition: Condition) -> bool:
    """Whether the condition holds or not by the stage alone."""
    return condition.fields() == {"stage"} and not condition.happenings and not condition.awaited


def includes(wide: Condition, narrow: Condition) -> bool:
    """Whether everybody for whom `narrow` holds is certain to fulfil `wide`, too."""
    known = list(_questions(narrow.raw))
    return all(any(_implies(one, asked) for one in known) for asked in _questions(wide.raw))


def _questions(raw: Mapping[str, Any]) -> Iterator[_Question]:
    for field, operand in raw.items():
        if field == "all":
            for each in operand:
                yield from _questions(each)
        elif field in _WHOLE:
            yield _Question(field, "", operand)
        elif isinstance(operand, dict):
            for test, value in operand.items():
                yield from _split(field, test, value)
        else:
            yield _Question(field, "in" if isinstance(operand, list) else "equals", operand)


def _split(field: str, test: str, value: Any) -> Iterator[_Question]:
    if test == "between":
        yield _Question(field, "at_least", value[0])
        yield _Question(field, "at_most", value[1])
    else:
        yield _Question(field, test, value)


def _values(question: _Question) -> list[Any] | None:
    """The only values that answer a question, where they are written out."""
    if question.test == "equals":
        return [_fact(question.field, question.operand)]
    if question.test == "in" and isinstance(question.operand, list):
        return [_fact(question.field, each) for each in question.operand]
    return None


def _fact(field: str, value: Any) -> Any:
    return Grade(value) if field == "grade" and isinstance(value, str) else value


def _passes(value: Any, question: _Question) -> bool:
    return question.field not in _WHOLE and TESTS[question.test](question.operand)(value)


def _implies(known: _Question, asked: _Question) -> bool:
    if known == asked:
        return True
    if known.field != asked.field or known.field in _WHOLE or known == (known.field, "exists", False):
        return False
    if asked == (asked.field, "exists", True):
        return True
    values = _values(known)
    if values is not None:
        return all(_passes(value, asked) for value in values)
    if known.test == asked.test == "starts_with":
        return str(known.operand).startswith(str(asked.operand))
    have, want = _bound(known), _bound(asked)
    return have is not None and want is not None and _at_least_as_tight(have, want)


def _bound(question: _Question) -> _Bound | None:
    if question.test not in _BOUNDS:
        return None
    end, is_open = _BOUNDS[question.test]
    return _Bound(end, _fact(question.field, question.operand), is_open)


def _at_least_as_tight(have: _Bound, want: _Bound) -> bool:
    if have.end != want.end or isinstance(have.value, str) != isinstance(want.value, str):
        return False
    if have.value == want.value:
        return have.open or not want.open
    return bool(have.value > want.value if have.end == "low" else have.value < want.value)


def _contradict(one: _Question, other: _Question) -> bool:
    if one.field in _WHOLE or one is other:
        return False
    if one.test == "exists" and one.operand is False:
        return other.test != "exists" or other.operand is True
    values = _values(one)
    if values is not None:
        return not any(_passes(value, other) for value in values)
    low, high = _bound(one), _bound(other)
    if (
        low is None
        or high is None
        or (low.end, high.end) != ("low", "high")
        or isinstance(low.value, str) != isinstance(high.value, str)
    ):
        return False
    return bool(low.value > high.value or (low.value == high.value and (low.open or high.open)))
