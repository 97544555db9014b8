"""What a simulation tells: what happened, in order of time, and what the database would hold at the end."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class What(StrEnum):
    """What a line of the timeline tells of."""

    EVENT = "event"
    CREATED = "created"
    IDENTIFIED = "identified"
    MERGED = "merged"
    SCORED = "scored"
    STAGE = "stage"
    RECOUNTED = "recounted"
    ENTERED = "entered"
    STEP = "step"
    WAITS = "waits"
    WENT_ON = "went on"
    ALERT = "alert"
    QUEUED = "queued"
    DEFERRED = "deferred"
    SKIPPED = "skipped"
    SENT = "sent"
    FAILED = "failed"
    ENDED = "ended"


class Line(NamedTuple):
    """One thing that happened to one person. `told` holds plain values, by name; which ones depends on `what`."""

    at: datetime
    what: What
    person: int
    sequence: str | None = None
    step: str | None = None
    told: Mapping[str, Any] = {}


class MessageRow(NamedTuple):
    """A message at the end. `person` is an address, or an id as text for nobody with an address."""

    person: str
    sequence: str
    entry: int
    step: str
    template: str
    variant: str | None
    status: str
    reason: str | None
    planned_at: datetime
    sent_at: datetime | None
    lost_to: tuple[int, ...] = ()


class RunRow(NamedTuple):
    """A run at the end."""

    person: str
    sequence: str
    entry: int
    status: str
    step: str
    reason: str | None
    entered_at: datetime
    due_at: datetime | None
    ended_at: datetime | None


class StageRow(NamedTuple):
    """A move from one stage to another."""

    at: datetime
    person: str
    from_stage: str
    to_stage: str
    rule: str
    cause: str


class PersonRow(NamedTuple):
    """A person at the end; `heat` is the unrounded measure from which engagement follows for any day."""

    person: str
    id: int
    stage: str
    heat: float
    fit: int
    grade: str
    engagement: float
    attributes: Mapping[str, Any]


class Story(NamedTuple):
    """What a simulation came to, from `start` to `until`: plain values, everything in order of time.

    `lines` are there only where they were asked for. `failures` say where runs stood that could not be decided, and why: by a
    mistake in the definitions or in the engine.
    """

    start: datetime
    until: datetime
    lines: tuple[Line, ...]
    message_rows: tuple[MessageRow, ...]
    run_rows: tuple[RunRow, ...]
    stage_rows: tuple[StageRow, ...]
    person_rows: tuple[PersonRow, ...]
    failures: tuple[str, ...] = ()

    def messages(self) -> tuple[MessageRow, ...]:
        """Every message ever queued or left out, by the instant for which it was planned."""
        return self.message_rows

    def runs(self) -> tuple[RunRow, ...]:
        """Every run, by the instant at which it was entered."""
        return self.run_rows

    def stage_changes(self) -> tuple[StageRow, ...]:
        """Every promotion, recycling and rejection."""
        return self.stage_rows

    def people(self) -> tuple[PersonRow, ...]:
        """Everybody who is not merged into another."""
        return self.person_rows


def told_together(stories: Iterable[Story]) -> Story:
    """One story of people who had nothing to do with each other; raises ValueError without any."""
    each = list(stories)
    if not each:
        raise ValueError("there is no story to tell; give at least one")
    return Story(
        each[0].start,
        each[0].until,
        tuple(sorted((line for story in each for line in story.lines), key=lambda line: line.at)),
        tuple(sorted((row for story in each for row in story.message_rows), key=order_of_message)),
        tuple(sorted((row for story in each for row in story.run_rows), key=order_of_run)),
        tuple(sorted(row for story in each for row in story.stage_rows)),
        tuple(sorted((row for story in each for row in story.person_rows), key=lambda row: (row.person, row.id))),
        tuple(sorted({failure for story in each for failure in story.failures})),
    )


def order_of_message(row: MessageRow) -> tuple[Any, ...]:
    """By the instant for which it was planned, then by whose it is."""
    return row.planned_at, row.person, row.sequence, row.entry, row.step


def order_of_run(row: RunRow) -> tuple[Any, ...]:
    """By the instant at which it was entered, then by whose it is."""
    return row.entered_at, row.person, row.sequence, row.entry


def from_then_on(story: Story, since: datetime) -> Story:
    """What of a story happened, stood or was due from an instant on; what lay before is left out, but for who people are."""
    return story._replace(
        start=since,
        lines=tuple(line for line in story.lines if line.at >= since),
        message_rows=tuple(
            row for row in story.message_rows if (row.sent_at or row.planned_at) >= since or row.status == "queued"
        ),
        run_rows=tuple(row for row in story.run_rows if row.ended_at is None or row.ended_at >= since),
        stage_rows=tuple(row for row in story.stage_rows if row.at >= since),
    )


def of_sequence(story: Story, sequence: str) -> Story:
    """What of a story belongs to one sequence; what people do and what becomes of them stays beside it."""
    return story._replace(
        lines=tuple(line for line in story.lines if line.sequence in (None, sequence)),
        message_rows=tuple(row for row in story.message_rows if row.sequence == sequence),
        run_rows=tuple(row for row in story.run_rows if row.sequence == sequence),
    )
