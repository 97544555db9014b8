"""What must fit together across files and across the parts of one. Each rule looks at one thing and yields what it finds."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from nurture.definitions.channel_rules import CHANNEL_RULES
from nurture.definitions.config import (
    ASSETS,
    FORMS,
    LIFECYCLE,
    SEQUENCES,
    Asked,
    Config,
    Finding,
    event_conditions,
    event_names,
    person_conditions,
    windows,
)
from nurture.definitions.consent_rules import CONSENT_RULES
from nurture.definitions.diagnose_rules import DIAGNOSE_RULES
from nurture.definitions.handoff_rules import HANDOFF_RULES
from nurture.definitions.hook_rules import HOOK_RULES
from nurture.definitions.mail_rules import MAIL_RULES
from nurture.definitions.privacy_rules import PRIVACY_RULES
from nurture.definitions.reach import asks_for_stage_alone, includes, never_holds
from nurture.definitions.reachability import REACHABILITY_RULES
from nurture.definitions.score_rules import SCORE_RULES, is_engagement, operands
from nurture.definitions.sequence_rules import SEQUENCE_RULES
from nurture.definitions.transport_rules import TRANSPORT_RULES
from nurture.domain.conditions import Condition
from nurture.domain.event import ASSET_DOWNLOADED, FORM_SUBMITTED, NAME_OF_KIND, RESERVED_NAMES
from nurture.domain.lifecycle import DISQUALIFIED, Lifecycle
from nurture.domain.model import Place
from nurture.domain.scoring import PERSON_FACTS
from nurture.domain.triggers import Trigger
from nurture.domain.window import PERSON
from nurture.domain.wording import instead, nearest, one_of

Rule = Callable[[Config], Iterable[Finding]]

_USUAL_ATTRIBUTES: Final = frozenset({
    "first_name", "last_name", "company", "company_size", "job_title", "country", "language", "timezone", "industry", "phone",
    "city", "website",
})  # fmt: skip
#: What events have and people do not.
_EVENT_FACTS: Final = frozenset({"path", "url", "referrer", "event", "source", "gated"})
_ENGINE_EVENTS: Final = RESERVED_NAMES | {*NAME_OF_KIND.values()}


def check(config: Config) -> list[Finding]:
    """Everything that any rule finds."""
    return [finding for rule in RULES for finding in rule(config)]


def sequences_are_named_like_their_files(config: Config) -> Iterator[Finding]:
    """The name in a file is the file's, so no two sequences share one."""
    first_file: dict[str, str] = {}
    for file, sequence in config.sequences.items():
        stem = file.rpartition("/")[2].removesuffix(".yaml")
        other = first_file.setdefault(sequence.sequence, file)
        if other != file:
            yield Finding(
                file,
                ("sequence",),
                f"the sequence {sequence.sequence!r} is defined in {other} already; give this one its own name",
            )
        elif sequence.sequence != stem:
            text = f"this sequence is called {sequence.sequence!r}, but its file {stem!r}; write 'sequence: {stem}' or rename the file"
            yield Finding(file, ("sequence",), text)


def stages_exist(config: Config) -> Iterator[Finding]:
    """Stages named in conditions and triggers are stages of the lifecycle."""
    if config.lifecycle is None:
        return
    stages = config.lifecycle.stages
    for asked in person_conditions(config):
        for place, stage in _values(asked.condition, "stage"):
            if stage not in stages and stage != DISQUALIFIED:
                yield Finding(asked.file, (*asked.place, *place), f"unknown stage {stage!r}; {instead(stage, stages)}")
    for file, sequence in config.sequences.items():
        entered = sequence.trigger.promoted_to
        if entered is not None and entered not in stages:
            yield Finding(file, ("trigger", "promoted_to"), f"unknown stage {entered!r}; {instead(entered, stages)}")


def triggers_can_fire(config: Config) -> Iterator[Finding]:
    """A sequence that starts on a promotion needs one that leads there."""
    if config.lifecycle is None or LIFECYCLE in config.damaged:
        return
    reached = {rule.to for rule in config.lifecycle.promotions}
    for file, sequence in config.sequences.items():
        stage = sequence.trigger.promoted_to
        place = ("trigger", "promoted_to")
        if stage == config.lifecycle.first:
            text = f"nobody is ever promoted to {stage!r}, where everybody begins; write {one_of(config.lifecycle.stages[1:])}"
            yield Finding(file, place, text)
        elif stage in config.lifecycle.stages and stage not in reached:
            text = f"no promotion in {LIFECYCLE} leads to {stage!r}, so nobody would enter; add one, or name another stage"
            yield Finding(file, place, text, "warning")


def conditions_can_hold(config: Config) -> Iterator[Finding]:
    """A condition that contradicts itself is a slip."""
    for asked in (*person_conditions(config), *event_conditions(config)):
        if never_holds(asked.condition):
            text = "this condition contradicts itself and never holds; use 'any' where one of its parts is enough"
            yield Finding(asked.file, asked.place, text)


