"""All of `config/` as far as it could be read, and what it asks where: what the rules across files look at."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from nurture.definitions.mistakes import Severity
from nurture.domain.channels import Channels
from nurture.domain.conditions import Condition
from nurture.domain.consent import Consents
from nurture.domain.content import Asset, Form
from nurture.domain.diagnosing.rules import Diagnose
from nurture.domain.handing_off import Handoff
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.mail.hooks import Hooks
from nurture.domain.mail.routing import DEFAULT
from nurture.domain.mail.sending import SendingPolicy
from nurture.domain.model import Definition, Place, Slug
from nurture.domain.outward import LOOPBACK, Network
from nurture.domain.pools import Pool
from nurture.domain.privacy import Privacy
from nurture.domain.program import walk_steps
from nurture.domain.reporting import Reporting
from nurture.domain.scoring import ScoreModel, Scoring, ScoringRule
from nurture.domain.sequence import Sequence
from nurture.domain.steps import Arm, BranchStep, EmailStep, PoolStep, WaitForStep, variant_text
from nurture.domain.window import Window

StepT = TypeVar("StepT", bound=Definition)

SCORING, LIFECYCLE, SENDING = "scoring.yaml", "lifecycle.yaml", "sending.yaml"
ASSETS, FORMS, HANDOFF, SEQUENCES = "assets.yaml", "forms.yaml", "handoff.yaml", "sequences"
CHANNELS, PRIVACY, POOLS = "channels.yaml", "privacy.yaml", "pools.yaml"
CONSENTS, HOOKS, REPORTING = "consents.yaml", "hooks.yaml", "reporting.yaml"
DIAGNOSE = "diagnose.yaml"


class AssetsFile(Definition):
    """config/assets.yaml: the content on offer."""

    assets: dict[Slug, Asset] = {}
    """Every asset by its name; forms, links and sequences call it so."""


class FormsFile(Definition):
    """config/forms.yaml: the forms on the landing pages."""

    forms: dict[Slug, Form] = {}
    """Every form by its name; it is posted to /f/<name>."""


class PoolsFile(Definition):
    """config/pools.yaml: content that steps of sequences take from, piece by piece."""

    pools: dict[Slug, Pool] = {}
    """Every pool by its name; its pieces in the order in which they are offered."""


class Installation(NamedTuple):
    """What definitions are checked against beside each other: where they are to take effect."""

    production: bool = False
    handoff_secrets: frozenset[str] = frozenset()
    hook_secrets: frozenset[str] = frozenset()
    transports: frozenset[str] = frozenset({DEFAULT})
    dkim_keys: frozenset[str] = frozenset()
    handoff_networks: tuple[Network, ...] = LOOPBACK
    #: Of the secrets of hand-offs those that are tokens of other systems and sign nothing.
    handoff_tokens: frozenset[str] = frozenset()


#: Where definitions take effect when nobody says so: on a developer's machine.
ANY: Final = Installation()


class Config(NamedTuple):
    """The parts of the configuration; None where a file could not be read at all.

    `asset_names`, `form_names` and the like hold every name written, even of an entry that is wrong in itself; None where that
    cannot be known. `sequences` is by file, such as `sequences/guide-nurture.yaml`; `damaged` are the files of which something
    had to be cut out.
    """

    scoring: Scoring | None
    lifecycle: Lifecycle | None
    assets: Mapping[str, Asset]
    forms: Mapping[str, Form]
    sending: SendingPolicy | None
    sequences: Mapping[str, Sequence]
    asset_names: frozenset[str] | None
    form_names: frozenset[str] | None
    file_exists: Callable[[str], bool]
    damaged: frozenset[str] = frozenset()
    handoff: Handoff = Handoff()
    channels: Channels = Channels()
    privacy: Privacy = Privacy()
    consents: Consents = Consents()
    pools: Mapping[str, Pool] = MappingProxyType({})
    installation: Installation = ANY
    pool_names: frozenset[str] | None = frozenset()
    endpoint_names: frozenset[str] | None = frozenset()
    sequence_names: frozenset[str] = frozenset()
    hooks: Hooks = Hooks()
    reporting: Reporting = Reporting()
    diagnose: Diagnose = Diagnose()


class Finding(NamedTuple):
    """What a rule found: the file, the place in it, and `what; what to do`. `in_key` means the key there, not its value."""

    file: str
    place: Place
    text: str
    severity: Severity = "error"
    in_key: bool = False


class Asked(NamedTuple):
    """A condition and where it stands. `events` are those it looks at; empty for one about the person."""

    file: str
    place: Place
    condition: Condition
    events: tuple[str, ...] = ()


class Named(NamedTuple):
    """An event name and where it stands."""

    file: str
    place: Place
    name: str


def person_conditions(config: Config) -> Iterator[Asked]:
    """Every condition about a person."""
    for index, fit in enumerate(config.scoring.fit if config.scoring else ()):
        yield Asked(SCORING, ("fit", index, "when"), fit.when)
    if config.lifecycle:
        for index, rule in enumerate(config.lifecycle.promotions):
            if rule.when:
                yield Asked(LIFECYCLE, ("promotions", index, "when"), rule.when)
        for index, back in enumerate(config.lifecycle.recycling):
            yield Asked(LIFECYCLE, ("recycling", index, "when"), back.when)
    for file, sequence in config.sequences.items():
        yield from _conditions_of(sequence, file)


def _conditions_of(sequence: Sequence, file: str) -> Iterator[Asked]:
    if sequence.trigger.enters:
        yield Asked(file, ("trigger", "enters"), sequence.trigger.enters)
    if sequence.audience:
        yield Asked(file, ("audience",), sequence.audience)
    for place, way_out in exits(sequence):
        yield Asked(file, place, way_out)
    for place, arm in arms(sequence):
        yield Asked(file, (*place, "if"), arm.if_)


def exits(sequence: Sequence) -> Iterator[tuple[Place, Condition]]:
    """Every exit of a sequence that is a condition, with its place."""
    for index, way_out in enumerate(sequence.exit):
        if isinstance(way_out, Condition):
            yield ("exit", index), way_out


def arms(sequence: Sequence) -> Iterator[tuple[Place, Arm]]:
    """Every `if` of a sequence's branches, with its place."""
    for place, step in steps_of_kind(sequence, BranchStep):
        for index, arm in enumerate(step.branch):
            if isinstance(arm, Arm):
                yield (*place, "branch", index), arm


