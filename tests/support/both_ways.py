"""The same events played twice: through the simulator, and through the verbs on a real database with a clock that is moved.

Both return a `Played`, of plain values: they must be equal.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Engine, func, select
from sqlalchemy import insert as plain_insert

from nurture.adapters.database.releases import apply
from nurture.adapters.database.rows import person_of
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages, pauses, people, stage_changes, surveys
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.verdict import AgentKind
from nurture.flow.absorb import store_batch
from nurture.flow.advance import advance
from nurture.flow.cool import cool
from nurture.flow.one_way import OneWay
from nurture.flow.recount import recount
from nurture.flow.send import Mailroom, send
from nurture.flow.survey import survey
from nurture.ports import Letter, Written
from nurture.simulation.engine import Simulation
from nurture.simulation.story import MessageRow, PersonRow, RunRow, StageRow, order_of_message, order_of_run
from tests.support.mailrooms import Accepting
from tests.support.waiting import MovableClock

#: What is received at an instant.
Batches = Iterable[tuple[datetime, Iterable[Event]]]


def kind_of_agent(agent: str) -> AgentKind:
    return "crawler" if "bot" in agent else "browser"


def no_holiday(_day: date, _country: str) -> bool:
    return False


class Played(NamedTuple):
    """What either way came to; `people` without their ids, which say nothing more."""

    messages: tuple[MessageRow, ...]
    runs: tuple[RunRow, ...]
    stage_changes: tuple[StageRow, ...]
    people: tuple[PersonRow, ...]


def received(batches: Batches) -> list[Event]:
    """The events with the instants at which they are received."""
    return [event.model_copy(update={"received_at": at}) for at, events in batches for event in events]


def simulated(
    definitions: Definitions, events: Sequence[Event], start: datetime, until: datetime, *, held: Collection[str] = ()
) -> Played:
    """Play events through the simulator."""
    simulation = Simulation(definitions, start, no_holiday, kind_of_agent, held=held)
    simulation.take(events)
    simulation.run(until)
    story = simulation.story()
    return Played(story.messages(), story.runs(), story.stage_changes(), story.people())


def really(
    engine: Engine,
    definitions: Definitions,
    events: Sequence[Event],
    start: datetime,
    until: datetime,
    *,
    held: Collection[str] = (),
) -> Played:
    """Play events through the verbs on an empty database that has the engine's tables."""
    installation = _Installation(engine, definitions, start, held)
    installation.play(events, until)
    return stored(engine, definitions, until)


def stored(engine: Engine, definitions: Definitions, at: datetime) -> Played:
    """What the database of an installation holds at an instant."""
    with engine.connect() as connection:
        persons = [person_of(row) for row in connection.execute(select(people))]
        names = {person.id: person.email or str(person.id) for person in persons}
        runs = {row.id: row for row in connection.execute(select(enrollments))}
        mails = [_message_row(row, runs[row.enrollment_id], names) for row in connection.execute(select(messages))]
        moves = [
            StageRow(row.at, names[row.person_id], row.from_stage, row.to_stage, row.rule, row.cause)
            for row in connection.execute(select(stage_changes))
        ]
    rows = [
        PersonRow(
            names[person.id], person.id, person.stage, person.heat, person.fit, str(person.grade),
            person.facts(at, definitions.scoring)["engagement"],
            {name: told.value for name, told in person.attributes.items()},
        )
        for person in persons
        if person.merged_into is None
    ]  # fmt: skip
    return Played(
        tuple(sorted(mails, key=order_of_message)),
        tuple(sorted((_run_row(row, names) for row in runs.values()), key=order_of_run)),
        tuple(sorted(moves)),
        tuple(sorted(rows, key=lambda row: (row.person, row.id))),
    )


class _Stands(NamedTuple):
    """How many people wait for a recount, and when the next survey, run and message is due."""

    marked: int
    walk: datetime | None
    run: datetime | None
    mail: datetime | None


def _is_due(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now


class _Installation:
    """A real database, and a clock that jumps to whatever is due next."""

    def __init__(self, engine: Engine, definitions: Definitions, start: datetime, held: Collection[str]) -> None:
        self.database, self.definitions, self.clock = Database(engine), definitions, MovableClock(start)
        with engine.begin() as connection:
            apply(connection, definitions, start)
            for sequence in held:
                connection.execute(plain_insert(pauses), {"sequence": sequence, "at": start})
        self._midnight = _midnight_after(start)
        self._mailroom = Mailroom(
            self.database.sending, Accepting(self.clock), OneWay(), _Writer(), self.clock, no_holiday, "worker"
        )

    def play(self, events: Sequence[Event], until: datetime) -> None:
        coming = sorted(events, key=lambda event: event.received_at)
        now: datetime | None = self.clock.now()
        while now is not None and now <= until:
            self.clock.move_to(now)
            due = [event for event in coming if event.received_at <= now]
            coming = coming[len(due) :]
            if due:
                store_batch(self.database, due, kind_of_agent, now)
            self._drain(now)
            now = self._next(coming)
        self.clock.move_to(until)

    def _drain(self, now: datetime) -> None:
        if now >= self._midnight:
            self._midnight = _midnight_after(now)
            cool(self.database, self.clock)
        while any(stands := self._stands()):
            if stands.marked:
                recount(self.database, self.clock)
            elif _is_due(stands.walk, now):
                survey(self.database, self.clock)
            elif _is_due(stands.run, now):
                advance(self.database, self.clock, no_holiday)
            elif _is_due(stands.mail, now):
                send(self._mailroom)
            else:
                return

    def _stands(self) -> "_Stands":
        """What waits for a verb, asked at once: to wake each verb in vain would take most of the time."""
        walking, queued = enrollments.c.status.in_(["active", "waiting"]), messages.c.status == "queued"
        asked = select(
            select(func.count()).where(people.c.recount_at.is_not(None)).scalar_subquery(),
            select(func.min(surveys.c.at)).scalar_subquery(),
            select(func.min(enrollments.c.due_at)).where(walking).scalar_subquery(),
            select(func.min(messages.c.due_at)).where(queued).scalar_subquery(),
        )
        with self.database.engine.connect().execution_options(reading=True) as connection:
            return _Stands(*connection.execute(asked).one())

    def _next(self, coming: Sequence[Event]) -> datetime | None:
        _, *waiting = self._stands()
        instants = [each for each in waiting if each is not None] + [event.received_at for event in coming[:1]]
        if self.definitions.lifecycle.recycling and instants:
            instants.append(self._midnight)
        return max(min(instants), self.clock.now()) if instants else self._midnight_while_somebody_may_cool()

    def _midnight_while_somebody_may_cool(self) -> datetime | None:
        stages = {rule.from_ for rule in self.definitions.lifecycle.recycling}
        with self.database.engine.connect() as connection:
            warm = connection.scalar(select(func.count()).where(people.c.stage.in_(stages)))
        return self._midnight if warm else None


def _message_row(row: Any, run: Any, names: Mapping[int, str]) -> MessageRow:
    return MessageRow(
        names[row.person_id], run.sequence, run.entry, row.step, row.template, row.variant, row.status.value,
        row.reason, row.planned_at, row.sent_at, tuple(row.lost_to or ()),
    )  # fmt: skip


def _run_row(row: Any, names: Mapping[int, str]) -> RunRow:
    return RunRow(
        names[row.person_id], row.sequence, row.entry, row.status, row.step, row.reason, row.entered_at, row.due_at, row.ended_at
    )


class _Writer:
    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:
        return Written(b"", "", "", "")


def _midnight_after(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(0), UTC)
