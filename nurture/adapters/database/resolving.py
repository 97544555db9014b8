"""Uncertain mails, and what became of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from nurture.adapters.database.bulk import among, update_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.outcomes import wake_the_capped
from nurture.adapters.database.tables import messages
from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.uncertain import Settled, Uncertain, handed_over_at


class ResolvingTransaction:
    """One transaction; fulfils `flow.resolve.Resolving`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def mails(self, ids: Sequence[int]) -> dict[int, Uncertain]:
        columns = (messages.c.id, messages.c.status, messages.c.sent_at, messages.c.lease_until, messages.c.detail)
        asked = select(*columns).where(among(self._connection, messages.c.id, ids)).order_by(messages.c.id).with_for_update()
        return {
            row.id: Uncertain(row.id, row.status, handed_over_at(row.status, row.sent_at, row.lease_until), row.detail)
            for row in self._connection.execute(asked)
        }

    def settle(self, outcomes: Sequence[Settled], at: datetime) -> None:
        again = [each for each in outcomes if each.status == MessageStatus.QUEUED]
        ended = [each for each in outcomes if each.status != MessageStatus.QUEUED]
        # Whose it was stays with one that is queued again: should that worker live after all and tell that a server took it, it
        # is believed until another worker takes the message over.
        update_rows(
            self._connection, messages, [_row(each) | {"due_at": each.due_at, "planned_at": each.due_at} for each in again]
        )
        update_rows(self._connection, messages, [_row(each) | {"claimed_by": None} for each in ended])
        given_up = [each.message for each in ended if each.status == MessageStatus.FAILED]
        if given_up:
            wake_the_capped(self._connection, given_up, at)


def _row(outcome: Settled) -> dict[str, object]:
    return {
        "id": outcome.message, "status": outcome.status, "sent_at": outcome.sent_at, "detail": outcome.detail, "reason": None,
        "lease_until": None,
    }  # fmt: skip


@contextmanager
def resolving(engine: Engine) -> Iterator[ResolvingTransaction]:
    """A transaction that commits if the block ends well."""
    with translated("nothing was changed; give the same command again"), engine.begin() as connection:
        yield ResolvingTransaction(connection)
