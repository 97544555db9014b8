"""What became of messages, noted for many at once: a few statements, however many they are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from nurture.adapters.database.bulk import among, update_rows
from nurture.adapters.database.suppressing import suppress
from nurture.adapters.database.tables import messages
from nurture.domain.mail.message import LOST_TO_OTHERS, MessageStatus
from nurture.ports import Outcome

#: A message that was cancelled meanwhile keeps the status that cancelled it, and one that another worker took over is no business
#: of ours. What was given up as uncertain, because its worker was silent for too long, is known after all when that worker tells.
_STILL_OURS: Final = "messages.claimed_by = :worker AND messages.status IN ('queued', 'sending', 'uncertain')"

#: What has these has left, or may have.
_LEFT: Final = (MessageStatus.SENT, MessageStatus.UNCERTAIN)


def put(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes of messages that this transaction has locked; what it decides itself is not looked at again."""
    _wake_where_one_is_gone(connection, outcomes)
    for rows in _by_kind(outcomes):
        update_rows(connection, messages, rows)


def note(connection: Connection, worker: str, outcomes: Sequence[Outcome]) -> None:
    """Write what a worker tells of its messages, and what follows: suppressions, and another look at what lost to a mail that does
    not go.
    """
    for rows in _by_kind(outcomes):
        update_rows(connection, messages, rows, only=_STILL_OURS, worker=worker)
    suppress(connection, [outcome.suppressed for outcome in outcomes if outcome.suppressed is not None])
    _wake_where_one_is_gone(connection, outcomes)


def _by_kind(outcomes: Iterable[Outcome]) -> Iterable[list[dict[str, Any]]]:
    """The rows of outcomes; those that change the same columns together, each by its id so that all workers lock in one order."""
    by_kind: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.message):
        row = _row(outcome)
        by_kind[tuple(row)].append(row)
    return by_kind.values()


def _row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": outcome.message, "status": outcome.status, "reason": outcome.reason, "detail": outcome.detail,
        "claimed_by": None, "lease_until": None,
    }  # fmt: skip
    if outcome.written is not None:
        row |= {"language": outcome.written.language, "subject": outcome.written.subject}
    if outcome.status in _LEFT:
        row["sent_at"] = outcome.at
    if outcome.lost_to:
        row["lost_to"] = list(outcome.lost_to)
    changed = {name: getattr(outcome, name) for name in ("due_at", "planned_at", "attempts", "transport")}
    return row | {name: value for name, value in changed.items() if value is not None}


def _wake_where_one_is_gone(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    gone = {
        outcome.message: outcome.at for outcome in outcomes if outcome.status in (MessageStatus.FAILED, MessageStatus.SKIPPED)
    }
    if gone:
        wake_the_capped(connection, gone.keys(), max(gone.values()))


def wake_the_capped(connection: Connection, gone: Collection[int], at: datetime) -> None:
    """Where a mail does not go after all, let what lost to it be looked at again from an instant on."""
    losers = messages.alias()
    readers = select(messages.c.person_id).where(among(connection, messages.c.id, gone))
    capped = select(losers.c.id).where(
        losers.c.person_id.in_(readers), losers.c.status == MessageStatus.QUEUED, losers.c.reason.in_(LOST_TO_OTHERS),
        losers.c.due_at > at,
    )  # fmt: skip
    # Whoever holds one of them is just deciding about it, and waits for us perhaps.
    awake = update(messages).where(messages.c.id.in_(capped.with_for_update(skip_locked=True)))
    connection.execute(awake.values(due_at=at, planned_at=at))
