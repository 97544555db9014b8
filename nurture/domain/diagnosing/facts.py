"""A fact that rules ask about, and how surely its true value lies above a limit.

What was counted is one draw of what is true: of thirty leads none may buy by chance alone. So a fact knows what it was counted
from, and the chance it tells is the confidence of a one-sided test of the limit:

- a share by Wilson's score test (E. B. Wilson, JASA 22 (1927), 209-212): the interval of `domain.proportions` is its inversion;
- a change of a share by the difference from so many times the share before, each with one success and one failure added
  (A. Agresti, B. Caffo, "Simple and effective confidence intervals for proportions", The American Statistician 54 (2000), 280-288);
- a pace, such as leads a euro, beside another by the conditional test: of both counts together, how many belong to the one
  (J. Przyborowski, H. Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31 (1940), 313-323).
"""

from collections.abc import Mapping
from math import inf, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple, Protocol

from nurture.domain.proportions import Counted

_NORMAL: Final = NormalDist()


class Fact(Protocol):
    """Something known by name. `value` is None where there is nothing to tell it from."""

    @property
    def value(self) -> float | str | bool | None:
        """What conditions compare."""
        ...

    def above(self, limit: float) -> float:
        """How surely the true value is above a limit, from 0 to 1."""
        ...


class Number(NamedTuple):
    """What is certain: a count as such, or what a file says."""

    value: float | bool | None

    def above(self, limit: float) -> float:
        return 1.0 if self.value is not None and self.value > limit else 0.0


class Names(NamedTuple):
    """Which ones; compared by how many there are, shown as their names."""

    names: tuple[str, ...]

    @property
    def value(self) -> float:
        return len(self.names)

    def above(self, limit: float) -> float:
        return 1.0 if len(self.names) > limit else 0.0


class Share(NamedTuple):
    """So many of so many."""

    part: float
    whole: float

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole > 0 else None

    def above(self, limit: float) -> float:
        if self.whole <= 0:
            return 0.5
        if not 0 < limit < 1:
            return 1.0 if self.part / self.whole > limit else 0.0
        return _NORMAL.cdf((self.part / self.whole - limit) / sqrt(limit * (1 - limit) / self.whole))


class Change(NamedTuple):
    """A share as so many times another, such as that of the period before."""

    share: Counted
    other: Counted

    @property
    def value(self) -> float | None:
        return self.share.rate / self.other.rate if self.share.trials and self.other.successes else None

    def above(self, limit: float) -> float:
        (one, variance), (other, other_variance) = _adjusted(self.share), _adjusted(self.other)
        return _NORMAL.cdf((one - limit * other) / sqrt(variance + limit * limit * other_variance))


class Pace(NamedTuple):
    """How many came for so much (days, money), as so many times another pace."""

    came: float
    per: float
    others_came: float
    other_per: float

    @property
    def value(self) -> float | None:
        if self.per <= 0 or self.other_per <= 0 or not (self.came or self.others_came):
            return None
        return (self.came / self.per) / (self.others_came / self.other_per) if self.others_came else inf

    def above(self, limit: float) -> float:
        whole = limit * self.per + self.other_per
        if whole <= 0:
            return 0.5
        return Share(self.came, self.came + self.others_came).above(limit * self.per / whole)


#: Facts by their names; those that are not known are left out.
Facts = Mapping[str, Fact]


def values(facts: Facts) -> dict[str, float | str | bool]:
    """The facts as conditions see them."""
    return {name: value for name, fact in facts.items() if (value := fact.value) is not None}


def _adjusted(counted: Counted) -> tuple[float, float]:
    """The rate and its variance with one success and one failure added."""
    trials = counted.trials + 2
    rate = (counted.successes + 1) / trials
    return rate, rate * (1 - rate) / trials
