"""The condition language of every YAML file, compiled once into plain predicates.

    {path: {starts_with: /blog/}}                           every field named must hold
    {any: [{stage: lead}, {engagement: {at_least: 50}}]}    all, any, not nest freely
    {job_title: {matches: "(?i)head|chief"}, company: {exists: true}}

A field that is missing makes every test false except `exists: false`; only `not` turns that round. Tests never raise: a
value of the wrong type is simply not a match.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from operator import ge, gt, le, lt
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from nurture.domain.model import Place, Problem, refuse
from nurture.domain.named_lists import NAMED_LISTS
from nurture.domain.wording import instead, one_of

Facts = Mapping[str, Any]
Predicate = Callable[[Facts], bool]
Test = Callable[[Any], bool]


class _Unfit(ValueError):
    """What stands behind a test makes no sense; says what, and what to write."""


def _text(operand: Any) -> str:
    if isinstance(operand, bool) or not isinstance(operand, int | float | str):
        raise _Unfit(f"{_shown(operand)} is no text; write one text, and `any` around several conditions")
    return str(operand)


def _single(operand: Any) -> Any:
    if operand is None:
        raise _Unfit("there is nothing to compare with; write a value, or {exists: false} to ask that it is missing")
    if not isinstance(operand, bool | int | float | str):
        raise _Unfit(f"{_shown(operand)} is no single value; write a text, a number, true or false")
    return operand


def _shown(value: Any) -> str:
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
            raise _Unfit(f"{_shown(operand)} cannot be compared; write a number or a text")

        def test(value: Any) -> bool:
            try:
                return bool(compare(value, operand))
            except TypeError:
                return False

        return test

    return make


def _instants(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def make(operand: Any) -> Test:
        limit = _instant(operand)
        if limit is None:
            raise _Unfit(f"{_shown(operand)} is no date; write one like 2026-03-31 or 2026-03-31T09:00:00Z")

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
            raise _Unfit(f"{operand!r} is no list; {instead(operand, NAMED_LISTS, verb='write [a, b], or')}")
        named = NAMED_LISTS[operand]
        return lambda value: isinstance(value, str) and value.lower() in named
    if not isinstance(operand, list) or not operand:
        raise _Unfit(f"{'an empty list' if operand == [] else _shown(operand)} holds no value; write a list such as [a, b]")
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
        found = re.compile(_text(operand)).search
    except (re.error, OverflowError, RecursionError) as error:
        raise _Unfit(f"{operand!r} is no regular expression ({error}); put a \\ before a character meant literally") from None
    return lambda value: isinstance(value, str) and found(value) is not None


def _between(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) != 2:  # noqa: PLR2004 - a range has two ends
        raise _Unfit(f"{_shown(operand)} is no range; write [lowest, highest], both included")
    least, most = TESTS["at_least"](operand[0]), TESTS["at_most"](operand[1])
    if all(isinstance(end, int | float) for end in operand) and operand[0] > operand[1]:
        raise _Unfit(f"nothing lies between {operand[0]} and {operand[1]}; write the lower end first")
    return lambda value: least(value) and most(value)


def _exists(operand: Any) -> Test:
    if not isinstance(operand, bool):
        raise _Unfit(f"{_shown(operand)} is no answer; write exists: true or exists: false")
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

#: What other tools call our tests, and what joins conditions there.
_CALLED_ELSEWHERE: Final[Mapping[str, str]] = {
    "is": "equals", "eq": "equals", "one_of": "in", "includes": "contains", "has": "contains", "regex": "matches",
    "gte": "at_least", "min": "at_least", "from": "at_least", "lte": "at_most", "max": "at_most", "to": "at_most",
    "gt": "above", "more_than": "above", "lt": "below", "less_than": "below", "known": "exists", "set": "exists",
}  # fmt: skip
_JOINED_ELSEWHERE: Final[Mapping[str, str]] = {
    "and": "all", "every": "all", "or": "any", "some": "any", "no": "not", "none": "not",
}  # fmt: skip

_SHAPE: Final = "a condition is a mapping; write it like {stage: lead} or {any: [{stage: lead}, {stage: mql}]}"

_EMPTY: Final = "this condition asks nothing; write it like {stage: lead}"


def compile_condition(raw: Any) -> Predicate:
    """The predicate that `raw` describes; raises ValidationError that names everything wrong with it, each at its place."""
    problems: list[Problem] = []
    predicate = _compile(raw, (), problems)
    refuse("condition", problems)
    return predicate


def _never(_: Any) -> bool:
    return False


def _compile(raw: Any, place: Place, problems: list[Problem]) -> Predicate:
    if not isinstance(raw, dict) or not raw:
        problems.append(Problem(place, _EMPTY if raw == {} else _SHAPE))
        return _never
    parts = [_compile_entry(str(key), operand, (*place, str(key)), problems) for key, operand in raw.items()]
    return parts[0] if len(parts) == 1 else lambda facts: all(part(facts) for part in parts)


def _compile_entry(key: str, operand: Any, place: Place, problems: list[Problem]) -> Predicate:
    if key in {"all", "any"}:
        if not isinstance(operand, list) or not operand:
            problems.append(
                Problem(place, f"'{key}' joins a list of conditions; write {key}: [{{stage: lead}}, {{fit: {{at_least: 20}}}}]")
            )
            return _never
        parts = [_compile(each, (*place, index), problems) for index, each in enumerate(operand)]
        join = all if key == "all" else any
        return lambda facts: join(part(facts) for part in parts)
    if key == "not":
        inner = _compile(operand, place, problems)
        return lambda facts: not inner(facts)
    joined = _JOINED_ELSEWHERE.get(key.lower())
    if joined is not None and _holds_conditions(operand):
        problems.append(Problem(place, f"unknown key {key!r}; did you mean {joined!r}?", in_key=True))
        return _never
    test = _compile_test(operand, place, problems)
    missing = operand == {"exists": False}
    return lambda facts: test(facts[key]) if facts.get(key) is not None else missing


def _holds_conditions(operand: Any) -> bool:
    if isinstance(operand, list):
        return any(isinstance(each, dict) for each in operand)
    return isinstance(operand, dict) and not {*operand} & {*TESTS}


def _compile_test(operand: Any, place: Place, problems: list[Problem]) -> Test:
    if not isinstance(operand, dict):
        return _make_test("in" if isinstance(operand, list) else "equals", operand, place, problems)
    if not operand:
        problems.append(Problem(place, f"no test stands here; write {one_of(TESTS)}"))
        return _never
    tests: list[Test] = []
    for name, value in operand.items():
        if name in TESTS:
            tests.append(_make_test(name, value, (*place, name), problems))
        else:
            known = _CALLED_ELSEWHERE.get(str(name).lower())
            meant = f"did you mean {known!r}?" if known else instead(name, TESTS)
            problems.append(Problem((*place, name), f"unknown test {name!r}; {meant}", in_key=True))
    return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)


def _make_test(name: str, operand: Any, place: Place, problems: list[Problem]) -> Test:
    try:
        return TESTS[name](operand)
    except _Unfit as error:
        problems.append(Problem(place, str(error)))
        return _never


class Condition:
    """A condition as written (`raw`) and compiled (`holds`)."""

    __slots__ = ("holds", "raw")

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.holds: Predicate = compile_condition(raw)

    def __repr__(self) -> str:
        return f"Condition({self.raw!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and bool(self.raw == other.raw)

    def __hash__(self) -> int:
        return hash(self.fields())  # equal conditions may be written in another order

    def fields(self) -> frozenset[str]:
        """The names of all facts that the condition asks about."""
        return frozenset(str(place[-1]) for place, _ in self.questions())

    def questions(self) -> Iterator[tuple[Place, Any]]:
        """Each field asked about, as its place in the condition, with what is asked of it."""
        yield from _questions(self.raw, ())

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            ref=_REFERENCE,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda condition: condition.raw),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return _json_schema(handler(core_schema.definition_reference_schema(_REFERENCE)))


_REFERENCE: Final = "nurture.Condition"


def _questions(raw: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, Any]]:
    for key, operand in raw.items():
        if key in {"all", "any"}:
            for index, each in enumerate(operand):
                yield from _questions(each, (*place, key, index))
        elif key == "not":
            yield from _questions(operand, (*place, key))
        else:
            yield (*place, key), operand


def _json_schema(itself: dict[str, Any]) -> dict[str, Any]:
    """The shape of a condition for editors; `itself` refers to the whole, which nests."""
    single: dict[str, Any] = {"type": ["string", "number", "boolean"]}
    text: dict[str, Any] = {"type": ["string", "number"]}
    several: dict[str, Any] = {"type": "array", "minItems": 1, "items": single}
    instant: dict[str, Any] = {"type": "string", "description": "2026-03-31 or 2026-03-31T09:00:00Z"}
    operands: dict[str, dict[str, Any]] = {
        "equals": single,
        "in": {"anyOf": [several, {"enum": sorted(NAMED_LISTS)}], "description": "Is one of a list, or of a list with a name."},
        "contains": single | {"description": "A text holds this text; a list holds this value."},
        "matches": {"type": "string", "format": "regex", "description": "A regular expression; begin with (?i) to ignore case."},
        "between": {
            "type": "array",
            "prefixItems": [text, text],
            "minItems": 2,
            "maxItems": 2,
            "description": "Both ends included.",
        },
        "before": instant,
        "after": instant,
        "exists": {"type": "boolean", "description": "Whether the fact is known at all."},
    }
    tests = {name: operands.get(name, text) for name in TESTS}
    nested = {"type": "array", "minItems": 1, "items": itself}
    return {
        "type": "object",
        "minProperties": 1,
        "description": "Each fact named must pass: `field: value`, `field: [one, of]`, `field: {test: value}`; or all, any, not.",
        "properties": {
            "all": nested | {"description": "Every one of these conditions holds."},
            "any": nested | {"description": "At least one of these conditions holds."},
            "not": {"allOf": [itself], "description": "The condition does not hold; a missing fact counts as that, too."},
        },
        "additionalProperties": {
            "anyOf": [single, several, {"type": "object", "minProperties": 1, "properties": tests, "additionalProperties": False}]
        },
    }
