"""What must fit together about how long data is kept."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from nurture.definitions.config import PRIVACY, Config, Finding, person_conditions, score_models
from nurture.domain.duration import format_duration
from nurture.domain.model import Place

#: After so many half-lives a point is worth a sixteenth, and nobody misses it.
_FADED: Final = 4

_EVENTS: Final[Place] = ("retention", "events")


def points_fade_before_they_are_forgotten(config: Config) -> Iterator[Finding]:
    """Points go with the events that earned them; where they are still worth something then, engagement falls in steps."""
    span = config.privacy.retention.events
    if span is None:
        return
    for place, model in score_models(config):
        if model.rules and span < _FADED * model.half_life:
            left = 100 * 0.5 ** (span / model.half_life)
            whose = f"of the score model {place[-1]!r} " if place else ""
            text = (
                f"points {whose}are still worth {left:.0f} % of what they were when their event is forgotten, so engagement falls "
                f"at once by as much; keep events {format_duration(_FADED * model.half_life)} or longer, four half-lives"
            )
            yield Finding(PRIVACY, _EVENTS, text, "warning")


def the_past_is_kept_as_long_as_it_is_asked_for(config: Config) -> Iterator[Finding]:
    """A condition on what happened finds nothing that was forgotten."""
    span = config.privacy.retention.events
    if span is None:
        return
    for asked in person_conditions(config):
        for place, happening in asked.condition.happenings:
            within = happening.question.within
            if within is not None and within > span:
                text = (
                    f"events are forgotten after {format_duration(span)} ({PRIVACY}), so nothing older is ever found; "
                    f"write at most {format_duration(span)}, or keep events longer"
                )
                yield Finding(asked.file, (*asked.place, *place, "within"), text, "warning")


PRIVACY_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    points_fade_before_they_are_forgotten,
    the_past_is_kept_as_long_as_it_is_asked_for,
)
