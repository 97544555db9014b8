"""The database as send sees it; each call is a short transaction, and none is open while mail is on the wire."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    and_,
    any_,
    bindparam,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)  # fmt: skip

from nurture.adapters.database.bulk import among
from nurture.adapters.database.consenting import agreements_of, rhythms_of
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.guarding import alarm_about, store_alarms
from nurture.adapters.database.histories import give_histories
from nurture.adapters.database.holding import held_sequences
from nurture.adapters.database.open_tracking import with_open_tracking
from nurture.adapters.database.outcomes import note, put
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rows import person_of
from nurture.adapters.database.tables import enrollments, messages, pauses, people, suppressions
from nurture.domain.conditions import Condition
from nurture.domain.consent import Agreements, Consents
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import REACHED_END, EnrollmentStatus
from nurture.domain.history import Reach, widest
from nurture.domain.mail.dispatch import Mailed, Situation, looks_back, variant_of
from nurture.domain.mail.sending import LEASE, MessageStatus, Reason
from nurture.domain.mail.suppression import ALL, topic_scope
from nurture.domain.person import Person
from nurture.domain.preferences import UNHURRIED
from nurture.domain.sequence import Sequence as SequenceDefinition
from nurture.ports import Letter, Outcome, Waiting

#: The status written into the statement: only so is it certain that the index of queued messages can be used.
_QUEUED = messages.c.status == literal(MessageStatus.QUEUED, messages.c.status.type, literal_execute=True)

#: A batch holds at most this many times as many messages as were asked for, because of what else is due to the same people.
_ALL_OF_THEIRS = 2

_OVER = (EnrollmentStatus.EXITED.value, EnrollmentStatus.COMPLETED.value)


def _barred() -> ColumnElement[bool]:
    """Whether a message's reader is not to be mailed."""
    barred = select(suppressions.c.email).join(people, people.c.email == suppressions.c.email)
    whole = suppressions.c.scope == ALL
    of_topic = and_(messages.c.topic.is_not(None), suppressions.c.scope == literal(topic_scope("")) + messages.c.topic)
    return barred.where(people.c.id == messages.c.person_id, or_(whole, of_topic)).correlate(messages).exists()


def _stopped() -> ColumnElement[bool]:
    """Whether a message's run is over, other than by walking to its end, or its sequence is held."""
    over = and_(enrollments.c.status.in_(_OVER), enrollments.c.reason.is_distinct_from(REACHED_END))
    held = select(pauses.c.sequence).where(pauses.c.sequence == enrollments.c.sequence).exists()
    return select(enrollments.c.id).where(enrollments.c.id == messages.c.enrollment_id, or_(over, held)).exists()


def _begin(these: ColumnElement[bool]) -> Any:
    return (
        update(messages)
        .where(
            these,
            messages.c.status == MessageStatus.QUEUED,
            messages.c.claimed_by == bindparam("this_worker"),
            messages.c.lease_until >= bindparam("at"),
            not_(_barred()),
            not_(_stopped()),
        )
        .values(status=MessageStatus.SENDING, lease_until=bindparam("until"))
        .returning(messages.c.id)
    )


#: Said once for each kind of database: it is asked for all the time, and to put it together takes longer than to run it.
_BEGIN = {
    "postgresql": _begin(messages.c.id == any_(bindparam("these", type_=ARRAY(BigInteger)))),
    "sqlite": _begin(messages.c.id.in_(select(func.json_each(bindparam("these")).table_valued("value").c.value))),
}


