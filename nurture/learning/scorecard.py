"""An integer scorecard: a logistic regression over yes-or-no questions, sparse, rounded so that `DOUBLING` points double the odds.

1. *Componentwise gradient boosting* of the logistic loss: each round takes one small Newton step along the one question (or
   behaviour) that helps most. Few rounds mean few and small coefficients: the path is nearly that of L1 regularisation. How many
   rounds, an inner cross-validation decides. (Friedman, *Greedy function approximation*, Ann Stat 29, 2001; Bühlmann, Hothorn,
   *Boosting algorithms: regularization, prediction and model fitting*, Stat Sci 22, 2007; Rosset, Zhu, Hastie, JMLR 5, 2004.)
2. *Pruning* to the `MOST_RULES` strongest.
3. *Points*: coefficient × DOUBLING ÷ ln 2, rounded. (Siddiqi, *Credit Risk Scorecards*, 2006, "points to double the odds"; on
   rounding see Ustun, Rudin, *Learning optimized risk scores*, JMLR 20, 2019, whose exact search is not needed at ten points an
   octave, where rounding costs at most a thirtieth of a log-odds per rule.)
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Any, Final, NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from nurture.learning.binning import Question, question, questions
from nurture.learning.cases import Cases, Column, Floats, Integers, subset

MOST_RULES: Final = 20

#: Points that double the odds of winning.
DOUBLING: Final = 10
_PER_LOG_ODDS: Final = DOUBLING / log(2)

_RATE: Final = 0.1
_MOST_ROUNDS: Final = 300
_SHRINKAGE: Final = 1.0
_INNER_FOLDS: Final = 3
#: No rule needs more to decide alone, and the engine takes no more than 1,000.
_MOST_POINTS: Final = 500


class FitPoints(NamedTuple):
    """Points for who somebody is: the rule's question and what is behind it."""

    asked: Question
    points: int


class BehaviourPoints(NamedTuple):
    """Points for what somebody did: the index of the behaviour among the cases'."""

    behaviour: int
    points: int


@dataclass(frozen=True)
class Scorecard:
    """Rules with whole points. Odds of winning are `exp(intercept)` at no points, and double every `DOUBLING` points."""

    fit: tuple[FitPoints, ...]
    behaviours: tuple[BehaviourPoints, ...]
    intercept: float
    rounds: int

    def fit_points(self, columns: Sequence[Column]) -> Floats:
        """Everybody's points of fit, whole numbers."""
        total = np.zeros(len(columns[0].codes) if columns else 0)
        for rule in self.fit:
            total += rule.points * rule.asked.ask(columns[rule.asked.column])
        return total

    def points(self, cases: Cases, rows: Integers) -> Floats:
        """Fit and engagement together, as the engine would count them at each person's moment."""
        columns = list(subset(cases, rows))
        total = self.fit_points(columns) if columns else np.zeros(len(rows))
        for each in self.behaviours:
            total += each.points * cases.behaviours[each.behaviour].values[rows]
        return total

    def probability(self, points: Floats) -> Floats:
        """How likely somebody with so many points wins."""
        return logistic(self.intercept + points / _PER_LOG_ODDS)

    def points_for(self, probability: Floats) -> Floats:
        """The inverse of `probability`."""
        return (np.log(probability / (1 - probability)) - self.intercept) * _PER_LOG_ODDS


