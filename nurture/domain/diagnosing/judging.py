"""From rules and facts to findings: what is wrong, how surely, and what to look at first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from nurture.domain.diagnosing.beliefs import belief
from nurture.domain.diagnosing.facts import Facts, values
from nurture.domain.diagnosing.rules import Rule, Subject

Severity = Literal["severe", "serious", "slight"]

_SEVERE: Final = 60
_SERIOUS: Final = 30


class Case(NamedTuple):
    """What a rule is asked of: its name, empty for the whole business, and what is known of it."""

    name: str
    facts: Facts


#: The facts of the whole business, and those of each of its parts; a part knows those of the whole, too.
Cases = Mapping[Subject, Sequence[Case]]


class Finding(NamedTuple):
    """A cause that the figures show. `cost` orders findings; `because` names a rule that was found, too, and explains it."""

    rule: str
    about: str
    facts: Facts
    confidence: float
    cost: float
    because: str | None = None

    @property
    def severity(self) -> Severity:
        return "severe" if self.cost >= _SEVERE else "serious" if self.cost >= _SERIOUS else "slight"


class Missing(NamedTuple):
    """A rule that cannot be asked: of a fact there are so many, and so many it takes."""

    rule: str
    fact: str
    there: float
    needed: float


class Diagnosis(NamedTuple):
    """What was found, the first first; what may be so but may also be chance; and what there is too little to tell of."""

    findings: tuple[Finding, ...]
    unsure: tuple[Finding, ...]
    too_few: tuple[Missing, ...]


def diagnose(rules: Mapping[str, Rule], cases: Cases, sure_enough: float) -> Diagnosis:
    """Ask every rule of everything that it is about.

    A rule asked of many things finds something by chance among them more easily than when asked of one. So the doubt of each finding
    is multiplied by how many were asked (Bonferroni's inequality; see `domain.proportions`).
    """
    found: list[Finding] = []
    too_few: list[Missing] = []
    for name, rule in rules.items():
        asked = [case for case in cases.get(rule.of, ()) if case.facts]
        enough = [case for case in asked if _lacking(rule, case) is None]
        found += _found(name, rule, enough)
        if asked and not enough:
            too_few.append(_nearest(name, rule, asked))
    sure = [each for each in found if each.confidence >= sure_enough]
    unsure = [each for each in found if each.confidence < sure_enough]
    return Diagnosis(
        tuple(sorted(_explained(sure, rules), key=_order)), tuple(sorted(unsure, key=_order)), tuple(too_few)
    )  # fmt: skip


def _found(name: str, rule: Rule, cases: Sequence[Case]) -> Iterator[Finding]:
    for case in cases:
        if rule.when.holds(values(case.facts)):
            confidence = max(0.0, 1 - len(cases) * (1 - belief(rule.when.raw, case.facts)))
            yield Finding(name, case.name, case.facts, confidence, rule.weight * _concerned(rule, case.facts))


def _concerned(rule: Rule, facts: Facts) -> float:
    fact = facts.get(rule.concerns) if rule.concerns else None
    value = fact.value if fact else 1.0
    return min(max(float(value), 0.0), 1.0) if isinstance(value, int | float) else 1.0


def _lacking(rule: Rule, case: Case) -> Missing | None:
    """The first fact of which there is too little."""
    for fact, needed in rule.least.items():
        value = case.facts[fact].value if fact in case.facts else None
        there = float(value) if isinstance(value, int | float) else 0.0
        if there < needed:
            return Missing("", fact, there, needed)
    return None


def _nearest(name: str, rule: Rule, cases: Sequence[Case]) -> Missing:
    lacking = [missing for case in cases if (missing := _lacking(rule, case))]
    return max(lacking, key=lambda missing: missing.there / missing.needed)._replace(rule=name)


def _explained(found: Sequence[Finding], rules: Mapping[str, Rule]) -> Iterator[Finding]:
    names = sorted({each.rule for each in found})
    for each in found:
        because = next((rule for rule in names if each.rule in rules[rule].explains and rule != each.rule), None)
        yield each._replace(because=because)


def _order(found: Finding) -> tuple[bool, float, str, str]:
    """Causes before what follows from them; what costs most and is surest first."""
    return found.because is not None, -found.cost * found.confidence, found.rule, found.about
