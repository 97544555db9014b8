"""`nurture status`: how the engine is doing, in a moment."""

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.reports.wording import counted, length

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from redis import Redis

    from nurture.reports.facts import Due, Store, Stream
    from nurture.reports.problems import Problem
    from nurture.reports.status import Status
    from nurture.settings import Settings

_COLOURS = {"healthy": typer.colors.GREEN, "degraded": typer.colors.YELLOW, "down": typer.colors.RED}


def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Tell whether the engine is healthy (exit code 0), degraded (1) or down (2), and what to do about it."""
    found = look()
    if as_json:
        print_json(found)
    else:
        _print(found)
    raise typer.Exit(found.exit_code)


def look() -> "Status":
    """How the engine is doing that the environment names."""
    # Not through bootstrap: with everything that it can put together this would take twice as long.
    from nurture.adapters.clock import clock_from
    from nurture.adapters.database.engine import make_engine
    from nurture.reports.status import status as ask
    from nurture.settings import Settings

    settings = Settings.load()  # without setting up logging: nothing here logs
    engine = make_engine(settings.database)
    redis = redis_for(settings)
    try:
        return ask(
            engine, redis, settings.partitions, clock_from(settings).now(), folder=settings.data_dir, production=settings.production
        )  # fmt: skip
    finally:
        engine.dispose()
        if redis is not None:
            redis.close()


def redis_for(settings: "Settings") -> "Redis | None":
    """A client that says at once when Redis is away; None if nobody has started or named one."""
    from redis import Redis

    from nurture.errors import SettingsError

    try:
        return Redis.from_url(settings.redis, socket_timeout=2, socket_connect_timeout=2, retry=None)
    except SettingsError:
        return None


def _print(found: "Status") -> None:
    typer.secho(found.verdict, fg=_COLOURS[found.verdict], bold=True)
    for line in problem_lines(found.problems):
        typer.echo(line)
    if found.stream is not None:
        typer.echo("\n".join(_stream(found.stream)))
    if found.journal is not None and found.journal.events:
        typer.echo(f"in the journal of this machine: {counted(found.journal.events, 'event')}")
    if found.store is not None:
        typer.echo("\n".join(_store(found.store)))


def problem_lines(problems: "Iterable[Problem]") -> "Iterator[str]":
    """What is wrong, what to do, and the next command to type. What merely follows from something else wants nothing done."""
    for problem in problems:
        what = clean(problem.what)
        if problem.follows is not None:
            yield f"  {what} (follows from {problem.follows})"
            continue
        yield f"  {what}\n    → {problem.remedy}"
        if problem.command is not None:
            yield f"    $ {problem.command}"


def _stream(stream: "Stream") -> "Iterator[str]":
    yield f"\nworkers: {len(stream.workers)}"
    yield from aligned(
        (
            f"{each.host}:{each.pid}",
            ", ".join(each.queues),
            f"{each.concurrency} at a time",
            "" if each.busy is None else f"{each.busy:.0%} busy",
            f"since {instant(each.started)}",
            each.version or "",
        )
        for each in stream.workers
    )
    yield "beat: " + ("never ticked" if stream.beat_seconds is None else f"ticked {length(stream.beat_seconds)} ago")
    waiting = sum(each.waiting + each.handed_out for each in stream.partitions)
    yield f"\nevents to absorb: {waiting}"
    yield from aligned(
        (
            f"partition {each.partition}",
            f"{each.waiting} waiting",
            f"{each.handed_out} handed out",
            "" if each.oldest_seconds is None else f"oldest {length(each.oldest_seconds)}",
        )
        for each in stream.partitions
    )
    yield f"dead letters: {stream.dead_letters}; quarantined form posts: {stream.quarantined}"


def _store(store: "Store") -> "Iterator[str]":
    yield f"\npeople: {_counts(store.people)}"
    yield f"enrollments: {_counts(store.enrollments)}"
    yield f"steps: {_due(store.steps)}"
    yield f"messages: {_counts(store.messages)}"
    yield f"mails: {_due(store.mails)}"
    for each in store.warm_ups:
        why = f" ({each.reason})" if each.reason else ""
        yield f"warming up: {each.transport}, {each.sent} of {each.quota} mails today{why}"
    for hold in store.holds:
        yield f"held: {clean(hold.what)}, {hold.how} since {instant(hold.since)}"
    if store.handoffs:
        yield f"hand-offs: {_counts(store.handoffs)}"
    if store.unanswered is not None and store.unanswered.leads:
        late = f", {store.unanswered.late} of them reminded" if store.unanswered.late else ""
        yield f"leads without an answer of sales: {store.unanswered.leads}{late}; `nurture leads` lists them"
        yield f"calls: {_due(store.calls)}"
    if store.definitions is not None:
        yield f"\ndefinitions: {store.definitions.digest}, in force since {instant(store.definitions.applied_at)}"
    yield f"schema: {store.migrations.revision or 'unknown'}"


def _counts(counts: "Mapping[str, int]") -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def _due(due: "Due") -> str:
    overdue = f"{due.overdue} overdue by up to {length(due.overdue_seconds)}" if due.overdue_seconds else "none overdue"
    following = f"; next at {instant(due.next_due)}" if due.next_due else ""
    return f"{due.due} due now, {overdue}{following}"
