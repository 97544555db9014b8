"""The few calls that the flow needs from the world, owned by the flow; adapters fulfil them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from nurture.domain.component import Component, Recounted
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.event import Event
from nurture.domain.handing_off import Delivery, DeliveryStatus
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Person
from nurture.domain.sending import MessageStatus, Reason
from nurture.domain.sequence import Sequence as SequenceDefinition
from nurture.domain.stepping import Move
from nurture.domain.world import Changes, JournalEntry, World


class Clock(Protocol):
    """Where the edge gets its instants from."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class Entry(NamedTuple):
    """One entry of a stream partition: its id there, the event's JSON, and how often it was handed out."""

    id: str
    body: bytes
    deliveries: int


class Partition(Protocol):
    """One partition of the event stream, held by one worker at a time."""

    def read(self, limit: int) -> Sequence[Entry]:
        """Up to `limit` entries: first those that a dead worker left unfinished, then new ones."""
        ...

    def done(self, ids: Iterable[str]) -> None:
        """Forget entries for good; only after what they caused is committed."""
        ...

    def park(self, entry: Entry, reason: str, at: datetime) -> None:
        """Move an entry to the dead letters, with the reason, in one step."""
        ...


class Letter(NamedTuple):
    """What a message needs to be written. `facts` are the person's: attributes, stage, engagement, grade, email."""

    message: int
    person: int
    sequence: str
    step: str
    template: str
    address: str
    facts: Mapping[str, Any]


class Written(NamedTuple):
    """A letter ready for the wire: RFC 5322 bytes with CRLF lines and 7-bit content, and what is kept of it."""

    raw: bytes
    mail_from: str
    language: str
    subject: str


class Writer(Protocol):
    """Turns letters into mail."""

    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:
        """The mail for a letter; raises TemplateError when its template cannot be rendered for this person."""
        ...


class Connection(Protocol):
    """An open connection to a mail server."""

    def send(self, mail_from: str, to: str, raw: bytes) -> str:
        """Hand over one mail and return the server's reply.

        Raises DeliveryError when it was refused, DeliveryUncertain when the connection broke after the last byte, and
        Unavailable when it broke before (nothing was handed over).
        """
        ...


class Transport(Protocol):
    """A way to a mail server."""

    def connect(self) -> AbstractContextManager[Connection]:
        """A connection for as many mails as there are; raises Unavailable when the server cannot be reached."""
        ...


class Nudge(Protocol):
    """Wakes a task. Losing a nudge costs latency only: beat sweeps for what is left."""

    def __call__(self, task: str, partition: int | None = None) -> None:
        """Wake `absorb` for a partition, or `recount`, `advance`, `send`, `hand_off`, `forget`. Never raises: a lost nudge is no error."""
        ...


class Absorbing(Protocol):
    """The database, as absorb sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def unseen(self, events: Sequence[Event]) -> list[Event]:
        """The events that are not stored yet, each once, in their order."""
        ...

    def world(self, events: Sequence[Event]) -> World:
        """Everybody these events may concern, locked until the transaction ends; raises Conflict if they changed meanwhile."""
        ...

    def store(self, changes: Changes) -> None:
        """Write what was decided; raises Conflict if somebody else wrote the same key first."""
        ...


class Recounting(Protocol):
    """The database, as recount sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def due(self, limit: int) -> Sequence[int]:
        """Up to `limit` people who no longer follow from the log, longest waiting first."""
        ...

    def everybody(self, after: int, limit: int) -> Sequence[int]:
        """Up to `limit` people, by id from `after` on, who were not merged into another."""
        ...

    def component(self, wanted: Collection[int], most: int, *, connected: bool = True) -> Component:
        """These people and, if asked for, everybody connected with them, locked; raises TooMuch beyond `most` events."""
        ...

    def store(self, component: Component, outcome: Recounted, at: datetime) -> None:
        """Write how everything should be, and that nobody of them is due any more."""
        ...

    def remember(self, people: Sequence[Person], component: Component, at: datetime) -> None:
        """Give people their past as far as any condition asks, those of the sequences they are on included."""
        ...

    def store_moves(self, moves: Sequence[StageChange], begun: Sequence[Enrollment]) -> None:
        """Write stage changes with their hand-offs, and new runs."""
        ...

    def give_up(self, person: int) -> None:
        """Leave a person as they are stored; they are not due any more."""
        ...


