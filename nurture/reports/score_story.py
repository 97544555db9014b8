"""Why somebody's score is what it is, to the last cent: every line of it, and what each event counted when it happened."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from math import fsum
from typing import Any

from nurture.domain.definitions import Definitions
from nurture.domain.duration import format_duration
from nurture.domain.event import Event
from nurture.domain.person import Person
from nurture.domain.scoring import (
    DEFAULT_MODEL,
    Cell,
    Cells,
    ScoreLine,
    Scoring,
    engagement_on,
    fit_lines,
    rules_hit,
    score_lines,
)
from nurture.reports.figures import EPOCH, Figures, round_to_sum


class EngagementLine(Figures):
    """What one rule on one day adds to engagement now.

    Of `hits` the rule's cap lets `counted` count; `cut_by_cap` and `cut_by_group` are the points that the two caps took.
    `earned` is what counted then, `points` what is left of it today, and `faded` the share that is gone (0.05 is 5 %).
    """

    rule: str
    group: str | None
    day: date
    hits: int
    counted: int
    cut_by_cap: int
    cut_by_group: int
    earned: int
    faded: float
    points: float


class ModelScore(Figures):
    """One score of engagement. `lines` and `unexplained` sum to `engagement` as printed, to the last cent.

    `unexplained` is what the stored total holds beyond its lines: zero, unless rules changed since the person was last counted.
    """

    model: str
    half_life: str
    engagement: float
    lines: tuple[EngagementLine, ...]
    unexplained: float


class FitLine(Figures):
    """A fit rule that holds for the person."""

    rule: str
    points: int


class PointsLine(Figures):
    """What an event counted by one rule when it happened; `capped` if a cap of the rule or of its group cut that."""

    rule: str
    points: int
    capped: bool


def model_scores(cells: Cells, person: Person, scoring: Scoring, day: int) -> tuple[ModelScore, ...]:
    """A person's engagement by every model on `day` (days since 1970-01-01), the default one first."""
    names = (DEFAULT_MODEL, *scoring.models)
    heats = {DEFAULT_MODEL: person.heat, **person.heats}
    return tuple(_model_score(name, score_lines(cells, scoring, day, name), heats.get(name, 0.0), scoring, day) for name in names)


def _model_score(name: str, lines: list[ScoreLine], heat: float, scoring: Scoring, day: int) -> ModelScore:
    half_life = scoring.model(name).half_life
    beyond = heat - fsum(line.heat for line in lines)
    *rounded, unexplained = round_to_sum([*(line.points for line in lines), engagement_on(day, beyond, half_life)])
    return ModelScore(
        model=name, half_life=format_duration(half_life), unexplained=unexplained,
        engagement=round(fsum([*rounded, unexplained]), 2),
        lines=tuple(_engagement_line(line, shown) for line, shown in zip(lines, rounded, strict=True)),
    )  # fmt: skip


def _engagement_line(line: ScoreLine, shown: float) -> EngagementLine:
    return EngagementLine(
        rule=line.rule, group=line.group, day=EPOCH + timedelta(days=line.day), hits=line.hits, counted=line.counted,
        cut_by_cap=line.cut_by_cap, cut_by_group=line.cut_by_group, earned=line.earned,
        faded=round(1 - line.points / line.earned, 4) if line.earned else 0.0, points=shown,
    )  # fmt: skip


def fit_story(person: Person, facts: Mapping[str, Any], scoring: Scoring) -> tuple[tuple[FitLine, ...], int]:
    """The fit rules that hold for a person, and what the stored fit holds beyond them."""
    earned = fit_lines(facts, scoring)
    return tuple(FitLine(rule=rule, points=points) for rule, points in earned), person.fit - sum(points for _, points in earned)


class Ledger:
    """Spreads what counted of each cell over its events: of more than the caps allow, the earliest count.

    Events are asked about in the order in which they happened.
    """

    def __init__(self, definitions: Definitions, cells: Cells, day: int) -> None:
        scoring = definitions.scoring
        self._rules = definitions.rules_by_event
        self._left = {Cell(line.rule, line.day): line.earned for line in _all_lines(cells, scoring, day)}

    def earned(self, event: Event) -> Iterator[PointsLine]:
        """What a human event counted. A rule under which the person was not counted yet is left out."""
        for rule in rules_hit(event, self._rules):
            cell = Cell(rule.id, event.day)
            left = self._left.get(cell)
            if left is not None:
                points = min(rule.points, left) if rule.points > 0 else max(rule.points, left)
                self._left[cell] = left - points
                yield PointsLine(rule=rule.id, points=points, capped=points != rule.points)


def _all_lines(cells: Cells, scoring: Scoring, day: int) -> Iterable[ScoreLine]:
    for name in (DEFAULT_MODEL, *scoring.models):
        yield from score_lines(cells, scoring, day, name)
