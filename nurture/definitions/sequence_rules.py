"""What must fit together about sequences: whatever their steps name in other files, and what they wait for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final

from nurture.definitions.config import (
    HANDOFF,
    LIFECYCLE,
    POOLS,
    SCORING,
    SENDING,
    SEQUENCES,
    Config,
    Finding,
    event_names,
    person_conditions,
    scoring_rules,
    steps_of_kind,
)
from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, EMAIL_OPENED, UNSUBSCRIBED
from nurture.domain.lifecycle import DISQUALIFIED
from nurture.domain.mail.tracking import LAST_OPENED
from nurture.domain.model import Place
from nurture.domain.pauses import RelativeDate
from nurture.domain.program import Wait, WaitFor
from nurture.domain.scoring import PERSON_FACTS
from nurture.domain.sequence import Sequence
from nurture.domain.steps import (
    EmailStep,
    NotifyStep,
    PoolStep,
    ScoreStep,
    SequenceStep,
    SetStep,
    WaitForStep,
    WaitStep,
)
from nurture.domain.wording import instead, nearest

#: The events that can come from a mail: its links are signed.
_FROM_A_MAIL: Final = frozenset({EMAIL_CLICKED, EMAIL_OPENED, ASSET_DOWNLOADED, UNSUBSCRIBED})


def pools_exist(config: Config) -> Iterator[Finding]:
    """Steps take from pools that there are."""
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, PoolStep):
            if config.pool_names is not None and step.pool not in config.pool_names:
                known = instead(step.pool, sorted(config.pool_names)) if config.pool_names else f"{POOLS} defines none"
                yield Finding(file, (*place, "pool"), f"unknown pool {step.pool!r}; {known}")


def pools_are_taken_from(config: Config) -> Iterator[Finding]:
    """A pool that no step takes from is offered to nobody."""
    if _some_sequence_is_damaged(config):
        return
    taken = {step.pool for sequence in config.sequences.values() for step in sequence.pools()}
    for name in config.pools:
        if name not in taken:
            text = f"no step takes from the pool {name!r}; write a step {{id: …, pool: {name}}}, or delete it"
            yield Finding(POOLS, ("pools", name), text, "warning", in_key=True)


def pieces_are_offered_once(config: Config) -> Iterator[Finding]:
    """Nobody is mailed a piece twice, so an e-mail that stands in a pool twice is a slip. Its asset is one that there is."""
    for name, pool in config.pools.items():
        offered: set[str] = set()
        for index, piece in enumerate(pool):
            place: Place = ("pools", name, index)
            if piece.email in offered:
                text = f"{piece.email!r} stands in this pool already, and is mailed to nobody twice; delete one of the two"
                yield Finding(POOLS, (*place, "email"), text)
            offered.add(piece.email)
            if piece.asset is not None and config.asset_names is not None and piece.asset not in config.asset_names:
                known = instead(piece.asset, sorted(config.asset_names))
                yield Finding(POOLS, (*place, "asset"), f"unknown asset {piece.asset!r}; {known}")


def chained_sequences_exist(config: Config) -> Iterator[Finding]:
    """Sequences lead on to others that there are, and not round and round."""
    known = {each.sequence: each for each in config.sequences.values()}
    led_on_to = {name: _led_on_to(name, known) for name in known}
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, SequenceStep):
            here: Place = (*place, "sequence")
            others = sorted(config.sequence_names - {sequence.sequence})
            if step.sequence not in config.sequence_names:
                yield Finding(file, here, f"unknown sequence {step.sequence!r}; {instead(step.sequence, others)}")
            elif step.sequence == sequence.sequence:
                text = "somebody on this sequence cannot be put on it once more; name another one, or delete the step"
                yield Finding(file, here, text)
            elif sequence.sequence in led_on_to.get(step.sequence, ()):
                circle = [name for name in led_on_to[sequence.sequence] if sequence.sequence in led_on_to[name]]
                endless = all(_lets_in_at_once(known[name]) for name in circle)
                why = (
                    "so people would go round without end" if endless else "so people go round as often as 'reentry' lets them in"
                )
                text = f"{step.sequence!r} leads back to this sequence, {why}; delete one of the two steps{'' if endless else ', unless that is meant'}"
                yield Finding(file, here, text, "error" if endless else "warning")


def _led_on_to(name: str, known: Mapping[str, Sequence]) -> set[str]:
    """Every sequence that one leads on to, over others as well."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        sequence = known.get(ahead.pop())
        chained = {step.sequence for _, step in steps_of_kind(sequence, SequenceStep)} if sequence else set()
        ahead += [each for each in chained & {*known} if each not in found]
        found |= chained & {*known}
    return found


def _lets_in_at_once(sequence: Sequence) -> bool:
    """Whether somebody may be through with a sequence and on it again in the same moment."""
    waits = any(isinstance(node, Wait | WaitFor) for node in sequence.program.nodes.values())
    return sequence.reentry.after == timedelta(0) and not waits


def hit_rules_exist(config: Config) -> Iterator[Finding]:
    """A step hits a rule of scoring.yaml, where its points stand."""
    if config.scoring is None or SCORING in config.damaged:
        return
    rules = [rule.id for _, rule in scoring_rules(config)]
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, ScoreStep):
            if step.score not in rules:
                known = instead(step.score, rules) if rules else f"add it to {SCORING}, where its points stand"
                yield Finding(file, (*place, "score"), f"unknown scoring rule {step.score!r}; {known}")


