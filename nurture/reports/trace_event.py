"""What became of a stored event: who it was taken to be, points, stage changes, runs and their mails, and what others were told."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import (
    deliveries,
    enrollments,
    event_conflicts,
    events,
    messages,
    people,
    score_cells,
    stage_changes,
)  # fmt: skip
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event, day_number, midnight
from nurture.domain.scoring import Cell
from nurture.reports.log import about
from nurture.reports.score_story import Ledger
from nurture.reports.trace_parts import MOST, Moment, instant


class EventTeller:
    """Tells of one row of `events`. Every question goes by an index of its person, so a trace costs what that person has done in a day."""

    def __init__(self, connection: Connection, definitions: Definitions, row: Row[Any]) -> None:
        self._connection = connection
        self._definitions = definitions
        self._row = row
        self._event = event_of(row)

    def moments(self) -> Iterator[Moment]:
        yield from self._taken()
        yield from self._judged()
        yield from self._points()
        moves = self._moves()
        for move in moves:
            text = f"{move.from_stage} → {move.to_stage}, by {move.rule} ({move.cause})"
            yield Moment(at=move.at, what="stage_change", text=text)
            yield from deliveries_of(self._connection, deliveries.c.stage_change_id == move.id)
        yield from self._runs()

    def _taken(self) -> Iterator[Moment]:
        event, row = self._event, self._row
        what = " · ".join(filter(None, [row.name, about(event, {})]))
        yield Moment(at=row.occurred_at, what="occurred", text=f"{what}, told by {event.source} under the id {event.message_id}")
        yield Moment(at=row.received_at, what="accepted", text="accepted, and on the stream when the answer went out")
        for warning in event.warnings:
            yield Moment(at=row.received_at, what="warning", text=warning)
        yield Moment(
            at=row.received_at, what="stored", text=f"absorbed: the key {row.id} is in the log, and its entry has left the stream"
        )
        others = self._connection.scalars(
            select(event_conflicts.c.received_at).where(event_conflicts.c.event_id == row.id).limit(MOST)
        )
        for at in others:
            yield Moment(
                at=at,
                what="conflict",
                text="came again with something else to say, which counts for nothing (`nurture events conflicts`)",
            )

    def _judged(self) -> Iterator[Moment]:
        row = self._row
        reasons = f" ({', '.join(row.verdict_reasons)})" if row.verdict_reasons else ""
        counts = "" if row.verdict == "human" else ": it earns no points, and moves nobody"
        yield Moment(at=row.received_at, what="verdict", text=f"{row.verdict}{reasons}{counts}")
        person = self._connection.execute(select(people).where(people.c.id == row.person_id)).one()
        named = [kind for kind in ("email", "user_id", "anonymous_id", "submission") if getattr(self._event, kind) is not None]
        by = "a signed link" if self._event.person is not None else ", ".join(named) or "nothing that it names"
        whose = f"person {person.id}" + (f" ({person.email})" if person.email else "")
        yield Moment(at=row.received_at, what="person", text=f"counts for {whose}, known by {by}")
        if person.merged_into is not None:
            yield Moment(at=None, what="merged", text=f"person {person.id} turned out to be person {person.merged_into}")
        if person.recount_at is not None:
            yield Moment(
                at=person.recount_at,
                what="recount",
                text="what they did is due to be counted afresh, so this may change in a moment",
            )
        if row.channel:
            yield Moment(at=row.occurred_at, what="channel", text=f"brought them here by {row.channel}")

    def _ids(self) -> list[int]:
        """The person of the event and whoever they were merged into."""
        into = self._connection.scalar(select(people.c.merged_into).where(people.c.id == self._row.person_id))
        return [self._row.person_id, *([into] if into is not None else [])]

    def _points(self) -> Iterator[Moment]:
        """What it counted. A cap is shared by the events of a day, so those are gone through in their order."""
        if self._row.verdict != "human" or not self._definitions.rules_by_event.get(self._row.name):
            return
        ids, day = self._ids(), midnight(self._row.occurred_at)
        held = select(score_cells).where(score_cells.c.person_id.in_(ids))
        cells = {Cell(row.rule, row.day): row.hits for row in self._connection.execute(held)}
        ledger = Ledger(self._definitions, cells, day_number(self._row.occurred_at))
        until_then = events.c.occurred_at.between(day, self._row.occurred_at)
        log = select(events).where(events.c.person_id.in_(ids), events.c.verdict == "human", until_then)
        for row in self._connection.execute(
            log.order_by(events.c.occurred_at, events.c.id), execution_options={"yield_per": 500}
        ):
            for line in ledger.earned(event_of(row)):
                if row.id == self._row.id:
                    capped = ", cut by a cap" if line.capped else ""
                    yield Moment(at=row.occurred_at, what="score", text=f"{line.points:+d} by {line.rule}{capped}")

    def _moves(self) -> Sequence[Row[Any]]:
        mine = stage_changes.c.person_id.in_(self._ids()), stage_changes.c.event_id == self._row.id
        return self._connection.execute(select(stage_changes).where(*mine).order_by(stage_changes.c.at)).all()

    def _runs(self) -> Iterator[Moment]:
        """Runs are entered at the instant of what caused them."""
        mine = enrollments.c.person_id.in_(self._ids()), enrollments.c.entered_at == self._row.occurred_at
        for run in self._connection.execute(select(enrollments).where(*mine).order_by(enrollments.c.sequence)):
            ended = f"; ended: {run.reason}" if run.reason else ""
            due = f", due {instant(run.due_at)}" if run.due_at else ""
            yield Moment(
                at=run.entered_at,
                what="entered",
                text=f"entered {run.sequence} (version {run.version}): now {run.status} at step {run.step}{due}{ended}",
            )
            theirs = select(messages).where(messages.c.enrollment_id == run.id).order_by(messages.c.planned_at).limit(MOST)
            for mail in self._connection.execute(theirs):
                why = f" ({mail.reason})" if mail.reason else ""
                text = f"mail {mail.id}, step {mail.step}, {mail.template}: {mail.status.value}{why}; `nurture trace {mail.id}` tells more"
                yield Moment(at=mail.sent_at or mail.planned_at, what="mail", text=text)


def deliveries_of(connection: Connection, which: Any) -> Iterator[Moment]:
    """What other systems were told of something."""
    for row in connection.execute(select(deliveries).where(which).order_by(deliveries.c.endpoint)):
        when = f", due {instant(row.due_at)}" if row.status == "waiting" else ""
        said = f": {row.detail}" if row.detail else ""
        text = f"hand-off to {row.endpoint}: {row.status} after {row.attempts} attempts{when}{said}"
        yield Moment(at=None, what="handoff", text=text)


def cause_of_run(connection: Connection, definitions: Definitions, run: Row[Any]) -> Event | None:
    """The event at whose instant a run was entered, if there is one: the one that its sequence waits for before others."""
    same = select(events).where(events.c.person_id == run.person_id, events.c.occurred_at == run.entered_at)
    found = [event_of(row) for row in connection.execute(same.order_by(events.c.id).limit(MOST))]
    sequence = definitions.sequences.get(run.sequence)
    waited_for = set(sequence.trigger.events) if sequence is not None else set()
    promoted = set(
        connection.scalars(
            select(stage_changes.c.event_id).where(
                stage_changes.c.person_id == run.person_id, stage_changes.c.at == run.entered_at
            )
        )
    )
    return min(found, key=lambda each: (each.name not in waited_for, each.key not in promoted), default=None)
