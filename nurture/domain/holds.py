"""What an operator holds beside sequences and mail: one queue, one endpoint, or everything; and which time that takes out of the reckoning of lateness."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, NamedTuple

HoldKind = Literal["queue", "all", "endpoint"]
How = Literal["paused", "draining"]

#: The name of the one hold that holds everything.
EVERYTHING: Final = "everything"


class Hold(NamedTuple):
    """A queue, an endpoint, or everything, that is held since an instant: nothing of it begins, and what was begun ends.

    `draining` says that somebody waits for that end. `by` is who held it, as the operating system calls
    them; None for what the engine held by itself.
    """

    kind: HoldKind
    name: str
    how: How
    reason: str | None
    since: datetime
    by: str | None = None

    def covers(self, queue: str) -> bool:
        """Whether tasks of a queue wait for its end."""
        return self.kind == "all" or (self.kind, self.name) == ("queue", queue)


class Held(NamedTuple):
    """A span of time that counts for nobody as lateness."""

    since: datetime
    until: datetime


def let_go(gone: Hold, others: Iterable[Hold], queue: str, at: datetime) -> Held | None:
    """Which time is taken out of the lateness of what waits in a queue when a hold ends at instant `at`; None if no time is.

    What other holds cover as well is left to them: it is taken out when they end, and no time is taken out twice.
    """
    if not gone.covers(queue):
        return None
    until = min([at, *(other.since for other in others if other.covers(queue))])
    return Held(gone.since, until) if until > gone.since else None


def moved(planned: datetime, held: Held) -> datetime:
    """When something that should have happened at an instant should have happened, the time in which it was held left out."""
    if planned >= held.until:
        return planned
    return planned + (held.until - held.since) if planned < held.since else held.until
