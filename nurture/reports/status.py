"""How the engine is doing: what `nurture status` prints, and what its exit code means.

`down`: the database or Redis is away, or no worker runs, so nothing moves. `degraded`: it moves, but something needs a human.
Costs one pass over Redis's keys, one pipeline and a dozen statements, whatever the load.

Two clocks are read. What concerns steps and mails is measured by the engine's clock (`at`), which tests and the demo move;
what concerns processes by the clock of Redis, on which signs of life rest.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from redis import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import Connection, Engine, and_, case, column, func, or_, select, table
from sqlalchemy.exc import DBAPIError

from nurture.adapters import database, redis_keys
from nurture.adapters.broker import QUEUES
from nurture.adapters.database.tables import deliveries, enrollments, messages, people, releases
from nurture.domain.mail.message import MessageStatus
from nurture.errors import NurtureError
from nurture.reports.alarms import RaisedAlarm, about_what, alarms_in
from nurture.reports.braking import HeldBack, WarmingUp, held_back, warming_up
from nurture.reports.figures import Figures
from nurture.reports.reading import snapshot, tally
from nurture.reports.wording import counted, length

Verdict = Literal["healthy", "degraded", "down"]
EXIT_CODES: Final[Mapping[Verdict, int]] = {"healthy": 0, "degraded": 1, "down": 2}

#: Beat ticks every few seconds; after this long without, it is gone.
BEAT_PATIENCE: Final = timedelta(seconds=30)

#: What should have happened this long ago and did not is overdue.
PATIENCE: Final = timedelta(seconds=60)

#: Other people's mail servers are away now and then.
MAILBOX_PATIENCE: Final = timedelta(minutes=15)

#: An uncertain mail stays so for ever. One older than this no longer counts as a problem, for it would hide the next.
UNCERTAIN_LATELY: Final = timedelta(days=7)


class Problem(Figures):
    """Something wrong, and what to do about it. `down`: nothing moves because of it."""

    what: str
    remedy: str
    down: bool = False


class Worker(Figures):
    """A worker that showed a sign of life within the last seconds."""

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    concurrency: int
    started: datetime
    seen: datetime


class Backlog(Figures):
    """What lies in one partition: events nobody took yet, events handed to a worker, and the age of the oldest."""

    partition: int
    waiting: int
    handed_out: int
    oldest_seconds: float | None


class Stream(Figures):
    """What Redis tells. `beat_seconds` is how long ago beat last ticked; None if it never did. `mailbox_seconds` is for how long the
    mailbox of bounces and replies could not be read; None if it could.
    """

    workers: tuple[Worker, ...]
    beat_seconds: float | None
    mailbox_seconds: float | None = None
    partitions: tuple[Backlog, ...]
    dead_letters: int
    quarantined: int


class Due(Figures):
    """A queue in the database: how much is due now, of that how much overdue, and when something is due next."""

    due: int
    overdue: int
    overdue_seconds: float | None
    next_due: datetime | None


class Migrations(Figures):
    """The revision the database stands at (None: it was made without migrations) and the newest, which this engine wants."""

    revision: str | None
    newest: str


class Release(Figures):
    """The definitions in force."""

    digest: str
    applied_at: datetime


class Store(Figures):
    """What the database tells. People, enrollments, messages and hand-offs are counted by stage or status."""

    migrations: Migrations
    definitions: Release | None
    people: Mapping[str, int]
    enrollments: Mapping[str, int]
    steps: Due
    messages: Mapping[str, int]
    mails: Due
    uncertain_lately: int
    alarms: tuple[RaisedAlarm, ...]
    brakes: tuple[HeldBack, ...]
    warm_ups: tuple[WarmingUp, ...]
    handoffs: Mapping[str, int]
    calls: Due


class Status(Figures):
    """Everything at once; `stream` or `store` is None while Redis or the database does not answer."""

    verdict: Verdict
    problems: tuple[Problem, ...]
    at: datetime
    stream: Stream | None
    store: Store | None

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def status(engine: Engine, redis: Redis | None, partitions: int, at: datetime) -> Status:
    """How the engine is doing at instant `at`; never raises because a part is away. `redis` is None where there is none."""
    problems: list[Problem] = []
    stream = _ask_redis(redis, partitions, problems)
    store = _ask_database(engine, at, problems)
    if stream is not None:
        problems += _in_stream(stream)
    if store is not None:
        problems += _in_store(store)
    verdict: Verdict = "down" if any(each.down for each in problems) else "degraded" if problems else "healthy"
    return Status(verdict=verdict, problems=tuple(problems), at=at, stream=stream, store=store)


def _ask_redis(redis: Redis | None, partitions: int, problems: list[Problem]) -> Stream | None:
    try:
        if redis is not None:
            return _read_stream(redis, partitions)
        why = "there is none"
    except (RedisError, OSError) as error:
        why = type(error).__name__
    remedy = "start it, or correct NURTURE_REDIS_URL; no event is accepted meanwhile"
    problems.append(Problem(what=f"Redis does not answer ({why})", remedy=remedy, down=True))
    return None


def _ask_database(engine: Engine, at: datetime, problems: list[Problem]) -> Store | None:
    try:
        with snapshot(engine) as connection:
            return _read_store(connection, at)
    except NurtureError as error:
        what, _, remedy = str(error).partition("; ")
        problems.append(Problem(what=what, remedy=remedy, down=True))
    except DBAPIError as error:
        remedy = "run `nurture db upgrade` with the same version as the processes"
        problems.append(Problem(what=f"the database answers oddly ({type(error.orig).__name__})", remedy=remedy, down=True))
    return None


def _read_stream(redis: Redis, partitions: int) -> Stream:
    # Few keys are ours besides download counts, so one pass is cheap; a worker's own key expires with it.
    names = sorted(redis.scan_iter(match=redis_keys.worker("*"), count=10_000))
    pipeline = redis.pipeline(transaction=False)
    pipeline.time()
    pipeline.get(redis_keys.BEAT)
    pipeline.get(redis_keys.MAILBOX_FAILS)
    pipeline.xlen(redis_keys.DEAD)
    pipeline.xlen(redis_keys.QUARANTINE)
    for number in range(partitions):
        pipeline.xlen(redis_keys.events(number))
        pipeline.xpending(redis_keys.events(number), redis_keys.GROUP)
        pipeline.xrange(redis_keys.events(number), count=1)
    for name in names:
        pipeline.hgetall(name)
    answers = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and not _has_no_group(answer):
            raise answer
    (seconds, micros), beat, mailbox, dead, quarantined, *rest = answers
    now = seconds + micros / 1e6
    told, signs = rest[: 3 * partitions], rest[3 * partitions :]
    lives = [_worker(name, sign) for name, sign in zip(names, signs, strict=True) if sign]
    backlog = zip(range(partitions), told[::3], told[1::3], told[2::3], strict=True)
    return Stream(
        workers=tuple(lives), beat_seconds=_since(beat, now), mailbox_seconds=_since(mailbox, now),
        partitions=tuple(_backlog(*each, now) for each in backlog), dead_letters=dead, quarantined=quarantined,
    )  # fmt: skip


def _since(told: bytes | None, now: float) -> float | None:
    return None if told is None else round(max(0.0, now - float(told)), 1)


def _has_no_group(answer: Exception) -> bool:
    """Whether a partition was never read: its stream or its group is still to be made."""
    return isinstance(answer, ResponseError) and "NOGROUP" in str(answer)


def _backlog(number: int, length: int, pending: Any, oldest: Any, now: float) -> Backlog:
    handed_out = min(0 if isinstance(pending, Exception) else int(pending["pending"]), length)
    age = None
    if oldest:
        milliseconds, _, _ = oldest[0][0].decode().partition("-")
        age = round(max(0.0, now - int(milliseconds) / 1_000), 1)
    return Backlog(partition=number, waiting=length - handed_out, handed_out=handed_out, oldest_seconds=age)


def _worker(key: bytes, sign: Mapping[bytes, bytes]) -> Worker:
    told = {name.decode(): value.decode() for name, value in sign.items()}
    return Worker(
        name=key.decode().removeprefix(redis_keys.worker("")), host=told["host"], pid=int(told["pid"]),
        queues=tuple(told["queues"].split(",")), concurrency=int(told["concurrency"]),
        started=datetime.fromtimestamp(float(told["started"]), UTC), seen=datetime.fromtimestamp(float(told["seen"]), UTC),
    )  # fmt: skip


def _read_store(connection: Connection, at: datetime) -> Store:
    due_runs = enrollments.c.status.in_(["active", "waiting"])
    due_mails = and_(
        messages.c.status == MessageStatus.QUEUED, or_(messages.c.lease_until.is_(None), messages.c.lease_until < at)
    )
    lately = and_(messages.c.status == MessageStatus.UNCERTAIN, messages.c.planned_at > at - UNCERTAIN_LATELY)
    newest = connection.execute(select(releases.c.digest, releases.c.applied_at).order_by(releases.c.id.desc()).limit(1))
    release = newest.one_or_none()
    guarded = connection.dialect.has_table(connection, "alarms")  # an older schema knows nothing that stops mail
    stages = select(people.c.stage, func.count()).where(people.c.merged_into.is_(None)).group_by(people.c.stage)
    runs = select(enrollments.c.status, func.count()).group_by(enrollments.c.status)
    mails = select(messages.c.status, func.count()).group_by(messages.c.status)
    calls = select(deliveries.c.status, func.count()).group_by(deliveries.c.status)
    return Store(
        migrations=Migrations(revision=_revision(connection), newest=newest_revision()),
        definitions=None if release is None else Release(digest=release.digest, applied_at=release.applied_at),
        people=tally(connection, stages),
        enrollments=tally(connection, runs),
        steps=_due(connection, enrollments.c.due_at, due_runs, at),
        messages={each.value: count for each, count in tally(connection, mails).items()},
        mails=_due(connection, messages.c.due_at, due_mails, at),
        uncertain_lately=connection.scalar(select(func.count()).select_from(messages).where(lately)) or 0,
        alarms=tuple(alarms_in(connection)) if guarded else (),
        brakes=tuple(held_back(connection, at)) if guarded else (),
        warm_ups=tuple(warming_up(connection, at)) if guarded else (),
        handoffs=tally(connection, calls),
        calls=_due(connection, deliveries.c.due_at, deliveries.c.status == "waiting", at),
    )


def _due(connection: Connection, due_at: Any, wanted: Any, at: datetime) -> Due:
    """Reads a partial index that holds nothing but what waits."""
    row = connection.execute(
        select(
            func.count(case((due_at <= at, 1))).label("due"),
            func.count(case((due_at <= at - PATIENCE, 1))).label("overdue"),
            func.min(due_at).label("first"),
            func.min(case((due_at > at, due_at))).label("next"),
        ).where(wanted)
    ).one()
    waited = (at - row.first).total_seconds() if row.overdue else None
    return Due(due=row.due, overdue=row.overdue, overdue_seconds=waited, next_due=row.next)


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.scalar(select(column("version_num")).select_from(table("alembic_version")))


def newest_revision() -> str:
    """The newest schema there is. Revisions are numbered in their files' names; loading Alembic to ask it takes a second."""
    versions = Path(database.__file__).parent / "migrations" / "versions"
    return max(path.name.partition("_")[0] for path in versions.glob("[0-9]*.py"))


