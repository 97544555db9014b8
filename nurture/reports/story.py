"""One person's story: who they are, where they stand and why, what they were sent, and what they did."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, func, select

from nurture.adapters.database.histories import give_histories
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import (
    alerts,
    deliveries,
    enrollments,
    events,
    identifiers,
    messages,
    people,
    score_cells,
    stage_changes,
    suppressions,
)  # fmt: skip
from nurture.domain.conditions import HAPPENED
from nurture.domain.definitions import Definitions
from nurture.domain.event import day_number
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.domain.mail.suppression import ALL
from nurture.domain.person import Person
from nurture.domain.scoring import Cell
from nurture.domain.stepping import EXHAUSTED, MAILED_BEFORE, TIMED_OUT
from nurture.domain.touches import Touch, touch_from_json
from nurture.reports.figures import Figures
from nurture.reports.log import about
from nurture.reports.people import Known, find_person
from nurture.reports.reading import snapshot
from nurture.reports.score_story import FitLine, Ledger, ModelScore, PointsLine, fit_story, model_scores
from nurture.reports.stage_story import Move, StageSpan, stage_spans
from nurture.reports.wishes import WishLines, wishes_of

#: How many of the latest events a story tells, unless asked for more.
LATEST: Final = 50


class IdentifierLine(Figures):
    """One thing the person is known by, and who told us."""

    kind: str
    value: str
    source: str
    first_seen_at: datetime


class AttributeLine(Figures):
    """One thing known of the person: when it was said, and by which source."""

    name: str
    value: Any
    at: datetime
    source: str


class EventLine(Figures):
    """One event. Only a human's earns points; `channel` is set where the event brought somebody here."""

    at: datetime
    name: str
    about: str
    source: str
    channel: str | None
    verdict: str
    verdict_reasons: tuple[str, ...]
    points: tuple[PointsLine, ...]


class TouchLine(Figures):
    """A visit that brought somebody here: when, by which channel, and what was said about it."""

    at: datetime
    channel: str
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    term: str | None = None
    click_id: str | None = None
    referrer: str | None = None
    landing: str | None = None


class StageLine(Figures):
    """One move, by which rule and for what cause; `event` is what the person had done, `touch` what had brought them."""

    at: datetime
    from_stage: str
    to_stage: str
    rule: str
    cause: str
    asset: str | None
    touch: TouchLine | None
    event: EventLine | None


class WentInstead(Figures):
    """A mail that used up the frequency cap: of which sequence and step, and when it went, as far as it has."""

    sequence: str
    step: str
    sent_at: datetime | None


class MessageLine(Figures):
    """One mail. `reason` says why it did not go, or not yet; `detail` is what the mail server said, or what ended the run.

    `variant` is how it was written, where there are several ways. `lost_to` are the mails that it had to give way to when the
    frequency cap was last asked.
    """

    step: str
    template: str
    status: str
    reason: str | None
    detail: str | None
    subject: str | None
    language: str | None
    planned_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    attempts: int
    variant: str | None = None
    lost_to: tuple[WentInstead, ...] = ()

    @property
    def capped_until(self) -> datetime | None:
        """Until when the frequency cap holds it, if that is what it waits for."""
        return self.due_at if self.reason == Reason.CAPPED else None


class AlertLine(Figures):
    """What a step told another system; `status` is where that stands, `detail` what the system last answered."""

    at: datetime
    step: str
    text: str | None
    endpoint: str
    status: str
    detail: str | None


class EnrollmentLine(Figures):
    """One run through a sequence; `due_at` is when its next step comes, `reason` why it ended.

    `step_since` is since when it waits on its step, or waited when an event ended it. `outcomes` is what came of the steps that
    it took, by their ids: `happened`, `timed_out` or `exhausted`.
    """

    sequence: str
    version: str
    entry: int
    status: str
    step: str
    reason: str | None
    entered_at: datetime
    ended_at: datetime | None
    due_at: datetime | None
    step_since: datetime | None
    outcomes: Mapping[str, str]
    messages: tuple[MessageLine, ...]
    alerts: tuple[AlertLine, ...]


class Suppression(Figures):
    """Why the address is never mailed again."""

    reason: str
    source: str
    at: datetime


class Story(Figures):
    """Everything, at instant `at`. `scores` are engagement by each model, `engagement` that of the default one.

    `matrix` is grade and band, such as A1. `fit_unexplained` is what the total holds beyond its lines: zero, unless rules
    changed since the person was last counted. `recount_at` is set while what is stored waits to be worked out afresh.
    """

    at: datetime
    person: int
    email: str | None
    identifiers: tuple[IdentifierLine, ...]
    merged: tuple[int, ...]
    attributes: tuple[AttributeLine, ...]
    first_seen_at: datetime
    seen_at: datetime
    first_touch: TouchLine | None
    last_touch: TouchLine | None
    stage: str
    stage_since: datetime
    stage_seconds: int
    rejected_until: datetime | None
    stages: tuple[StageSpan, ...]
    matrix: str
    engagement: float
    scores: tuple[ModelScore, ...]
    fit: int
    grade: str
    fit_lines: tuple[FitLine, ...]
    fit_unexplained: int
    recount_at: datetime | None
    suppression: Suppression | None
    wishes: WishLines
    stage_changes: tuple[StageLine, ...]
    enrollments: tuple[EnrollmentLine, ...]
    events_in_all: int
    events: tuple[EventLine, ...]


