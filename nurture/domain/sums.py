"""Heat without all cells: a person's exact sums, to which a batch adds what it changes.

A heat is the sum of the worths of all cells, rounded once (`math.fsum`). Whoever has a long past has many cells, and most of
them are out of an event's reach: a cap per day looks at its own day only. So the sum itself is kept, unrounded, as floats of
which each is what the ones before it leave over (a floating-point expansion: Shewchuk, *Adaptive Precision Floating-Point
Arithmetic*, 1997). Old worths are taken out of it and new ones put in without any error, so its first float, which is the heat,
is equal to the last bit to the heat of all cells together.
"""

from collections.abc import Iterable, Mapping
from math import fsum
from typing import NamedTuple

from nurture.domain.scoring import DEFAULT_MODEL, Cells, ScoreModel, Scoring, worths


class Sums(NamedTuple):
    """The exact sum of a person's worths by each model where it is not zero. `by` is the digest of the rules they are by."""

    by: str
    parts: Mapping[str, tuple[float, ...]]

    @property
    def heats(self) -> dict[str, float]:
        """The heat by every model."""
        return {name: parts[0] for name, parts in self.parts.items()}


def exact_sum(terms: Iterable[float]) -> tuple[float, ...]:
    """The sum of all terms as floats that add up to it exactly, the rounded sum first; equal for equal sums, empty for zero."""
    rest, parts = list(terms), list[float]()
    while part := fsum(rest):
        parts.append(part)
        rest.append(-part)
    return tuple(parts)


def sums_of(cells: Cells, scoring: Scoring) -> Sums:
    """The sums of all cells."""
    return _sums({name: worths(cells, model) for name, model in _models(scoring)}, scoring)


def changed_sums(sums: Sums, cells: Cells, added: Cells, scoring: Scoring) -> Sums:
    """The sums after `added` hits have come, with which `cells` are as they are now. Of these, all must be here that share a cap
    with an added one: see `far_rules`. What no hit can have changed is left out of account; it would cancel out.
    """
    terms = {}
    for name, model in _models(scoring):
        after = {cell: cells[cell] for cell in added} | {cell: cells[cell] for cell in cells if cell.rule in model.entangled}
        before = {cell: hits - added.get(cell, 0) for cell, hits in after.items()}
        terms[name] = [*sums.parts.get(name, ()), *(-worth for worth in worths(before, model)), *worths(after, model)]
    return _sums(terms, scoring)


def _models(scoring: Scoring) -> Iterable[tuple[str, ScoreModel]]:
    return ((DEFAULT_MODEL, scoring), *scoring.models.items())


def _sums(terms: Mapping[str, Iterable[float]], scoring: Scoring) -> Sums:
    parts = {name: exact_sum(each) for name, each in terms.items()}
    return Sums(scoring.digest, {name: each for name, each in parts.items() if each})


def far_rules(scoring: Scoring) -> frozenset[str]:
    """The rules of which an event may change what other days count: they have a cap for ever, or share a group with one that has."""
    return frozenset(rule for _, model in _models(scoring) for rule in _far_rules(model))


def _far_rules(model: ScoreModel) -> Iterable[str]:
    lasting = {rule.id for rule in model.rules if rule.cap is not None and rule.cap.per == "ever"}
    groups = {name for name, cap in model.groups.items() if cap.per == "ever"}
    groups |= {rule.group for rule in model.rules if rule.group is not None and rule.id in lasting}
    return lasting | {rule.id for rule in model.rules if rule.group in groups}
