"""The database as route sees it: brakes, and the quotas of transports that warm up."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, delete, func, or_, select, update

from nurture.adapters.database.bulk import insert_rows, put_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.guarding import store_alarms
from nurture.adapters.database.mail_streams import NOBODY_THERE
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.switching import turn_switch
from nurture.adapters.database.tables import brakes, messages, warm_ups
from nurture.domain.mail.brakes import Brake, BrakeKind, Brakes, Learned, by_name
from nurture.domain.mail.message import MessageStatus, Reason
from nurture.domain.mail.warm_up import DaysMail, Quota

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: By then every worker knows that a brake was lifted. One that does not would put its mail off again.
_KNOWN_AFTER = timedelta(seconds=1)


class RoutingStore:
    """Fulfils `flow.route.RoutingStore`, and what the command line asks of brakes."""

    def __init__(self, engine: Engine, releases: Releases) -> None:
        self._engine = engine
        self._releases = releases

    def brakes(self) -> Brakes:
        with translated("the messages stay queued"), self._engine.begin() as connection:
            return by_name(_read(connection))

    def keep(self, learned: Learned) -> bool:
        with translated("it is learned again by the next mails"), self._engine.begin() as connection:
            turn_switch(connection)
            there = by_name(_read(connection))
            pulled = [each for each in learned.pulled if not _stands(there, each)]
            put_rows(connection, brakes, [each._asdict() for each in pulled])
            for each in learned.forgotten:
                if there.get((each.kind, each.name)) == each:
                    connection.execute(delete(brakes).where(_named(each.kind, each.name)))
            names = {each.name for each in pulled}
            alarms = [each for each in learned.alarms if each.about in names]
            if alarms:
                store_alarms(connection, alarms, self._releases.current(connection).handoff)
            return bool(pulled)

    def lift(self, kind: BrakeKind, name: str, at: datetime) -> bool:
        """Let go what a brake holds; False if there is none of that name. What other brakes hold will be put off again by them."""
        held = select(messages.c.id).where(
            messages.c.status == MessageStatus.QUEUED, messages.c.due_at > at,
            messages.c.reason.in_([Reason.BRAKE, Reason.UNREACHABLE]),
        )  # fmt: skip
        with translated("the brake holds on; give the same command again"), self._engine.begin() as connection:
            lifted = connection.execute(delete(brakes).where(_named(kind, name))).rowcount > 0
            awake = update(messages).where(messages.c.id.in_(held.with_for_update(skip_locked=True)))
            connection.execute(awake.values(due_at=at + _KNOWN_AFTER))
            return lifted

    def last_quota(self, transport: str, day: int) -> tuple[Quota | None, DaysMail]:
        theirs = select(warm_ups).where(warm_ups.c.transport == transport, warm_ups.c.day <= day)
        with translated("the messages stay queued"), self._engine.begin() as connection:
            row = connection.execute(theirs.order_by(warm_ups.c.day.desc()).limit(1)).one_or_none()
            if row is None:
                return None, DaysMail()
            return Quota(row.day, row.quota, row.reason), _mail_of(connection, transport, row.day)

    def keep_quota(self, transport: str, quota: Quota) -> Quota:
        row = {"transport": transport, "day": quota.day, "quota": quota.mails, "reason": quota.reason}
        with translated("the messages stay queued"), self._engine.begin() as connection:
            insert_rows(connection, warm_ups, [row], unless_there=True)
            kept = select(warm_ups).where(warm_ups.c.transport == transport, warm_ups.c.day == quota.day)
            holds = connection.execute(kept).one()
            return Quota(holds.day, holds.quota, holds.reason)

    def carried(self, transport: str, day: int) -> int:
        with translated("the messages stay queued"), self._engine.begin() as connection:
            return connection.scalar(select(func.count()).select_from(messages).where(*_of_day(transport, day))) or 0


def _read(connection: Connection) -> Iterable[Brake]:
    rows = connection.execute(select(brakes).order_by(brakes.c.kind, brakes.c.name))
    return [Brake(row.kind, row.name, row.at, row.until, row.reason, row.by) for row in rows]


def _stands(there: Brakes, wanted: Brake) -> bool:
    found = there.get((wanted.kind, wanted.name))
    return found is not None and found.holds(wanted.at)


def _named(kind: BrakeKind, name: str) -> ColumnElement[bool]:
    return and_(brakes.c.kind == kind, brakes.c.name == name)


def _of_day(transport: str, day: int) -> Sequence[ColumnElement[bool]]:
    begins = _EPOCH + timedelta(days=day)
    return messages.c.transport == transport, messages.c.sent_at >= begins, messages.c.sent_at < begins + timedelta(days=1)


def _mail_of(connection: Connection, transport: str, day: int) -> DaysMail:
    """What came of a day's mails; those that are put off still count as much as those that went in the end."""
    bounced = and_(messages.c.status == MessageStatus.BOUNCED, messages.c.detail.like(NOBODY_THERE))
    counted: Any = connection.execute(
        select(
            func.count().label("sent"),
            func.sum(case((bounced, 1), else_=0)).label("bounced"),
            func.sum(case((messages.c.attempts > 1, 1), else_=0)).label("deferred"),
        ).where(*_of_day(transport, day))
    ).one()
    put_off = messages.c.reason.in_([Reason.TEMPORARY_FAILURE, Reason.POLICY])
    waiting = and_(messages.c.status == MessageStatus.QUEUED, put_off)
    refused = and_(messages.c.status == MessageStatus.FAILED, messages.c.reason == Reason.ADDRESS_REFUSED)
    since = _EPOCH + timedelta(days=day)
    others: Any = connection.execute(
        select(
            func.sum(case((waiting, 1), else_=0)).label("deferred"), func.sum(case((refused, 1), else_=0)).label("bounced")
        ).where(messages.c.transport == transport, messages.c.due_at >= since, or_(waiting, refused))
    ).one()  # fmt: skip
    return DaysMail(
        counted.sent, (counted.bounced or 0) + (others.bounced or 0), (counted.deferred or 0) + (others.deferred or 0)
    )
