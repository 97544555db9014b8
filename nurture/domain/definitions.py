"""Everything the marketer defined, as one value: workers switch from one to the next together."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from hashlib import blake2b

from pydantic import model_validator

from nurture.domain.channels import Channels
from nurture.domain.conditions import Condition
from nurture.domain.content import Asset, Form
from nurture.domain.handing_off import Handoff
from nurture.domain.history import widest
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.model import Definition, Problem, Slug, refuse
from nurture.domain.privacy import Privacy
from nurture.domain.scoring import Scoring, ScoringRule
from nurture.domain.sending import SendingPolicy
from nurture.domain.sequence import Sequence, version_of
from nurture.domain.wording import instead


class Definitions(Definition):
    """All of `config/`, checked as a whole."""

    scoring: Scoring
    lifecycle: Lifecycle
    assets: dict[Slug, Asset] = {}
    forms: dict[Slug, Form] = {}
    sending: SendingPolicy
    sequences: dict[Slug, Sequence] = {}
    handoff: Handoff = Handoff()
    channels: Channels = Channels()
    privacy: Privacy = Privacy()

    @model_validator(mode="after")
    def _names_exist(self) -> "Definitions":
        unknown = [
            Problem(("forms", name, "asset"), f"unknown asset {form.asset!r}; {instead(form.asset, self.assets)}")
            for name, form in self.forms.items()
            if form.asset is not None and form.asset not in self.assets
        ]
        refuse("definitions", unknown)
        return self

    @cached_property
    def rules_by_event(self) -> Mapping[str, tuple[ScoringRule, ...]]:
        """The scoring rules, of all models, that listen to each event name."""
        rules: dict[str, list[ScoringRule]] = defaultdict(list)
        for rule in self.scoring.all_rules():
            for name in rule.on:
                rules[name].append(rule)
        return {name: tuple(found) for name, found in rules.items()}

    @cached_property
    def rules_by_id(self) -> Mapping[str, ScoringRule]:
        """The scoring rules of all models."""
        return {rule.id: rule for rule in self.scoring.all_rules()}

    @cached_property
    def history_names(self) -> Mapping[str, timedelta | None]:
        """Every event name that a condition about people asks about, with how far back it must be loaded; None: ever.

        Runs that are pinned to an older version of their sequence may ask for more: see `Sequence.person_conditions`.
        """
        return widest(question for condition in self._person_conditions() for question in condition.history())

    def _person_conditions(self) -> Iterator[Condition]:
        yield from (rule.when for rule in self.scoring.fit)
        yield from (rule.when for rule in self.lifecycle.promotions if rule.when is not None)
        yield from (rule.when for rule in self.lifecycle.recycling)
        for sequence in self.sequences.values():
            yield from sequence.person_conditions()

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The version of each sequence, by name."""
        return {name: version_of(sequence) for name, sequence in self.sequences.items()}

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when any definition does."""
        return blake2b(self.to_json().encode(), digest_size=8).hexdigest()

    def to_json(self) -> str:
        """The definitions as stored; `Definitions.model_validate_json` gives them back."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True)
