"""What must fit together about hand-offs: stages, the way to the endpoints, and the secrets of this installation."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from nurture.definitions.config import HANDOFF, SEQUENCES, Config, Finding
from nurture.definitions.mistakes import Severity
from nurture.definitions.shapes import packaged_shapes
from nurture.domain.handing_off import Endpoint
from nurture.domain.lifecycle import DISQUALIFIED
from nurture.domain.outward import why_not_to
from nurture.domain.program import walk_steps
from nurture.domain.steps import NotifyStep
from nurture.domain.telling.shapes import Shape
from nurture.domain.wording import instead


def handed_off_stages_exist(config: Config) -> Iterator[Finding]:
    """Endpoints are told of stages of the lifecycle, or of people being disqualified."""
    if config.lifecycle is None:
        return
    stages = (*config.lifecycle.stages, DISQUALIFIED)
    for name, endpoint in config.handoff.endpoints.items():
        for index, stage in enumerate(endpoint.stages):
            if stage not in stages:
                text = f"unknown stage {stage!r}; {instead(stage, stages)}"
                yield Finding(HANDOFF, ("endpoints", name, "stages", index), text)


def follow_ups_fit(config: Config) -> Iterator[Finding]:
    """Sales answer for newcomers of a stage that there is, and whom that reminds is an endpoint."""
    endpoints = config.handoff.endpoints
    for stage, rule in config.handoff.follow_up.items():
        place = ("follow_up", stage)
        if config.lifecycle is not None and stage not in config.lifecycle.stages:
            text = f"unknown stage {stage!r}; {instead(stage, config.lifecycle.stages)}"
            yield Finding(HANDOFF, place, text, in_key=True)
        places: tuple[tuple[str, ...], ...] = ("remind",), ("escalate", "to")
        for where, (_, names) in zip(places, rule.levels(), strict=False):
            for name in names:
                if name not in endpoints:
                    yield Finding(HANDOFF, (*place, *where), f"unknown endpoint {name!r}; {instead(name, endpoints)}")


def hand_offs_are_encrypted(config: Config) -> Iterator[Finding]:
    """A hand-off is personal data; only on a developer's machine may it travel in clear text."""
    for name, endpoint in config.handoff.endpoints.items():
        if config.installation.production and not endpoint.url.startswith("https://"):
            text = "in production people are handed over by https only; write 'https://'"
            yield Finding(HANDOFF, ("endpoints", name, "url"), text)


def hand_offs_stay_outside(config: Config) -> Iterator[Finding]:
    """No call may go to what only the workers can reach, unless the operator says so. What a name stands for is seen when it is called."""
    for name, endpoint in config.handoff.endpoints.items():
        why = why_not_to(urlsplit(endpoint.url).hostname or "", config.installation.handoff_networks)
        if why is not None:
            # Elsewhere than in production the definitions may be checked for workers with other settings.
            severity: Severity = "error" if config.installation.production else "warning"
            yield Finding(HANDOFF, ("endpoints", name, "url"), why, severity)


def hand_off_secrets_are_there(config: Config) -> Iterator[Finding]:
    """A call cannot be signed without its secret. Where the definitions are checked it need not be known."""
    for name, endpoint in config.handoff.endpoints.items():
        if endpoint.secret not in config.installation.handoff_secrets:
            text = (
                f"there is no secret {endpoint.secret!r} here, without which nobody is called; "
                "add it to NURTURE_HANDOFF_SECRETS where the workers run"
            )
            yield Finding(HANDOFF, ("endpoints", name, "secret"), text, "warning")


def calls_are_signed(config: Config) -> Iterator[Finding]:
    """A token of another system signs nothing; a call that is no shape's must be signed."""
    for name, endpoint in config.handoff.endpoints.items():
        shape = _shape_of(endpoint)
        if endpoint.secret in config.installation.handoff_tokens and (endpoint.shape is None or (shape and shape.signed)):
            text = (
                f"the secret {endpoint.secret!r} is a token and signs nothing; say of which system it is by 'shape', "
                "or put a secret that begins with whsec_ into NURTURE_HANDOFF_SECRETS"
            )
            yield Finding(HANDOFF, ("endpoints", name, "secret"), text, "warning")


def shapes_are_known(config: Config) -> Iterator[Finding]:
    """A shape is one of the engine's, or one that can be read; and one that is about people is told no alarms."""
    for name, endpoint in config.handoff.endpoints.items():
        shape = _shape_of(endpoint)
        place = ("endpoints", name, "shape")
        if endpoint.shape is not None and shape is None:
            known = packaged_shapes()
            yield Finding(HANDOFF, place, f"unknown shape {endpoint.shape!r}; {instead(str(endpoint.shape), known)}")
        elif isinstance(endpoint.shape, Shape):
            from nurture.shaping import mistakes_in  # here, for it loads the templates' library

            for mistake in mistakes_in(endpoint.shape):
                yield Finding(HANDOFF, place, f"{mistake}; correct it")
        if shape is not None and shape.people and endpoint.alarms:
            text = "this shape is about people alone, and an alarm is about nobody; delete 'alarms', and tell it a chat"
            yield Finding(HANDOFF, ("endpoints", name, "alarms"), text)


def _shape_of(endpoint: Endpoint) -> Shape | None:
    return packaged_shapes().get(endpoint.shape) if isinstance(endpoint.shape, str) else endpoint.shape


def endpoints_are_told_something(config: Config) -> Iterator[Finding]:
    """An endpoint without stages is there for the steps that name it, or to be reminded."""
    if any(file == HANDOFF or file.startswith(SEQUENCES) for file in config.damaged):
        return
    steps = [step for sequence in config.sequences.values() for _, step, _ in walk_steps(sequence.steps)]
    named = {step.notify for step in steps if isinstance(step, NotifyStep)}
    for rule in config.handoff.follow_up.values():
        named.update(name for _, names in rule.levels() for name in names)
    for name, endpoint in config.handoff.endpoints.items():
        if not endpoint.stages and not endpoint.alarms and name not in named:
            text = f"nobody ever calls {name!r}: it has no 'stages', and no step says 'notify: {name}'; add one of them, or delete it"
            yield Finding(HANDOFF, ("endpoints", name), text, "warning", in_key=True)


HANDOFF_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    handed_off_stages_exist,
    follow_ups_fit,
    hand_offs_are_encrypted,
    hand_offs_stay_outside,
    hand_off_secrets_are_there,
    calls_are_signed,
    shapes_are_known,
    endpoints_are_told_something,
)
