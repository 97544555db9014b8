"""The condition language of every YAML file, compiled once into plain predicates.

    {path: {starts_with: /blog/}}                           every field named must hold
    {any: [{stage: lead}, {engagement: {at_least: 50}}]}    all, any, not nest freely
    {job_title: {matches: "(?i)head|chief"}, company: {exists: true}}
    {happened: {event: webinar_attended, where: {minutes: {at_least: 20}}, within: 30d, times: 2}}
    {happened: interest}    in a branch: whether the step `interest` got the event it waited for

A field that is missing makes every test false except `exists: false`; only `not` turns that round. Tests never raise: a
value of the wrong type is simply not a match.

`happened` asks about the past of a person: whether so many events took place that satisfy `where`, counted back from the
present. It looks for both in the facts, under `history.HISTORY` and `history.NOW`, and raises MissingHistory where they
were not put there; to leave them out must not look like a person who did nothing. A condition about one event
(`EventCondition`) has no past to ask about.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final, NamedTuple

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from nurture.domain.comparisons import TESTS, Test, Unfit, shown
from nurture.domain.condition_schema import TIMES_TESTS, condition_schema
from nurture.domain.duration import parse_duration
from nurture.domain.history import HISTORY, NOW, HistoryQuestion, MissingHistory
from nurture.domain.model import LONGEST_EVENT_NAME, SLUG_PATTERN, Place, Problem, refuse
from nurture.domain.wording import instead, nearest, one_of

Facts = Mapping[str, Any]

#: The key under which the facts about a person on a sequence hold what came of its steps, by the step's id; and the word for a
#: step that waited for an event and got it.
OUTCOMES: Final = "<outcomes>"
HAPPENED: Final = "happened"
Predicate = Callable[[Facts], bool]

#: What other tools call our tests, and what joins conditions there.
_CALLED_ELSEWHERE: Final[Mapping[str, str]] = {
    "is": "equals", "eq": "equals", "one_of": "in", "includes": "contains", "has": "contains", "regex": "matches",
    "gte": "at_least", "min": "at_least", "from": "at_least", "lte": "at_most", "max": "at_most", "to": "at_most",
    "gt": "above", "more_than": "above", "lt": "below", "less_than": "below", "known": "exists", "set": "exists",
}  # fmt: skip
_JOINED_ELSEWHERE: Final[Mapping[str, str]] = {
    "and": "all", "every": "all", "or": "any", "some": "any", "no": "not", "none": "not",
}  # fmt: skip

_ASKED_ELSEWHERE: Final[Mapping[str, str]] = {
    "name": "event", "events": "event", "on": "event", "if": "where", "when": "where", "filter": "where", "last": "within",
    "since": "within", "in": "within", "count": "times", "at_least": "times", "at_most": "times", "min": "times",
}  # fmt: skip

_SHAPE: Final = "a condition is a mapping; write it like {stage: lead} or {any: [{stage: lead}, {stage: mql}]}"
_EMPTY: Final = "this condition asks nothing; write it like {stage: lead}"
_LIKE_HAPPENED: Final = "{event: webinar_attended, within: 30d}"
_HAPPENED_KEYS: Final = ("event", "where", "within", "times")


class Happening(NamedTuple):
    """What one `happened` asks: whether the number of such events passes `times`."""

    question: HistoryQuestion
    where: "EventCondition | None"
    times: Test

    def holds(self, facts: Facts) -> bool:
        """Whether it is so for the person whose facts these are; raises MissingHistory."""
        history, now = facts.get(HISTORY), facts.get(NOW)
        if history is None or now is None:
            raise MissingHistory(
                f"a condition asks whether {one_of(self.question.events)} happened; put the history into the facts"
            )
        return self.times(history.count(self.question, now, self.where.holds if self.where else None))


def _never(_: Any) -> bool:
    return False


class _Compiler:
    """Makes the predicate of a condition, and notes what is wrong on the way and what is asked of the past."""

    def __init__(self, *, about_event: bool) -> None:
        self._about_event = about_event
        self.problems: list[Problem] = []
        self.happenings: list[tuple[Place, Happening]] = []
        self.awaited: list[tuple[Place, str]] = []

    def compile(self, raw: Any, place: Place) -> Predicate:
        if not isinstance(raw, dict) or not raw:
            self.problems.append(Problem(place, _EMPTY if raw == {} else _SHAPE))
            return _never
        parts = [self._entry(str(key), operand, (*place, str(key))) for key, operand in raw.items()]
        return parts[0] if len(parts) == 1 else lambda facts: all(part(facts) for part in parts)

    def _entry(self, key: str, operand: Any, place: Place) -> Predicate:
        if key in {"all", "any"}:
            return self._joined(key, operand, place)
        if key == "not":
            inner = self.compile(operand, place)
            return lambda facts: not inner(facts)
        if key == "happened":
            return self._happened(operand, place)
        meant = _meant(key, operand)
        if meant is not None:
            self.problems.append(Problem(place, f"unknown key {key!r}; did you mean {meant!r}?", in_key=True))
            return _never
        test = self._test(operand, place)
        missing = operand == {"exists": False}
        return lambda facts: test(facts[key]) if facts.get(key) is not None else missing

    def _joined(self, key: str, operand: Any, place: Place) -> Predicate:
        if not isinstance(operand, list) or not operand:
            text = f"'{key}' joins a list of conditions; write {key}: [{{stage: lead}}, {{fit: {{at_least: 20}}}}]"
            self.problems.append(Problem(place, text))
            return _never
        parts = [self.compile(each, (*place, index)) for index, each in enumerate(operand)]
        join = all if key == "all" else any
        return lambda facts: join(part(facts) for part in parts)

    def _test(self, operand: Any, place: Place) -> Test:
        if not isinstance(operand, dict):
            return self._make_test("in" if isinstance(operand, list) else "equals", operand, place)
        if not operand:
            self.problems.append(Problem(place, f"no test stands here; write {one_of(TESTS)}"))
            return _never
        return self._tests(operand, place, TESTS)

    def _tests(self, operand: Mapping[str, Any], place: Place, known: Mapping[str, Any]) -> Test:
        tests: list[Test] = []
        for name, value in operand.items():
            if name in known:
                tests.append(self._make_test(name, value, (*place, name)))
            else:
                called = _CALLED_ELSEWHERE.get(str(name).lower())
                meant = f"did you mean {called!r}?" if called in known else instead(name, known)
                self.problems.append(Problem((*place, name), f"unknown test {name!r}; {meant}", in_key=True))
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _make_test(self, name: str, operand: Any, place: Place) -> Test:
        try:
            return TESTS[name](operand)
        except Unfit as error:
            self.problems.append(Problem(place, str(error)))
            return _never

    def _happened(self, asked: Any, place: Place) -> Predicate:
        if self._about_event:
            text = "'happened' asks what somebody did before, and this condition asks about one event; use it in a condition about the person, such as 'when' or 'audience'"
            self.problems.append(Problem(place, text, in_key=True))
            return _never
        if isinstance(asked, str) and re.fullmatch(SLUG_PATTERN, asked):
            self.awaited.append((place, asked))
            return lambda facts: facts.get(OUTCOMES, {}).get(asked) == HAPPENED
        if not isinstance(asked, dict):
            self.problems.append(Problem(place, f"'happened' asks about an event; write happened: {_LIKE_HAPPENED}"))
            return _never
        told = len(self.problems)
        unknown = dict(_unknown_keys(asked))
        for key, meant in unknown.items():
            instead_of_it = f"did you mean {meant!r}?" if meant else f"the keys here are {', '.join(_HAPPENED_KEYS)}"
            self.problems.append(Problem((*place, key), f"unknown key {key!r}; {instead_of_it}", in_key=True))
        if "event" not in asked and "event" not in unknown.values():
            self.problems.append(Problem(place, "'event' is missing here; add 'event: …' (the event, or a list of events)"))
        events = self._events(asked.get("event"), (*place, "event")) if "event" in asked else ()
        where = self._where(asked["where"], (*place, "where")) if "where" in asked else None
        within = self._within(asked["within"], (*place, "within")) if "within" in asked else None
        times = self._times(asked.get("times", 1), (*place, "times"))
        if len(self.problems) > told:
            return _never
        happening = Happening(HistoryQuestion(events, within), where, times)
        self.happenings.append((place, happening))
        return happening.holds

    def _events(self, written: Any, place: Place) -> tuple[str, ...]:
        names = {(*place, index): name for index, name in enumerate(written)} if isinstance(written, list) else {place: written}
        if written is None or not names:
            self.problems.append(Problem(place, "'event' is empty; give it at least one entry"))
            return ()
        for where, name in names.items():
            if not isinstance(name, str) or not 0 < len(name) <= LONGEST_EVENT_NAME:
                text = f"{shown(name)} names no event; write a text of at most {LONGEST_EVENT_NAME} characters"
                self.problems.append(Problem(where, text))
        return tuple(dict.fromkeys(map(str, names.values())))

    def _where(self, raw: Any, place: Place) -> "EventCondition | None":
        compiler = _Compiler(about_event=True)
        compiler.compile(raw, place)
        self.problems += compiler.problems
        return None if compiler.problems else EventCondition(raw)

    def _within(self, written: Any, place: Place) -> timedelta | None:
        if written is None:
            self.problems.append(Problem(place, "nothing stands behind 'within'; write how far back, such as 30d, or delete it"))
            return None
        try:
            length = parse_duration(written)
        except ValueError as error:
            self.problems.append(Problem(place, str(error)))
            return None
        if not length:
            self.problems.append(Problem(place, f"{written!r} is no time to look back; write how far, such as 30d"))
        return length

    def _times(self, operand: Any, place: Place) -> Test:
        numbers = _numbers(operand)
        if numbers is None or not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in numbers):
            text = f"{shown(operand)} is no number of times; write a whole one such as 2, 0 for never, or {{at_most: 3}}"
            self.problems.append(Problem(place, text))
            return _never
        if isinstance(operand, int):
            return TESTS["at_least"](operand) if operand else TESTS["equals"](0)
        told = len(self.problems)
        test = self._tests(operand, place, TIMES_TESTS)
        answers = {test(number + near) for number in (0, *numbers) for near in (-1, 0, 1) if number + near >= 0}
        if len(self.problems) == told and len(answers) == 1:
            what = "every number of times passes this" if answers == {True} else "no number of times passes this"
            self.problems.append(Problem(place, f"{what}; write times: 1 for at least once, or times: 0 for never"))
        return test


def _meant(key: str, operand: Any) -> str | None:
    """The key that joins conditions or asks about the past, where what stands behind another one belongs to it."""
    if isinstance(operand, dict) and "event" in operand:
        return "happened"
    return _JOINED_ELSEWHERE.get(key.lower()) if _holds_conditions(operand) else None


def _holds_conditions(operand: Any) -> bool:
    if isinstance(operand, list):
        return any(isinstance(each, dict) for each in operand)
    return isinstance(operand, dict) and not {*operand} & {*TESTS}


def _unknown_keys(asked: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Each key that `happened` does not know, with the one probably meant."""
    absent = [key for key in _HAPPENED_KEYS if key not in asked]
    for key in asked:
        if key not in _HAPPENED_KEYS:
            yield key, nearest(key, absent) or _ASKED_ELSEWHERE.get(str(key).lower())


