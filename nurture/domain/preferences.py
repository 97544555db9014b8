"""What mail somebody wishes to receive: which topics, how often, and whether not for a while.

It is told by the preferences page as an event that holds all of it, so that the last one counts.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from nurture.domain.event import PREFERENCES_CHANGED, UNSUBSCRIBED, Event
from nurture.domain.mail.suppression import ALL, Suppressed, topic_scope

#: The reason of a suppression of one topic that its reader chose.
CHOSEN: Final = "preferences"

#: What a reader took upon themselves, and may take back on their preferences page.
THEIR_CHOICE: Final = (UNSUBSCRIBED, CHOSEN)


class Pace(StrEnum):
    """How often somebody wishes to be mailed at most."""

    ALL = "all"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def span(self) -> timedelta:
        """The time between two mails; zero for `all`."""
        return _SPANS[self]


_SPANS: Final[Mapping[Pace, timedelta]] = {
    Pace.ALL: timedelta(0),
    Pace.WEEKLY: timedelta(days=7),
    Pace.MONTHLY: timedelta(days=30),
}

#: For how many days mail may be paused.
PAUSES: Final = (30, 90)


class Rhythm(NamedTuple):
    """How often somebody wishes to be mailed, and that not before `paused_until`; as told at instant `at`."""

    pace: Pace = Pace.ALL
    paused_until: datetime | None = None
    at: datetime | None = None


#: Of whoever never said anything.
UNHURRIED: Final = Rhythm()


class Lifted(NamedTuple):
    """The owner of an address takes back what they had chosen not to receive, as told at instant `at`: scopes of suppressions."""

    email: str
    scopes: tuple[str, ...]
    at: datetime

    def lifts(self, suppressed: Suppressed) -> bool:
        """Whether a suppression goes by it; what others hold against the address stays."""
        theirs = suppressed.email == self.email and suppressed.reason in THEIR_CHOICE and suppressed.at <= self.at
        return theirs and suppressed.scope in self.scopes


class Wish(NamedTuple):
    """What the owner of an address wishes: how often, and of what no more, or again."""

    rhythm: Rhythm
    unwanted: tuple[Suppressed, ...]
    wanted: Lifted

    @property
    def email(self) -> str:
        return self.wanted.email

    @property
    def at(self) -> datetime:
        return self.wanted.at

    def without(self, scopes: Collection[str]) -> "Wish":
        """The same without what nobody would send them anyway."""
        return self._replace(unwanted=tuple(each for each in self.unwanted if each.scope not in scopes))


class Wishes(NamedTuple):
    """What is known of what somebody wishes: whether nothing at all, which topics not, how often, and the purposes they agreed to."""

    unsubscribed: bool = False
    off: frozenset[str] = frozenset()
    rhythm: Rhythm = UNHURRIED
    agreed: frozenset[str] = frozenset()


def told_in(
    topics: Mapping[str, bool], pace: Pace, paused_until: datetime | None, purposes: Mapping[str, bool] = MappingProxyType({})
) -> dict[str, object]:  # fmt: skip
    """The properties of the event by which the page tells it."""
    pause = {"paused_until": paused_until.isoformat()} if paused_until is not None else {}
    return {"topics": dict(topics), "pace": pace.value, "purposes": dict(purposes), **pause}


def wish_in(event: Event, email: str) -> Wish | None:
    """What an event says that the owner of an address wishes. Whoever chooses something to receive is unsubscribed no longer."""
    if event.name != PREFERENCES_CHANGED:
        return None
    at, chosen = event.occurred_at, dict(_chosen(event, "topics"))
    unwanted = tuple(
        Suppressed(email, CHOSEN, event.source, at, topic_scope(topic)) for topic, wanted in chosen.items() if not wanted
    )
    wanted = tuple(topic_scope(topic) for topic, wanted in chosen.items() if wanted)
    if wanted or not chosen:
        wanted = (ALL, *wanted)
    rhythm = Rhythm(_pace(event), pause_in(event.properties.get("paused_until"), at), at)
    return Wish(rhythm, unwanted, Lifted(email, wanted, at))


def topics_wanted(event: Event) -> list[str]:
    """The topics that an event says somebody wishes to read."""
    return [topic for topic, wanted in _chosen(event, "topics") if wanted] if event.name == PREFERENCES_CHANGED else []


def purposes_decided(event: Event) -> list[tuple[str, bool]]:
    """The purposes that an event says somebody agrees to, or does not."""
    return list(_chosen(event, "purposes")) if event.name == PREFERENCES_CHANGED else []


def pause_in(told: object, at: datetime) -> datetime | None:
    """The end of a pause as told at instant `at` (ISO, with its zone); None for one that is over, too long, or no instant."""
    try:
        until = datetime.fromisoformat(str(told))
        lasts = until - at
    except (ValueError, TypeError):
        return None
    return until if timedelta(0) < lasts <= timedelta(days=max(PAUSES)) else None


def _chosen(event: Event, what: str) -> Iterator[tuple[str, bool]]:
    told = event.properties.get(what)
    for name, chosen in told.items() if isinstance(told, dict) else ():
        if isinstance(chosen, bool):
            yield str(name), chosen


def _pace(event: Event) -> Pace:
    try:
        return Pace(str(event.properties.get("pace")))
    except ValueError:
        return Pace.ALL