def logistic(log_odds: Floats) -> Floats:
    """The probability that log-odds stand for."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))


def learn(cases: Cases, rows: Integers, seed: int) -> Scorecard:
    """The scorecard of the people in `rows`; nothing of anybody else enters it."""
    columns, won = list(subset(cases, rows)), cases.won[rows].astype(float)
    asked = questions(columns)
    behaviours = [index for index, each in enumerate(cases.behaviours) if np.count_nonzero(each.values[rows]) >= _INNER_FOLDS]
    matrix, scales = _matrix(asked, columns, [cases.behaviours[index].values[rows] for index in behaviours])
    if not matrix.shape[1]:
        return Scorecard((), (), _log_odds(won), 0)
    rounds = _rounds(matrix, won, seed)
    weights = boost(matrix, won, rounds).weights
    strength = np.abs(weights) * matrix.std(axis=0)
    for kept in range(MOST_RULES, -1, -1):
        strongest = np.argsort(-strength, kind="stable")[:kept]
        chosen = [int(index) for index in sorted(strongest) if weights[index] != 0]
        fit = _fit_rules(columns, [(asked[index], weights[index]) for index in chosen if index < len(asked)])
        acts = [
            (behaviours[index - len(asked)], _whole(weights[index] / scales[index])) for index in chosen if index >= len(asked)
        ]
        done = tuple(BehaviourPoints(index, points) for index, points in acts if points)
        if len(fit) + len(done) <= MOST_RULES:
            break
    card = Scorecard(fit, done, 0.0, rounds)
    return Scorecard(fit, done, _intercept(card.points(cases, rows), won), rounds)


def _matrix(asked: Sequence[Question], columns: Sequence[Column], behaviours: Sequence[Floats]) -> tuple[Any, Floats]:
    """One column of numbers for each question (0 or 1) and behaviour (÷ its spread), and by what each was divided."""
    scales = [float(values.std()) or 1.0 for values in behaviours]
    parts: list[Any] = [each.ask(columns[each.column]) for each in asked]
    parts += [values / scale for values, scale in zip(behaviours, scales, strict=True)]
    people = len(columns[0].codes) if columns else len(behaviours[0]) if behaviours else 0
    matrix = np.column_stack(parts).astype(np.float32) if parts else np.zeros((people, 0), dtype=np.float32)
    return matrix, np.array([1.0] * len(asked) + scales)


class Boosted(NamedTuple):
    """Coefficients after all rounds, and what `watch` said after each."""

    weights: Floats
    watched: list[float]


def boost(matrix: Any, won: Floats, rounds: int, watch: Callable[[Floats, float], float] | None = None) -> Boosted:
    """Componentwise boosting of the logistic loss: `matrix` is people × terms, `won` 0 or 1.

    With w = p (1 − p) as weights, each term is centred by its weighted mean, so a step needs no other intercept; the
    step is Newton's, divided by curvature + _SHRINKAGE, so that what few people show moves little.
    """
    turned = np.ascontiguousarray(matrix.T)
    squared = np.ascontiguousarray(turned**2)
    weights, intercept = np.zeros(matrix.shape[1]), _log_odds(won)
    log_odds = np.full(len(won), intercept)
    watched = []
    for _ in range(rounds):
        expected = logistic(log_odds)
        curvature, slope = expected * (1 - expected), won - expected
        total = curvature.sum()
        sums = (turned @ np.column_stack([slope, curvature]).astype(np.float32)).astype(float)
        gain = sums[:, 0] - sums[:, 1] * slope.sum() / total
        bend = (squared @ curvature.astype(np.float32)).astype(float) - sums[:, 1] ** 2 / total + _SHRINKAGE
        best = int(np.argmax(gain**2 / bend))
        step = _RATE * gain[best] / bend[best]
        weights[best] += step
        log_odds += step * matrix[:, best]
        expected = logistic(log_odds)
        shift = float((won - expected).sum() / (expected * (1 - expected)).sum())
        intercept += shift
        log_odds += shift
        if watch is not None:
            watched.append(watch(weights, intercept))
    return Boosted(weights, watched)


def _rounds(matrix: Any, won: Floats, seed: int) -> int:
    """How many rounds predict best people whom the fit has not seen; by the sum of their logistic losses."""
    losses = np.zeros(_MOST_ROUNDS)
    folds = StratifiedKFold(_INNER_FOLDS, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(matrix, won):
        others, outcome = matrix[unseen], won[unseen]

        def loss(weights: Floats, intercept: float, others: Any = others, outcome: Floats = outcome) -> float:
            log_odds = intercept + others @ weights
            return float(np.logaddexp(0, log_odds).sum() - (outcome * log_odds).sum())

        losses += boost(matrix[seen], won[seen], _MOST_ROUNDS, loss).watched
    return int(np.argmin(losses)) + 1


def _log_odds(won: Floats) -> float:
    share = float(won.mean())
    return log(share / (1 - share))


def _intercept(points: Floats, won: Floats) -> float:
    """The log-odds at no points with which as many are expected to win as did: Newton's method on one number."""
    given = points / _PER_LOG_ODDS
    intercept = _log_odds(won) - float(given.mean())
    for _ in range(50):
        expected = logistic(intercept + given)
        step = float((won - expected).sum() / max((expected * (1 - expected)).sum(), 1e-9))
        intercept += max(-1.0, min(step, 1.0))
        if abs(step) < 1e-10:  # noqa: PLR2004 - as good as equal
            break
    return intercept


def _whole(weight: float) -> int:
    return max(-_MOST_POINTS, min(round(float(weight) * _PER_LOG_ODDS), _MOST_POINTS))


def _fit_rules(columns: Sequence[Column], chosen: Iterable[tuple[Question, float]]) -> tuple[FitPoints, ...]:
    """Questions with coefficients as rules with points: cuts of one number become ranges, equal categories one list."""
    by_column: dict[int, list[tuple[Question, float]]] = defaultdict(list)
    for asked, weight in chosen:
        by_column[asked.column].append((asked, weight))
    rules = []
    for index in sorted(by_column):
        for test, points in _tests_with_points(by_column[index]):
            if points:
                rules.append(FitPoints(question(index, columns[index], test), points))
    return tuple(rules)


def _tests_with_points(terms: Sequence[tuple[Question, float]]) -> list[tuple[Any, int]]:
    tests: list[tuple[Any, int]] = []
    ranges: list[tuple[str, float, float]] = []
    categories: dict[int, list[Any]] = defaultdict(list)
    for asked, weight in terms:
        kind, operand = next(iter(asked.test.items())) if isinstance(asked.test, dict) else ("equals", asked.test)
        if kind in {"at_least", "below"}:
            ranges.append((kind, operand, weight))
        elif kind == "equals":
            categories[_whole(weight)].append(operand)
        else:
            tests.append((asked.test, _whole(weight)))
    tests += [(values[0] if len(values) == 1 else values, points) for points, values in categories.items()]
    return [*_ranges(ranges), *tests]


def _ranges(terms: Sequence[tuple[str, float, float]]) -> list[tuple[Any, int]]:
    """Cuts to ranges, from low to high; neighbours with equal points are one."""
    ends: list[float | None] = [None, *sorted({cut for _, cut, _ in terms}), None]
    merged: list[tuple[float | None, float | None, int]] = []
    for low, high in pairwise(ends):
        weight = sum(each for kind, cut, each in terms if _covers(kind, cut, low))
        points = _whole(weight)
        if merged and merged[-1][2] == points:
            low = merged.pop()[0]  # noqa: PLW2901 - the range begins where its equal neighbour does
        merged.append((low, high, points))
    return [(_range(low, high), points) for low, high, points in merged]


def _covers(kind: str, cut: float, low: float | None) -> bool:
    """Whether a cut's test holds in the range from `low` (None: from below all cuts) to the next cut."""
    return (low is not None and cut <= low) if kind == "at_least" else (low is None or cut > low)


def _range(low: float | None, high: float | None) -> dict[str, float]:
    """A range as a test; the whole line is whatever is known at all."""
    return {name: end for name, end in (("at_least", low), ("below", high)) if end is not None} or {"exists": True}
