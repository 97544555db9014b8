"""Points: engagement from behaviour, which fades, and fit from who somebody is, which does not.

Engagement uses forward decay (Cormode, Shkapenyuk, Srivastava, Xu: *Forward Decay: A Practical Time Decay Model for
Streaming Systems*, ICDE 2009). A cell counts the hits of one person on one rule on one day. Its worth is fixed for ever:

    points × counted hits × 2^((day − LANDMARK) / half-life)

A person's *heat* is the sum of these worths, and engagement on a given day is heat ÷ 2^((day − LANDMARK) / half-life).
Sums commute, so neither the order of arrival nor the size of a batch nor the number of workers can change a score, and
nothing needs to be recomputed as time passes. Heat is summed with `math.fsum`, whose result does not depend on order.

Caps are functions of the cells, too, and of nothing else. First each rule's cap bounds its hits, then the cap of its group
the points of all rules in the group: what is above zero, and separately what is below, each counted without its sign. In
both, earlier days come first; within a day, a group lets the rule count first whose points are the most, then the first
by its id. What is left of a cell are whole points. A cap per day only ever cuts its own day. What a cap for ever gives is
spent by the earliest days, so an event that comes late from an earlier day takes from a later one and may lower a score.

Beside the default model there may be others, one to a product line, each with rules, groups and a half-life of its own, and
so with a heat of its own. Cells are kept by the rule alone, so a rule's id is unique across all models.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import pairwise
from math import exp2, fsum
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from nurture.domain.conditions import Condition, EventCondition, Facts
from nurture.domain.duration import Duration, format_duration
from nurture.domain.event import STEP_SCORED, Event
from nurture.domain.model import Definition, EventNames, Place, Problem, Slug, refuse, repeated
from nurture.domain.wording import instead

#: The fixed day L of the formula: 2026-01-01, counted from 1970-01-01.
LANDMARK: Final = 20_454

#: With it, worths stay inside a float64 for about twenty years after the landmark (2^1023).
SHORTEST_HALF_LIFE: Final = timedelta(days=7)


#: Beyond this power of two the growth is held, so that an event dated in the year 9999 cannot overflow a float64.
_HIGHEST_POWER: Final = 900.0

GRADE_PATTERN: Final = "^[A-Z]$"
_USUAL_GRADES: Final = {"A": 60, "B": 40, "C": 20, "D": 0}
BAND_PATTERN: Final = "^[1-9]$"
_USUAL_BANDS: Final = {"1": 75, "2": 50, "3": 25, "4": 0}

#: The name of the model that is written without one. Its engagement is the fact `engagement`.
DEFAULT_MODEL: Final = "default"

#: What the engine itself knows of everybody, beside the attributes that people and forms tell of them.
PERSON_FACTS: Final = frozenset({"stage", "engagement", "fit", "grade", "matrix", "email", "email_domain"})

Points = Annotated[int, Field(ge=-1000, le=1000)]


class Cap(Definition):
    """At most `hits` count, per day or ever; of more, the earliest count."""

    hits: Annotated[int, Field(ge=1)]
    """How many hits count."""
    per: Literal["day", "ever"] = "day"
    """The span in which they are counted: a UTC day, or the person's whole life here."""


class GroupCap(Definition):
    """All rules of a group together count at most `points`, per day or ever; what is taken away is bounded alike."""

    points: Annotated[int, Field(ge=1)]
    """How many points count; of rules below zero, how many are taken away at most."""
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
    group: Slug | None = None
    """The group, named under 'groups', whose cap the rule shares with others."""


class FitRule(Definition):
    """`points` for a person for whom `when` holds."""

    id: Slug
    """The rule's name in stories and reports."""
    when: Condition
    """What must be true of the person: attributes such as job_title and country, email_domain, or what happened before."""
    points: Points
    """How many; fewer than zero takes points away."""


def _long_enough(half_life: timedelta) -> timedelta:
    if half_life < SHORTEST_HALF_LIFE:
        shortest = format_duration(SHORTEST_HALF_LIFE)
        raise ValueError(f"a half-life of {format_duration(half_life)} is too short; write {shortest} or more")
    return half_life


class ScoreModel(Definition):
    """One score of engagement: its half-life, its rules, and the caps that rules share."""

    half_life: Annotated[Duration, AfterValidator(_long_enough)] = timedelta(days=30)
    """After this long, points of engagement are worth half; a week or more."""
    rules: tuple[ScoringRule, ...] = ()
    """Engagement: points for what people do. They fade."""
    groups: dict[Slug, GroupCap] = {}
    """Caps that several rules share, by the name of the group; a rule belongs to it by 'group: …'."""

    @cached_property
    def rules_by_id(self) -> Mapping[str, ScoringRule]:
        """The model's rules by their names."""
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def entangled(self) -> frozenset[str]:
        """The rules of which a hit may change what other cells count, because they share a cap: a group's, or one for ever."""
        return frozenset(
            rule.id for rule in self.rules if rule.group is not None or (rule.cap is not None and rule.cap.per == "ever")
        )

    @model_validator(mode="after")
    def _groups_exist(self) -> "ScoreModel":
        unknown = [
            Problem(("rules", index, "group"), f"unknown group {rule.group!r}; {instead(rule.group, self.groups)}")
            for index, rule in enumerate(self.rules)
            if rule.group is not None and rule.group not in self.groups
        ]
        refuse("model", unknown)
        return self


