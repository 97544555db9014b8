"""The report: findings with their advice, the figures behind them, and what cannot be told yet."""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from string import Formatter
from typing import Final

from sqlalchemy import Connection

from nurture.definitions.shipped import shipped_rules
from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.facts import Fact, Names
from nurture.domain.diagnosing.judging import Diagnosis, Finding, Missing, diagnose
from nurture.domain.diagnosing.rules import Rule, Text
from nurture.domain.diagnosing.vocabulary import FACTS, FactKind, facts_of
from nurture.reports.diagnose.cases import cases_of
from nurture.reports.diagnose.looking import Look
from nurture.reports.sheet import Column, Kind, Period, Remark, Report, Sheet, Value

#: How a fact of each kind is shown.
_SHOWN: Final[Mapping[FactKind, Kind]] = {
    "count": "count", "share": "share", "ratio": "ratio", "money": "money", "names": "text",
}  # fmt: skip

_KINDS: Final[Mapping[str, Kind]] = {name: _SHOWN[kind] for facts in FACTS.values() for name, kind in facts.items()}

#: The language that stands in for others, in which every rule is said.
_ALWAYS: Final = "en"


def diagnosis(look: Look) -> Diagnosis:
    """What the figures of a period say is wrong."""
    rules = look.definitions.diagnose.over(shipped_rules())
    return diagnose(rules, cases_of(look), look.definitions.diagnose.confidence)


def build(connection: Connection, definitions: Definitions, period: Period, at: datetime) -> Report:
    """The report for a period, as of an instant."""
    rules = definitions.diagnose.over(shipped_rules())
    look = Look(connection, definitions, period, at)
    found = diagnosis(look)
    return Report(
        name="diagnose", period=period, at=at, currency=definitions.reporting.currency,
        sheets=(_findings(found), _evidence(found, rules), _unsure(found), _too_few(found.too_few)),
        remarks=look.everybody.remarks, words=_own_words(rules),
    )  # fmt: skip


def _findings(found: Diagnosis) -> Sheet:
    columns = (
        Column(name="finding", kind="label"), Column(name="about", kind="text"), Column(name="severity", kind="label"),
        Column(name="confidence", kind="share", bar=True), Column(name="because", kind="label"),
    )  # fmt: skip
    rows = [(each.rule, each.about, each.severity, each.confidence, each.because) for each in found.findings]
    advice = [Remark(code=each.rule, values=_values(each)) for each in found.findings]
    return Sheet(name="findings", columns=columns, rows=tuple(rows), remarks=tuple(advice) or (Remark(code="none"),))


def _evidence(found: Diagnosis, rules: Mapping[str, Rule]) -> Sheet:
    columns = (
        Column(name="finding", kind="label"), Column(name="about", kind="text"), Column(name="fact", kind="label"),
        Column(name="value", kind="figure"),
    )  # fmt: skip
    shown = [(each, fact) for each in found.findings for fact in rules[each.rule].shows if fact in each.facts]
    rows = [(each.rule, each.about, fact, _value(each.facts[fact])) for each, fact in shown]
    return Sheet(name="evidence", columns=columns, rows=tuple(rows), kinds=tuple(_KINDS[fact] for _, fact in shown))


def _unsure(found: Diagnosis) -> Sheet:
    columns = (Column(name="finding", kind="label"), Column(name="about", kind="text"), Column(name="confidence", kind="share"))
    rows = [(each.rule, each.about, each.confidence) for each in found.unsure]
    return Sheet(name="unsure", columns=columns, rows=tuple(rows))


def _too_few(missing: tuple[Missing, ...]) -> Sheet:
    columns = (
        Column(name="finding", kind="label"), Column(name="fact", kind="label"), Column(name="there", kind="figure"),
        Column(name="needed", kind="figure"),
    )  # fmt: skip
    rows = [(each.rule, each.fact, each.there, each.needed) for each in missing]
    return Sheet(name="too_few", columns=columns, rows=tuple(rows), kinds=tuple(_KINDS[each.fact] for each in missing))


def _values(found: Finding) -> dict[str, Value]:
    return {"about": found.about, **{name: _value(fact) for name, fact in found.facts.items()}}


def _value(fact: Fact) -> Value:
    if isinstance(fact, Names):
        return ", ".join(fact.names)
    value = fact.value
    return value if not isinstance(value, float) or isfinite(value) else None


def _own_words(rules: Mapping[str, Rule]) -> dict[str, dict[str, dict[str, str]]]:
    """The words of rules that the customer wrote, by language; one that is not said in a language is said in the other."""
    own = {name: rule for name, rule in rules.items() if rule.says}
    languages = {language for rule in own.values() for language in rule.says}
    return {
        language: {
            "labels": {name: _said(rule, language).title for name, rule in own.items()},
            "remarks": {name: _with_kinds(_said(rule, language).text, rule) for name, rule in own.items()},
        }
        for language in languages
    }


def _said(rule: Rule, language: str) -> Text:
    return rule.says.get(language) or rule.says.get(_ALWAYS) or next(iter(rule.says.values()))


def _with_kinds(words: str, rule: Rule) -> str:
    """The words with each fact in braces written as what it is: `{lead_rate}` as a share."""
    known = facts_of(rule.of)
    parts = []
    for text, field, _, _ in Formatter().parse(words):
        kind = f":{_SHOWN[known[field]]}" if field and field in known else ""
        parts.append(text.replace("{", "{{").replace("}", "}}") + ("" if field is None else f"{{{field}{kind}}}"))
    return "".join(parts)
