"""What the scorecard is measured against on the same folds: logistic regression, and gradient-boosted trees.

Both see the same people and the same facts, and choose their own settings by an inner cross-validation, so neither is a straw man.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from nurture.learning.binning import Question, questions
from nurture.learning.cases import Cases, Column, Floats, Integers, is_number, subset

_INNER_FOLDS: Final = 3

#: The strength of the L2 penalty, inversely.
_PENALTIES: Final = (0.001, 0.003, 0.01, 0.1, 1.0)

#: Leaves of each tree and how many trees, at a learning rate of 0.05: from additive and small to deep.
_TREES: Final = ((2, 200), (3, 150), (4, 100), (8, 60))


class Rivals(NamedTuple):
    """How likely each of the people asked about wins, by each rival."""

    regression: Floats
    boosting: Floats


def rivals(cases: Cases, seen: Integers, unseen: Integers, seed: int) -> Rivals:
    """Both rivals, fitted to the people in `seen` and asked about those in `unseen`."""
    won = cases.won[seen].astype(int)
    columns = list(subset(cases, seen))
    texts = [each for each in questions(columns) if not columns[each.column].numeric]
    known, asked = (_features(cases, rows, columns, texts) for rows in (seen, unseen))
    regression = _best(
        [lambda penalty=each: _Regression(penalty) for each in _PENALTIES], known, won, seed
    )  # fmt: skip
    boosting = _best(
        [lambda leaves=leaves, trees=trees: _trees(leaves, trees, seed) for leaves, trees in _TREES], known, won, seed
    )
    return Rivals(*(made().fit(known, won).predict_proba(asked)[:, 1] for made in (regression, boosting)))


def _features(cases: Cases, rows: Integers, columns: Sequence[Column], texts: Sequence[Question]) -> Floats:
    """People × features: numbers as they are (NaN where missing), a 0 or 1 for each category and word, the behaviours."""
    own = list(subset(cases, rows))
    parts = [_numbers(column) for column, like in zip(own, columns, strict=True) if like.numeric]
    parts += [each.ask(own[each.column]).astype(float) for each in texts]
    parts += [each.values[rows] for each in cases.behaviours]
    return np.column_stack(parts) if parts else np.zeros((len(rows), 1))


def _numbers(column: Column) -> Floats:
    values = np.array([*(float(value) if is_number(value) else np.nan for value in column.values), np.nan])
    found: Floats = values[column.codes]
    return found


def _best(makers: Sequence[Any], features: Floats, won: Integers, seed: int) -> Any:
    """The maker whose models rank unseen people best."""
    folds = list(StratifiedKFold(_INNER_FOLDS, shuffle=True, random_state=seed).split(features, won))

    def merit(make: Any) -> float:
        return float(np.mean([
            roc_auc_score(won[unseen], make().fit(features[seen], won[seen]).predict_proba(features[unseen])[:, 1])
            for seen, unseen in folds
        ]))  # fmt: skip

    return max(makers, key=merit)


def _trees(leaves: int, trees: int, seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_leaf_nodes=leaves, max_iter=trees, l2_regularization=1.0, early_stopping=False, random_state=seed
    )


class _Regression:
    """Logistic regression on standardised features; a missing number is the mean of the known ones, and a feature says so."""

    def __init__(self, penalty: float) -> None:
        self._model = LogisticRegression(C=penalty, max_iter=2_000)
        self._scaler = StandardScaler()
        self._usual: Floats = np.zeros(0)
        self._gaps: Any = ()

    def fit(self, features: Floats, won: Integers) -> "_Regression":
        missing = np.isnan(features)
        self._gaps = np.flatnonzero(missing.any(axis=0))
        known = (~missing).sum(axis=0)
        self._usual = np.where(known > 0, np.nansum(features, axis=0) / np.maximum(known, 1), 0.0)
        self._model.fit(self._scaler.fit_transform(self._filled(features)), won)
        return self

    def predict_proba(self, features: Floats) -> Any:
        return self._model.predict_proba(self._scaler.transform(self._filled(features)))

    def _filled(self, features: Floats) -> Floats:
        missing = np.isnan(features)
        return np.column_stack([np.where(missing, self._usual, features), missing[:, self._gaps].astype(float)])