def _in_stream(stream: Stream) -> Iterator[Problem]:
    if not stream.workers:
        remedy = "start `nurture worker` (or `nurture up`, which starts everything)"
        yield Problem(what="no worker runs", remedy=remedy, down=True)
    else:
        for queue in sorted(set(QUEUES) - {queue for worker in stream.workers for queue in worker.queues}):
            yield Problem(what=f"nobody serves the queue {queue}", remedy=f"start `nurture worker --queues {queue}`")
    if stream.beat_seconds is None or stream.beat_seconds > BEAT_PATIENCE.total_seconds():
        since = "has never ticked" if stream.beat_seconds is None else f"has not ticked for {stream.beat_seconds:.0f} s"
        yield Problem(what=f"beat {since}", remedy="start `nurture beat`; without it waits end late and lost nudges stay lost")
    late = [each for each in stream.partitions if (each.oldest_seconds or 0) > PATIENCE.total_seconds()]
    if late:
        count = sum(each.waiting + each.handed_out for each in late)
        oldest = length(max(each.oldest_seconds or 0 for each in late))
        remedy = "start more workers; if some run, see their log for what stops absorb"
        yield Problem(what=f"{counted(count, 'event')} not absorbed yet, the oldest for {oldest}", remedy=remedy)
    if (stream.mailbox_seconds or 0) > MAILBOX_PATIENCE.total_seconds():
        what = f"the mailbox of NURTURE_IMAP_URL could not be read for {length(stream.mailbox_seconds or 0)}"
        yield Problem(what=what, remedy="the workers' log says why; meanwhile no bounce suppresses and no answer ends anything")
    if stream.dead_letters:
        remedy = "read with `nurture dead list`, then `nurture dead retry` or `drop`"
        yield Problem(what=counted(stream.dead_letters, "dead letter"), remedy=remedy)


