"""Points: engagement from behaviour, which fades, and fit from who somebody is, which does not.

Engagement uses forward decay (Cormode, Shkapenyuk, Srivastava, Xu: *Forward Decay: A Practical Time Decay Model for
Streaming Systems*, ICDE 2009). A cell counts the hits of one person on one rule on one day. Its worth is fixed for ever:

    points × counted hits × 2^((day − LANDMARK) / half-life)

A person's *heat* is the sum of these worths, and engagement on a given day is heat ÷ 2^((day − LANDMARK) / half-life).
Sums commute, so neither the order of arrival nor the size of a batch nor the number of workers can change a score, and
nothing needs to be recomputed as time passes. Heat is summed with `math.fsum`, whose result does not depend on order.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from math import exp2, fsum
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from nurture.domain.conditions import Condition, EventCondition, Facts
from nurture.domain.duration import Duration, format_duration
from nurture.domain.event import Event
from nurture.domain.model import Definition, EventNames, Place, Problem, Slug, refuse, repeated

#: The fixed day L of the formula: 2026-01-01, counted from 1970-01-01.
LANDMARK: Final = 20_454

#: With it, worths stay inside a float64 for about twenty years after the landmark (2^1023).
SHORTEST_HALF_LIFE: Final = timedelta(days=7)


#: Beyond this power of two the growth is held, so that an event dated in the year 9999 cannot overflow a float64.
_HIGHEST_POWER: Final = 900.0

GRADE_PATTERN: Final = "^[A-Z]$"
_USUAL_GRADES: Final = {"A": 60, "B": 40, "C": 20, "D": 0}

Points = Annotated[int, Field(ge=-1000, le=1000)]


class Cap(Definition):
    """At most `hits` count, per day or ever; of more, the earliest count."""

    hits: Annotated[int, Field(ge=1)]
    """How many hits count."""
    per: Literal["day", "ever"] = "day"
    """The span in which they are counted: a UTC day, or the person's whole life here."""


class ScoringRule(Definition):
    """`points` for each event named in `on` for which `where` holds."""

    id: Slug
    """The rule's name in stories and reports. Points are kept by it, so a rule that is renamed starts afresh."""
    on: EventNames
    """The event, or a list of events, that earn the points."""
    where: EventCondition | None = None
    """What must be true of the event: its page (path, url, title, referrer) and its properties."""
    points: Points
    """How many; fewer than zero takes points away."""
    cap: Cap | None = None
    """How often the rule counts; without it, each event does."""


class FitRule(Definition):
    """`points` for a person for whom `when` holds."""

    id: Slug
    """The rule's name in stories and reports."""
    when: Condition
    """What must be true of the person: attributes such as job_title and country, email_domain, stage."""
    points: Points
    """How many; fewer than zero takes points away."""


def _long_enough(half_life: timedelta) -> timedelta:
    if half_life < SHORTEST_HALF_LIFE:
        shortest = format_duration(SHORTEST_HALF_LIFE)
        raise ValueError(f"a half-life of {format_duration(half_life)} is too short; write {shortest} or more")
    return half_life


class Scoring(Definition):
    """config/scoring.yaml: the half-life of engagement, its rules, the rules of fit, and the grades fit earns."""

    half_life: Annotated[Duration, AfterValidator(_long_enough)] = timedelta(days=30)
    """After this long, points of engagement are worth half; a week or more."""
    rules: tuple[ScoringRule, ...] = ()
    """Engagement: points for what people do. They fade."""
    fit: tuple[FitRule, ...] = ()
    """Fit: points for who people are. They do not fade."""
    grades: dict[Annotated[str, Field(pattern=GRADE_PATTERN)], int] = Field(default=_USUAL_GRADES, min_length=1)
    """The points of fit from which on a grade is earned; A is the best."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Scoring":
        ids: list[tuple[Place, str]] = [(("rules", index, "id"), rule.id) for index, rule in enumerate(self.rules)]
        ids += [(("fit", index, "id"), rule.id) for index, rule in enumerate(self.fit)]
        refuse("scoring", [*repeated("rule id", ids), *_grades_out_of_order(self.grades)])
        return self


def _grades_out_of_order(grades: Mapping[str, int]) -> Iterator[Problem]:
    for better, worse in pairwise(sorted(grades)):
        if grades[better] <= grades[worse]:
            text = f"grade {better} must ask for more points than {worse} ({grades[worse]}); A is the best grade"
            yield Problem(("grades", better), text)


class Cell(NamedTuple):
    """The key of a count: one rule, one day (days since 1970-01-01)."""

    rule: str
    day: int


Cells = Mapping[Cell, int]


class ScoreLine(NamedTuple):
    """What one cell adds to somebody's engagement on the day of asking."""

    rule: str
    day: int
    hits: int
    counted: int
    points: float