def notified_endpoints_exist(config: Config) -> Iterator[Finding]:
    """A step tells an endpoint of handoff.yaml."""
    names = config.endpoint_names
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, NotifyStep):
            if names is not None and step.notify not in names:
                known = instead(step.notify, sorted(names)) if names else f"add it to {HANDOFF}, which names none"
                yield Finding(file, (*place, "notify"), f"unknown endpoint {step.notify!r}; {known}")


def steps_set_what_can_be_set(config: Config) -> Iterator[Finding]:
    """Steps move people to stages that there are, and leave alone what the engine counts by itself."""
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, SetStep):
            for name, value in step.set.items():
                here: Place = (*place, "set", name)
                if name == "stage":
                    yield from _stage_set(config, file, here, value)
                elif name in PERSON_FACTS:
                    yield Finding(file, here, f"{name!r} is no attribute; {_SET_INSTEAD.get(name, _COUNTED)}", in_key=True)


_COUNTED: Final = f"the engine counts it by the rules in {SCORING}, so write a step {{score: <rule>}}"
_SET_INSTEAD: Final = {
    "email": "people themselves tell their address, so delete it",
    "email_domain": "it follows from the address, so delete it",
}


def _stage_set(config: Config, file: str, place: Place, value: object) -> Iterator[Finding]:
    if config.lifecycle is None:
        return
    stages = (*config.lifecycle.stages, DISQUALIFIED)
    if value not in stages:
        shown = repr(value) if isinstance(value, str) else str(value).lower()
        yield Finding(file, place, f"unknown stage {shown}; {instead(value, stages)}")


def waits_can_be_met(config: Config) -> Iterator[Finding]:
    """What a step waits for can come, and from where it is awaited."""
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, WaitForStep):
            awaited, here = step.wait_for, (*place, "wait_for")
            if awaited.message is not None and not any(nearest(event, _FROM_A_MAIL, alike=0.88) for event in awaited.event):
                text = f"no {awaited.event[0]!r} comes from a mail; delete 'message', or wait for {EMAIL_CLICKED}"
                yield Finding(file, (*here, "message"), text)
            elif awaited.event == (EMAIL_CLICKED,) and config.sending and not config.sending.tracking.clicks:
                text = "clicks are not counted (tracking in sending.yaml), so nobody is seen to click; write 'clicks: true' there"
                yield Finding(file, (*here, "event"), text, "warning")


def opens_move_nothing(config: Config) -> Iterator[Finding]:
    """Opens are kept, but half of them are machines': nothing is decided by them, and no points are given for one."""
    for named in event_names(config):
        if named.name == EMAIL_OPENED:
            text = f"opens prove nothing (half of them are machines), so nothing ever comes of one; write {EMAIL_CLICKED}"
            yield Finding(named.file, named.place, text, "error" if named.file == SCORING else "warning")


def last_opens_are_kept(config: Config) -> Iterator[Finding]:
    """The day of somebody's last open is known only where tracking keeps it."""
    if config.sending is None or config.sending.tracking.opens == "hygiene":
        return
    for asked in person_conditions(config):
        for place, _ in asked.condition.questions():
            if place[-1] == LAST_OPENED and asked.file not in (SCORING, LIFECYCLE):
                text = f"{LAST_OPENED!r} is not kept, so it is never known; write 'tracking: {{opens: hygiene}}' in {SENDING}"
                yield Finding(asked.file, (*asked.place, *place), text, "warning", in_key=True)


def dates_are_dates(config: Config) -> Iterator[Finding]:
    """What the engine knows of everybody by itself holds no date."""
    for file, sequence in config.sequences.items():
        waits = [((*place, "wait", "date"), step.wait) for place, step in steps_of_kind(sequence, WaitStep)]
        for place, pause in ((("trigger", "date"), sequence.trigger.pause), *waits):
            if isinstance(pause, RelativeDate) and pause.date in PERSON_FACTS:
                text = f"{pause.date!r} holds no date; name the attribute of the person that does, such as webinar_day"
                yield Finding(file, place, text)


def steps_are_asked_about_in_branches(config: Config) -> Iterator[Finding]:
    """What came of a step is known on its sequence alone, and scores and stages are not."""
    for asked in person_conditions(config):
        if asked.file in (SCORING, LIFECYCLE):
            for place, step in asked.condition.awaited:
                text = (
                    f"whether step {step!r} happened is known inside a branch of its sequence only; "
                    "ask for the event: happened: {event: …}"
                )
                yield Finding(asked.file, (*asked.place, *place), text)


def variants_differ(config: Config) -> Iterator[Finding]:
    """Two variants that are written alike compare nothing."""
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, EmailStep):
            written: dict[tuple[str | None, ...], str] = {}
            for name, variant in (step.variants or {}).items():
                other = written.setdefault((variant.subject, variant.preheader, variant.email or step.email), name)
                if other != name and file not in config.damaged:
                    text = f"variant {name!r} is written like {other!r}; give it a subject, a preheader or an e-mail of its own"
                    yield Finding(file, (*place, "variants", name), text, in_key=True)


def _some_sequence_is_damaged(config: Config) -> bool:
    """Whether something was cut out of a sequence that might have named what nobody else does."""
    return any(file.startswith(SEQUENCES) for file in config.damaged)


SEQUENCE_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    pools_exist,
    pools_are_taken_from,
    pieces_are_offered_once,
    chained_sequences_exist,
    hit_rules_exist,
    notified_endpoints_exist,
    steps_set_what_can_be_set,
    waits_can_be_met,
    opens_move_nothing,
    last_opens_are_kept,
    dates_are_dates,
    steps_are_asked_about_in_branches,
    variants_differ,
)