def _in_store(store: Store) -> Iterator[Problem]:
    if store.migrations.revision != store.migrations.newest:
        what = f"the schema stands at revision {store.migrations.revision}; this engine wants {store.migrations.newest}"
        yield Problem(what=what, remedy="run `nurture db upgrade`")
    if store.definitions is None:
        yield Problem(what="no definitions are in force", remedy="run `nurture apply`; until then events wait in the stream")
    for due, what, queue in (
        (store.steps, "step", "sequences"),
        (store.mails, "mail", "mail"),
        (store.calls, "hand-off", "handoff"),
    ):
        if due.overdue_seconds is not None:
            told = f"{counted(due.overdue, what)} overdue, by up to {length(due.overdue_seconds)}"
            yield Problem(what=told, remedy=f"start a worker for the queue {queue}; if one runs, its log says what stops it")
    if store.alarms:
        what = f"{counted(len(store.alarms), 'alarm')} that nobody has seen: {about_what(store.alarms)}"
        yield Problem(what=what, remedy="read with `nurture alarms list`, then `nurture alarms seen`")
    for brake in store.brakes:
        until = f"until {brake.until:%Y-%m-%d %H:%M} UTC" if brake.until else "until somebody lifts it"
        what = f"{brake.holds} waits {until}: {brake.reason}"
        remedy = f"when its cause is gone, `nurture brakes lift {brake.kind} {brake.name if brake.kind != 'all' else ''}".rstrip()
        yield Problem(what=what, remedy=f"{remedy}`")
    if store.uncertain_lately:
        what = f"{counted(store.uncertain_lately, 'mail')} of the last {UNCERTAIN_LATELY.days} days uncertain"
        remedy = "a worker died while handing over; the mail server's log knows the outcome, and nothing is sent again"
        yield Problem(what=what, remedy=remedy)