def facts_are_asked_of_the_right_thing(config: Config) -> Iterator[Finding]:
    """`where` asks about events, everything else about people; names that nearly are one of ours are probably slips."""
    known = PERSON_FACTS | _USUAL_ATTRIBUTES
    for asked in person_conditions(config):
        for place, field in _fields(asked):
            near = nearest(field, PERSON_FACTS | _USUAL_ATTRIBUTES, alike=0.8)
            if field in _EVENT_FACTS:
                text = f"{field!r} is known of events, and this condition asks about the person; use 'where' beside 'on' for it"
                yield Finding(asked.file, place, text, "warning", in_key=True)
            elif near and field not in known and not is_engagement(field):
                text = f"{field!r} is nothing the engine knows of people by itself; did you mean {near!r}?"
                yield Finding(asked.file, place, text, "warning", in_key=True)
    for asked in event_conditions(config):
        for place, field in _fields(asked):
            if field in PERSON_FACTS - {"email"}:
                text = f"{field!r} is known of people, and 'where' asks about the event; use 'when' or 'audience' for it"
                yield Finding(asked.file, place, text, "warning", in_key=True)


def event_names_are_no_near_misses(config: Config) -> Iterator[Finding]:
    """Anybody may send events of any name, but one that is nearly ours is probably a slip."""
    for named in event_names(config):
        near = nearest(named.name, _ENGINE_EVENTS, alike=0.88)
        if near and named.name not in _ENGINE_EVENTS:
            text = f"no event of the engine is called {named.name!r}; did you mean {near!r}?"
            yield Finding(named.file, named.place, text, "warning")


def assets_and_forms_exist(config: Config) -> Iterator[Finding]:
    """Assets and forms that triggers, forms and conditions name are defined."""
    kinds: tuple[tuple[str, frozenset[str] | None, str], ...] = (
        ("asset", config.asset_names, ASSETS), ("form", config.form_names, FORMS),
    )  # fmt: skip
    for kind, names, where in kinds:
        if names is None:
            continue
        for file, place, name in (*_named_in_triggers(config, kind), *_named_in_conditions(config, kind)):
            if name not in names:
                known = instead(name, sorted(names)) if names else f"{where} defines none"
                yield Finding(file, place, f"unknown {kind} {name!r}; {known}")
    for name, form in config.forms.items():
        if config.asset_names is not None and form.asset is not None and form.asset not in config.asset_names:
            known = instead(form.asset, sorted(config.asset_names))
            yield Finding(FORMS, ("forms", name, "asset"), f"unknown asset {form.asset!r}; {known}")


def _named_in_triggers(config: Config, kind: str) -> Iterator[tuple[str, Place, str]]:
    for file, sequence in config.sequences.items():
        name = sequence.trigger.asset if kind == "asset" else sequence.trigger.form
        if name is not None:
            yield file, ("trigger", kind), name


def _named_in_conditions(config: Config, kind: str) -> Iterator[tuple[str, Place, str]]:
    """Only the engine's own events are certain to mean our assets and forms by these names."""
    for asked in event_conditions(config):
        if set(asked.events) <= {ASSET_DOWNLOADED, FORM_SUBMITTED}:
            for place, name in _values(asked.condition, kind):
                yield asked.file, (*asked.place, *place), name


def forms_deliver_what_they_promise(config: Config) -> Iterator[Finding]:
    """A form that delivers has something to deliver, and learns whom it delivers to."""
    for name, form in config.forms.items():
        place: Place = ("forms", name)
        if form.deliver != "none" and form.asset is None:
            text = f"this form delivers by {form.deliver}, but names nothing to deliver; add 'asset: …', or write 'deliver: none'"
            yield Finding(FORMS, (*place, "deliver"), text)
        if FORMS in config.damaged:
            continue  # what the next two miss may be what was cut out
        if form.deliver == "none" and form.asset is not None:
            text = "this asset is never handed over; add 'deliver: redirect' or 'deliver: email'"
            yield Finding(FORMS, (*place, "asset"), text, "warning")
        asset = config.assets.get(form.asset or "")
        if form.fields.get("email") != "required" and (form.consent or (asset and asset.gated)):
            why = "consent without an address is no consent" if form.consent else "a gated asset is traded for an address"
            yield Finding(FORMS, (*place, "fields"), f"{why}; write 'email: required' among the fields")


def mailed_assets_have_a_sequence(config: Config) -> Iterator[Finding]:
    """A form that delivers by e-mail leaves the link to the first mail of a sequence that its posts start."""
    if any(file.startswith(SEQUENCES) for file in config.damaged):
        return  # the sequence may be one that could not be read
    for name, form in config.forms.items():
        starters = [sequence.trigger for sequence in config.sequences.values()]
        if form.deliver == "email" and form.asset and not any(_starts_with(trigger, name) for trigger in starters):
            text = (
                "no sequence begins with this form, so no mail brings its asset; add one with "
                f"'trigger: {{event: {FORM_SUBMITTED}, form: {name}}}', or write 'deliver: redirect'"
            )
            yield Finding(FORMS, ("forms", name, "deliver"), text)