class Joining(Protocol):
    """The database, as whoever joins people by hand sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def component(self, wanted: Collection[int], most: int, *, connected: bool = True) -> Component:
        """These people with those merged into them, locked; raises TooMuch beyond `most` events."""
        ...

    def journal(self, entry: int) -> JournalEntry | None:
        """The entry of the journal with an id, if it still holds."""
        ...

    def store(self, component: Component, outcome: Recounted, at: datetime) -> None:
        """Write how everything should be."""
        ...


class Standing(NamedTuple):
    """An enrollment that is due, with the sequence it is pinned to (None if that version is gone) and its person's facts."""

    run: Enrollment
    sequence: SequenceDefinition | None
    facts: Mapping[str, Any]


class Advancing(Protocol):
    """The database, as advance sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def due(self, limit: int, at: datetime) -> list[Standing]:
        """Up to `limit` enrollments whose time has come, most overdue first, kept from other workers meanwhile."""
        ...

    def store(self, moves: Sequence[Move], at: datetime) -> None:
        """Queue the messages planned and put each enrollment where it stands now, all at once."""
        ...


class Waiting(NamedTuple):
    """A queued message whose time has come, with what decides whether it may go."""

    letter: Letter
    attempts: int
    planned_at: datetime
    any_time: bool
    address: str | None
    suppressed: bool
    enrollment_ended: bool
    recent: Sequence[datetime]


class Outcome(NamedTuple):
    """What became of a message: its new status, or QUEUED again with the next `due_at`."""

    message: int
    status: MessageStatus
    at: datetime
    due_at: datetime | None = None
    reason: Reason | None = None
    detail: str | None = None
    written: Written | None = None


class Sending(Protocol):
    """The database, as send sees it; each call is a transaction of its own."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def give_up_on_silent(self, at: datetime) -> int:
        """Mark as uncertain what a dead worker was handing over; how many there were."""
        ...

    def claim(self, worker: str, limit: int, at: datetime) -> list[Waiting]:
        """Lease up to `limit` queued messages that are due to a worker."""
        ...

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Note what became of messages, and end their lease."""
        ...

    def begin(self, worker: str, message: int, before: Sequence[Outcome], at: datetime) -> bool:
        """Note earlier outcomes and commit a message as `sending`; False if it may no longer go.

        It may not when the lease was lost, or somebody cancelled or suppressed it since the claim.
        """
        ...


class Call(NamedTuple):
    """A signed request to an endpoint. `secret` is the name of a secret, `body` ASCII JSON."""

    delivery: int
    url: str
    secret: str
    body: str


class Answer(NamedTuple):
    """What an endpoint answered: the HTTP status, None when there was no answer, and a few words about it."""

    delivery: int
    status: int | None
    detail: str


class Caller(Protocol):
    """A way to the endpoints."""

    def call(self, calls: Sequence[Call], at: datetime) -> list[Answer]:
        """Make all calls at once and wait for their answers, one for each; never raises for what an endpoint does."""
        ...


class Result(NamedTuple):
    """What an attempt to deliver came to: the new status, or WAITING again with the next `due_at`.

    `attempts` counts this one; `status` and `detail` are what is kept of it.
    """

    delivery: int
    status: DeliveryStatus
    attempts: int
    detail: str
    due_at: datetime | None = None


class HandingOff(Protocol):
    """The database, as hand off sees it; each call is a transaction of its own."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def claim(self, limit: int, at: datetime) -> list[Delivery]:
        """Up to `limit` deliveries whose time has come, put off by a lease so that no other worker takes them meanwhile."""
        ...

    def settle(self, results: Sequence[Result]) -> None:
        """Note what became of deliveries."""
        ...