def story(engine: Engine, definitions: Definitions, email_or_id: str, at: datetime, latest: int = LATEST) -> Story:
    """The story of whoever `email_or_id` names, with their `latest` events, oldest first.

    Raises UnknownPerson, and Unavailable when the database does not answer.
    """
    with snapshot(engine) as connection:
        return _Teller(connection, definitions, find_person(connection, email_or_id), at).tell(latest)


class _Teller:
    def __init__(self, connection: Connection, definitions: Definitions, known: Known, at: datetime) -> None:
        self._connection = connection
        self._definitions = definitions
        self._known = known
        self._person = known.person
        self._at = at

    def tell(self, latest: int) -> Story:
        person, scoring, day = self._person, self._definitions.scoring, day_number(self._at)
        moves, cells = self._rows(stage_changes, stage_changes.c.at), self._cells()
        ledger = Ledger(self._definitions, cells, day)
        timeline = _Timeline(ledger, {row.id: row.step for row in self._rows(messages, messages.c.id)})
        timeline.read(self._events(), latest, {row.event_id for row in moves if row.event_id is not None})
        give_histories(self._connection, [person], self._definitions.history_names, self._at)
        facts = person.facts(self._at, scoring)
        fit, fit_unexplained = fit_story(person, facts, scoring)
        scores = model_scores(cells, person, scoring, day)
        return Story(
            at=self._at, person=person.id, email=person.email, merged=self._known.merged,
            identifiers=tuple(self._identifiers()),
            attributes=tuple(_attributes(person)),
            first_seen_at=person.first_seen_at, seen_at=person.seen_at,
            first_touch=_touch(person.first_touch), last_touch=_touch(person.last_touch),
            stage=person.stage, stage_since=person.stage_since,
            stage_seconds=max(0, int((self._at - person.stage_since) / timedelta(seconds=1))),
            rejected_until=person.rejected_until, stages=self._stages(moves),
            matrix=facts["matrix"], engagement=scores[0].engagement, scores=scores,
            fit=person.fit, grade=str(person.grade), fit_lines=fit, fit_unexplained=fit_unexplained,
            recount_at=self._recount_at(),
            suppression=suppression_of(self._connection, person), wishes=wishes_of(self._connection, person),
            stage_changes=tuple(_stage_line(row, timeline.wanted) for row in moves),
            enrollments=runs_of(self._connection, self._known),
            events_in_all=timeline.seen, events=tuple(timeline.latest),
        )  # fmt: skip

    def _rows(self, table: Any, order: Any) -> list[Row[Any]]:
        return list(self._connection.execute(select(table).where(table.c.person_id.in_(self._known.ids)).order_by(order)))

    def _cells(self) -> Mapping[Cell, int]:
        return {Cell(row.rule, row.day): row.hits for row in self._rows(score_cells, score_cells.c.day)}

    def _events(self) -> Iterator[Row[Any]]:
        # A few at a time: somebody's log may be longer than what is told of it.
        statement = select(events).where(events.c.person_id.in_(self._known.ids)).order_by(events.c.occurred_at, events.c.id)
        yield from self._connection.execute(statement, execution_options={"yield_per": 500})

    def _identifiers(self) -> Iterator[IdentifierLine]:
        for row in self._rows(identifiers, identifiers.c.first_seen_at):
            yield IdentifierLine(kind=row.kind, value=row.value, source=row.source, first_seen_at=row.first_seen_at)

    def _stages(self, rows: Sequence[Row[Any]]) -> tuple[StageSpan, ...]:
        moves = [Move(row.at, row.to_stage, row.person_id == self._person.id) for row in rows]
        return stage_spans(self._person, moves, self._definitions.lifecycle, self._at)

    def _recount_at(self) -> datetime | None:
        marked = select(func.min(people.c.recount_at)).where(people.c.id.in_(self._known.ids))
        found: datetime | None = self._connection.scalar(marked)
        return found


class _Timeline:
    """Walks through a person's log: keeps the latest events and those wanted, and tells what each earned."""

    def __init__(self, ledger: Ledger, step_of: Mapping[int, str]) -> None:
        self._ledger = ledger
        self._step_of = step_of
        self.latest: deque[EventLine] = deque()
        self.wanted: dict[UUID, EventLine] = {}
        self.seen = 0

    def read(self, log: Iterator[Row[Any]], latest: int, wanted: set[UUID]) -> None:
        self.latest = deque(maxlen=latest)
        for row in log:
            line = self._line(row)
            self.seen += 1
            self.latest.append(line)
            if row.id in wanted:
                self.wanted[row.id] = line

    def _line(self, row: Row[Any]) -> EventLine:
        event = event_of(row)
        return EventLine(
            at=row.occurred_at, name=row.name, about=about(event, self._step_of), source=event.source, channel=row.channel,
            verdict=row.verdict, verdict_reasons=tuple(row.verdict_reasons or ()),
            points=tuple(self._ledger.earned(event)) if row.verdict == "human" else (),
        )  # fmt: skip


