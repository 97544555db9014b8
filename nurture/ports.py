"""The few calls that the flow needs from the world, owned by the flow; adapters fulfil them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from nurture.domain.component import Component, Recounted
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.event import Event
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.delivery import Answer as MailAnswer
from nurture.domain.mail.dispatch import Situation
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.domain.mail.suppression import Suppressed
from nurture.domain.stepping import Move, Standing
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
    """What a message needs to be written. `facts` are the person's: attributes, stage, engagement, grade, email.

    `subject` and `preheader` are those of the variant that the person gets, if it has its own.
    """

    message: int
    person: int
    sequence: str
    step: str
    template: str
    address: str
    facts: Mapping[str, Any]
    subject: str | None = None
    preheader: str | None = None


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


class Parcel(NamedTuple):
    """What the router sees of a message that may go and is written: its recipient's domain, ASCII, lower case."""

    message: int
    domain: str


class Go(NamedTuple):
    """A permit: the message may begin by a transport from `at` on; void after `until`."""

    message: int
    transport: str
    at: datetime
    until: datetime


class Wait(NamedTuple):
    """The message is not to begin before `until`; `all_mail` is set when whatever else is due would have to wait as well."""

    message: int
    until: datetime
    reason: Reason
    detail: str | None = None
    all_mail: bool = False


class Mail(NamedTuple):
    """A mail for the wire; `raw` as in `Written`. Its first byte goes neither before `at` nor after `until`."""

    message: int
    transport: str
    mail_from: str
    to: str
    raw: bytes
    domain: str
    at: datetime | None = None
    until: datetime | None = None


class Carried(NamedTuple):
    """What became of a mail on the wire, and when that was known."""

    message: int
    transport: str
    domain: str
    at: datetime
    answer: MailAnswer


class Router(Protocol):
    """Decides by which transport a mail goes, and when: health, weights and rates of transports and recipients."""

    def expect(self, domains: Collection[str]) -> None:
        """Mail to these domains comes soon."""
        ...

    def route(self, parcels: Sequence[Parcel], definitions: Definitions, at: datetime) -> list[Go | Wait]:
        """One answer for each, in their order."""
        ...

    def unused(self, permits: Sequence[Go], at: datetime) -> None:
        """Take back permits of messages that were not begun."""
        ...

    def heard(self, carried: Sequence[Carried], at: datetime) -> None:
        """Learn from what became of mails."""
        ...


class Carrier(Protocol):
    """The connections to the mail servers. A mail belongs to its connection until it was told of by `finished`."""

    def free(self, transport: str) -> int:
        """How many connections wait for a mail."""
        ...

    def carry(self, mails: Sequence[Mail]) -> None:
        """Give each mail to a free connection; never blocks."""
        ...

    def finished(self, patience: float) -> list[Carried]:
        """What has come to an end, after waiting up to `patience` seconds for the first."""
        ...

    def close(self) -> None:
        """Say goodbye to all servers; what is on the wire ends first."""
        ...


class Nudge(Protocol):
    """Wakes a task. Losing a nudge costs latency only: beat sweeps for what is left."""

    def __call__(self, task: str, partition: int | None = None) -> None:
        """Wake `absorb` for a partition, or `recount`, `advance`, `send`, `hand_off`, `survey`, `forget`. Never raises: a lost nudge is no error."""
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

    def remember(self, outcome: Recounted, component: Component, at: datetime) -> None:
        """Give the people of an outcome their past as far as any condition asks, those of the sequences they are on included."""
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

    def merges(self, component: Component) -> list[JournalEntry]:
        """The merges that still hold among these people."""
        ...

    def store(self, component: Component, outcome: Recounted, at: datetime) -> None:
        """Write how everything should be."""
        ...


class Advancing(Protocol):
    """The database, as advance sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def due(self, limit: int, at: datetime) -> list[Standing]:
        """Up to `limit` enrollments whose time has come, most overdue first, kept from other workers meanwhile, and so are their
        people: nothing of theirs is absorbed before the transaction ends.
        """
        ...

    def store(self, moves: Sequence[Move], at: datetime) -> None:
        """Queue the messages planned, put each enrollment where it stands now, and write alerts and runs that begin."""
        ...

    def world(self, events: Sequence[Event]) -> World:
        """The people whom steps have changed, as they stand after `store`."""
        ...

    def store_changes(self, changes: Changes) -> None:
        """Write what the events of steps change."""
        ...


class Waiting(NamedTuple):
    """A queued message whose time has come: what decides whether it may go, and the letter to write if so."""

    situation: Situation
    letter: Letter
    attempts: int


class Outcome(NamedTuple):
    """What became of a message: its new status, or QUEUED again with the next `due_at`.

    `planned_at` moves with a message that is put off by our own decision, so that it is not late when it goes; `lost_to` are the
    messages that used up the frequency cap. `attempts` is set when a server was asked to take it, `transport` when it is known by
    which way; `suppressed` is its address, when nobody is there.
    """

    message: int
    status: MessageStatus
    at: datetime
    due_at: datetime | None = None
    reason: Reason | None = None
    detail: str | None = None
    written: Written | None = None
    planned_at: datetime | None = None
    lost_to: tuple[int, ...] = ()
    attempts: int | None = None
    transport: str | None = None
    suppressed: Suppressed | None = None


class Claiming(Protocol):
    """The database, as send sees it while it takes messages: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def due(self, limit: int, at: datetime) -> list[Waiting]:
        """Up to `limit` queued messages that are due, most overdue first, and what else is due to the same people.

        These people are kept from other workers until the transaction ends, so that everything due to one is decided by one.
        """
        ...

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Note what is not to go now, or never."""
        ...

    def lease(self, worker: str, messages: Sequence[int], at: datetime) -> None:
        """Give messages to a worker for a while."""
        ...


class Sending(Protocol):
    """The database, as send sees it; each call is a transaction of its own."""

    def give_up_on_silent(self, at: datetime) -> int:
        """Mark as uncertain what a dead worker was handing over; how many there were."""
        ...

    def claiming(self) -> AbstractContextManager[Claiming]:
        """The transaction in which messages are taken."""
        ...

    def begin(self, worker: str, messages: Sequence[int], before: Sequence[Outcome], at: datetime) -> set[int]:
        """In one transaction, note earlier outcomes and mark messages as `sending`; those that may still go.

        An outcome of what another worker holds by now is passed over. A message may not go when its lease was lost, or since the claim somebody cancelled or suppressed it, its run ended other than by
        walking to its end, or its sequence was paused.
        """
        ...


class Arrived(NamedTuple):
    """A mail that lies in a mailbox: what the mailbox calls it, and how it begins, or all of it."""

    id: str
    raw: bytes


#: Where a mail goes that was looked at: among those that were read, among those that nobody could read, or where it lies, for a
#: person to read it.
Place = Literal["read", "unread", "here"]


class ReturnedMail(Protocol):
    """A mailbox that bounces and replies come to; raises Unavailable when it does not answer."""

    def new(self, limit: int, since: datetime) -> Sequence[Arrived]:
        """Up to `limit` mails that were not looked at, oldest first, of those that came since then."""
        ...

    def put(self, place: Place, ids: Collection[str]) -> None:
        """Put mails where they belong, so that they are not new any more."""
        ...
