"""One walk of one enrollment, with short names for what varies."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED
from nurture.domain.history import HISTORY, NOW, History, Past
from nurture.domain.schedule import Calendar
from nurture.domain.stepping import Move, Standing, advance
from tests.support.sequences import WORDS, definitions_with

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CALENDAR = Calendar("Europe/Paris", lambda *_: False)
ACTIVE, WAITING, COMPLETED, EXITED = (
    EnrollmentStatus.ACTIVE, EnrollmentStatus.WAITING, EnrollmentStatus.COMPLETED, EnrollmentStatus.EXITED,
)  # fmt: skip
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REACH: dict[str, timedelta | None] = dict.fromkeys((*WORDS.events, ASSET_DOWNLOADED, EMAIL_CLICKED), None)


def mail(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "email": name, **more}


def defined(*steps: dict[str, Any], **more: Any) -> Definitions:
    return definitions_with({"sequence": "s", "trigger": {"event": "signed_up"}, "steps": list(steps), **more})


def run(definitions: Definitions, step: str | None = None, **parts: Any) -> Enrollment:
    defaults: dict[str, Any] = {
        "id": 1, "person": 2, "sequence": "s", "version": "v", "entry": 1, "status": ACTIVE, "due_at": MONDAY,
        "entered_at": MONDAY, "step": step or definitions.sequences["s"].program.first,
    }  # fmt: skip
    return Enrollment(**(defaults | parts))


def known(at: datetime = MONDAY, past: Iterable[Past] = (), **facts: Any) -> dict[str, Any]:
    return {"stage": "lead", HISTORY: History(past, REACH), NOW: at, **facts}


def walk(
    definitions: Definitions,
    step: str | Enrollment | None = None,
    facts: Mapping[str, Any] | None = None,
    at: datetime = MONDAY,
    calendar: Calendar = CALENDAR,
    **beside: Any,
) -> Move:
    """One walk of a run that stands at `step` at instant `at`."""
    standing = step if isinstance(step, Enrollment) else run(definitions, step)
    facts = known(at) if facts is None else facts
    return advance(Standing(standing, definitions.sequences["s"], facts, **beside), definitions, calendar, at)


def moved(standing: Enrollment, move: Move) -> Enrollment:
    """The run as it stands after a move."""
    return replace(
        standing, status=move.status, step=move.step, due_at=move.due_at, step_since=move.step_since, outcomes=move.outcomes
    )


def templates(move: Move) -> list[str]:
    return [message.template for message in move.messages if message.skipped is None]
