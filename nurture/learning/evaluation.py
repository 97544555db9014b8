"""How good is a scorecard with people it has not seen? Repeated, stratified cross-validation, everything learned inside the folds."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import Final, NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold
from threadpoolctl import threadpool_limits

from nurture.learning.cases import Cases, Floats, Integers, Truths
from nurture.learning.rivals import rivals
from nurture.learning.scorecard import Scorecard, learn
from nurture.reports.figures import Figures

FOLDS: Final = 5

#: Shares of all people at which a threshold is looked at, beside the one advised.
_SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


class Quality(Figures):
    """The area under the ROC curve: how often a winner stands above somebody else. Mean over the folds ± standard error."""

    auc: float
    error: float


class Comparison(Figures):
    """All models on the same folds. `behind` is how much boosting ranks better than the scorecard, fold by fold."""

    scorecard: Quality
    regression: Quality
    boosting: Quality
    behind: Quality
    folds: int
    repeats: int
    rules_in_folds: tuple[int, ...]


class Decile(Figures):
    """A tenth of the people, by what was expected of them while they were unseen."""

    people: int
    expected: float
    observed: float


class Threshold(Figures):
    """What a call for everybody from `points` on would have meant. `per_week` is None when nobody knows how long it took."""

    points: int
    people: int
    won: int
    precision: float
    recall: float
    f1: float
    per_week: float | None


class Evaluated(NamedTuple):
    """The comparison, and how likely each person was to win as told by scorecards that had not seen them."""

    comparison: Comparison
    expected: Floats


def evaluate(cases: Cases, seed: int, repeats: int) -> Evaluated:
    """Cross-validate the scorecard and its rivals; `expected` is the mean over the repeats."""
    folds = list(RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed).split(cases.won, cases.won))
    expected = np.zeros(len(cases))
    aucs: dict[str, list[float]] = {"scorecard": [], "regression": [], "boosting": []}
    sizes = []
    with threadpool_limits(limits=1):  # the fits are small: threads would only wait for each other
        for seen, unseen in folds:
            card = learn(cases, seen, seed)
            points = card.points(cases, unseen)
            expected[unseen] += card.probability(points) / repeats
            other = rivals(cases, seen, unseen, seed)
            for name, told in (("scorecard", points), ("regression", other.regression), ("boosting", other.boosting)):
                aucs[name].append(auc(cases.won[unseen], told))
            sizes.append(len(card.fit) + len(card.behaviours))
    behind = [best - ours for best, ours in zip(aucs["boosting"], aucs["scorecard"], strict=True)]
    comparison = Comparison(
        **{name: _quality(values) for name, values in aucs.items()}, behind=_quality(behind),
        folds=FOLDS, repeats=repeats, rules_in_folds=tuple(sizes),
    )  # fmt: skip
    return Evaluated(comparison, expected)


def auc(won: Truths, told: Floats) -> float:
    """The area under the ROC curve, ties counted half."""
    return float(roc_auc_score(won, told))


def _quality(values: Sequence[float]) -> Quality:
    """Mean and standard error. Folds share people, so the variance counts 1/n + unseen/seen instead of 1/n.

    Nadeau, Bengio, *Inference for the generalization error*, Machine Learning 52, 2003.
    """
    error = stdev(values) * sqrt(1 / len(values) + 1 / (FOLDS - 1))
    return Quality(auc=fmean(values), error=error)


def deciles(expected: Floats, won: Truths) -> tuple[Decile, ...]:
    """The calibration table, from those least expected to win to those most."""
    order = np.argsort(expected, kind="stable")
    return tuple(
        Decile(people=len(tenth), expected=float(expected[tenth].mean()), observed=float(won[tenth].mean()))
        for tenth in np.array_split(order, 10)
    )


def thresholds(card: Scorecard, expected: Floats, won: Truths, weeks: float | None, capacity: int | None) -> "Advice":
    """Several thresholds and the one advised.

    `expected` comes from cards that had not seen the people; it is told in the points of this card that mean the same odds.
    With `capacity` the advised one calls for the most people that fit into a week, else it has the greatest F1.
    """
    points = np.round(card.points_for(np.clip(expected, 1e-9, 1 - 1e-9)), 6)
    everyone = [_threshold(int(each), points, won, weeks) for each in np.unique(np.floor(points))]
    if capacity is None:
        advised = max(everyone, key=lambda each: (each.f1, each.points))
    else:
        advised = next((each for each in everyone if (each.per_week or 0) <= capacity), everyone[-1])
    shown = {int(np.ceil(np.quantile(points, 1 - share))) for share in _SHARES}
    rows = {each: _threshold(each, points, won, weeks) for each in shown} | {advised.points: advised}
    return Advice(tuple(rows[each] for each in sorted(rows) if rows[each].people), advised)


class Advice(NamedTuple):
    """Thresholds from low to high, and the one advised."""

    looked_at: tuple[Threshold, ...]
    advised: Threshold


def _threshold(points: int, told: Floats, won: Truths, weeks: float | None) -> Threshold:
    return called(points, told >= points, won, weeks)


def called(points: int, chosen: Truths, won: Truths, weeks: float | None) -> Threshold:
    """What calling the people in `chosen` would have meant."""
    people, hits = int(chosen.sum()), int((chosen & won).sum())
    precision = hits / people if people else 0.0
    recall = hits / int(won.sum())
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return Threshold(
        points=points, people=people, won=hits, precision=precision, recall=recall, f1=f1,
        per_week=people / weeks if weeks else None,
    )  # fmt: skip


def support(rows: Integers | Truths, won: Truths) -> tuple[int, int]:
    """How many people, and how many of them won."""
    return int(rows.sum()), int((won & rows.astype(bool)).sum())