class ClaimingTransaction:
    """The transaction in which messages are taken; fulfils `ports.Claiming`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        self._connection = connection
        self._releases = releases

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def due(self, limit: int, at: datetime) -> list[Waiting]:
        everybody = self._lock(limit, at)
        rows = self._due_to(everybody, _ALL_OF_THEIRS * limit, at) if everybody else []
        if not rows:
            return []
        definitions, connection = self.definitions(), self._connection
        runs = _runs(connection, {row.enrollment_id for row in rows})
        pinned = self._releases.pinned(connection, {(run.sequence, run.version) for run in runs.values()})
        plans = {id_: pinned.get((run.sequence, run.version)) for id_, run in runs.items()}
        give_histories(connection, list(everybody.values()), _reach_of_exits(plans.values()), at)
        facts = {person.id: person.facts(at, definitions.scoring) for person in everybody.values()}
        facts = with_open_tracking(connection, definitions.sending, facts)
        addresses = [person.email for person in everybody.values() if person.email]
        rhythms, agreements = rhythms_of(connection, addresses), _agreements(connection, definitions.consents, addresses)
        recent = _recent(connection, list(everybody), looks_back(definitions.sending, rhythms.values()), at)
        suppressed = _suppressed(connection, addresses)
        held = held_sequences(connection)
        waiting = []
        for row in rows:
            run, plan, address = runs[row.enrollment_id], plans[row.enrollment_id], everybody[row.person_id].email
            situation = Situation(
                message=row.id,
                person=row.person_id,
                sequence=run.sequence,
                step=row.step,
                plan=plan,
                planned_at=row.planned_at,
                any_time=row.any_time,
                priority=row.priority,
                address=address,
                facts=facts[row.person_id],
                suppressed=(address, ALL) in suppressed,
                ended=run.reason if run.status in _OVER and run.reason != REACHED_END else None,
                held=run.sequence in held,
                recent=recent[row.person_id],
                template=row.template,
                topic=row.topic,
                topic_off=(address, topic_scope(row.topic)) in suppressed,
                agreement=agreements.get((address or "", definitions.consents.needed_for(row.topic) or "")),
                rhythm=rhythms.get(address or "", UNHURRIED),
            )
            variant = variant_of(plan, row.step, row.variant)
            letter = Letter(
                row.id, row.person_id, run.sequence, row.step, row.template, address or "", facts[row.person_id],
                variant.subject, variant.preheader,
            )  # fmt: skip
            waiting.append(Waiting(situation, letter, row.attempts))
        return waiting

    def _lock(self, limit: int, at: datetime) -> dict[int, Person]:
        """The people to whom the most overdue messages go, kept from other workers and from absorb until the transaction ends.

        Whoever is just being looked at by another worker is passed over: that worker takes all that is due to them. The messages
        are locked after their reader, so that one which another worker has just taken is passed over, too, and counts for no limit.
        """
        who = (
            select(people)
            .select_from(messages.join(people, people.c.id == messages.c.person_id))
            .where(*_due(at))
            .order_by(messages.c.due_at)
            .limit(limit)
            .with_for_update(of=[people, messages], skip_locked=True, key_share=True)
        )
        return {row.id: person_of(row) for row in self._connection.execute(who)}

    def _due_to(self, who: Collection[int], limit: int, at: datetime) -> Sequence[Any]:
        """What is due to people as it stands now that they are locked; of what exceeds `limit`, nothing that others must beat."""
        order = (messages.c.person_id, messages.c.priority.desc(), messages.c.planned_at, messages.c.id)
        theirs = select(messages).where(among(self._connection, messages.c.person_id, who), *_due(at)).order_by(*order)
        return self._connection.execute(theirs.limit(limit).with_for_update(of=messages)).all()

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        self._raise_alarms([outcome for outcome in outcomes if outcome.reason == Reason.BREAKER])
        put(self._connection, outcomes)

    def _raise_alarms(self, broken: Sequence[Outcome]) -> None:
        """What no sequence means is told once a day for each person."""
        if not broken:
            return
        asked = among(self._connection, messages.c.id, [outcome.message for outcome in broken])
        whose = {
            row.id: row.person_id for row in self._connection.execute(select(messages.c.id, messages.c.person_id).where(asked))
        }
        store_alarms(self._connection, [alarm_about(whose[each.message], each) for each in broken], self.definitions().handoff)

    def lease(self, worker: str, messages_: Sequence[int], at: datetime) -> None:
        if messages_:
            leased = update(messages).where(among(self._connection, messages.c.id, messages_))
            self._connection.execute(leased.values(claimed_by=worker, lease_until=at + LEASE))


class SendingStore:
    """Fulfils `ports.Sending`.

    `heed` is called before messages are claimed and before each begins: it absorbs what may not wait, so that what is asked of the
    database here already knows of everybody who was answered that they are unsubscribed. Asked in the moment of claiming alone, an
    unsubscribe would come too late for the rest of the batch; a mark by address, looked up beside the database, would be a second
    rule about who is mailed, which neither people who were merged since nor topics would follow.
    """

    def __init__(self, engine: Engine, releases: Releases, heed: Callable[[], None] = lambda: None) -> None:
        self._engine = engine
        self._releases = releases
        self._heed = heed

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated("the messages stay queued"), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def claiming(self) -> Iterator[ClaimingTransaction]:
        self._heed()
        with self._transaction() as connection:
            yield ClaimingTransaction(connection, self._releases)

    def give_up_on_silent(self, at: datetime) -> int:
        with self._transaction() as connection:
            silent = update(messages).where(messages.c.status == MessageStatus.SENDING, messages.c.lease_until < at)
            found = connection.execute(silent.values(status=MessageStatus.UNCERTAIN, detail="the worker died while sending"))
            return found.rowcount

    def begin(self, worker: str, messages_: Sequence[int], before: Sequence[Outcome], at: datetime) -> set[int]:
        if messages_:  # else there is nothing to hold back, and what is to be noted must not wait for Redis
            self._heed()
        with self._transaction() as connection:
            note(connection, worker, before)
            if not messages_:
                return set()
            kind = connection.dialect.name
            these = list(messages_) if kind == "postgresql" else json.dumps(list(messages_))
            named = {"these": these, "this_worker": worker, "at": at, "until": at + LEASE}
            return set(connection.scalars(_BEGIN[kind], named))


def _due(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return _QUEUED, messages.c.due_at <= at, or_(messages.c.lease_until.is_(None), messages.c.lease_until < at)


def _reach_of_exits(plans: Iterable[SequenceDefinition | None]) -> Reach:
    """How far back the exits of sequences look."""
    exits = (each for plan in plans if plan is not None for each in plan.exit if isinstance(each, Condition))
    return widest(question for condition in exits for question in condition.history())


def _recent(connection: Connection, who: Collection[int], span: timedelta, at: datetime) -> Mapping[int, list[Mailed]]:
    """The mails to each person within a span, oldest first; those on their way count as of now."""
    recent: dict[int, list[Mailed]] = defaultdict(list)
    if not span:
        return recent
    on_their_way = and_(messages.c.status.in_([MessageStatus.QUEUED, MessageStatus.SENDING]), messages.c.lease_until >= at)
    instant = func.coalesce(messages.c.sent_at, messages.c.lease_until)
    rows = connection.execute(
        select(messages.c.id, messages.c.person_id, messages.c.sent_at, messages.c.template)
        .where(among(connection, messages.c.person_id, who), or_(messages.c.sent_at > at - span, on_their_way))
        .order_by(instant, messages.c.id)
    )
    for row in rows:
        recent[row.person_id].append(Mailed(row.id, row.sent_at or at, row.template))
    return recent


def _runs(connection: Connection, ids: Collection[int]) -> Mapping[int, Any]:
    """Each enrollment's sequence with the version it is pinned to, and where it stands."""
    run = enrollments.c
    asked = select(run.id, run.sequence, run.version, run.status, run.reason).where(among(connection, run.id, ids))
    return {row.id: row for row in connection.execute(asked)}


def _agreements(connection: Connection, consents: Consents, addresses: Sequence[str]) -> Agreements:
    """Where these addresses stand with what topics need; where none needs anything, nobody is asked."""
    return agreements_of(connection, addresses) if any(each.topics for each in consents.purposes.values()) else {}


def _suppressed(connection: Connection, addresses: Sequence[str]) -> set[tuple[str, str]]:
    """What these addresses are not to be mailed of, with its scope."""
    theirs = select(suppressions.c.email, suppressions.c.scope).where(among(connection, suppressions.c.email, addresses))
    return {(row.email, row.scope) for row in connection.execute(theirs)}
