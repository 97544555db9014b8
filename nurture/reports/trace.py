"""The whole way of an event or a mail, across the stream, the tables and what mail servers said.

What is asked for by its key, or by an id that a key can be made of, is found at once. Only what is in no table is looked for in Redis,
entry by entry and no further than told.
"""

import re
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, Row, select

from nurture.adapters.database.tables import counted_events, events, identifiers
from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.definitions import Definitions
from nurture.domain.event import ENGINE
from nurture.domain.ids import event_key
from nurture.domain.mail.hooks import SOURCE
from nurture.reports.figures import Figures
from nurture.reports.trace_event import EventTeller
from nurture.reports.trace_mail import LOOKED_AT, MailTeller, message_row
from nurture.reports.trace_parts import Moment, in_order
from nurture.reports.trace_stream import Found, Needle, Searched, looked_through

#: Entries looked at in each stream, unless asked for more.
SCANNED: Final = 10_000

_MOST_NUMBER: Final = 2**63
_OTHER_SOURCES: Final = (ENGINE, "mailbox")


class Trace(Figures):
    """What was found by a word. `kind` is None when nothing was; `searched` is what was looked through entry by entry."""

    asked: str
    kind: Literal["mail", "event"] | None
    moments: tuple[Moment, ...]
    searched: tuple[Searched, ...] = ()
    notes: tuple[str, ...] = ()


class Asked(NamedTuple):
    """What is asked for, and where: the sources whose ids are tried, and how many entries of each stream are looked at."""

    word: str
    sources: Collection[str]
    scanned: int = SCANNED
    show_addresses: bool = False


class Places(NamedTuple):
    """Where a trace looks. `redis` is None where there is none."""

    connection: Connection
    definitions: Definitions
    tokens: Tokens
    redis: Redis | None
    partitions: int


def sources_of(definitions: Definitions, keys: Collection[str]) -> tuple[str, ...]:
    """Every source that events may bear here: keys by their names, forms, hooks, and the engine itself."""
    forms = (f"form:{name}" for name in definitions.forms)
    hooks = (f"{SOURCE}{name}" for name in definitions.hooks.sources)
    return (*keys, *forms, *hooks, *_OTHER_SOURCES)


def trace(places: Places, asked: Asked, hide: Callable[[str], str], at: datetime) -> Trace:
    """The way of what a word names, at instant `at`; `hide` masks addresses, and is left out where they are to be shown."""
    found = _find(places, asked, at)
    if asked.show_addresses:
        return found
    moments = tuple(each.model_copy(update={"text": hide(each.text)}) for each in found.moments)
    return found.model_copy(update={"moments": moments})


def _find(places: Places, asked: Asked, at: datetime) -> Trace:
    mail = _mail(places, asked.word)
    if mail is not None:
        teller = MailTeller(places.connection, places.definitions, mail, _naming(places.tokens), at)
        moments = in_order(teller.moments())
        bounded = f"of what the reader did since, the first {LOOKED_AT} events were looked at; there are more"
        return Trace(asked=asked.word, kind="mail", moments=moments, notes=(bounded,) if teller.bounded else ())
    rows = _stored(places.connection, asked)
    if rows:
        told = [moment for row in rows for moment in EventTeller(places.connection, places.definitions, row).moments()]
        return Trace(asked=asked.word, kind="event", moments=in_order(told))
    unnamed = places.connection.scalar(select(counted_events.c.day).where(counted_events.c.id.in_(_keys(asked))))
    if unnamed is not None:
        day = datetime.fromtimestamp(unnamed * 86_400, UTC)
        text = f"counted for the day of {day:%Y-%m-%d} and no more: nobody consented to more"
        return Trace(asked=asked.word, kind="event", moments=(Moment(at=None, what="counted", text=text),))
    return _in_redis(places, asked)


def _naming(tokens: Tokens) -> Callable[[int, int], str]:
    return lambda message, person: tokens.mail_name(MailLink(message, person))


def _mail(places: Places, word: str) -> Row[Any] | None:
    """The mail that a number names, or a name in a Message-ID or in the address that bounces go to."""
    link = next(places.tokens.mails_named(word), None)
    if link is not None:
        return message_row(places.connection, link.message)
    if word.isascii() and word.isdigit() and len(word) <= len(str(_MOST_NUMBER)) and int(word) < _MOST_NUMBER:
        return message_row(places.connection, int(word))
    return None


def _keys(asked: Asked) -> list[UUID]:
    """Every key that a word may stand for."""
    keys = [event_key(source, asked.word) for source in asked.sources]
    if re.fullmatch(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}", asked.word):
        keys.append(UUID(asked.word))
    return keys


def _stored(connection: Connection, asked: Asked) -> list[Row[Any]]:
    rows = connection.execute(select(events).where(events.c.id.in_(_keys(asked))).order_by(events.c.received_at)).all()
    return list(rows) or list(_of_submission(connection, asked.word))


def _of_submission(connection: Connection, word: str) -> Iterator[Row[Any]]:
    """What a form post, and the download behind it, left in the log."""
    held = select(identifiers.c.person_id, identifiers.c.first_seen_at).where(
        identifiers.c.kind == "submission", identifiers.c.value == word
    )
    holder = connection.execute(held).one_or_none()
    if holder is None:
        return
    theirs = select(events).where(events.c.person_id == holder.person_id, events.c.occurred_at >= holder.first_seen_at)
    for row in connection.execute(theirs.order_by(events.c.occurred_at).limit(LOOKED_AT)):
        if row.body.get("submission") == word:
            yield row


def _in_redis(places: Places, asked: Asked) -> Trace:
    """Where nothing is stored yet, or ever will be."""
    if places.redis is None:
        return Trace(asked=asked.word, kind=None, moments=(), notes=("there is no Redis here, so no stream was looked through",))
    try:
        found, searched = looked_through(places.redis, places.partitions, Needle(asked.word), asked.scanned)
    except (RedisError, OSError) as error:
        note = f"Redis does not answer ({type(error).__name__}), so no stream was looked through"
        return Trace(asked=asked.word, kind=None, moments=(), notes=(note,))
    cut = [each for each in searched if not each.complete]
    notes = [
        f"{each.where}: only the oldest {each.entries} of {each.of} entries were looked at; --scan looks further" for each in cut
    ]
    moments = in_order(moment for each in found for moment in _lies(each))
    return Trace(asked=asked.word, kind="event" if found else None, moments=moments, searched=tuple(searched), notes=tuple(notes))


def _lies(found: Found) -> Iterator[Moment]:
    body = found.body if isinstance(found.body, dict) else {}
    name = f"{body.get('name', 'something that is no event')} of {body.get('source', 'nobody known')}"
    match found.where:
        case "dead letters":
            text = f"{name} could not be absorbed: {found.told.get('reason')}; `nurture dead retry {found.id}` puts it back"
            yield Moment(at=_set_aside(found), what="dead", text=text)
        case "quarantine":
            text = f"{name} looks like spam and waits for a human: {found.told.get('reasons')}"
            yield Moment(at=_set_aside(found), what="quarantined", text=text)
        case _:
            yield Moment(at=found.at, what="accepted", text=f"{name} was accepted as entry {found.id} of {found.where}")
            hand = "in the hand of a worker" if found.handed_out else "not read by any worker yet"
            yield Moment(at=None, what="waiting", text=f"still there, behind {found.ahead} others; {hand}")


def _set_aside(found: Found) -> datetime:
    try:
        return datetime.fromisoformat(found.told["at"])
    except (KeyError, ValueError):
        return found.at