class Scoring(ScoreModel):
    """config/scoring.yaml: engagement with its half-life and rules, the rules of fit, and what grades and bands ask for."""

    models: dict[Slug, ScoreModel] = {}
    """Further scores of engagement, such as one to a product line; that of `cloud` is the fact `engagement.cloud`."""
    fit: tuple[FitRule, ...] = ()
    """Fit: points for who people are. They do not fade."""
    grades: dict[Annotated[str, Field(pattern=GRADE_PATTERN)], int] = Field(default=_USUAL_GRADES, min_length=1)
    """The points of fit from which on a grade is earned; A is the best."""
    bands: dict[Annotated[str, Field(pattern=BAND_PATTERN)], int] = Field(default=_USUAL_BANDS, min_length=1)
    """The engagement from which on a band is reached; 1 is the warmest. Grade and band make the matrix: A1, B3 …"""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Scoring":
        ids: list[tuple[Place, str]] = [(("rules", index, "id"), rule.id) for index, rule in enumerate(self.rules)]
        ids += [(("fit", index, "id"), rule.id) for index, rule in enumerate(self.fit)]
        for name, model in self.models.items():
            ids += [(("models", name, "rules", index, "id"), rule.id) for index, rule in enumerate(model.rules)]
        taken = [
            Problem(("models", name), f"{name!r} means something else already; give this model another name", in_key=True)
            for name in self.models
            if name in PERSON_FACTS | {DEFAULT_MODEL}
        ]
        wrong = [*taken, *repeated("rule id", ids), *_grades_out_of_order(self.grades), *_bands_out_of_order(self.bands)]
        refuse("scoring", wrong)
        return self

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when any rule does."""
        return blake2b(self.model_dump_json(by_alias=True, exclude_defaults=True).encode(), digest_size=8).hexdigest()

    @cached_property
    def warmest_first(self) -> tuple[tuple[str, int], ...]:
        """The bands with what they ask for."""
        return tuple(sorted(self.bands.items()))

    @cached_property
    def fit_asks_the_past(self) -> bool:
        """Whether a fit rule rests on what somebody did, not only on what is known of them."""
        return any(rule.when.happenings for rule in self.fit)

    def model(self, name: str = DEFAULT_MODEL) -> ScoreModel:
        """The model of that name; raises KeyError if there is none."""
        return self if name == DEFAULT_MODEL else self.models[name]

    def all_rules(self) -> Iterator[ScoringRule]:
        """The rules of engagement of all models."""
        for model in (self, *self.models.values()):
            yield from model.rules


def _grades_out_of_order(grades: Mapping[str, int]) -> Iterator[Problem]:
    for better, worse in pairwise(sorted(grades)):
        if grades[better] <= grades[worse]:
            text = f"grade {better} must ask for more points than {worse} ({grades[worse]}); A is the best grade"
            yield Problem(("grades", better), text)


def _bands_out_of_order(bands: Mapping[str, int]) -> Iterator[Problem]:
    for warmer, cooler in pairwise(sorted(bands)):
        if bands[warmer] <= bands[cooler]:
            text = f"band {warmer} must ask for more engagement than {cooler} ({bands[cooler]}); 1 is the warmest band"
            yield Problem(("bands", warmer), text)


class Cell(NamedTuple):
    """The key of a count: one rule, one day (days since 1970-01-01)."""

    rule: str
    day: int


Cells = Mapping[Cell, int]


class ScoreLine(NamedTuple):
    """What one cell adds to somebody's engagement by one model, as `points` that have faded until the day of asking.

    Of `hits`, the rule's cap lets `counted` count. `earned` are the points that count, `cut_by_cap` and `cut_by_group` those
    that the two caps took, all before fading: together they are the rule's points times the hits. `heat` is the worth for
    ever; the `math.fsum` of all lines' heat is the person's heat to the last bit.
    """

    rule: str
    day: int
    hits: int
    counted: int
    points: float
    earned: int
    cut_by_cap: int
    cut_by_group: int
    heat: float
    group: str | None = None
    model: str = DEFAULT_MODEL


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
    facts, listening = event.facts, rules_by_event.get(event.name, ())
    if event.name == STEP_SCORED:
        return [rule for rule in listening if rule.id == event.properties.get("rule")]
    return [rule for rule in listening if rule.where is None or rule.where.holds(facts)]


class _Counted(NamedTuple):
    """A cell with what its caps let count: hits, and whole points."""

    cell: Cell
    rule: ScoringRule
    hits: int
    points: int


def _counted(cells: Cells, model: ScoreModel) -> list[_Counted]:
    """The cells whose rules are in the model, in the order in which caps are spent."""
    rules = model.rules_by_id
    known = [(cell.day, -abs(rules[cell.rule].points), cell.rule, cell) for cell in cells if cell.rule in rules]
    hits_spent: dict[str, int] = {}
    points_spent: dict[tuple[str, bool, int | None], int] = {}
    counted = []
    for *_, cell in sorted(known):
        rule = rules[cell.rule]
        hits = _within_cap(cells[cell], rule, hits_spent)
        points = _within_group(rule.points * hits, rule, cell.day, model.groups, points_spent)
        counted.append(_Counted(cell, rule, hits, points))
    return counted


def _within_cap(hits: int, rule: ScoringRule, spent: dict[str, int]) -> int:
    if rule.cap is None:
        return hits
    before = spent.get(rule.id, 0) if rule.cap.per == "ever" else 0
    counted = max(0, min(hits, rule.cap.hits - before))
    spent[rule.id] = before + counted
    return counted


def _within_group(
    points: int, rule: ScoringRule, day: int, groups: Mapping[str, GroupCap], spent: dict[tuple[str, bool, int | None], int]
) -> int:
    if rule.group is None:
        return points
    cap = groups[rule.group]
    budget = (rule.group, points < 0, day if cap.per == "day" else None)
    before = spent.get(budget, 0)
    counted = min(abs(points), cap.points - before)
    spent[budget] = before + counted
    return -counted if points < 0 else counted


@lru_cache(4_096)
def _growth(day: int, half_life: timedelta) -> float:
    power = (day - LANDMARK) / (half_life / timedelta(days=1))
    return exp2(max(-_HIGHEST_POWER, min(power, _HIGHEST_POWER)))


def heat_of(cells: Cells, model: ScoreModel) -> float:
    """The sum of all cells' worths by a model; equal for equal cells, whatever order they came in."""
    return fsum(worths(cells, model))