def _numbers(times: Any) -> list[Any] | None:
    """Every number that `times` names; None where it is neither one nor a mapping of tests."""
    if not isinstance(times, dict):
        return [times]
    values = [each for value in times.values() for each in (value if isinstance(value, list) else [value])]
    return values or None


class Condition:
    """A condition as written (`raw`) and compiled (`holds`). `happenings` are its questions about the past, with their places;
    `awaited` are the steps of a sequence that it asks about.

    Raises ValidationError that names everything wrong with it, each at its place.
    """

    __slots__ = ("awaited", "happenings", "holds", "raw")

    _about_event: ClassVar[bool] = False

    def __init__(self, raw: Any) -> None:
        compiler = _Compiler(about_event=self._about_event)
        self.raw = raw
        self.holds: Predicate = compiler.compile(raw, ())
        self.happenings: tuple[tuple[Place, Happening], ...] = tuple(compiler.happenings)
        self.awaited: tuple[tuple[Place, str], ...] = tuple(compiler.awaited)
        refuse("condition", compiler.problems)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.raw!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and bool(self.raw == other.raw)

    def __hash__(self) -> int:
        return hash(self.fields())  # equal conditions may be written in another order

    def fields(self) -> frozenset[str]:
        """The names of all facts that the condition asks about; what it asks about the past is no field."""
        return frozenset(str(place[-1]) for place, _ in self.questions())

    def questions(self) -> Iterator[tuple[Place, Any]]:
        """Each field asked about, as its place in the condition, with what is asked of it."""
        yield from _questions(self.raw, ())

    def history(self) -> frozenset[HistoryQuestion]:
        """Which events of the past must be known to answer it, and how far back."""
        return frozenset(happening.question for _, happening in self.happenings)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value.raw if isinstance(value, Condition) else value),
            ref=_reference(cls),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda condition: condition.raw),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        itself = handler(core_schema.definition_reference_schema(_reference(cls)))
        if cls._about_event:
            return condition_schema(itself)
        # Every file that holds a condition about people also holds one about events, which is what this refers to.
        return condition_schema(itself, handler(core_schema.definition_reference_schema(_reference(EventCondition))))


class EventCondition(Condition):
    """A condition about one event: its facts, without a past."""

    __slots__ = ()

    _about_event = True


def _reference(cls: type[Condition]) -> str:
    return f"nurture.{cls.__name__}"


def _questions(raw: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, Any]]:
    for key, operand in raw.items():
        if key in {"all", "any"}:
            for index, each in enumerate(operand):
                yield from _questions(each, (*place, key, index))
        elif key == "not":
            yield from _questions(operand, (*place, key))
        elif key != "happened":
            yield (*place, key), operand
