"""What can be wrong with a running engine: every problem that status knows, with its remedy and what it can follow from.

Most bad days have one cause and many consequences. The causes stand first; of what merely follows from them is said from what.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pydantic import Field

from nurture.reports.figures import Figures


class Problem(Figures):
    """Something wrong, and what to do about it. `down`: nothing moves because of it."""

    code: str = Field(description="A stable word, for scripts; docs/operating.md lists them all.")
    what: str = Field(description="What is wrong, with its figures.")
    remedy: str = Field(description="What to do about it.")
    command: str | None = Field(None, description="The next command to type.")
    down: bool = False
    about: str | None = Field(None, description="Which one, where a code has several: a queue, a transport, a host.")
    follows: str | None = Field(None, description="The code of the problem that this one is explained by; that one goes first.")


class Kind(NamedTuple):
    """A kind of problem. `follows` names what explains it: codes, or `code:about` where only that one explains it.

    `{about}` in remedy and command stands for the one that it is about.
    """

    means: str
    remedy: str
    command: str | None = None
    down: bool = False
    follows: tuple[str, ...] = ()


_NO_REDIS: Final = ("redis-away", "redis-loading", "redis-read-only", "redis-disk", "redis-full")
_NO_DATABASE: Final = ("database-away", "schema-missing", "schema-behind", "database-odd")


def _stands_still(queue: str) -> tuple[str, ...]:
    """What keeps the work of a queue from being done."""
    return (
        *_NO_REDIS, *_NO_DATABASE, "clock-skew", "no-worker", "beat-silent", "all-held", f"queue-unserved:{queue}",
        f"queue-held:{queue}",
    )  # fmt: skip


#: Every kind of problem by its code, in the order in which causes come before what follows from them.
KINDS: Final[Mapping[str, Kind]] = {
    "disk-full": Kind(
        "The disk of the data folder is full; what lies there (an SQLite file, the embedded Redis, the journal) takes nothing more.",
        "make room on the disk of NURTURE_DATA_DIR",
        "nurture doctor --only disk",
    ),
    "redis-away": Kind(
        "Redis does not answer. No event is accepted but into the journal, and no worker is woken.",
        "start it, or correct NURTURE_REDIS_URL; no event is accepted meanwhile",
        "nurture doctor --only redis",
        down=True,
    ),
    "redis-loading": Kind(
        "Redis reads its data back from the disk after a start.",
        "wait; it answers by itself when it has read its file",
        "nurture wait --healthy --timeout 10m",
        down=True,
    ),
    "redis-read-only": Kind(
        "NURTURE_REDIS_URL names a replica, which takes nothing.",
        "let NURTURE_REDIS_URL name the primary",
        "nurture doctor --only redis",
        down=True,
    ),
    "redis-disk": Kind(
        "Redis cannot write to its disk, and so refuses new data.",
        "see to the disk of the Redis server (space, rights); it goes on by itself",
        "nurture doctor --only redis,disk",
        down=True,
        follows=("disk-full",),
    ),
    "redis-full": Kind(
        "The memory of Redis is full: it refuses every new event and every task.",
        "raise its maxmemory, or see what fills it",
        "nurture doctor --only redis",
        down=True,
    ),
    "redis-evicts": Kind(
        "Redis throws data away when its memory is full, waiting events among it.",
        "set `maxmemory-policy noeviction` in its configuration",
        "nurture doctor --only redis",
    ),
    "redis-forgets": Kind(
        "In production, Redis writes no append-only file: a restart forgets events that were acknowledged.",
        "set `appendonly yes` in its configuration",
        "nurture doctor --only redis",
    ),
    "database-away": Kind(
        "The database does not answer. Events wait in Redis.",
        "start it, or correct NURTURE_DATABASE_URL",
        "nurture doctor --only database",
        down=True,
        follows=("disk-full",),
    ),
    "schema-missing": Kind(
        "The database has no tables.",
        "make them; `nurture up` does so by itself",
        "nurture db upgrade",
        down=True,
    ),
    "schema-behind": Kind(
        "The tables are older than this engine.",
        "bring them to its revision with the same version as the processes",
        "nurture db upgrade",
    ),
    "schema-ahead": Kind(
        "The tables are newer than this engine.",
        "update this engine; what runs beside a newer one works on for the time of an upgrade",
        "nurture doctor --only versions",
    ),
    "database-odd": Kind(
        "The database refuses what the engine asks it.",
        "see what its log says, and what the user of NURTURE_DATABASE_URL may do",
        "nurture doctor --only database",
        down=True,
    ),
    "clock-skew": Kind(
        "Clocks differ: ages, leases and due times are judged wrongly.",
        "let a time service (chrony, systemd-timesyncd) set the clock of {about}",
        "nurture doctor --only clock",
    ),
    "no-definitions": Kind(
        "No definitions are in force, so nobody knows what an event means. Events wait.",
        "put the configuration folder in force; until then events wait in the stream",
        "nurture apply",
        follows=("schema-missing", "schema-behind"),
    ),
    "no-worker": Kind(
        "No worker shows a sign of life: nothing moves.",
        "start one (`nurture up` starts everything)",
        "nurture worker",
        down=True,
        follows=_NO_REDIS,
    ),
    "beat-silent": Kind(
        "Beat does not tick: waits end late, and work whose nudge was lost stays.",
        "start it; one is enough",
        "nurture beat",
        follows=_NO_REDIS,
    ),
    "queue-unserved": Kind(
        "Workers run, and none of them serves a queue.",
        "start a worker for it",
        "nurture worker --queues {about}",
        follows=("no-worker",),
    ),
    "all-held": Kind(
        "Somebody holds everything.",
        "when the reason is gone, let it go on",
        "nurture resume all",
    ),
    "queue-held": Kind(
        "Somebody holds a queue.",
        "when the reason is gone, let it go on",
        "nurture resume queue {about}",
    ),
    "mail-stopped": Kind(
        "All mail is held, by hand or by a breaker.",
        "find what its reason tells of; then `nurture brakes lift all`",
        "nurture alarms list",
    ),
    "transport-resting": Kind(
        "A mail server cannot be reached or refuses the log-in; it is tried again by itself, ever more seldom.",
        "see to the server; then `nurture brakes lift transport {about}` spares the rest of the pause",
        "nurture doctor --only smtp",
    ),
    "recipients-resting": Kind(
        "Servers that receive mail hold something against the sender. Mail to them rests; nobody is suppressed.",
        "read what they say of the sender; lift it (`nurture brakes lift family {about}`) only when the cause is gone",
        "nurture doctor --only dns",
    ),
    "domain-held": Kind(
        "Somebody holds all mail to a domain.",
        "when the reason is gone, let it go on",
        "nurture resume domain {about}",
    ),
    "endpoint-held": Kind(
        "An endpoint of hand-offs is not called: somebody holds it, or it wants no more calls, or took none for days.",
        "see to the receiver, then let it go on: what waits for it is sent",
        "nurture resume endpoint {about}",
    ),
    "mailbox-unreadable": Kind(
        "The mailbox of bounces and replies cannot be read: no bounce suppresses and no answer ends anything.",
        "see to the account, its password and its folder; the workers' log says why",
        "nurture doctor --only imap",
    ),
    "journal-full": Kind(
        "The journal of a web process is full: it answers 503, and no event is accepted any more.",
        "bring Redis back; what the journal holds is then passed on by itself",
        "nurture doctor --only redis,disk",
        follows=(*_NO_REDIS, "disk-full"),
    ),
    "journal-waiting": Kind(
        "Events lie in the journal on this machine's disk, because Redis was away when they came.",
        "start the web process on this machine: it passes on what a dead one left, too",
        "nurture web",
        follows=(*_NO_REDIS, "journal-full"),
    ),
    "events-late": Kind(
        "Events wait for longer than a minute.",
        "start more workers; if some run, see their log for what stops absorb",
        "nurture worker --queues events",
        follows=(*_stands_still("events"), "no-definitions"),
    ),
    "steps-overdue": Kind(
        "Steps of sequences are overdue by more than a minute.",
        "start more workers; if some run, their log says what stops them",
        "nurture worker --queues sequences",
        follows=(*_stands_still("sequences"), "no-definitions"),
    ),
    "mails-overdue": Kind(
        "Mails are overdue by more than a minute.",
        "start more workers; if some run, their log says what stops them",
        "nurture worker --queues mail",
        follows=(*_stands_still("mail"), "mail-stopped", "transport-resting", "recipients-resting", "domain-held"),
    ),
    "handoffs-overdue": Kind(
        "Hand-offs to other systems are overdue by more than a minute.",
        "start more workers; if some run, their log says what the other system answers",
        "nurture worker --queues handoff",
        follows=_stands_still("handoff"),
    ),
    "handoffs-given-up": Kind(
        "Hand-offs were given up after days of trying: another system was not told of somebody.",
        "see what it answered, then `nurture dead retry` or `nurture dead drop`, with `--endpoint NAME`",
        "nurture handoff list --status failed",
        follows=("endpoint-held",),
    ),
    "dead-letters": Kind(
        "Events could not be absorbed, and wait for a decision.",
        "read them, then `nurture dead retry` or `nurture dead drop`",
        "nurture dead list",
    ),
    "alarms-unseen": Kind(
        "Something about mail stopped by itself, or wants to be known, and nobody has looked.",
        "read them, act, then `nurture alarms seen`",
        "nurture alarms list",
        follows=("recipients-resting", "mail-stopped"),
    ),
    "mails-uncertain": Kind(
        "A worker died while handing over mails: whether a server took them nobody here knows, and nothing is sent again.",
        "ask the mail server's log for each, then `nurture messages resolve`",
        "nurture messages uncertain",
    ),
}  # fmt: skip


def problem(code: str, what: str, about: str | None = None, *, down: bool | None = None) -> Problem:
    """A problem of a kind; `down` where it is worse than its kind is in general."""
    kind = KINDS[code]
    return Problem(
        code=code, what=what, about=about, remedy=kind.remedy.replace("{about}", about or ""),
        command=kind.command.replace("{about}", about or "") if kind.command else None,
        down=kind.down if down is None else down,
    )  # fmt: skip


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Causes before what follows from them; among causes, those because of which nothing moves first."""
    found = list(problems)
    named = {each.code for each in found} | {f"{each.code}:{each.about}" for each in found}
    explained = [each.model_copy(update={"follows": _explanation(each, named)}) for each in found]
    place = {code: index for index, code in enumerate(KINDS)}
    return tuple(
        sorted(explained, key=lambda each: (each.follows is not None, not each.down, place[each.code], each.about or ""))
    )


def _explanation(each: Problem, named: set[str]) -> str | None:
    """The first known cause of a problem that is there; a cause that itself follows is good enough, for its own stands before it."""
    causes = [cause for cause in KINDS[each.code].follows if cause in named]
    return causes[0].partition(":")[0] if causes else None
