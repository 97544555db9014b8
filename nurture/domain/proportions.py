"""How sure a rate is, and whether one rate is really better than another.

- The interval of a rate is Wilson's: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
  Journal of the American Statistical Association 22 (1927), 209-212. Unlike the usual one it stays between 0 and 1, and holds
  for few trials and for rates near 0.
- Two rates are compared by the z-test with the pooled variance, which is Pearson's chi-squared test of the 2×2 table; it is
  trusted from five expected in each cell on: W. G. Cochran, "Some methods for strengthening the common χ² tests", Biometrics 10
  (1954), 417-451.
- Where there are more than two, each of the pairs is held to its share of the error that is allowed in all: O. J. Dunn, "Multiple
  comparisons among means", Journal of the American Statistical Association 56 (1961), 52-64 (Bonferroni's inequality).
- The interval of the difference of two rates is made of theirs: R. G. Newcombe, "Interval estimation for the difference between
  independent proportions: comparison of eleven methods", Statistics in Medicine 17 (1998), 873-890 (method 10).
- How many trials it takes: J. L. Fleiss, "Statistical methods for rates and proportions" (2nd edition 1981), section 3.2, without
  the correction for continuity.
"""

from collections.abc import Mapping
from math import ceil, comb, hypot, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

#: How often a winner may be named where there is none, and how often one that there is shall be found.
SIGNIFICANCE: Final = 0.05
POWER: Final = 0.8

#: As many must be expected in each cell of the table for the test to be trusted.
_EXPECTED: Final = 5

_NORMAL: Final = NormalDist()


class Counted(NamedTuple):
    """So many successes of so many trials."""

    successes: int
    trials: int

    @property
    def rate(self) -> float:
        """0 where nothing was tried."""
        return self.successes / self.trials if self.trials else 0.0


class Comparison(NamedTuple):
    """The one with the highest rate, the one that it is hardest to tell from, and the probability (two-sided) of such a difference
    by chance. `trusted` says whether there was enough to compare, `significant` whether that is evidence. `more` is how many more trials of each it takes about to tell a
    difference of this size; None where there is none, or too little to guess from.
    """

    best: str
    rival: str
    p_value: float
    trusted: bool
    significant: bool
    more: int | None


def wilson(counted: Counted, confidence: float = 0.95) -> tuple[float, float]:
    """The interval in which the true rate lies with this confidence; (0, 1) where nothing was tried."""
    successes, trials = counted
    if not trials:
        return 0.0, 1.0
    z = _NORMAL.inv_cdf((1 + confidence) / 2)
    middle = successes + z * z / 2
    margin = z * sqrt(successes * (trials - successes) / trials + z * z / 4)
    return max(0.0, (middle - margin) / (trials + z * z)), min(1.0, (middle + margin) / (trials + z * z))


def newcombe(one: Counted, other: Counted, confidence: float = 0.95) -> tuple[float, float]:
    """The interval in which the difference of two true rates lies with this confidence; (-1, 1) where nothing was tried."""
    difference = one.rate - other.rate
    (low, high), (other_low, other_high) = wilson(one, confidence), wilson(other, confidence)
    if not (one.trials and other.trials):
        return -1.0, 1.0
    below = hypot(one.rate - low, other_high - other.rate)
    above = hypot(high - one.rate, other.rate - other_low)
    return max(-1.0, difference - below), min(1.0, difference + above)


def z_score(one: Counted, other: Counted) -> float:
    """The difference of two rates in standard errors; 0 where neither can differ."""
    trials = one.trials * other.trials
    pooled = (one.successes + other.successes) / (one.trials + other.trials) if trials else 0.0
    variance = pooled * (1 - pooled) * (one.trials + other.trials) / trials if trials else 0.0
    return (one.rate - other.rate) / sqrt(variance) if variance else 0.0


def trials_needed(one: float, other: float, significance: float = SIGNIFICANCE, power: float = POWER) -> int:
    """How many trials of each it takes to tell two true rates apart, at this two-sided significance and with this power."""
    middle = (one + other) / 2
    by_chance = _NORMAL.inv_cdf(1 - significance / 2) * sqrt(2 * middle * (1 - middle))
    if_true = _NORMAL.inv_cdf(power) * sqrt(one * (1 - one) + other * (1 - other))
    return ceil(((by_chance + if_true) / (one - other)) ** 2)


def compare(rates: Mapping[str, Counted]) -> Comparison:
    """The best of at least two, and whether it is better than each of the others."""
    best = max(rates, key=lambda name: rates[name].rate)
    others = {name: _p_value(rates[best], each) for name, each in rates.items() if name != best}
    rival = max(others, key=lambda name: (others[name], rates[name].rate))
    allowed = SIGNIFICANCE / comb(len(rates), 2)
    trusted = all(_is_trusted(rates[best], rates[name]) for name in others)
    one, other = rates[best], rates[rival]
    significant = trusted and others[rival] <= allowed
    guessed = not significant and one.trials and other.trials and one.rate > other.rate
    needed = trials_needed(one.rate, other.rate, allowed) - min(one.trials, other.trials) if guessed else 0
    return Comparison(best, rival, others[rival], trusted, significant, needed if needed > 0 else None)


def _p_value(one: Counted, other: Counted) -> float:
    return 2 * _NORMAL.cdf(-abs(z_score(one, other)))


def _is_trusted(one: Counted, other: Counted) -> bool:
    trials, successes = one.trials + other.trials, one.successes + other.successes
    least = min(successes, trials - successes) * min(one.trials, other.trials)
    return trials > 0 and least >= _EXPECTED * trials