def worths(cells: Cells, model: ScoreModel) -> list[float]:
    """What each cell is worth for ever by a model."""
    return [each.points * _growth(each.cell.day, model.half_life) for each in _counted(cells, model)]


def heats_of(cells: Cells, scoring: Scoring) -> dict[str, float]:
    """The heat by every model beside the default, where it is not zero."""
    heats = {name: heat_of(cells, model) for name, model in scoring.models.items()}
    return {name: heat for name, heat in heats.items() if heat}


#: Longer than anybody looks ahead. Days.
_TEN_YEARS: Final = 3_650


def engagement_on(day: int, heat: float, half_life: timedelta) -> float:
    """Points of engagement on `day` (days since 1970-01-01)."""
    return heat / _growth(day, half_life)


def heat_for(engagement: float, day: int, half_life: timedelta) -> float:
    """The heat that means `engagement` points on `day`: turns a threshold into a range of an index."""
    return engagement * _growth(day, half_life)


def fades_below(engagement: float, heat: float, half_life: timedelta, from_day: int) -> int:
    """The first day from `from_day` on at which `heat` means less than `engagement` points; ten years later if none is before."""
    days = range(from_day, from_day + _TEN_YEARS)
    return from_day + bisect_left(days, x=True, key=lambda day: heat < heat_for(engagement, day, half_life))


def score_lines(cells: Cells, scoring: Scoring, day: int, model: str = DEFAULT_MODEL) -> list[ScoreLine]:
    """Why somebody's engagement by a model on `day` is what it is; the lines' points sum to it, and their heat exactly."""
    chosen = scoring.model(model)
    lines = []
    for cell, rule, counted, points in _counted(cells, chosen):
        hits, heat = cells[cell], points * _growth(cell.day, chosen.half_life)
        lines.append(
            ScoreLine(
                cell.rule, cell.day, hits, counted, engagement_on(day, heat, chosen.half_life),
                earned=points, cut_by_cap=rule.points * (hits - counted), cut_by_group=rule.points * counted - points,
                heat=heat, group=rule.group, model=model,
            )
        )  # fmt: skip
    return lines


def fit_lines(facts: Facts, scoring: Scoring) -> list[tuple[str, int]]:
    """The fit rules that hold for a person, with their points."""
    return [(rule.id, rule.points) for rule in scoring.fit if rule.when.holds(facts)]


def grade_of(fit: int, grades: Mapping[str, int]) -> Grade:
    """The best grade whose threshold `fit` reaches, else the lowest there is."""
    reached = [letter for letter, least in grades.items() if fit >= least]
    return Grade(min(reached) if reached else max(grades))


def band_of(engagement: float, scoring: Scoring) -> str:
    """The warmest band whose threshold `engagement` reaches, else the coolest there is."""
    return next((band for band, least in scoring.warmest_first if engagement >= least), scoring.warmest_first[-1][0])
