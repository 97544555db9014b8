"""Rows to domain values and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.event import Event
from nurture.domain.ids import stable_id
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Attribute, Person
from nurture.domain.scoring import Grade
from nurture.domain.sums import Sums
from nurture.domain.touches import touch_from_json, touch_to_json


def attributes_to_json(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """`{name: [value, instant, source]}`, as the column keeps them."""
    return {name: [value, at.isoformat(), source] for name, (value, at, source) in attributes.items()}


def attributes_from_json(stored: Mapping[str, Any]) -> dict[str, Attribute]:
    """The inverse of `attributes_to_json`."""
    return {name: Attribute(value, datetime.fromisoformat(at), source) for name, (value, at, source) in stored.items()}


def _sums_of(stored: Mapping[str, Any] | None) -> Sums | None:
    if stored is None:
        return None
    return Sums(stored["by"], {model: tuple(parts) for model, parts in stored["parts"].items()})


def person_of(row: Row[Any], id_: int | None = None) -> Person:
    """A person from a full row of `people`; from a row in which `id` is another's, that of the person is named."""
    return Person(
        id=row.id if id_ is None else id_,
        stage=row.stage,
        stage_since=row.stage_since,
        first_seen_at=row.first_seen_at,
        seen_at=row.seen_at,
        grade=Grade(row.grade),
        email=row.email,
        attributes=attributes_from_json(row.attributes),
        heat=row.heat,
        heats=row.heats or {},
        sums=_sums_of(row.sums),
        fit=row.fit,
        merged_into=row.merged_into,
        by_hand=row.by_hand,
        acted=row.acted,
        rejected_until=row.rejected_until,
        first_touch=touch_from_json(row.first_touch) if row.first_touch else None,
        last_touch=touch_from_json(row.last_touch) if row.last_touch else None,
    )


def event_of(row: Row[Any]) -> Event:
    """The event of a row with the columns name, occurred_at, received_at and body."""
    told = {**row.body, "name": row.name, "occurred_at": row.occurred_at, "received_at": row.received_at}
    return Event.model_validate(told)


def stage_change_of(row: Row[Any], event: Event | None) -> StageChange:
    """A stage change from a full row of `stage_changes`, with the event that caused it."""
    return StageChange(row.person_id, row.from_stage, row.to_stage, row.rule, row.cause, row.at, event)


def enrollment_of(row: Row[Any]) -> Enrollment:
    """An enrollment from a full row of `enrollments`."""
    return Enrollment(
        id=row.id,
        person=row.person_id,
        sequence=row.sequence,
        version=row.version,
        entry=row.entry,
        status=EnrollmentStatus(row.status),
        step=row.step,
        due_at=row.due_at,
        entered_at=row.entered_at,
        ended_at=row.ended_at,
        reason=row.reason,
        step_since=row.step_since,
        outcomes=row.outcomes or {},
        goal_at=row.goal_at,
    )


def person_row(person: Person) -> dict[str, Any]:
    """A full row of `people`."""
    return {
        "id": person.id,
        "stage": person.stage,
        "stage_since": person.stage_since,
        "email": person.email,
        "attributes": attributes_to_json(person.attributes),
        "heat": person.heat,
        "heats": person.heats or None,
        "sums": person.sums._asdict() if person.sums else None,
        "fit": person.fit,
        "grade": str(person.grade),
        "first_seen_at": person.first_seen_at,
        "seen_at": person.seen_at,
        "merged_into": person.merged_into,
        "by_hand": person.by_hand,
        "acted": person.acted,
        "rejected_until": person.rejected_until,
        "first_touch": touch_to_json(person.first_touch) if person.first_touch else None,
        "last_touch": touch_to_json(person.last_touch) if person.last_touch else None,
    }


def stage_change_row(change: StageChange) -> dict[str, Any]:
    """A full row of `stage_changes`."""
    event_id = change.event.key if change.event else None
    return {
        "id": stable_id("stage", change.person, event_id or change.after or change.at.isoformat(), change.rule, change.to_stage),
        "person_id": change.person,
        "from_stage": change.from_stage,
        "to_stage": change.to_stage,
        "rule": change.rule,
        "cause": change.cause,
        "event_id": event_id,
        "asset": change.asset,
        "touch": touch_to_json(change.touch) if change.touch else None,
        "at": change.at,
    }


def enrollment_row(run: Enrollment) -> dict[str, Any]:
    """A full row of `enrollments`."""
    return {
        "id": run.id,
        "person_id": run.person,
        "sequence": run.sequence,
        "version": run.version,
        "entry": run.entry,
        "status": run.status.value,
        "step": run.step,
        "due_at": run.due_at,
        "reason": run.reason,
        "entered_at": run.entered_at,
        "ended_at": run.ended_at,
        "step_since": run.step_since,
        "outcomes": dict(run.outcomes) or None,
        "goal_at": run.goal_at,
    }
