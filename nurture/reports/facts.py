"""What status knows of a running engine: facts alone. What of them is wrong is said by `diagnosis`, in the order of `problems`."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from nurture.reports.alarms import RaisedAlarm
from nurture.reports.braking import HeldBack, WarmingUp
from nurture.reports.figures import Figures
from nurture.reports.holds import Held


class Running(Figures):
    """A task that runs just now: since when (seconds since 1970), on which batch (counted from 1), what it is about (such as a
    partition; often nothing), and how many rows it has done so far.
    """

    task: str
    since: float
    batch: int | None = None
    about: str = ""
    rows: int = 0


class Worker(Figures):
    """A worker that showed a sign of life within the last seconds."""

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    concurrency: int
    started: datetime
    seen: datetime
    busy: float | None = Field(None, description="The share of the last ten seconds in which its processes ran tasks, 0 to 1.")
    tasks: tuple[Running, ...] = ()
    memory: int | None = Field(None, description="Bytes of all its processes together.")
    restarts: int = Field(0, description="How many of its processes died since it started.")
    version: str | None = Field(None, description="The version of the engine that it runs, where it tells.")


class Backlog(Figures):
    """What lies in one partition: events nobody took yet, events handed to a worker, and the age of the oldest."""

    partition: int
    waiting: int
    handed_out: int
    oldest_seconds: float | None


class Memory(Figures):
    """How Redis keeps what it is given. `limit` is in bytes, None where it has none."""

    used: int
    limit: int | None
    policy: str = Field(description="What it does when its memory is full; anything but noeviction loses events.")
    persistent: bool = Field(description="Whether it writes an append-only file: without one a restart forgets what waits.")
    writes: bool = Field(description="Whether its last writes to the disk worked; when they fail it refuses new data.")
    replica: bool = Field(default=False, description="Whether it only follows another server, and so takes nothing.")
    version: str = ""

    @property
    def full(self) -> bool:
        """Whether it refuses new data for want of memory."""
        return self.limit is not None and self.used >= self.limit


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
    memory: Memory | None = Field(None, description="How Redis keeps what it is given; null where it does not tell.")
    ahead_seconds: float = Field(0.0, description="By how much this machine's clock is ahead of that of Redis.")
    askew: Mapping[str, float] = Field({}, description="By how many seconds the clocks of workers' hosts are off that of Redis.")


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


class Unanswered(Figures):
    """Leads for whom sales must still answer. Of `late` they were reminded, or somebody else was told."""

    leads: int
    late: int


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
    holds: tuple[Held, ...] = Field((), description="What is held: everything, queues, sequences, domains, endpoints.")
    warm_ups: tuple[WarmingUp, ...]
    handoffs: Mapping[str, int]
    calls: Due
    unanswered: Unanswered | None = Field(
        None, description="What sales have still to answer for; nothing is wrong with the engine."
    )


class Disk(Figures):
    """Where this machine's data folder lies. `free_files` is how many more files it takes, None where there is no such limit."""

    free: int
    total: int
    free_files: int | None = None


class Journal(Figures):
    """What waits on this machine's disk because Redis was away: of the web processes that run, and of those that died."""

    events: int
    bytes: int
    oldest: datetime | None
    bound: int = Field(description="How many bytes may wait.")

    @property
    def full(self) -> bool:
        """Whether next to nothing more goes in, so that the web process answers 503."""
        return self.bytes > 0 and self.bytes >= 0.98 * self.bound
