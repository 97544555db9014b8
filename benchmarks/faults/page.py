"""docs/faults.md: the account of a run, with what it means."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from benchmarks.faults.account import Account, lines
from benchmarks.faults.drill import DEADLINE, GROUP, STANDING, Happened

_HEAD = """# What the engine survives

`make faults` starts the engine as `nurture up` does — web, two workers, beat — with a Redis, a PostgreSQL and a mail server of its
own. A crowd fills in forms and sends events with known ids, in an open loop, and tries again what was not answered 2xx. Meanwhile
faults are done to it, drawn by a seed, up to {group} upon each other. Then somebody new fills in the form: only when *their* letter has
arrived and `nurture status` finds nothing wrong has the engine recovered, by itself, within {deadline:.0f} s. At the end everything is counted.
"""

_RULES = """
- **stored once**: each event that was answered 2xx stands once in the table of events. A client that got no answer sends again under the
  same id; what was stored without anybody hearing the answer counts once, too.
- **emptied Redis**: Redis is emptied when everything accepted is absorbed, as the promise says, so none may be missing. Its dead
  letters and its quarantine are gone then; the run notes them down first.
- **uncertain**: a worker or its database died, or the mail server hung up, between the last byte of a letter and its answer. At most one for each connection
  that was hurt ({connections} processes × connections of the worker that mails, each time); it is listed and never sent again by itself.
"""

_HOW = """
## How

*Recovered* counts from the blow, or from when its cause was taken away, by the engine's clock, and includes the faults that followed in its
group: where it waits until a resting mail server is tried
again (30 s at first), the run moves that clock (`NURTURE_CLOCK_FILE`) instead of waiting. *Said* is what `nurture status --json`
named while the fault lasted, with how often; where the table has a star, it had to. A kill that is mended within a second need not be named. What waits for
a person ({standing}) is left out: a poisoned event stays a dead letter until somebody looks.

Redis writes its log with `appendfsync {appendfsync}`; servers that we do not supervise (Redis, PostgreSQL) are started again by the run, as a
process manager does. `--seed` repeats a run up to what the machine does differently. The exit code is 1 if the account does not
balance, an engine does not recover, or status does not say what it must. `benchmarks/faults/` holds all of it; nothing in the engine knows of it.
"""


class Setting(NamedTuple):
    """How a run was made."""

    seed: int
    appendfsync: str
    in_doubt: int
    seconds: float
    left_out: tuple[str, ...]


class Side(NamedTuple):
    """What is told beside the account: answers to the crowd and to bursts, the web process's memory, the database's refusals."""

    answers: Counter[str]
    bursts: Counter[str]
    memory: Sequence[tuple[int, int, int]]
    database: Mapping[str, int]


def page(
    facts: Mapping[str, Any], account: Account, happened: Sequence[Happened], side: Side, setting: Setting,
    mistakes: Sequence[str],
) -> str:  # fmt: skip
    """The whole page."""
    head = _HEAD.format(deadline=DEADLINE, group=GROUP)
    rules = _RULES.format(connections=setting.in_doubt)
    how = _HOW.format(appendfsync=setting.appendfsync, standing=", ".join(f"`{each}`" for each in sorted(STANDING)))
    balance = [f"**Wrong: {each}.**" for each in mistakes] or ["**The account balances.**"]
    parts = [head, "```", *lines(account, len(happened)), "```", "", *balance, rules, *_table(happened), "", *beside(side), how]
    return "\n".join([*parts, *_foot(facts, setting), ""])


def _table(happened: Sequence[Happened]) -> Iterator[str]:
    yield "| fault | times | recovered, median | most | said |"
    yield "|---|---:|---:|---:|---|"
    kinds: dict[str, list[Happened]] = {}
    for each in happened:
        kinds.setdefault(each.fault.name, []).append(each)
    for name in sorted(kinds):
        yield _row(name, kinds[name])


def _row(name: str, happened: Sequence[Happened]) -> str:
    times = [each.recovered for each in happened if each.recovered is not None]
    recovered = (f"{median(times):.1f} s", f"{max(times):.1f} s") if times else ("never", "never")
    if len(times) < len(happened):
        recovered = (recovered[0], "never")
    said = Counter(code for each in happened for code in each.said)
    star = " *" if happened[0].fault.names else ""
    told = ", ".join(f"`{code}` {number}" for code, number in said.most_common(3)) or "nothing"
    return f"| {name}{star} | {len(happened)} | {recovered[0]} | {recovered[1]} | {told} |"


def beside(side: Side) -> Iterator[str]:
    """What is told beside the account."""
    yield f"The crowd was answered {_counted(side.answers)}."
    if side.memory:
        before = max(each[0] for each in side.memory)
        highest = max(each[1] for each in side.memory)
        yield f"Under three times its capacity the web process answered {_counted(side.bursts)}; it took at most {_mega(highest)},"
        yield f"before {_mega(before)}."
    yield f"PostgreSQL told of {_counted(Counter(side.database))}."


def _counted(counted: Counter[str]) -> str:
    return ", ".join(f"{what}: {number:,}" for what, number in sorted(counted.items())) or "nothing"


def _mega(amount: int) -> str:
    return f"{amount / 2**20:.0f} MiB"


def _foot(facts: Mapping[str, Any], setting: Setting) -> Iterator[str]:
    machine = facts["machine"]
    servers = ", ".join(f"{name} {number}" for name, number in facts["servers"].items())
    if setting.left_out:
        yield f"Left out, for want of a disk that may be mounted: {', '.join(setting.left_out)}."
    yield f"Seed {setting.seed}, {setting.seconds / 60:.0f} minutes. Measured {facts['measured']} on commit {facts['commit']}: "
    yield f"{machine['cores']} × {machine['processor']}, {machine['system']}, {servers}, Python {facts['python']}."