class Grade(str):
    """A letter that compares by merit: `Grade("A") > Grade("B")`."""

    __slots__ = ()

    def __ge__(self, other: str) -> bool:
        return str.__le__(self, other)

    def __gt__(self, other: str) -> bool:
        return str.__lt__(self, other)

    def __le__(self, other: str) -> bool:
        return str.__ge__(self, other)

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def rules_hit(event: Event, rules_by_event: Mapping[str, Iterable[ScoringRule]]) -> list[ScoringRule]:
    """The scoring rules that a (human) event satisfies."""
    facts = event.facts
    return [rule for rule in rules_by_event.get(event.name, ()) if rule.where is None or rule.where.holds(facts)]


def _counted(cells: Cells, rules: Mapping[str, ScoringRule]) -> Iterable[tuple[Cell, ScoringRule, int]]:
    """Each cell whose rule still exists, with the hits its cap lets count: earlier days come first."""
    spent: dict[str, int] = {}
    for cell in sorted(cells, key=lambda cell: (cell.day, cell.rule)):
        rule = rules.get(cell.rule)
        if rule is None:
            continue
        counted = cells[cell]
        if rule.cap is not None:
            left = rule.cap.hits - (spent.get(cell.rule, 0) if rule.cap.per == "ever" else 0)
            counted = max(0, min(counted, left))
            spent[cell.rule] = spent.get(cell.rule, 0) + counted
        yield cell, rule, counted


def _growth(day: int, half_life: timedelta) -> float:
    power = (day - LANDMARK) / (half_life / timedelta(days=1))
    return exp2(max(-_HIGHEST_POWER, min(power, _HIGHEST_POWER)))


def heat_of(cells: Cells, rules: Mapping[str, ScoringRule], half_life: timedelta) -> float:
    """The sum of all cells' worths; equal for equal cells, whatever order they came in."""
    return fsum(rule.points * counted * _growth(cell.day, half_life) for cell, rule, counted in _counted(cells, rules))


def engagement_on(day: int, heat: float, half_life: timedelta) -> float:
    """Points of engagement on `day` (days since 1970-01-01)."""
    return heat / _growth(day, half_life)


def heat_for(engagement: float, day: int, half_life: timedelta) -> float:
    """The heat that means `engagement` points on `day`: turns a threshold into a range of an index."""
    return engagement * _growth(day, half_life)


def score_lines(cells: Cells, scoring: Scoring, day: int) -> list[ScoreLine]:
    """Why somebody's engagement on `day` is what it is; the lines' points sum to it."""
    rules = {rule.id: rule for rule in scoring.rules}
    return [
        ScoreLine(cell.rule, cell.day, cells[cell], counted,
                  engagement_on(day, rule.points * counted * _growth(cell.day, scoring.half_life), scoring.half_life))
        for cell, rule, counted in _counted(cells, rules)
    ]  # fmt: skip


def fit_lines(facts: Facts, scoring: Scoring) -> list[tuple[str, int]]:
    """The fit rules that hold for a person, with their points."""
    return [(rule.id, rule.points) for rule in scoring.fit if rule.when.holds(facts)]


def grade_of(fit: int, grades: Mapping[str, int]) -> Grade:
    """The best grade whose threshold `fit` reaches, else the lowest there is."""
    reached = [letter for letter, least in grades.items() if fit >= least]
    return Grade(min(reached) if reached else max(grades))
