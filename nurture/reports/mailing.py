"""How mail fares: with whom it lies, what came of it, and how far that is from what would stop it."""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, Connection, Select, func, select

from nurture.adapters.database.mail_streams import streams_in
from nurture.adapters.database.tables import messages, people, releases
from nurture.adapters.redis_keys import mail_family
from nurture.domain.mail.breakers import Breakers, Stream
from nurture.domain.mail.families import family_by_name
from nurture.domain.mail.message import MessageStatus
from nurture.reports.figures import Figures

#: How far back mails are counted by those who received them, and how many of them at most: the newest.
LATELY: Final = timedelta(days=1)
MOST: Final = 5_000

#: Domains that are asked of Redis which family they belong to.
_DOMAINS: Final = 200


class Family(Figures):
    """What lies with one family of receiving servers: mails that wait for it, and those of the last day."""

    family: str
    queued: int
    sent: int
    bounced: int
    complained: int


class Fares(Figures):
    """What came of a sequence's mails within the breakers' time; `bounced` are those to addresses that do not exist."""

    sequence: str
    sent: int
    bounced: int
    complained: int


class Mailing(Figures):
    """How mail fares. `capped`: more mails left within the day than were counted by family."""

    families: tuple[Family, ...]
    capped: bool
    sequences: tuple[Fares, ...]
    within: timedelta
    complaints_limit: float
    bounces_limit: float
    least: int


class Counted(NamedTuple):
    """What the database told: mails by domain and status, and what the breakers look at."""

    by_domain: dict[tuple[str, str], int]
    capped: bool
    streams: list[Stream]
    breakers: Breakers


class MailingReader:
    """Reads how mail fares: at most five statements, of which those by family look at a few thousand mails."""

    def __init__(self) -> None:
        self._policy: tuple[int, Breakers] | None = None

    def count(self, connection: Connection, at: datetime) -> Counted:
        """What the database tells at an instant."""
        breakers = self._breakers(connection)
        domain = _domain(connection)
        sent = (
            select(messages.c.person_id, messages.c.status)
            .where(messages.c.sent_at > at - LATELY)
            .order_by(messages.c.sent_at.desc())
            .limit(MOST)
        )
        queued = select(messages.c.person_id, messages.c.status).where(messages.c.status == MessageStatus.QUEUED)
        lately = _by_domain(connection, sent, domain)
        waiting = _by_domain(connection, queued.order_by(messages.c.due_at).limit(MOST), domain)
        return Counted(
            by_domain={**lately, **waiting}, capped=sum(lately.values()) >= MOST,
            streams=streams_in(connection, breakers.within, at), breakers=breakers,
        )  # fmt: skip

    def _breakers(self, connection: Connection) -> Breakers:
        newest = connection.scalar(select(func.max(releases.c.id)))
        if newest is None:
            return Breakers()
        if self._policy is None or self._policy[0] != newest:
            body = connection.scalar(select(releases.c.body).where(releases.c.id == newest))
            self._policy = newest, _breakers_in(body or "{}")
        return self._policy[1]

    def told(self, counted: Counted, redis: Redis | None) -> Mailing:
        """The same by families; whose family only the DNS knows is told by what workers have learned of it."""
        families = _families({domain for domain, _ in counted.by_domain}, redis)
        tallies: dict[str, Counter[str]] = {}
        for (domain, status), many in counted.by_domain.items():
            tallies.setdefault(families.get(domain, domain), Counter())[status] += many
        found = [_family(name, tally) for name, tally in tallies.items()]
        breakers = counted.breakers
        return Mailing(
            families=tuple(sorted(found, key=lambda each: (-each.queued - each.sent, each.family))),
            capped=counted.capped,
            sequences=tuple(
                sorted((Fares(**each._asdict()) for each in counted.streams), key=lambda each: (_worst(each, breakers), each.sequence))
            ),
            within=breakers.within, complaints_limit=breakers.complaints, bounces_limit=breakers.hard_bounces, least=breakers.least,
        )  # fmt: skip


def _worst(each: Fares, breakers: Breakers) -> float:
    """Sorts what is nearest to its limit to the front."""
    sent = max(each.sent, 1)
    return -max(each.complained / sent / breakers.complaints, each.bounced / sent / breakers.hard_bounces)


def _family(name: str, tally: Mapping[str, int]) -> Family:
    queued = tally.get(MessageStatus.QUEUED, 0)
    return Family(
        family=name, queued=queued, sent=sum(tally.values()) - queued, bounced=tally.get(MessageStatus.BOUNCED, 0),
        complained=tally.get(MessageStatus.COMPLAINED, 0),
    )  # fmt: skip


def _by_domain(connection: Connection, mails: Select[Any], domain: ColumnElement[str]) -> dict[tuple[str, str], int]:
    some = mails.subquery()
    counted = (
        select(domain.label("domain"), some.c.status, func.count())
        .select_from(some.join(people, people.c.id == some.c.person_id))
        .group_by("domain", some.c.status)
    )
    return {(row[0] or "?", MessageStatus(row[1]).value): row[2] for row in connection.execute(counted)}


def _domain(connection: Connection) -> ColumnElement[str]:
    if connection.dialect.name == "postgresql":
        return func.split_part(people.c.email, "@", 2)
    return func.substr(people.c.email, func.instr(people.c.email, "@") + 1)


def _breakers_in(body: str) -> Breakers:
    """Those of a release; what another version wrote otherwise is not known, and the usual limits are shown."""
    with suppress(ValueError, KeyError, TypeError, ValidationError):
        return Breakers.model_validate(json.loads(body)["sending"].get("breakers", {}))
    return Breakers()


def _families(domains: set[str], redis: Redis | None) -> dict[str, str]:
    by_name = {domain: family_by_name(domain) for domain in domains}
    found = {domain: family for domain, family in by_name.items() if family is not None}
    unknown = sorted(domains - found.keys())[:_DOMAINS]
    if unknown and redis is not None:
        with suppress(RedisError):
            kept: Any = redis.mget([mail_family(domain) for domain in unknown])
            found |= {domain: family.decode() for domain, family in zip(unknown, kept, strict=True) if family}
    return found
