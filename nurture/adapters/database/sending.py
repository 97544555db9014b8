"""The database as send sees it; each call is a short transaction, and none is open while mail is on the wire."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, not_, or_, select, update

from nurture.adapters.database.dialect import translated
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rows import person_of
from nurture.adapters.database.tables import enrollments, messages, people, suppressions
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import REACHED_END, EnrollmentStatus
from nurture.domain.sending import LEASE, MessageStatus, Reason, SendingPolicy
from nurture.ports import Letter, Outcome, Waiting

#: Putting a message off for these reasons is no attempt: the server was not asked to take it.
_NO_ATTEMPT = {Reason.CAPPED, Reason.QUIET_HOURS, Reason.UNREACHABLE}


class SendingStore:
    """Fulfils `ports.Sending`."""

    def __init__(self, engine: Engine, releases: Releases) -> None:
        self._engine = engine
        self._releases = releases

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated("the messages stay queued"), self._engine.begin() as connection:
            yield connection

    def definitions(self) -> Definitions:
        with self._transaction() as connection:
            return self._releases.current(connection)

    def give_up_on_silent(self, at: datetime) -> int:
        with self._transaction() as connection:
            silent = update(messages).where(messages.c.status == MessageStatus.SENDING, messages.c.lease_until < at)
            found = connection.execute(silent.values(status=MessageStatus.UNCERTAIN, detail="the worker died while sending"))
            return found.rowcount

    def claim(self, worker: str, limit: int, at: datetime) -> list[Waiting]:
        with self._transaction() as connection:
            free = or_(messages.c.lease_until.is_(None), messages.c.lease_until < at)
            rows = connection.execute(
                select(messages)
                .where(messages.c.status == MessageStatus.QUEUED, messages.c.due_at <= at, free)
                .order_by(messages.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            if not rows:
                return []
            waiting = self._waiting(connection, rows, at)
            leased = update(messages).where(messages.c.id.in_([row.id for row in rows]))
            connection.execute(leased.values(claimed_by=worker, lease_until=at + LEASE))
            return waiting

    def _waiting(self, connection: Connection, rows: Sequence[Any], at: datetime) -> list[Waiting]:
        definitions = self._releases.current(connection)
        # Locked in the order of their ids: two workers with messages for one person count each other's against the cap.
        who = select(people).where(people.c.id.in_({row.person_id for row in rows})).order_by(people.c.id).with_for_update()
        everybody = {row.id: person_of(row) for row in connection.execute(who)}
        recent = _recent(connection, list(everybody), definitions.sending, at)
        runs = _runs(connection, [row.enrollment_id for row in rows])
        suppressed = _suppressed(connection, [person.email for person in everybody.values() if person.email])
        waiting = []
        for row in rows:
            person, (sequence, ended) = everybody[row.person_id], runs[row.enrollment_id]
            facts = person.facts(at, definitions.scoring)
            letter = Letter(row.id, row.person_id, sequence, row.step, row.template, person.email or "", facts)
            waiting.append(
                Waiting(
                    letter=letter,
                    attempts=row.attempts,
                    planned_at=row.planned_at,
                    any_time=row.any_time,
                    address=person.email,
                    suppressed=person.email in suppressed,
                    enrollment_ended=ended,
                    recent=recent[person.id],
                )
            )
        return waiting

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            with self._transaction() as connection:
                _note(connection, outcomes)

    def begin(self, worker: str, message: int, before: Sequence[Outcome], at: datetime) -> bool:
        with self._transaction() as connection:
            _note(connection, before)
            claimed = and_(messages.c.id == message, messages.c.status == MessageStatus.QUEUED, messages.c.claimed_by == worker)
            barred = select(suppressions.c.email).join(people, people.c.email == suppressions.c.email)
            wanted = not_(barred.where(people.c.id == messages.c.person_id).correlate(messages).exists())
            changed = connection.execute(
                update(messages)
                .where(claimed, messages.c.lease_until >= at, wanted)
                .values(status=MessageStatus.SENDING, lease_until=at + LEASE)
            )
            return changed.rowcount == 1


def _note(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        values: dict[str, Any] = {
            "status": outcome.status,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "claimed_by": None,
            "lease_until": None,
        }
        if outcome.status in (MessageStatus.SENT, MessageStatus.UNCERTAIN):
            values["sent_at"] = outcome.at
        if outcome.written is not None:
            values |= {"language": outcome.written.language, "subject": outcome.written.subject}
        if outcome.due_at is not None:
            values["due_at"] = outcome.due_at
        if outcome.status != MessageStatus.SKIPPED and outcome.reason not in _NO_ATTEMPT:
            values["attempts"] = messages.c.attempts + 1
        # A message that was cancelled meanwhile keeps the status that cancelled it.
        still_ours = messages.c.status.in_([MessageStatus.QUEUED, MessageStatus.SENDING])
        connection.execute(update(messages).where(messages.c.id == outcome.message, still_ours).values(values))


def _recent(connection: Connection, who: Sequence[int], policy: SendingPolicy, at: datetime) -> Mapping[int, list[datetime]]:
    """When each person was mailed within the span of the frequency cap, oldest first; mails on their way count as of now."""
    recent: dict[int, list[datetime]] = defaultdict(list)
    if policy.frequency_cap is None:
        return recent
    since = at - policy.frequency_cap.per
    on_their_way = and_(messages.c.status.in_([MessageStatus.QUEUED, MessageStatus.SENDING]), messages.c.lease_until >= at)
    instant = func.coalesce(messages.c.sent_at, messages.c.lease_until)
    rows = connection.execute(
        select(messages.c.person_id, messages.c.sent_at)
        .where(messages.c.person_id.in_(who), or_(messages.c.sent_at > since, on_their_way))
        .order_by(instant)
    )
    for person, sent_at in rows:
        recent[person].append(sent_at or at)
    return recent


def _runs(connection: Connection, ids: Sequence[int]) -> Mapping[int, tuple[str, bool]]:
    """Each enrollment's sequence, and whether it ended other than by walking to its end."""
    rows = connection.execute(
        select(enrollments.c.id, enrollments.c.sequence, enrollments.c.status, enrollments.c.reason).where(
            enrollments.c.id.in_(ids)
        )
    )
    over = {EnrollmentStatus.EXITED.value, EnrollmentStatus.COMPLETED.value}
    return {row.id: (row.sequence, row.status in over and row.reason != REACHED_END) for row in rows}


def _suppressed(connection: Connection, addresses: Sequence[str]) -> set[str]:
    return set(connection.scalars(select(suppressions.c.email).where(suppressions.c.email.in_(addresses))))
