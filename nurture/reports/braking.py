"""What holds mail back just now, and how far transports are warmed up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, or_, select

from nurture.adapters.database.tables import brakes, messages, warm_ups
from nurture.domain.mail.warm_up import day_of
from nurture.reports.figures import Figures


class HeldBack(Figures):
    """A brake that holds: of which kind, which one, since and until when (None: until somebody lifts it), and why."""

    kind: str
    name: str
    at: datetime
    until: datetime | None
    reason: str

    @property
    def holds(self) -> str:
        """What is held, in words."""
        if self.kind == "family":
            transport, _, family = self.name.partition("/")
            return f"mail to {family} by {transport}"
        return "all mail" if self.kind == "all" else f"mail by transport {self.name}"


class WarmingUp(Figures):
    """A transport with a quota today, how much of it is used, and why the quota is no larger."""

    transport: str
    quota: int
    sent: int
    reason: str | None


def held_back(connection: Connection, at: datetime) -> Iterator[HeldBack]:
    """The brakes that hold at an instant, but those of domains, which an operator pulls (see `reports.holds`)."""
    holding = (
        select(brakes)
        .where(brakes.c.kind != "domain", or_(brakes.c.until.is_(None), brakes.c.until > at))
        .order_by(brakes.c.kind, brakes.c.name)
    )
    for row in connection.execute(holding):
        yield HeldBack(kind=row.kind, name=row.name, at=row.at, until=row.until, reason=row.reason)


def warming_up(connection: Connection, at: datetime) -> Iterator[WarmingUp]:
    """The transports that have a quota on the day of an instant."""
    midnight = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day_of(at))
    for row in connection.execute(select(warm_ups).where(warm_ups.c.day == day_of(at)).order_by(warm_ups.c.transport)).all():
        carried = select(func.count()).select_from(messages).where(
            messages.c.transport == row.transport, messages.c.sent_at >= midnight
        )  # fmt: skip
        sent = connection.scalar(carried) or 0
        yield WarmingUp(transport=row.transport, quota=row.quota, sent=sent, reason=row.reason)
