"""Why somebody is not mailed, and of what."""

from datetime import datetime
from typing import Final, NamedTuple

#: A suppression of this scope forbids all mail.
ALL: Final = "all"


def topic_scope(topic: str | None) -> str:
    """The scope of a suppression that forbids mail of one topic."""
    return f"topic:{topic or ''}"


class Suppressed(NamedTuple):
    """An address that is never to be mailed again (`scope` is `all`), or nothing of one topic (`topic:<name>`)."""

    email: str
    reason: str
    source: str
    at: datetime
    scope: str = ALL
    detail: str | None = None
