"""What the web process is made of. Whoever starts it makes these parts; `create_app` only puts them together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from nurture.adapters.hooks.visits import visit
from nurture.adapters.tokens import Tokens
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.preferences import Wishes
from nurture.errors import Unavailable
from nurture.keys import WriteKey
from nurture.ports import Clock
from nurture.reports.sheet import Report
from nurture.settings import Settings
from nurture.web.counters import Counters


class EventWriter(Protocol):
    """Where events go. Every call raises Unavailable when nothing can take them (StreamFull: the backlog is at its bound)."""

    @property
    def away(self) -> str | None:
        """Why Redis takes nothing now, where that is known and a journal takes its place; else None."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether a journal could take something now."""
        ...

    def start(self) -> None:
        """Begin with what was left on the disk; called in the loop."""
        ...

    async def write(self, events: Sequence[Event], route: int | None = None) -> None:
        """Return when all of `events` are durable; `route` sends them all one way, else each goes its own."""
        ...

    async def write_ahead(self, event: Event, route: int) -> None:
        """The same for an event that no mail may overtake; it is never refused for a full backlog."""
        ...

    async def quarantine(self, event: Event, reasons: Sequence[str], at: datetime) -> None:
        """Set an event aside for a human to judge."""
        ...

    async def mark(self, key: str, member: str, lasts: timedelta) -> None:
        """Add a member to what `tally` counts, now or when that is possible again."""
        ...

    async def tally(self, key: str, member: str | None, lasts: timedelta) -> int:
        """How many different members `key` has with this one; they are forgotten after `lasts`. None only looks.

        Nothing stands in for Redis here: who asks decides what holds while nobody knows.
        """
        ...

    async def stop(self) -> None:
        """Finish what is under way."""
        ...


def no_report(_name: str, _first: date | None, _last: date | None, _at: datetime) -> Report:
    """Where there is no database there is no report."""
    raise Unavailable("this process has no database")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """The parts of the web process.

    `write_keys` holds the public keys by name, `secret_keys` those of servers; the name becomes the events' source.
    `definitions` gives those in force and is asked for every request, so it must be cheap. `inbox_dir` (a folder of .eml
    files) and `demo_dir` (a landing page) are shown in development only. `metrics` gives Prometheus text, `ready` the reasons
    for not being ready; both may block, and so may `lets_opens_be_told`: whether a person consents to it now, False where nobody
    can say. `visit` fetches what lies at an address of somebody who vouches for a webhook; it blocks. `report` builds a report
    by its name, for the days from one date to another or the usual ones; it blocks, too, and raises NoSuchDays and
    Unavailable. `counters` is what this process
    counts for /metrics.
    """

    settings: Settings
    clock: Clock
    tokens: Tokens
    write_keys: Mapping[str, WriteKey]
    secret_keys: Mapping[str, str | tuple[str, ...]]
    definitions: Callable[[], Definitions]
    writer: EventWriter
    metrics: Callable[[], str]
    ready: Callable[[], Sequence[str]]
    lets_opens_be_told: Callable[[int], bool] = lambda _: False
    wishes: Callable[[int], Wishes] = lambda _: Wishes()
    report: Callable[[str, date | None, date | None, datetime], Report] = no_report
    inbox_dir: Path | None = None
    demo_dir: Path | None = None
    visit: Callable[[str], bytes] = visit
    counters: Counters = field(default_factory=Counters)
