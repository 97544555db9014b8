"""Storing what people were moved by: stage changes with their hand-offs, runs begun and ended with their mails."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, select, update

from nurture.adapters.database.bulk import among, insert_rows, update_rows
from nurture.adapters.database.following_up import follow_moves
from nurture.adapters.database.handing_off import store_deliveries
from nurture.adapters.database.rows import enrollment_row, stage_change_row
from nurture.adapters.database.tables import enrollments, messages, people, stage_changes
from nurture.domain.enrollment import REACHED_END, Enrollment
from nurture.domain.handing_off import Handoff
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.sending import MessageStatus, Reason


def store_stage_changes(connection: Connection, moves: Sequence[StageChange], handoff: Handoff) -> None:
    """Write moves, the hand-offs they cause and what sales must answer for; a Conflict if one stands already."""
    if moves:
        rows = [stage_change_row(change) for change in moves]
        insert_rows(connection, stage_changes, rows)
        store_deliveries(connection, rows, handoff)
        follow_moves(connection, rows, handoff)


def store_runs(connection: Connection, runs: Sequence[Enrollment]) -> None:
    """Write runs that are new, and those that took a step or ended; queued mails of ended runs will not go."""
    insert_rows(connection, enrollments, [enrollment_row(run) for run in runs if run.new])
    changed = [run for run in runs if run.changed and not run.new]
    update_rows(
        connection,
        enrollments,
        [{name: value for name, value in enrollment_row(run).items() if name in _MOVES} for run in changed],
    )
    of_no_use = [run.id for run in changed if not run.live and run.reason != REACHED_END]
    if of_no_use:
        _cancel(connection, among(connection, messages.c.enrollment_id, of_no_use), Reason.ENROLLMENT_ENDED)


#: What of a run changes while it goes on; by the merge of two people also whose it is, which is stored elsewhere.
_MOVES: Final = frozenset({"id", "status", "step", "due_at", "reason", "ended_at", "step_since", "outcomes", "goal_at"})


def cancel_suppressed(connection: Connection, addresses: Sequence[str]) -> None:
    """Queued mails to suppressed addresses will not go."""
    addressed = select(people.c.id).where(people.c.email.in_(addresses))
    _cancel(connection, messages.c.person_id.in_(addressed), Reason.SUPPRESSED)


def _cancel(connection: Connection, which: ColumnElement[bool], reason: Reason) -> None:
    queued = messages.c.status == MessageStatus.QUEUED
    connection.execute(update(messages).where(queued, which).values(status=MessageStatus.SKIPPED, reason=reason))
