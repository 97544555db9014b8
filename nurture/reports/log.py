"""The event log, read back."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from nurture.domain.event import Event


def event_of(row: Row[Any]) -> Event:
    """The event of a row with the columns name, occurred_at, received_at and body."""
    told = {**row.body, "name": row.name, "occurred_at": row.occurred_at, "received_at": row.received_at}
    return Event.model_validate(told)


#: Where an event says what it was about, in the order of how much that tells.
_ABOUT = ("form", "asset", "path", "url")


def about(event: Event, step_of: Mapping[int, str]) -> str:
    """What an event was about, in a few words: the page, the asset, the form, the mail's step; may be empty."""
    step = step_of.get(event.message) if event.message is not None else None
    told = [str(event.facts[name]) for name in _ABOUT if isinstance(event.facts.get(name), str)]
    return " · ".join([*([step] if step else []), *told[:1]])
