"""`nurture score fit` as one function: cases in, a suggested scorecard with its evidence out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple

import numpy as np

from nurture.domain.definitions import Definitions
from nurture.domain.event import day_number
from nurture.domain.lifecycle import promotions_by_state
from nurture.domain.scoring import FitRule, Scoring, ScoringRule, engagement_on, fit_lines, grade_of, heat_of
from nurture.learning.binning import questions
from nurture.learning.cases import CannotLearnError, Cases, Floats, Truths
from nurture.learning.evaluation import Comparison, Decile, Threshold, auc, called, deciles, evaluate, support, thresholds
from nurture.learning.history import History, free_id
from nurture.learning.scorecard import DOUBLING, Scorecard, learn
from nurture.reports.figures import Figures

SEED: Final = 20_260_101
REPEATS: Final = 2

#: Shares of all people that earn at least A, B and C.
_GRADES: Final = {"A": 0.1, "B": 0.25, "C": 0.5}

#: An answer that nearly only winners give, and most of them do, is the outcome under another name.
_TELLTALE: Final = 0.95
_MOST_OF_THEM: Final = 0.5

MQL: Final = "mql"


class RuleFound(Figures):
    """One rule of the scorecard. `about` is its condition, or its events; it holds for `people`, of whom `won`.

    `log_odds` is the coefficient that its points stand for.
    """

    id: str
    about: Any
    points: int
    log_odds: float
    people: int
    won: int


class Today(Figures):
    """What the scoring in force makes of the same people: its ranking, and its promotions to `mql` without an event."""

    auc: float
    called: Threshold | None


class Step(Figures):
    """A step of the promotion: with so much fit, so much engagement is enough. None where nothing is asked."""

    fit: int | None
    engagement: int | None


class Report(Figures):
    """Everything that was found. Nothing of it is in force."""

    outcome: str
    people: int
    won: int
    first: str | None
    last: str | None
    weeks: float | None
    seed: int
    doubling: int
    comparison: Comparison
    log_odds_at_no_points: float
    rules: tuple[RuleFound, ...]
    calibration: tuple[Decile, ...]
    thresholds: tuple[Threshold, ...]
    advised: Threshold
    criterion: str
    promotion: tuple[Step, ...]
    promoted: Threshold
    today: Today | None
    suspicious: tuple[str, ...]
    remarks: tuple[str, ...]


class Fitted(NamedTuple):
    """The scorecard as the engine reads it, and its evidence."""

    scoring: Scoring
    report: Report


def fit(
    cases: Cases, outcome: str, *, capacity: int | None = None, seed: int = SEED, repeats: int = REPEATS,
    in_force: tuple[History, Definitions] | None = None,
) -> Fitted:  # fmt: skip
    """Learn, cross-validate and word a scorecard. Raises CannotLearnError when nothing tells winners from others."""
    if capacity is not None and cases.weeks is None:
        raise CannotLearnError("how many leads come in a week is not known: say with --weeks how many weeks the file covers")
    cases = without_telltales(cases)
    evaluated = evaluate(cases, seed, repeats)
    everybody = np.arange(len(cases))
    card = learn(cases, everybody, seed)
    if not card.fit and not card.behaviours:
        raise CannotLearnError(
            "nothing that is known of people tells winners from the others; collect more than this, then ask again"
        )
    half_life = in_force[1].scoring.half_life if in_force else timedelta(days=30)
    scoring = _scoring(card, cases, half_life)
    advice = thresholds(card, evaluated.expected, cases.won, cases.weeks, capacity)
    fit_points = card.fit_points(cases.columns)
    steps = _steps(card, scoring, advice.advised.points, fit_points)
    return Fitted(scoring, Report(
        outcome=outcome, people=len(cases), won=int(cases.won.sum()),
        first=cases.span and f"{cases.span.first:%Y-%m-%d}", last=cases.span and f"{cases.span.last:%Y-%m-%d}",
        weeks=cases.weeks, seed=seed, doubling=DOUBLING, comparison=evaluated.comparison, log_odds_at_no_points=card.intercept,
        rules=_rules_found(card, cases, scoring), calibration=deciles(evaluated.expected, cases.won), thresholds=advice.looked_at,
        advised=advice.advised, criterion="the greatest F1" if capacity is None else f"at most {capacity} leads a week",
        promotion=steps, promoted=_promoted(steps, card, cases, fit_points, advice.advised.points),
        today=_today(cases, *in_force) if in_force else None, suspicious=cases.suspicious, remarks=cases.remarks,
    ))  # fmt: skip


def without_telltales(cases: Cases) -> Cases:
    """The cases without attributes and behaviours that are the outcome under another name; each is told of as suspicious."""
    found = {
        each.column: each for each in questions(cases.columns) if _is_telltale(each.ask(cases.columns[each.column]), cases.won)
    }
    behaviours = [each for each in cases.behaviours if not _is_telltale(each.values > 0, cases.won)]
    told = [
        f"attribute {cases.columns[index].name}: it nearly is the outcome (such as {dict(each.raw)})"
        for index, each in found.items()
    ]
    told += [f"rule {each.rule.id}: it nearly is the outcome" for each in cases.behaviours if each not in behaviours]
    columns = tuple(column for index, column in enumerate(cases.columns) if index not in found)
    return replace(cases, columns=columns, behaviours=tuple(behaviours), suspicious=(*cases.suspicious, *told))


def _is_telltale(yes: Truths, won: Truths) -> bool:
    if won.mean() > 1 - 2 * (1 - _TELLTALE):
        return False  # nearly everybody wins, whatever they answer
    return any(
        won[answer].mean() >= _TELLTALE and won[answer].sum() >= _MOST_OF_THEM * won.sum()
        for answer in (yes, ~yes)
        if answer.any()
    )


def _scoring(card: Scorecard, cases: Cases, half_life: timedelta) -> Scoring:
    taken: set[str] = set()
    rules = []
    for each in card.behaviours:
        rule = cases.behaviours[each.behaviour].rule
        rules.append(rule.model_copy(update={"points": each.points}))
        taken.add(rule.id)
    fit_rules = tuple(
        FitRule.model_validate({"id": free_id(_name(rule.asked.raw), taken), "when": dict(rule.asked.raw), "points": rule.points})
        for rule in card.fit
    )
    return Scoring.model_validate({
        "half_life": half_life, "rules": tuple(rules), "fit": fit_rules, "grades": _grades(card.fit_points(cases.columns)),
    })  # fmt: skip


def _name(raw: Any) -> str:
    """`income: {at_least: 20, below: 50}` as income-from-20-to-50."""
    ((field, test),) = raw.items()
    if not isinstance(test, dict):
        return f"{field}-{'-'.join(map(str, test)) if isinstance(test, list) else test}"
    words = {"at_least": "from", "below": "to" if "at_least" in test else "below", "exists": "unknown", "in": "", "matches": ""}
    values = {
        name: "" if name == "exists" else str(value).removeprefix("(?i)").replace("\\b", "") for name, value in test.items()
    }
    return "-".join(filter(None, (field, *(part for name in test for part in (words[name], values[name])))))


def _grades(fit_points: Floats) -> dict[str, int]:
    """Grades by the share of people who earn them; each asks for more than the one below."""
    found: dict[str, int] = {}
    least = int(fit_points.min()) if len(fit_points) else 0
    found["D"] = min(least, 0)
    below = found["D"]
    for grade, share in sorted(_GRADES.items(), reverse=True):
        below = found[grade] = max(int(np.quantile(fit_points, 1 - share)), below + 1)
    return dict(sorted(found.items()))


def _rules_found(card: Scorecard, cases: Cases, scoring: Scoring) -> tuple[RuleFound, ...]:
    told: list[tuple[ScoringRule | FitRule, Any, Truths]] = [
        (rule, list(rule.on), cases.behaviours[each.behaviour].values > 0)
        for rule, each in zip(scoring.rules, card.behaviours, strict=True)
    ]
    told += [
        (rule, rule.when.raw, each.asked.ask(cases.columns[each.asked.column]))
        for rule, each in zip(scoring.fit, card.fit, strict=True)
    ]
    found = []
    for rule, about, holds in told:
        people, won = support(holds, cases.won)
        found.append(
            RuleFound(
                id=rule.id,
                about=about,
                points=rule.points,
                log_odds=rule.points * float(np.log(2)) / DOUBLING,
                people=people,
                won=won,
            )
        )
    return tuple(found)


def _steps(card: Scorecard, scoring: Scoring, threshold: int, fit_points: Floats) -> tuple[Step, ...]:
    """The threshold as conditions on fit and on engagement, which conditions know apart.

    Where both count it is a staircase: whoever has the fit of a grade needs the engagement that is missing to the threshold.
    """
    if not card.behaviours:
        return (Step(fit=threshold, engagement=None),)
    if not card.fit:
        return (Step(fit=None, engagement=threshold),)
    floors = sorted({*scoring.grades.values(), int(np.quantile(fit_points, 0.75)), int(fit_points.max())}, reverse=True)
    return tuple(Step(fit=floor, engagement=threshold - floor) for floor in floors)


def _promoted(steps: tuple[Step, ...], card: Scorecard, cases: Cases, fit_points: Floats, threshold: int) -> Threshold:
    """What the staircase would have done, on the people it was learned from."""
    engagement = card.points(cases, np.arange(len(cases))) - fit_points
    chosen = np.zeros(len(cases), dtype=bool)
    for step in steps:
        enough = np.ones(len(cases), dtype=bool)
        if step.fit is not None:
            enough &= fit_points >= step.fit
        if step.engagement is not None:
            enough &= engagement >= step.engagement
        chosen |= enough
    return called(threshold, chosen, cases.won, cases.weeks)


def _today(cases: Cases, history: History, definitions: Definitions) -> Today:
    """The scoring in force, asked about the same people at the same moments; what rules ask about the past is left out."""
    lifecycle = definitions.lifecycle
    scoring = definitions.scoring.model_copy(
        update={"fit": tuple(rule for rule in definitions.scoring.fit if not rule.when.history())}
    )
    promotions = [rule for rule in lifecycle.promotions if rule.to == MQL and not (rule.when and rule.when.history())]
    stage = lifecycle.stages[max(lifecycle.rank(MQL) - 1, 0)]
    totals, promoted = [], []
    for each in history.known:
        day = day_number(each.moment.until)
        engagement = engagement_on(day, heat_of(each.cells, scoring), scoring.half_life)
        facts = {**each.facts, "stage": stage, "engagement": engagement}
        points = sum(points for _, points in fit_lines(facts, scoring))
        totals.append(engagement + points)
        facts |= {"fit": points, "grade": grade_of(points, scoring.grades)}
        promoted.append(bool(promotions_by_state(promotions, facts)))
    has_rule = any(not rule.on and rule.when for rule in promotions)
    chosen = np.array(promoted, dtype=bool)
    return Today(
        auc=auc(cases.won, np.array(totals)),
        called=called(0, chosen, cases.won, cases.weeks) if has_rule else None,
    )
