"""The event log, told."""

from collections.abc import Mapping
from typing import Final

from nurture.domain.event import Event

#: Where an event says what it was about, in the order of how much that tells.
_ABOUT: Final = ("form", "asset", "path", "url")

#: Of a long path the beginning is enough; and that of a download carries a token, which is nobody's business in full.
_LONGEST: Final = 60


def about(event: Event, step_of: Mapping[int, str]) -> str:
    """What an event was about, in a few words: the page, the asset, the form, the mail's step; may be empty."""
    step = step_of.get(event.message) if event.message is not None else None
    told = [str(event.facts[name]) for name in _ABOUT if isinstance(event.facts.get(name), str)]
    return " · ".join([*([step] if step else []), *(_shortened(each) for each in told[:1])])


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
