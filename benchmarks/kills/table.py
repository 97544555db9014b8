"""docs/kills.md: the figures of a run, with what they mean."""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from typing import Any

from benchmarks.kills.points import Event, Point
from benchmarks.kills.runs import CONNECTIONS, Kind, Row
from benchmarks.kills.scene import Came
from nurture.reports.wording import counted

_HEAD = """# Nothing twice, nothing lost

What happens to mail when a worker dies, the database goes away, or Redis does? `make kills` finds out, and writes this page: it
starts a PostgreSQL (fsync and `synchronous_commit` on), a Redis with AOF, a mail server that counts, and worker processes that
run the engine's own *send*; then it kills them, at each point in the life of a mail and at random moments, starts them again,
and counts.

- **twice**: mails that the server took more than once, by reader and by Message-ID.
- **lost**: mails noted as sent that never came to the server, and mails that came to nothing though everything was up again.
- **uncertain**: mails of which nobody can know; `docs/uncertain.md` says what becomes of them. The worker had said that it begins and
  not yet what came of it. `3 of 6` are three where there may be at most six: one for each connection of a worker that was killed or
  whose database went away, and none for Redis.
- **arrived**: of the uncertain ones, those that the server had taken. To send all uncertain mails again would have mailed these
  readers twice; to take all for sent would have lost the others.

A mail is counted by the server when its final dot is there, whether or not anybody still hears the 250, as real servers do.
"""

_HOW = """
## How

A worker is stopped exactly at a point: the mail server holds its reply and the harness kills meanwhile, or the worker's calls to
its store are watched from outside and it dies there by SIGKILL. PostgreSQL is ended by an immediate shutdown, which is a crash
that its log of writes must mend; Redis by SIGKILL. Everything is started again on what it kept, the clock is moved behind the
leases of the dead, and workers go on until every mail has come to something. At random moments, two workers share a queue; one
of them or both are killed while mail flows and replaced at once, by a seed, so that a run can be repeated up to what the machine
does differently. The program ends with exit code 1 if a mail went twice or was lost, or more are uncertain than may be.

`benchmarks/kills/` holds all of it; nothing in the engine knows of it.
"""


def page(facts: Mapping[str, Any], exact: Mapping[Row, Came], random: Mapping[Kind, Came]) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_summary(exact, random), *_random(random), *_exact(exact), _HOW, *_foot(facts), ""])


def total(came: Iterable[Came]) -> Came:
    """Everything together."""
    return reduce(Came.plus, came, Came())


def _summary(exact: Mapping[Row, Came], random: Mapping[Kind, Came]) -> Iterator[str]:
    came = total([*exact.values(), *random.values()])
    yield f"**{came.kills:,} kills among {came.mails:,} mails: {came.duplicates} twice, {came.lost} lost, {came.uncertain} uncertain**"
    yield f"(at most {came.bound:,} by the rule above; {came.arrived} of them had arrived), in {came.runs} runs of which {came.broken} broke"
    yield "the rule that nothing goes twice, nothing is lost and no more is uncertain than may be."
    yield ""


def _random(random: Mapping[Kind, Came]) -> Iterator[str]:
    yield "## Workers are killed at random moments"
    yield ""
    yield "| database | connections | kills | mails | twice | lost | uncertain | arrived |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for kind, came in random.items():
        yield _line(kind.backend, kind.connections, came.kills, came.mails, came.duplicates, came.lost, _of(came), came.arrived)
    yield ""


def _exact(exact: Mapping[Row, Came]) -> Iterator[str]:
    yield "## Something is killed exactly at a point"
    for event in Event:
        where = " and ".join(dict.fromkeys(row.backend for row in exact if row.event == event))
        headings = [f"uncertain, {_connections(number)}" for number in CONNECTIONS]
        yield ""
        yield f"### {event[0].upper()}{event[1:]}"
        yield ""
        yield f"On {where}."
        yield ""
        yield f"| when | kills | mails | twice | lost | {' | '.join(headings)} | arrived |"
        yield f"|---|---:|---:|---:|---:|{'---:|' * len(headings)}---:|"
        for point in Point:
            rows = {row: came for row, came in exact.items() if (row.event, row.point) == (event, point)}
            together = total(rows.values())
            uncertain = [_of(total(came for row, came in rows.items() if row.connections == number)) for number in CONNECTIONS]
            figures = (together.kills, together.mails, together.duplicates, together.lost)
            yield _line(point, *figures, *uncertain, together.arrived)


def _of(came: Came) -> str:
    return f"{came.uncertain} of {came.bound}"


def _connections(number: int) -> str:
    return counted(number, "connection")


def _line(*cells: object) -> str:
    return f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in cells)} |"


def _foot(facts: Mapping[str, Any]) -> Iterator[str]:
    machine = facts["machine"]
    servers = ", ".join(f"{name} {number}" for name, number in facts["servers"].items())
    yield f"Measured {facts['measured']} on commit {facts['commit']}: {machine['cores']} × {machine['processor']}, {machine['system']},"
    yield f"{servers}, Python {facts['python']}."
