"""From facts to problems: what status says is wrong with a running engine. Pure; `problems` holds the kinds and their order."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from nurture.adapters.broker import BEAT_SILENT, QUEUES
from nurture.reports.alarms import about_what
from nurture.reports.braking import HeldBack
from nurture.reports.facts import Disk, Due, Journal, Memory, Migrations, Store, Stream
from nurture.reports.holds import Held
from nurture.reports.problems import Problem, problem
from nurture.reports.wording import counted, length, size

#: What should have happened this long ago and did not is overdue.
PATIENCE: Final = timedelta(seconds=60)

#: Other people's mail servers are away now and then.
MAILBOX_PATIENCE: Final = timedelta(minutes=15)

#: What lies in the journal is passed on within a moment once Redis is back.
JOURNAL_PATIENCE: Final = timedelta(seconds=15)

#: An uncertain mail stays so for ever. One older than this no longer counts as a problem, for it would hide the next.
UNCERTAIN_LATELY: Final = timedelta(days=7)

#: Clocks that a time service keeps differ by milliseconds. Seconds; leases last ten.
SKEW: Final = 5.0

#: Less room than this on a disk, in bytes and in files, and what writes there is about to fail.
LEAST_ROOM: Final = 64 * 2**20
LEAST_FILES: Final = 1_000


def in_stream(stream: Stream, *, production: bool = False) -> Iterator[Problem]:
    """What Redis tells of that is wrong."""
    if stream.memory is not None:
        yield from in_memory(stream.memory, production=production)
    yield from _in_clocks(stream)
    yield from _in_processes(stream)
    late = [each for each in stream.partitions if (each.oldest_seconds or 0) > PATIENCE.total_seconds()]
    if late:
        count = sum(each.waiting + each.handed_out for each in late)
        oldest = length(max(each.oldest_seconds or 0 for each in late))
        yield problem("events-late", f"{counted(count, 'event')} not absorbed yet, the oldest for {oldest}")
    if (stream.mailbox_seconds or 0) > MAILBOX_PATIENCE.total_seconds():
        what = f"the mailbox of NURTURE_IMAP_URL could not be read for {length(stream.mailbox_seconds or 0)}"
        yield problem("mailbox-unreadable", what)
    if stream.dead_letters:
        yield problem("dead-letters", counted(stream.dead_letters, "dead letter"))


def in_memory(memory: Memory, *, production: bool) -> Iterator[Problem]:
    """What is wrong with how Redis keeps its data."""
    if memory.replica:
        yield problem("redis-read-only", "Redis is a replica, which takes nothing")
    if not memory.writes:
        yield problem("redis-disk", "Redis cannot write to its disk, and refuses new data")
    if memory.policy != "noeviction":
        yield problem(
            "redis-evicts", f"Redis evicts when its memory is full (maxmemory-policy {memory.policy}), and events with it"
        )
    elif memory.full:
        yield problem("redis-full", f"the memory of Redis is full ({size(memory.used)} of {size(memory.limit or 0)})")
    if production and not memory.persistent:
        yield problem("redis-forgets", "Redis writes no append-only file: a restart forgets events that were acknowledged")


def _in_clocks(stream: Stream) -> Iterator[Problem]:
    if abs(stream.ahead_seconds) > SKEW:
        yield problem(
            "clock-skew", f"this machine's clock is {_off(stream.ahead_seconds)} that of Redis", "this machine or Redis"
        )
    for host, seconds in stream.askew.items():
        yield problem("clock-skew", f"the clock of {host} is {_off(seconds)} that of Redis", host)


def _off(seconds: float) -> str:
    return f"{length(abs(seconds))} {'ahead of' if seconds > 0 else 'behind'}"


def _in_processes(stream: Stream) -> Iterator[Problem]:
    if not stream.workers:
        yield problem("no-worker", "no worker runs")
    else:
        for queue in sorted(set(QUEUES) - {queue for worker in stream.workers for queue in worker.queues}):
            yield problem("queue-unserved", f"nobody serves the queue {queue}", queue)
    if stream.beat_seconds is None or stream.beat_seconds > BEAT_SILENT:
        since = "has never ticked" if stream.beat_seconds is None else f"has not ticked for {stream.beat_seconds:.0f} s"
        yield problem("beat-silent", f"beat {since}")


def in_migrations(migrations: Migrations, *, down: bool | None = None) -> Iterator[Problem]:
    """Whether the tables are those that this engine wants; `down` where it cannot even be asked with them."""
    what = f"the schema stands at revision {migrations.revision}; this engine wants {migrations.newest}"
    if migrations.revision is None or migrations.revision < migrations.newest:
        yield problem("schema-behind", what, down=down)
    elif migrations.revision > migrations.newest:
        yield problem("schema-ahead", what, down=down)


def in_store(store: Store) -> Iterator[Problem]:
    """What the database tells of that is wrong."""
    yield from in_migrations(store.migrations)
    if store.definitions is None:
        yield problem("no-definitions", "no definitions are in force")
    yield from _overdue("steps-overdue", store.steps, "step")
    yield from _overdue("mails-overdue", store.mails, "mail")
    yield from _overdue("handoffs-overdue", store.calls, "hand-off")
    if given_up := store.handoffs.get("failed"):
        yield problem("handoffs-given-up", f"{counted(given_up, 'hand-off')} given up")
    if store.alarms:
        what = f"{counted(len(store.alarms), 'alarm')} that nobody has seen: {about_what(store.alarms)}"
        yield problem("alarms-unseen", what)
    for brake in store.brakes:
        yield _braked(brake)
    for hold in store.holds:
        yield from _held(hold)
    if store.uncertain_lately:
        what = f"{counted(store.uncertain_lately, 'mail')} of the last {UNCERTAIN_LATELY.days} days uncertain"
        yield problem("mails-uncertain", what)


def _overdue(code: str, due: Due, what: str) -> Iterator[Problem]:
    if due.overdue_seconds is not None:
        yield problem(code, f"{counted(due.overdue, what)} overdue, by up to {length(due.overdue_seconds)}")


_OF_BRAKES: Final = {"all": "mail-stopped", "transport": "transport-resting", "family": "recipients-resting"}

#: A sequence is paused for as long as its marketer likes, and nothing of it counts as late: no problem.
_OF_HOLDS: Final = {"all": "all-held", "queue": "queue-held", "domain": "domain-held", "endpoint": "endpoint-held"}


def _braked(brake: HeldBack) -> Problem:
    until = f"until {brake.until:%Y-%m-%d %H:%M} UTC" if brake.until else "until somebody lifts it"
    return problem(_OF_BRAKES[brake.kind], f"{brake.holds} waits {until}: {brake.reason}", brake.name or None)


def _held(hold: Held) -> Iterator[Problem]:
    if hold.kind in _OF_HOLDS:
        who = f" by {hold.by}" if hold.by else ""
        why = f": {hold.reason}" if hold.reason else ""
        until = f" until {hold.until:%Y-%m-%d %H:%M} UTC" if hold.until else ""
        what = f"{hold.what} is held since {hold.since:%Y-%m-%d %H:%M} UTC{who}{until}{why}"
        yield problem(_OF_HOLDS[hold.kind], what, hold.name or None)


def in_disk(disk: Disk) -> Iterator[Problem]:
    """Whether the data folder takes anything more."""
    if disk.free < LEAST_ROOM:
        yield problem("disk-full", f"the disk of the data folder has {size(disk.free)} left of {size(disk.total)}")
    elif disk.free_files is not None and disk.free_files < LEAST_FILES:
        yield problem("disk-full", f"the disk of the data folder takes {counted(disk.free_files, 'more file', 'more files')}")


def in_journal(journal: Journal, at: datetime) -> Iterator[Problem]:
    """Whether events wait on this machine's disk, for how long at instant `at`."""
    waits = (at - journal.oldest).total_seconds() if journal.oldest is not None else 0.0
    if journal.full:
        yield problem("journal-full", f"the journal is full ({size(journal.bytes)} of {size(journal.bound)})")
    if journal.events and waits > JOURNAL_PATIENCE.total_seconds():
        yield problem("journal-waiting", f"{counted(journal.events, 'event')} in the journal, the oldest for {length(waits)}")