def windows(sequence: Sequence) -> Iterator[tuple[Place, Window]]:
    """The window of a sequence and those that steps have of their own, with their places."""
    yield ("window",), sequence.window
    for place, step, _ in walk_steps(sequence.steps):
        if isinstance(step, EmailStep | PoolStep) and isinstance(step.window, Window):
            yield (*place, "window"), step.window


def steps_of_kind(sequence: Sequence, kind: type[StepT]) -> Iterator[tuple[Place, StepT]]:
    """Every step of one kind, with its place."""
    for place, step, _ in walk_steps(sequence.steps):
        if isinstance(step, kind):
            yield place, step


def score_models(config: Config) -> Iterator[tuple[Place, ScoreModel]]:
    """Every score model with its place; that of the default is the whole file."""
    if config.scoring:
        yield (), config.scoring
        yield from ((("models", name), model) for name, model in config.scoring.models.items())


def scoring_rules(config: Config) -> Iterator[tuple[Place, ScoringRule]]:
    """Every rule of engagement of every model, with its place."""
    for place, model in score_models(config):
        for index, rule in enumerate(model.rules):
            yield (*place, "rules", index), rule


def event_conditions(config: Config) -> Iterator[Asked]:
    """Every condition about an event, of now or of the past. For a promotion as a trigger the event is whatever caused it."""
    yield from _conditions_on_the_past(config)
    for place, scored in scoring_rules(config):
        if scored.where:
            yield Asked(SCORING, (*place, "where"), scored.where, scored.on)
    if config.lifecycle:
        for index, rule in enumerate(config.lifecycle.promotions):
            if rule.where:
                yield Asked(LIFECYCLE, ("promotions", index, "where"), rule.where, rule.on)
    for file, sequence in config.sequences.items():
        yield from _event_conditions_of(sequence, file)


def _event_conditions_of(sequence: Sequence, file: str) -> Iterator[Asked]:
    trigger, goal = sequence.trigger, sequence.goal
    if trigger.where:
        yield Asked(file, ("trigger", "where"), trigger.where, trigger.events or ("a promotion",))
    if goal and goal.where:
        yield Asked(file, ("goal", "where"), goal.where, goal.event)
    for place, step in steps_of_kind(sequence, WaitForStep):
        if step.wait_for.where:
            yield Asked(file, (*place, "wait_for", "where"), step.wait_for.where, step.wait_for.event)


def _conditions_on_the_past(config: Config) -> Iterator[Asked]:
    for asked in person_conditions(config):
        for place, happening in asked.condition.happenings:
            if happening.where:
                yield Asked(asked.file, (*asked.place, *place, "where"), happening.where, happening.question.events)


def event_names(config: Config) -> Iterator[Named]:
    """Every event name that is listened to, or looked for in the past."""
    for asked in person_conditions(config):
        for place, happening in asked.condition.happenings:
            yield from _named(asked.file, (*asked.place, *place, "event"), happening.question.events)
    for place, scored in scoring_rules(config):
        yield from _named(SCORING, (*place, "on"), scored.on)
    if config.lifecycle:
        for index, rule in enumerate(config.lifecycle.promotions):
            yield from _named(LIFECYCLE, ("promotions", index, "on"), rule.on)
    for file, sequence in config.sequences.items():
        yield from _named(file, ("trigger", "event"), sequence.trigger.event or ())
        yield from _named(file, ("goal", "event"), sequence.goal.event if sequence.goal else ())
        for index, way_out in enumerate(sequence.exit):
            if isinstance(way_out, str):
                yield Named(file, ("exit", index), way_out)
        for place, step in steps_of_kind(sequence, WaitForStep):
            yield from _named(file, (*place, "wait_for", "event"), step.wait_for.event)


def _named(file: str, place: Place, names: tuple[str, ...]) -> Iterator[Named]:
    for index, name in enumerate(names):
        yield Named(file, (*place, index), name)


def variant_texts(config: Config) -> Iterator[tuple[str, Place, str]]:
    """Every subject and preheader of a variant, with its file, its place and what it is called."""
    for file, sequence in config.sequences.items():
        for place, step, own in walk_steps(sequence.steps):
            for name, part, _ in step.variant_texts() if isinstance(step, EmailStep) else ():
                yield file, (*place, "variants", name, part), variant_text(sequence.sequence, own, name, part)


def emails_named(config: Config) -> Iterator[tuple[str, Place, str]]:
    """Every e-mail that a step, one of its variants, or a piece of a pool names, with its file and place."""
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, EmailStep):
            yield file, (*place, "email"), step.email
            for name, variant in (step.variants or {}).items():
                if variant.email is not None:
                    yield file, (*place, "variants", name, "email"), variant.email
    for name, pool in config.pools.items():
        for index, piece in enumerate(pool):
            yield POOLS, ("pools", name, index, "email"), piece.email
