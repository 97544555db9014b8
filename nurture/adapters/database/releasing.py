"""The database as release sees it: what is in force, who is in flight, and people moved by a few statements, however many they are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    case,
    func,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from nurture.adapters.database.dialect import translated
from nurture.adapters.database.json_columns import JsonColumn
from nurture.adapters.database.releases import Releases, apply
from nurture.adapters.database.switching import turn_switch
from nurture.adapters.database.tables import enrollments, messages
from nurture.adapters.database.tables import releases as release_rows
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import LIVE, EnrollmentStatus
from nurture.domain.mail.message import NEVER_LEFT
from nurture.domain.releasing import MIGRATED_TO_THE_END, Fate, Group, Mails, Outlook, Wishes, mails_of, renamed_outcomes
from nurture.domain.sequence import Sequence as SequenceDefinition
from nurture.domain.stepping import MAILED_BEFORE


def standing(connection: Connection, sequences: Collection[str]) -> list[Group]:
    """How many people are in flight on each step of each version of these sequences."""
    where = enrollments.c.sequence, enrollments.c.version, enrollments.c.step
    live = _live(enrollments.c.sequence.in_(sequences))
    return [Group(*row) for row in connection.execute(select(*where, func.count()).where(live).group_by(*where).order_by(*where))]


class ReleasingTransaction:
    """One transaction of release; fulfils `flow.release.Releasing`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        self._connection = connection
        self._releases = releases

    def newest(self) -> int | None:
        return newest_release(self._connection)

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def standing(self, sequences: Collection[str]) -> list[Group]:
        return standing(self._connection, sequences)

    def versions(self, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], SequenceDefinition]:
        return self._releases.pinned(self._connection, wanted)

    def put_in_force(self, definitions: Definitions, at: datetime, restores: int | None) -> None:
        apply(self._connection, definitions, at, restores)

    def move(self, found: Sequence[Outlook], definitions: Definitions, wishes: Wishes, at: datetime) -> None:
        """Let groups meet their fates: one statement for all that leave a version in the same way."""
        alike: dict[tuple[str, str, Fate, str | None, bool], list[str]] = defaultdict(list)
        for group, fate, to, fresh, *_ in found:
            if fate in ("moves", "mapped", "ends"):
                alike[group.sequence, group.version, fate, to if fate == "mapped" else None, fresh].append(group.step)
        for (name, old, fate, to, fresh), steps in alike.items():
            there = _live(enrollments.c.sequence == name, enrollments.c.version == old, enrollments.c.step.in_(steps))
            target = definitions.sequences.get(name)
            if fate == "ends" or target is None:
                values = _ending(at)
            else:
                values = _standing_on(to, definitions.versions[name], at if fresh else None)
                values |= self._outcomes(name, old, target, wishes.maps.get(name, {}))
            self._connection.execute(update(enrollments).where(there).values(values))

    def _outcomes(self, name: str, old: str, target: SequenceDefinition, maps: Mapping[str, str]) -> dict[str, Any]:
        """What came of steps, under the names that they have in `target`, with the e-mails that were mailed under lost names."""
        former = self._releases.pinned(self._connection, {(name, old)}).get((name, old))
        renamed, mails = renamed_outcomes(former, target, maps), mails_of(target)
        known = former is not None and mails.has_all_of(mails_of(former))
        if known and not renamed:
            return {}
        json = JsonColumn(self._connection, enrollments.c.outcomes)
        for before, after in renamed.items():
            json.rename(before, after)
        if not known:
            json.put(MAILED_BEFORE, self._mailed(mails))
        return {"outcomes": json.value}

    def _mailed(self, mails: Mails) -> ColumnElement[str]:
        """The e-mails that a run was mailed otherwise than `mails` has them, separated by blanks; NULL if there is none."""
        same_mail = tuple_(messages.c.step, messages.c.template).in_(sorted(mails.named))
        gone = not_(or_(same_mail, messages.c.step.in_(sorted(mails.pools))))
        theirs = and_(messages.c.enrollment_id == enrollments.c.id, messages.c.status.not_in(NEVER_LEFT), gone)
        return select(_joined(self._connection, messages.c.template)).where(theirs).correlate(enrollments).scalar_subquery()


def newest_release(connection: Connection) -> int | None:
    """The id of the release in force; None before the first."""
    newest: int | None = connection.scalar(select(func.max(release_rows.c.id)))
    return newest


def _ending(at: datetime) -> dict[str, Any]:
    return {"status": EnrollmentStatus.EXITED.value, "reason": MIGRATED_TO_THE_END, "ended_at": at, "due_at": None}


def _standing_on(step: str | None, version: str | None, fresh: datetime | None) -> dict[str, Any]:
    """A run on another version: on `step`, or where it stands; from the instant `fresh` on as if it had just come there."""
    values: dict[str, Any] = {"version": version}
    if step is not None:
        values["step"] = step
    if fresh is not None:
        values |= {"due_at": fresh, "step_since": None, "status": _awake(EnrollmentStatus.ACTIVE)}
    return values


def _live(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(enrollments.c.status.in_([status.value for status in sorted(LIVE)]), *which)


def _awake(status: EnrollmentStatus) -> ColumnElement[str]:
    """A status for runs that are not held; those that are stay so."""
    paused = EnrollmentStatus.PAUSED.value
    return case((enrollments.c.status == paused, paused), else_=status.value)


def _joined(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """The distinct values of a group, separated by blanks."""
    if connection.dialect.name == "postgresql":
        return func.string_agg(column.distinct(), " ")
    return func.replace(func.group_concat(column.distinct()), ",", " ")


@contextmanager
def releasing(engine: Engine, releases: Releases) -> Iterator[ReleasingTransaction]:
    """A transaction that commits if the block ends well, and that no worker works beside."""
    with translated("nothing was changed; give the same command again"), engine.begin() as connection:
        turn_switch(connection)
        yield ReleasingTransaction(connection, releases)