def _starts_with(trigger: Trigger, form: str) -> bool:
    return FORM_SUBMITTED in trigger.events and trigger.form in (form, None)


def form_fields_arrive(config: Config) -> Iterator[Finding]:
    """Names that begin with '_' steer a post, as `_next` does, and are no content."""
    for name, form in config.forms.items():
        for field in form.fields:
            if field.startswith("_"):
                text = f"the field {field!r} would never arrive, as '_' marks fields that steer the form; begin it with a letter"
                yield Finding(FORMS, ("forms", name, "fields", field), text, in_key=True)


def asset_files_exist(config: Config) -> Iterator[Finding]:
    """Every asset's file lies in the configuration folder."""
    for name, asset in config.assets.items():
        place = ("assets", name, "file")
        if asset.file.startswith(("/", "\\")) or ".." in asset.file.replace("\\", "/").split("/"):
            yield Finding(ASSETS, place, "this path leads out of the configuration folder; put the file into it, in assets/")
        elif not config.file_exists(asset.file):
            yield Finding(
                ASSETS, place, f"there is no file {asset.file!r} in the configuration folder; put it there or correct the path"
            )


def gated_assets_can_be_had(config: Config) -> Iterator[Finding]:
    """Nobody ever gets a gated asset that no form delivers."""
    delivered = {form.asset for form in config.forms.values() if form.asset}
    if FORMS in config.damaged or config.form_names is None or delivered - {*config.assets}:
        return  # a form that names an unknown asset may mean this one
    for name, asset in config.assets.items():
        if asset.gated and name not in delivered:
            text = f"no form delivers the gated asset {name!r}, so nobody can get it; name it in a form, or write 'gated: false'"
            yield Finding(ASSETS, ("assets", name), text, "warning", in_key=True)


def holidays_are_known(config: Config) -> Iterator[Finding]:
    """The public holidays of a window's country are known."""
    named = [
        (file, place, window)
        for file, sequence in config.sequences.items()
        for place, window in windows(sequence)
        if window.holidays not in {None, PERSON}
    ]
    if not named:
        return
    from holidays import list_supported_countries  # loading it takes a moment, and few windows name a country

    countries = set(list_supported_countries())
    for file, place, window in named:
        if window.holidays not in countries:
            text = f"the holidays of {window.holidays!r} are not known; write a country's two letters, such as FR, GB or DE"
            yield Finding(file, (*place, "holidays"), text)


def promotions_can_fire(config: Config) -> Iterator[Finding]:
    """A promotion whose own condition asks for a stage that is not below its goal never moves anybody."""
    for index, rule in enumerate(config.lifecycle.promotions if config.lifecycle else ()):
        if config.lifecycle and rule.when and asks_for_stage_alone(rule.when) and rule.to in config.lifecycle.stages:
            below = config.lifecycle.stages[: config.lifecycle.rank(rule.to)]
            if not any(rule.when.holds({"stage": stage}) for stage in below):
                text = f"this promotion never fires: 'when' admits no stage below {rule.to!r}; ask for {one_of(below)}"
                yield Finding(LIFECYCLE, ("promotions", index, "when"), text)


def recycling_does_not_undo_promotions(config: Config) -> Iterator[Finding]:
    """Whoever is promoted must not be sent back the same moment."""
    lifecycle = config.lifecycle
    for index, back in enumerate(lifecycle.recycling if lifecycle else ()):
        for rule in _promotions_to(lifecycle, back.from_):
            if rule.when and includes(back.when, rule.when):
                text = f"everybody whom {rule.id!r} promotes is sent back at once; leave a gap between the two conditions"
                yield Finding(LIFECYCLE, ("recycling", index, "when"), text)


def _promotions_to(lifecycle: Lifecycle | None, stage: str) -> Iterator[Any]:
    return (rule for rule in (lifecycle.promotions if lifecycle else ()) if rule.to == stage)


def _fields(asked: Asked) -> Iterator[tuple[Place, str]]:
    for place, _ in asked.condition.questions():
        yield (*asked.place, *place), str(place[-1])


def _values(condition: Condition, field: str) -> Iterator[tuple[Place, str]]:
    return ((place, str(value)) for place, value in operands(condition, field))


RULES: Final[tuple[Rule, ...]] = (
    sequences_are_named_like_their_files,
    stages_exist,
    triggers_can_fire,
    conditions_can_hold,
    facts_are_asked_of_the_right_thing,
    event_names_are_no_near_misses,
    assets_and_forms_exist,
    forms_deliver_what_they_promise,
    mailed_assets_have_a_sequence,
    form_fields_arrive,
    asset_files_exist,
    gated_assets_can_be_had,
    holidays_are_known,
    promotions_can_fire,
    recycling_does_not_undo_promotions,
    *SCORE_RULES,
    *SEQUENCE_RULES,
    *TRANSPORT_RULES,
    *REACHABILITY_RULES,
    *HANDOFF_RULES,
    *DIAGNOSE_RULES,
    *HOOK_RULES,
    *CHANNEL_RULES,
    *PRIVACY_RULES,
    *CONSENT_RULES,
    *MAIL_RULES,
)
