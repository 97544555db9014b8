"""Everything the marketer defined, as one value: workers switch from one to the next together."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from hashlib import blake2b

from pydantic import model_validator

from nurture.domain.channels import Channels
from nurture.domain.conditions import Condition
from nurture.domain.consent import Consents
from nurture.domain.content import Asset, Form
from nurture.domain.diagnosing.rules import Diagnose
from nurture.domain.event import STEP_SCORED
from nurture.domain.handing_off import Handoff
from nurture.domain.history import widest
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.mail.hooks import Hooks
from nurture.domain.mail.sending import SendingPolicy
from nurture.domain.model import Definition, Problem, Slug, refuse
from nurture.domain.pools import Pool
from nurture.domain.privacy import Privacy
from nurture.domain.reporting import Reporting, lowest_heat_asked_for
from nurture.domain.scoring import Scoring, ScoringRule
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
    pools: dict[Slug, Pool] = {}
    handoff: Handoff = Handoff()
    channels: Channels = Channels()
    privacy: Privacy = Privacy()
    consents: Consents = Consents()
    hooks: Hooks = Hooks()
    reporting: Reporting = Reporting()
    diagnose: Diagnose = Diagnose()

    @model_validator(mode="after")
    def _names_exist(self) -> "Definitions":
        unknown = [
            Problem(("forms", name, "asset"), f"unknown asset {form.asset!r}; {instead(form.asset, self.assets)}")
            for name, form in self.forms.items()
            if form.asset is not None and form.asset not in self.assets
        ]
        refuse("definitions", unknown)
        return self

    @property
    def business_timezone(self) -> str:
        """The zone by whose days figures are kept."""
        return self.reporting.timezone or self.sending.timezone

    @cached_property
    def hot(self) -> float:
        """The engagement from which somebody counts as in the market now."""
        return self.reporting.hot if self.reporting.hot is not None else lowest_heat_asked_for(self.lifecycle)

    @cached_property
    def rules_by_event(self) -> Mapping[str, tuple[ScoringRule, ...]]:
        """The scoring rules, of all models, that listen to each event name; a step may hit any of them."""
        rules: dict[str, list[ScoringRule]] = defaultdict(list)
        for rule in self.scoring.all_rules():
            for name in rule.on:
                rules[name].append(rule)
        rules[STEP_SCORED] = list(self.scoring.all_rules())
        return {name: tuple(found) for name, found in rules.items()}

    @cached_property
    def sequences_by_event(self) -> Mapping[str, tuple[Sequence, ...]]:
        """The sequences whose trigger waits for each event name."""
        waiting: dict[str, list[Sequence]] = defaultdict(list)
        for sequence in self.sequences.values():
            for name in sequence.trigger.events:
                waiting[name].append(sequence)
        return {name: tuple(found) for name, found in waiting.items()}

    @cached_property
    def sequences_by_stage(self) -> Mapping[str, tuple[Sequence, ...]]:
        """The sequences whose trigger waits for a promotion to each stage."""
        waiting: dict[str, list[Sequence]] = defaultdict(list)
        for sequence in self.sequences.values():
            if sequence.trigger.promoted_to is not None:
                waiting[sequence.trigger.promoted_to].append(sequence)
        return {name: tuple(found) for name, found in waiting.items()}

    @cached_property
    def sequences_by_date(self) -> tuple[Sequence, ...]:
        """The sequences whose trigger waits for a date."""
        return tuple(sequence for sequence in self.sequences.values() if sequence.trigger.date is not None)

    @cached_property
    def sequences_by_entry(self) -> tuple[Sequence, ...]:
        """The sequences whose trigger waits for something to become true of somebody."""
        return tuple(sequence for sequence in self.sequences.values() if sequence.trigger.enters is not None)

    @cached_property
    def rules_by_id(self) -> Mapping[str, ScoringRule]:
        """The scoring rules of all models."""
        return {rule.id: rule for rule in self.scoring.all_rules()}

    @cached_property
    def history_names(self) -> Mapping[str, timedelta | None]:
        """Every event name that a condition about people asks about, with how far back it must be loaded; None: ever.

        Runs that are pinned to an older version of their sequence may ask for more: see `Sequence.history`.
        """
        about_people = (question for condition in self._person_conditions() for question in condition.history())
        return widest([*about_people, *(question for each in self.sequences.values() for question in each.history())])

    def _person_conditions(self) -> Iterator[Condition]:
        yield from (rule.when for rule in self.scoring.fit)
        yield from (rule.when for rule in self.lifecycle.promotions if rule.when is not None)
        yield from (rule.when for rule in self.lifecycle.recycling)

    def emails(self) -> Iterator[str]:
        """Every e-mail that steps, their variants and pools name; some more than once."""
        yield from (email for sequence in self.sequences.values() for step in sequence.emails() for email in step.emails())
        yield from (piece.email for pool in self.pools.values() for piece in pool)

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
