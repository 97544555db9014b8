"""Follow-ups: begun and ended in the transactions that move people, and as the verb *follow up* sees them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, or_, select, update

from nurture.adapters.database.bulk import among, insert_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.families import family_of
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.tables import deliveries, follow_ups, people, reminders, stage_changes
from nurture.domain.answering import ANSWER_OF
from nurture.domain.definitions import Definitions
from nurture.domain.following_up import MOVED, Awaited, Look, Over, Remind
from nurture.domain.handing_off import Handoff
from nurture.domain.ids import stable_id
from nurture.domain.lifecycle import SLACK, speaks_for_sales
from nurture.domain.telling.calls import DeliveryStatus
from nurture.domain.world import StoredEvent


def follow_moves(connection: Connection, changes: Sequence[Mapping[str, Any]], handoff: Handoff) -> None:
    """Rows of `stage_changes` end what was awaited of these people; to stages for whose newcomers sales must answer, one begins.

    It is due at once: the verb sees by the calendar for how long it may wait.
    """
    if not handoff.follow_up or not changes:
        return
    last = {change["person_id"]: change for change in changes}
    theirs = among(connection, follow_ups.c.person_id, family_of(connection, last.keys()))
    ended = {"due_at": None, "answer": MOVED, "answered_at": max(change["at"] for change in changes)}
    connection.execute(update(follow_ups).where(theirs, follow_ups.c.answered_at.is_(None)).values(ended))
    begun = [
        {
            "stage_change_id": change["id"],
            "person_id": change["person_id"],
            "stage": change["to_stage"],
            "since": change["at"],
            "due_at": change["at"],
        }
        for change in last.values()
        if change["to_stage"] in handoff.follow_up
    ]
    insert_rows(connection, follow_ups, begun, unless_there=True)


def note_answers(connection: Connection, stored: Sequence[StoredEvent]) -> None:
    """What sales answered ends what was awaited of these people, also where the stage that it led to has ended it already."""
    for each in stored:
        event = each.event
        if not speaks_for_sales(event) or each.verdict.kind != "human":
            continue
        begun_by_it = select(stage_changes.c.id).where(
            stage_changes.c.person_id == each.person, stage_changes.c.event_id == event.key
        )
        by_its_move = and_(follow_ups.c.answer == MOVED, follow_ups.c.answered_at >= event.occurred_at)
        connection.execute(
            update(follow_ups)
            .where(
                among(connection, follow_ups.c.person_id, family_of(connection, [each.person])),
                or_(follow_ups.c.answered_at.is_(None), by_its_move),
                follow_ups.c.since <= event.occurred_at + SLACK,
                follow_ups.c.stage_change_id.not_in(begun_by_it),
            )
            .values(due_at=None, answer=ANSWER_OF[event.name], answered_at=event.occurred_at)
        )


class FollowingUpTransaction:
    """One transaction of follow up; fulfils `flow.follow_up.FollowingUp`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        self._connection = connection
        self._releases = releases

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def due(self, limit: int, at: datetime) -> Sequence[Awaited]:
        # With the person, whom absorb locks first as well: so neither waits for the other while it is waited for.
        found = self._connection.execute(
            select(follow_ups, func.coalesce(people.c.merged_into, people.c.id).label("root"))
            .join(people, people.c.id == follow_ups.c.person_id)
            .where(follow_ups.c.due_at <= at)
            .order_by(follow_ups.c.due_at)
            .limit(limit)
            .with_for_update(of=[follow_ups, people], skip_locked=True)
        ).all()
        asked = select(people.c.id, people.c.stage).where(among(self._connection, people.c.id, {row.root for row in found}))
        stands = {row.id: row.stage for row in self._connection.execute(asked)}
        return [Awaited(row.stage_change_id, row.person_id, row.stage, stands[row.root], row.since, row.level) for row in found]

    def store(self, decided: Sequence[tuple[Awaited, Look | Remind | Over]], at: datetime) -> None:
        for awaited, what in decided:
            values: dict[str, Any] = (
                {"due_at": None, "answer": what.answer, "answered_at": at} if isinstance(what, Over) else {"due_at": what.due_at}
            )
            if isinstance(what, Remind):
                values["level"] = what.level
                self._remind(awaited, what, at)
            which = follow_ups.c.stage_change_id == awaited.stage_change
            self._connection.execute(update(follow_ups).where(which).values(values))

    def _remind(self, awaited: Awaited, what: Remind, at: datetime) -> None:
        number = stable_id("reminder", awaited.stage_change, what.level)
        about = {"stage_change_id": awaited.stage_change, "person_id": awaited.person}
        insert_rows(self._connection, reminders, [{"id": number, **about, "level": what.level, "at": at}], unless_there=True)
        due = [
            {
                "id": stable_id("delivery", number, name), "reminder_id": number, "endpoint": name,
                "status": DeliveryStatus.WAITING.value, "due_at": at, "person_id": awaited.person, "at": at,
            }
            for name in what.endpoints
        ]  # fmt: skip
        insert_rows(self._connection, deliveries, due, unless_there=True)


class FollowingUpStore:
    """Fulfils `flow.follow_up.FollowUpStore`."""

    def __init__(self, engine: Engine, releases: Releases) -> None:
        self._engine = engine
        self._releases = releases

    @contextmanager
    def transaction(self) -> Iterator[FollowingUpTransaction]:
        with translated("sales are reminded later"), self._engine.begin() as connection:
            yield FollowingUpTransaction(connection, self._releases)
