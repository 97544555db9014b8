"""All that is held just now: everything, queues, sequences, domains, endpoints."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, or_, select

from nurture.adapters.database.hold_rows import holds_in
from nurture.adapters.database.tables import brakes, holds, pauses
from nurture.domain.mail.families import family_by_name
from nurture.reports.figures import Figures

HeldKind = Literal["all", "queue", "sequence", "domain", "endpoint"]


class Held(Figures):
    """Something that is held: since when, why, and by whom (None where the engine did it by itself).

    `how` is `draining` while somebody waits for what was begun to end, and for a sequence that nobody enters any more. `until` is when
    it ends by itself, if it does.
    """

    kind: HeldKind
    name: str
    reason: str | None
    since: datetime
    how: Literal["paused", "draining"]
    by: str | None = None
    until: datetime | None = None

    @property
    def what(self) -> str:
        """What is held, in words."""
        return {"all": "everything", "domain": f"mail to {self.name}"}.get(self.kind, f"the {self.kind} {self.name}")

    @property
    def ends_with(self) -> str:
        """The command that lets it go on."""
        return "nurture resume all" if self.kind == "all" else f"nurture resume {self.kind} {self.name}"


def held(connection: Connection, at: datetime | None = None) -> tuple[Held, ...]:
    """What is held, everything first, then queues, sequences, domains and endpoints; of domains those that hold at `at`, if it is given."""
    if not connection.dialect.has_table(connection, "holds"):  # a schema from before there were any
        return ()
    queues = (
        Held(kind=each.kind, name=each.name, reason=each.reason, since=each.since, how=each.how, by=each.by)
        for each in holds_in(connection)
    )
    found = [*queues, *_sequences(connection), *_domains(connection, at)]
    order = ("all", "queue", "sequence", "domain", "endpoint")
    return tuple(sorted(found, key=lambda each: (order.index(each.kind), each.since, each.name)))


def concerning(found: Iterable[Held], sequence: str, email: str | None, queues: Collection[str]) -> Iterator[Held]:
    """What of it keeps the mail of a sequence from an address: one of these queues, the sequence itself, or the mail to that domain."""
    from nurture.domain.mail.delivery import domain_of  # here, for `nurture status` reads holds and must load little

    domain = domain_of(email) if email else ""
    names = {domain, family_by_name(domain)} if domain else set()
    for each in found:
        match each.kind:
            case "all":
                yield each
            case "queue" if each.name in queues:
                yield each
            case "sequence" if each.name == sequence and each.how == "paused":
                yield each
            case "domain" if each.name in names:
                yield each


def _sequences(connection: Connection) -> list[Held]:
    paused = [
        Held(kind="sequence", name=row.sequence, reason=row.reason, since=row.at, how="paused", by=row.by)
        for row in connection.execute(select(pauses))
    ]
    draining = [
        Held(kind="sequence", name=row.name, reason=row.reason, since=row.since, how="draining", by=row.by)
        for row in connection.execute(select(holds).where(holds.c.kind == "sequence"))
    ]
    return paused + draining


def _domains(connection: Connection, at: datetime | None) -> list[Held]:
    pulled = select(brakes).where(brakes.c.kind == "domain")
    if at is not None:
        pulled = pulled.where(or_(brakes.c.until.is_(None), brakes.c.until > at))
    return [
        Held(kind="domain", name=row.name, reason=row.reason, since=row.at, how="paused", by=row.by, until=row.until)
        for row in connection.execute(pulled)
    ]
