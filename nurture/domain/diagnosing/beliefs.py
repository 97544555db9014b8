"""How surely a condition holds, where what it asks about was counted.

As sure as its weakest part (`all`), or as its strongest (`any`): the parts are told from the same figures, so their chances are not
multiplied as if they were independent.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from nurture.domain.comparisons import TESTS
from nurture.domain.diagnosing.facts import Fact, Facts

_LIMITS: Final[Mapping[str, Callable[[Fact, float], float]]] = {
    "above": lambda fact, limit: fact.above(limit),
    "at_least": lambda fact, limit: fact.above(limit),
    "below": lambda fact, limit: 1 - fact.above(limit),
    "at_most": lambda fact, limit: 1 - fact.above(limit),
}


def belief(raw: Mapping[str, Any], facts: Facts) -> float:
    """The confidence, from 0 to 1, with which a condition (as written) holds."""
    return min(_entry(key, operand, facts) for key, operand in raw.items())


def _entry(key: str, operand: Any, facts: Facts) -> float:
    if key == "all":
        return min(belief(each, facts) for each in operand)
    if key == "any":
        return max(belief(each, facts) for each in operand)
    if key == "not":
        return 1 - belief(operand, facts)
    fact = facts.get(key)
    if fact is None or fact.value is None:
        return 1.0 if operand == {"exists": False} else 0.0
    if not isinstance(operand, dict):
        return _plainly("in" if isinstance(operand, list) else "equals", operand, fact)
    return min(_test(name, limit, fact) for name, limit in operand.items())


def _test(name: str, operand: Any, fact: Fact) -> float:
    if name == "between":
        return min(_test("at_least", operand[0], fact), _test("at_most", operand[1], fact))
    if name in _LIMITS and isinstance(operand, int | float):
        chance = _LIMITS[name](fact, operand)
        if 0 < chance < 1:
            return chance
    return _plainly(name, operand, fact)


def _plainly(name: str, operand: Any, fact: Fact) -> float:
    return 1.0 if TESTS[name](operand)(fact.value) else 0.0
