"""All of `config/` as far as it could be read, and what it asks where: what the rules across files look at."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from nurture.definitions.mistakes import Severity
from nurture.domain.channels import Channels
from nurture.domain.conditions import Condition
from nurture.domain.content import Asset, Form
from nurture.domain.handing_off import Handoff
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.model import Definition, Place, Slug
from nurture.domain.privacy import Privacy
from nurture.domain.scoring import ScoreModel, Scoring, ScoringRule
from nurture.domain.sending import SendingPolicy
from nurture.domain.sequence import Arm, BranchStep, EmailStep, Sequence, walk_steps

SCORING, LIFECYCLE, SENDING = "scoring.yaml", "lifecycle.yaml", "sending.yaml"
ASSETS, FORMS, HANDOFF, SEQUENCES = "assets.yaml", "forms.yaml", "handoff.yaml", "sequences"
CHANNELS, PRIVACY = "channels.yaml", "privacy.yaml"


class AssetsFile(Definition):
    """config/assets.yaml: the content on offer."""

    assets: dict[Slug, Asset] = {}
    """Every asset by its name; forms, links and sequences call it so."""


class FormsFile(Definition):
    """config/forms.yaml: the forms on the landing pages."""

    forms: dict[Slug, Form] = {}
    """Every form by its name; it is posted to /f/<name>."""


class Installation(NamedTuple):
    """What definitions are checked against beside each other: where they are to take effect."""

    production: bool = False
    handoff_secrets: frozenset[str] = frozenset()


#: Where definitions take effect when nobody says so: on a developer's machine.
ANY: Final = Installation()


class Config(NamedTuple):
    """The parts of the configuration; None where a file could not be read at all.

    `asset_names` and `form_names` hold every name written, even of an entry that is wrong in itself. `sequences` is by
    file, such as `sequences/guide-nurture.yaml`; `damaged` are the files of which something had to be cut out.
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
    installation: Installation = ANY


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
    for place, step, _ in walk_steps(sequence.steps):
        if isinstance(step, BranchStep):
            for index, arm in enumerate(step.branch):
                if isinstance(arm, Arm):
                    yield (*place, "branch", index), arm


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
        if sequence.trigger.where:
            yield Asked(file, ("trigger", "where"), sequence.trigger.where, sequence.trigger.event or ("a promotion",))
        if sequence.goal and sequence.goal.where:
            yield Asked(file, ("goal", "where"), sequence.goal.where, sequence.goal.event)


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


def _named(file: str, place: Place, names: tuple[str, ...]) -> Iterator[Named]:
    for index, name in enumerate(names):
        yield Named(file, (*place, index), name)


def emails_named(config: Config) -> Iterator[tuple[str, Place, str]]:
    """Every e-mail that a step names, with its file and place."""
    for file, sequence in config.sequences.items():
        for place, step, _ in walk_steps(sequence.steps):
            if isinstance(step, EmailStep):
                yield file, (*place, "email"), step.email
