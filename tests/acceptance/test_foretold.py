"""What the simulator foretells is what the whole engine does: workers, beat, Redis, SMTP and the database add nothing and lose nothing.

The engine's clock jumps over the time in which nothing is due. While it works, its clock goes on like any other, so whatever it
does is late by the seconds that it took, and by those that earlier steps of the same run took: at most the time that the play
lasts by the real clock, which the test's time limit bounds. That is the tolerance for instants, and nothing may come early. Of
everything else none is needed: what people do lies further away from whatever is due to them, which the simulator itself is asked.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import ColumnElement, Engine, func, select

from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.agents import kind_of_agent
from nurture.adapters.calendar import is_holiday
from nurture.adapters.clock import ShiftedClock, set_shift
from nurture.adapters.database.tables import deliveries, enrollments, messages, people, surveys
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.patient_writer import PatientWriter
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event, day_number
from nurture.domain.scoring import heat_for
from nurture.reports.verify import verify
from nurture.settings import Settings
from nurture.simulation.engine import Simulation
from nurture.simulation.story import Story, What
from nurture.supervisor.engine import running_engine
from tests.acceptance.foretold_people import (
    SECRET,
    START,
    UNTIL,
    clicks_as_events,
    deeds_as_events,
    write_definitions,
)
from tests.support.both_ways import Played, simulated, stored
from tests.support.receiver import Receiver
from tests.support.servers import RedisServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import free_port, wait_until

#: Seconds by the real clock that the test may take, and by which, therefore, an engine may be late.
TIME_LIMIT: Final = 300

pytestmark = [pytest.mark.engine, pytest.mark.timeout(TIME_LIMIT)]

#: Beat wakes everything within a few seconds; `cool`, the rarest that is waited for, every 60 sweeps. Seconds.
SWEEP: Final = 0.1

#: Seconds in which the engine must have done whatever is due at one instant.
PATIENCE: Final = 60


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer, smtp_sink: SmtpSink, receiver: Receiver, tmp_path: Path) -> Settings:
    folders = write_definitions(tmp_path, receiver.url)
    return Settings(
        database_url=SecretStr(database_url), redis_url=SecretStr(own_redis.url), smtp_url=SecretStr(smtp_sink.url),
        secret_key=SecretStr("only-for-what-is-foretold"), write_keys={"website": "wk_foretold"}, port=free_port(),
        handoff_secrets={"crm": SecretStr(SECRET)}, config_dir=folders.config, templates_dir=folders.templates,
        data_dir=tmp_path / "data", clock_file=tmp_path / "clock", log_level="warning", sweep_seconds=SWEEP,
    )  # fmt: skip


def test_the_engine_does_what_is_foretold(
    settings: Settings, migrated_engine: Engine, own_redis: RedisServer, smtp_sink: SmtpSink, receiver: Receiver, tmp_path: Path
) -> None:
    definitions = bootstrap.load_definitions(settings).definitions
    assert definitions is not None
    events = what_people_do(definitions)
    foretold = simulate(definitions, events)
    began = time.monotonic()
    move_clock(settings, START)
    with running_engine(settings, tmp_path / "engine.log"), own_redis.client() as redis:
        Play(settings, migrated_engine, redis, definitions).perform(events)
        lasted = timedelta(seconds=time.monotonic() - began)
    happened = stored(migrated_engine, definitions, UNTIL)
    compare(played(foretold.story()), happened, lasted)
    assert stored_outcomes(migrated_engine) == {run.id: dict(run.outcomes) for run in foretold.memory.runs.values()}
    assert letters(smtp_sink) == Counter((row.person, row.template) for row in happened.messages if row.status == "sent")
    assert told_to_sales(receiver) == foretold_to_sales(foretold.story(), definitions)
    assert verify(migrated_engine, definitions) == []


def what_people_do(definitions: Definitions) -> list[Event]:
    """Everything that everybody does, so far away from whatever is due that an engine that is late must come to the same."""
    deeds = deeds_as_events()
    events = [*deeds, *clicks_as_events(simulated(definitions, deeds, START, UNTIL))]
    in_time = but_for_instants(played(simulate(definitions, events).story()))
    for seed in range(20):
        chance = Random(seed)
        late = [late_by(event, timedelta(seconds=chance.uniform(0, TIME_LIMIT))) for event in events]
        assert but_for_instants(played(simulate(definitions, late).story())) == in_time
    return sorted(events, key=attrgetter("received_at"))


def late_by(event: Event, delay: timedelta) -> Event:
    return event.model_copy(update={"received_at": event.received_at + delay})


def simulate(definitions: Definitions, events: Iterable[Event]) -> Simulation:
    simulation = Simulation(definitions, START, is_holiday, kind_of_agent)
    simulation.take(events)
    simulation.run(UNTIL)
    return simulation


def played(story: Story) -> Played:
    return Played(story.messages(), story.runs(), story.stage_changes(), story.people())


def move_clock(settings: Settings, instant: datetime) -> None:
    assert settings.clock_file is not None
    set_shift(settings.clock_file, (instant - datetime.now(UTC)).total_seconds())


class Play:
    """A running engine, and a clock that jumps to whatever comes next as soon as the engine has done what is due.

    Nobody is nudged but by those who do it anyway: whoever writes events, the tasks, and beat.
    """

    def __init__(self, settings: Settings, database: Engine, redis: Redis, definitions: Definitions) -> None:
        assert settings.clock_file is not None
        self._settings, self._database, self._redis, self._definitions = settings, database, redis, definitions
        self._clock = ShiftedClock(settings.clock_file)

    def perform(self, events: Sequence[Event]) -> None:
        coming = deque(events)
        nudge = CeleryNudge(self._settings.redis)
        settings = self._settings
        with PatientWriter(settings.redis, settings.partitions, settings.max_backlog, nudge, pytest.fail) as writer:
            while (instant := self._next(coming)) < UNTIL:
                if instant > self._clock.now():
                    move_clock(settings, instant)
                while coming and coming[0].received_at <= self._clock.now():
                    writer.write([coming.popleft()])
                self._settle()
        nudge.close()

    def _next(self, coming: Sequence[Event]) -> datetime:
        """The next instant at which anything comes due: an event, a run, a mail, or the midnight of surveys and cooling."""
        midnight = datetime.combine(self._clock.now().date() + timedelta(days=1), time_of_day(), UTC)
        run = select(func.min(enrollments.c.due_at)).where(_goes_on())
        mail = select(func.min(messages.c.due_at)).where(messages.c.status == "queued")
        with self._database.connect().execution_options(reading=True) as connection:
            due = [connection.scalar(run), connection.scalar(mail), coming[0].received_at if coming else None]
        following: datetime = min(instant for instant in [midnight, *due] if instant is not None)
        return following

    def _settle(self) -> None:
        wait_until(lambda: not self._unfinished(), PATIENCE, every=0.02, what=f"the work of {self._clock.now()}")

    def _unfinished(self) -> Mapping[str, int]:
        """What the engine has still to do, asked in the order in which work moves on, so that nothing slips past."""
        partitions = range(self._settings.partitions)
        if waiting := sum(int(self._redis.xlen(redis_keys.events(partition))) for partition in partitions):
            return {"events": waiting}
        assert not self._redis.xlen(redis_keys.DEAD)
        now = self._clock.now()
        asked = {
            "recounts": people.c.recount_at.is_not(None),
            "surveys": surveys.c.at <= now,
            "steps": _goes_on() & (enrollments.c.due_at <= now),
            "mails": (messages.c.status == "sending") | ((messages.c.status == "queued") & (messages.c.due_at <= now)),
            "hand-offs": deliveries.c.status == "waiting",
            "cooled": self._has_cooled(now),
        }
        counts = [select(func.count()).where(what).scalar_subquery().label(name) for name, what in asked.items()]
        with self._database.connect().execution_options(reading=True) as connection:
            found = connection.execute(select(*counts)).one()._mapping
        return {name: found[name] for name in asked if found[name]}

    def _has_cooled(self, now: datetime) -> ColumnElement[bool]:
        [rule] = self._definitions.lifecycle.recycling
        assert rule.engagement_below is not None
        bound = heat_for(rule.engagement_below, day_number(now), self._definitions.scoring.half_life)
        return (people.c.stage == rule.from_) & (people.c.heat < bound) & people.c.merged_into.is_(None)


def _goes_on() -> ColumnElement[bool]:
    return enrollments.c.status.in_(["active", "waiting"])


INSTANTS: Final = ("at", "planned_at", "sent_at", "entered_at", "due_at", "ended_at")


def by_name(row: Any) -> dict[str, Any]:
    """A row without its instants. What a mail lost to is told in order of time, and of two sent at once either is the first."""
    told = {name: value for name, value in row._asdict().items() if name not in INSTANTS}
    return told | ({"lost_to": sorted(told["lost_to"])} if "lost_to" in told else {})


def in_order(rows: Iterable[Any]) -> list[Any]:
    """Rows as they follow each other for each person, whichever person is a second ahead of another."""
    return sorted(
        rows, key=lambda row: (row.person, getattr(row, "sequence", ""), getattr(row, "entry", 0), getattr(row, "step", ""))
    )


def but_for_instants(played: Played) -> dict[str, list[dict[str, Any]]]:
    return {name: [by_name(row) for row in in_order(getattr(played, name))] for name in Played._fields}


def compare(foretold: Played, happened: Played, lasted: timedelta) -> None:
    """The same for every person; instants may be late by as long as the engine has run."""
    told = but_for_instants(foretold)
    for name, rows in but_for_instants(happened).items():
        for person in sorted({row["person"] for row in [*rows, *told[name]]}):
            theirs = [[row for row in side if row["person"] == person] for side in (told[name], rows)]
            assert theirs[0] == theirs[1], f"{name} of {person}"
    for name in Played._fields:
        pairs = zip(in_order(getattr(foretold, name)), in_order(getattr(happened, name)), strict=True)
        for expected, row in pairs:
            for field in set(INSTANTS) & set(row._fields):
                then, really = getattr(expected, field), getattr(row, field)
                assert (then is None) == (really is None), (field, expected, row)
                assert then is None or timedelta(0) <= really - then <= lasted, (field, really - then, expected, row)


def stored_outcomes(database: Engine) -> dict[int, dict[str, str]]:
    with database.connect().execution_options(reading=True) as connection:
        return {row.id: row.outcomes or {} for row in connection.execute(select(enrollments.c.id, enrollments.c.outcomes))}


def letters(sink: SmtpSink) -> Counter[tuple[str, str]]:
    return Counter((mail.to[0], str(mail.message["Subject"])) for mail in sink.mails)


def told_to_sales(receiver: Receiver) -> Counter[tuple[str, ...]]:
    told = [taken.data for taken in receiver.taken]
    return Counter(
        (data["person"]["email"], data["sequence"], data["step"]) if "sequence" in data else (data["person"]["email"], data["to"])
        for data in told
    )


def foretold_to_sales(story: Story, definitions: Definitions) -> Counter[tuple[str, ...]]:
    names = {row.id: row.person for row in story.people()}
    alerts = [(names[line.person], str(line.sequence), str(line.step)) for line in story.lines if line.what == What.ALERT]
    stages = definitions.handoff.endpoints["crm"].stages
    return Counter([*alerts, *((row.person, row.to_stage) for row in story.stage_changes() if row.to_stage in stages)])