def runs_of(connection: Connection, known: Known) -> tuple[EnrollmentLine, ...]:
    """A person's runs with their mails and what their steps told others, oldest first."""
    told = _alerts_of(connection, known)
    entered = select(enrollments).where(enrollments.c.person_id.in_(known.ids)).order_by(enrollments.c.entered_at)
    runs = connection.execute(entered).all()
    sequence_of = {run.id: run.sequence for run in runs}
    written = select(messages).where(messages.c.person_id.in_(known.ids)).order_by(messages.c.planned_at, messages.c.step)
    rows = connection.execute(written).all()
    others = {
        row.id: WentInstead(sequence=sequence_of[row.enrollment_id], step=row.step, sent_at=row.sent_at)
        for row in rows
        if row.enrollment_id in sequence_of
    }
    mails: dict[int, list[MessageLine]] = {}
    for row in rows:
        mails.setdefault(row.enrollment_id, []).append(_message_line(row, others))
    return tuple(
        EnrollmentLine(
            sequence=row.sequence, version=row.version, entry=row.entry, status=row.status, step=row.step, reason=row.reason,
            entered_at=row.entered_at, ended_at=row.ended_at, due_at=row.due_at, step_since=row.step_since,
            outcomes=_outcomes(row.outcomes or {}), messages=tuple(mails.get(row.id, ())), alerts=tuple(told.get(row.id, ())),
        )
        for row in runs
    )  # fmt: skip


def _outcomes(stored: Mapping[str, str]) -> Mapping[str, str]:
    """What came of steps, by name: a database may keep them in an order of its own."""
    return {step: came for step, came in sorted(stored.items()) if step != MAILED_BEFORE}


#: What came of a step, in words.
CAME_OF_IT: Final[Mapping[str, str]] = {HAPPENED: "happened", TIMED_OUT: "timed out", EXHAUSTED: "pool exhausted"}


def capped(mail: MessageLine) -> str:
    """Until when the frequency cap holds a mail, and what went instead: `capped until …; went instead: guide-nurture/case on …`."""
    instead = [
        f"{each.sequence}/{each.step}" + (f" on {each.sent_at.day} {each.sent_at:%B}" if each.sent_at else "")
        for each in mail.lost_to
    ]
    until = f"capped until {mail.capped_until:%Y-%m-%d %H:%M} UTC"
    return "; ".join([until, f"went instead: {', '.join(instead)}"] if instead else [until])


def _alerts_of(connection: Connection, known: Known) -> Mapping[int, list[AlertLine]]:
    told: dict[int, list[AlertLine]] = {}
    asked = select(alerts, deliveries.c.endpoint, deliveries.c.status, deliveries.c.detail).join(
        deliveries, deliveries.c.alert_id == alerts.c.id
    )
    for row in connection.execute(asked.where(alerts.c.person_id.in_(known.ids)).order_by(alerts.c.at, alerts.c.step)):
        line = AlertLine(
            at=row.at, step=row.step, text=row.text, endpoint=row.endpoint, status=row.status, detail=row.detail
        )  # fmt: skip
        told.setdefault(row.enrollment_id, []).append(line)
    return told


def suppression_of(connection: Connection, person: Person) -> Suppression | None:
    """Why a person's address is not mailed, if it is not."""
    row = connection.execute(
        select(suppressions).where(suppressions.c.email == person.email, suppressions.c.scope == ALL)
    ).one_or_none()
    return Suppression(reason=row.reason, source=row.source, at=row.at) if row is not None else None


def _message_line(row: Row[Any], others: Mapping[int, WentInstead]) -> MessageLine:
    return MessageLine(
        step=row.step, template=row.template, status=row.status.value, reason=row.reason, detail=row.detail,
        subject=row.subject, language=row.language, planned_at=row.planned_at,
        due_at=row.due_at if row.status == MessageStatus.QUEUED else None, sent_at=row.sent_at, attempts=row.attempts,
        variant=row.variant, lost_to=tuple(others[each] for each in row.lost_to or () if each in others),
    )  # fmt: skip


def _stage_line(row: Row[Any], told: Mapping[UUID, EventLine]) -> StageLine:
    return StageLine(
        at=row.at, from_stage=row.from_stage, to_stage=row.to_stage, rule=row.rule, cause=row.cause, asset=row.asset,
        touch=_touch(touch_from_json(row.touch)) if row.touch else None, event=told.get(row.event_id),
    )  # fmt: skip


def _touch(touch: Touch | None) -> TouchLine | None:
    return None if touch is None else TouchLine(**touch._asdict())


def _attributes(person: Person) -> Iterator[AttributeLine]:
    for name, attribute in sorted(person.attributes.items()):
        yield AttributeLine(name=name, value=attribute.value, at=attribute.at, source=attribute.source)
