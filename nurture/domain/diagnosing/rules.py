"""config/diagnose.yaml, and the rules that come with the engine: what to look for, and what it takes to say so."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nurture.domain.conditions import EventCondition
from nurture.domain.model import Definition, Problem, Slug, refuse

#: What a rule is asked of: the whole business once, or each of its parts of one kind by itself.
Subject = Literal["business", "page", "form", "asset", "channel", "sequence", "endpoint", "promotion"]

FactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]

#: Below it a finding is a hint, and shown apart.
_SURE_ENOUGH = 0.8


class Text(Definition):
    """What a rule says, in one language."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    """The finding in a few words, shown as they are."""
    text: Annotated[str, Field(min_length=1, max_length=1_000)]
    """What the figures show, and what to do about it. `{fact}` stands for a fact's value, `{about}` for what the rule was asked of."""


class Rule(Definition):
    """A cause to look for."""

    of: Subject = "business"
    """What is looked at: the whole business, or every form, page, channel … by itself."""
    when: EventCondition
    """What must be true of the facts (docs/diagnose.md lists them)."""
    least: dict[FactName, Annotated[float, Field(gt=0)]] = {}
    """How much of each fact it takes to judge at all; below it the report says that there is too little to tell."""
    weight: Annotated[int, Field(ge=1, le=100)] = 50
    """How much it costs where everything is concerned; from 60 on it is called severe, from 30 on serious."""
    concerns: FactName | None = None
    """The fact, a share, that says how large a part of the whole is concerned; the weight counts for as much."""
    shows: tuple[FactName, ...] = ()
    """The facts shown as evidence, in this order."""
    explains: tuple[Slug, ...] = ()
    """Other rules whose findings follow from this one; they are shown after it."""
    says: dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], Text] = {}
    """The words, by language, of a rule of your own; rules that come with the engine have theirs."""

    def asks(self) -> frozenset[str]:
        """Every fact that it names."""
        concerned = {self.concerns} if self.concerns else set()
        return self.when.fields() | self.least.keys() | {*self.shows} | concerned


class RuleChange(Definition):
    """What is different about a rule that comes with the engine; or a rule of your own, which needs `when` and `says`."""

    of: Subject | None = None
    """What is looked at: the whole business, or every form, page, channel … by itself."""
    when: EventCondition | None = None
    """What must be true of the facts (docs/diagnose.md lists them)."""
    least: dict[FactName, Annotated[float, Field(gt=0)]] | None = None
    """How much of each fact it takes to judge at all; below it the report says that there is too little to tell."""
    weight: Annotated[int, Field(ge=1, le=100)] | None = None
    """How much it costs where everything is concerned; from 60 on it is called severe, from 30 on serious."""
    concerns: FactName | None = None
    """The fact, a share, that says how large a part of the whole is concerned; the weight counts for as much."""
    shows: tuple[FactName, ...] | None = None
    """The facts shown as evidence, in this order."""
    explains: tuple[Slug, ...] | None = None
    """Other rules whose findings follow from this one; they are shown after it."""
    says: dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], Text] | None = None
    """The words, by language: `en`, `fr`."""

    def applied_to(self, rule: Rule) -> Rule:
        """The rule with what is written here in place of its own."""
        written = {name: value for name in RuleChange.model_fields if (value := getattr(self, name)) is not None}
        return rule.model_copy(update=written)


class Diagnose(Definition):
    """config/diagnose.yaml: what `nurture report diagnose` looks for beside, or otherwise than, what comes with the engine."""

    confidence: Annotated[float, Field(ge=0.5, le=0.999)] = _SURE_ENOUGH
    """How sure a finding must be; what is less sure is listed apart, as not sure yet."""
    off: tuple[Slug, ...] = ()
    """The rules that are not to be asked."""
    rules: dict[Slug, RuleChange] = {}
    """By the name of a rule what is different about it; under any other name a rule of your own."""

    @model_validator(mode="after")
    def _no_rule_is_both(self) -> Self:
        both = [
            Problem(("off", index), f"{name!r} is changed under 'rules' and yet off; delete one")
            for index, name in enumerate(self.off)
            if name in self.rules
        ]
        refuse("diagnose", both)
        return self

    def over(self, shipped: Mapping[str, Rule]) -> dict[str, Rule]:
        """The rules in force: those that come with the engine, changed, without those that are off, and one's own."""
        rules = {name: rule for name, rule in shipped.items() if name not in self.off}
        for name, change in self.rules.items():
            if name in rules:
                rules[name] = change.applied_to(rules[name])
            elif change.when is not None:
                rules[name] = change.applied_to(Rule(when=change.when))
        return rules


class ShippedRules(Definition):
    """The rules that come with the engine."""

    rules: dict[Slug, Rule]
    """Every rule by its name."""
