"""`nurture dead`: events that could not be absorbed, hand-offs that were given up, and what becomes of them."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from nurture.cli import dead_handoffs
from nurture.cli.common import load_settings
from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.adapters.database.told import Wanted as HandoffsWanted
    from nurture.adapters.dead_letters import DeadLetter, DeadLetters, Entry, Wanted
    from nurture.settings import Settings

app = typer.Typer(
    help="Look at events that could not be absorbed and hand-offs that were given up, and decide about them.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, as `nurture dead list` prints them.")]
All = Annotated[bool, typer.Option("--all", help="Every dead letter there is now, of events and of hand-offs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Reason = Annotated[
    str | None, typer.Option(help="Only those whose reason, or cause as `--group` prints it, holds this.", show_default=False)
]
Event = Annotated[str | None, typer.Option(help="Only events of this name, such as form_submitted.", show_default=False)]
Source = Annotated[
    str | None, typer.Option(help="Only events of this source, such as website or form:guide.", show_default=False)
]
Since = Annotated[
    str | None,
    typer.Option(help="Only those set aside since then: a length such as 2h, an instant, a date.", show_default=False),
]
Until = Annotated[str | None, typer.Option(help="Only those set aside before then.", show_default=False)]
Partition = Annotated[int | None, typer.Option(min=0, help="Only those of this partition.", show_default=False)]
Endpoint = Annotated[str | None, typer.Option(help="Only hand-offs that were given up, to this endpoint.", show_default=False)]
Most = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many, the oldest first.", show_default=False)]

#: Characters of a reason that a list shows.
_REASON = 160

#: Seconds between two looks whether events that were put back have been absorbed.
_EVERY = 0.2


class _Choice(NamedTuple):
    """Which letters a command is about, and which hand-offs; None for no letters, or no hand-offs."""

    ids: tuple[str, ...]
    wanted: "Wanted | None"
    limit: int | None
    handoffs: "HandoffsWanted | None"

    def of(self, letters: "DeadLetters") -> "Iterable[DeadLetter]":
        """The letters named, all of which must be there; or those that are wanted, read as they are needed."""
        if self.ids:
            return _find(letters, self.ids)
        return islice(letters.all(self.wanted), self.limit) if self.wanted is not None else ()


@app.command(name="list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, oldest first.")] = 50,
    reason: Reason = None,
    event: Event = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    partition: Partition = None,
    endpoint: Endpoint = None,
    group: Annotated[bool, typer.Option("--group", help="One line for each cause, the commonest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters with their reasons. What they say about people stays hidden; `show` prints it."""
    settings = load_settings()
    wanted = _wanted(settings, reason, event, source, since, until, partition)
    with _letters(settings) as letters:
        if group:
            _tell_groups(_grouped(letters.all(wanted)), letters.count(), as_json)
            return
        matching, shown = 0, []
        for letter in letters.all(wanted) if endpoint is None else ():
            matching += 1
            if matching <= limit:
                shown.append(_head(letter))
        count = letters.count()
    handoffs, given_up = ([], 0) if event or source or partition is not None else _given_up(wanted, endpoint, limit)
    if as_json:
        print_json(
            {"count": count, "matching": matching, "letters": shown, "handoffs": {"count": given_up, "given_up": handoffs}}
        )
        return
    for line in aligned(
        (each["id"], str(each["at"])[:19], f"{each['type']} to {each['endpoint']}", clean(each["detail"] or "")[:_REASON])
        for each in handoffs
    ):
        typer.echo(line)
    if given_up:
        typer.echo(
            f"{counted(given_up, 'hand-off')} given up" + (f", the latest {limit} of them shown" if given_up > limit else "")
        )
    if endpoint is not None:
        return
    for line in aligned((each["id"], each["at"][:19], each["name"] or "?", each["reason"][:_REASON]) for each in shown):
        typer.echo(line)
    of_all = f" of {counted(count, 'dead letter')} match" if matching < count else ""
    told = f"{matching}{of_all}" if of_all else counted(count, "dead letter")
    typer.echo(told + (f", the oldest {limit} of them shown" if matching > limit else ""))


@app.command()
def show(id_: Annotated[str, typer.Argument(metavar="ID", help="An id, as `nurture dead list` prints it.")]) -> None:
    """Print one dead letter with its event, or one hand-off, as JSON."""
    from nurture.cli.dead_handoffs import is_handoff

    if is_handoff(id_):
        from nurture.cli.handoff import show as show_handoff

        show_handoff(int(id_))
        return
    with _letters(load_settings()) as letters:
        [found] = _find(letters, [id_])
    print_json({**_head(found), "event": found.event})


@app.command()
def retry(
    ids: Ids = None,
    every: All = False,
    reason: Reason = None,
    event: Event = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    partition: Partition = None,
    endpoint: Endpoint = None,
    limit: Most = None,
    dry_run: DryRun = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until they are absorbed, and say how many came back.")] = False,
    timeout: Annotated[str, typer.Option(help="How long to wait, such as 5m.")] = "1m",
    as_json: AsJson = False,
) -> None:
    """Put events back into their partitions, to be absorbed like any others: those named, those that match, or `--all`.

    Safe to run twice, and by two at once: none is put back twice, and what was stored before counts once. With --wait the exit code
    is 1 if some came back, or are not absorbed when the time is up.
    """
    settings = load_settings()
    choice = _choice(ids, every, _wanted(settings, reason, event, source, since, until, partition), endpoint, limit)
    patience = _seconds(timeout)
    done, entries, gone = [], [], 0
    with _letters(settings) as letters:
        if dry_run:
            done = [letter.id for letter in choice.of(letters)]
        else:
            for letter, entry in letters.retry(choice.of(letters), settings.partitions):
                if entry is None:
                    gone += 1
                else:
                    done.append(letter.id)
                    entries.append(entry)
            _wake(settings, entries)
        told: dict[str, Any] = {"action": "put back", "dry_run": dry_run, "ids": done, "gone": gone, "handoffs": 0}
        if choice.handoffs is not None:
            told["handoffs"] = dead_handoffs.retry(choice.handoffs, dry_run=dry_run)
        if wait and not dry_run:
            told |= _await(letters, entries, patience)
    if as_json:
        print_json(told)
    else:
        _tell(told)
        if "absorbed" in told:
            rest = f"; {counted(told['waiting'], 'event')} still waiting" if told["waiting"] else ""
            typer.echo(f"{counted(told['absorbed'], 'event')} absorbed, {told['came_back']} came back{rest}")
            _say_what_holds(settings, told["waiting"])
    raise typer.Exit(1 if told.get("came_back") or told.get("waiting") else 0)


@app.command()
def drop(
    ids: Ids = None,
    every: All = False,
    reason: Reason = None,
    event: Event = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    partition: Partition = None,
    endpoint: Endpoint = None,
    limit: Most = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many are dropped.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget events for good: those named, those that match, or `--all`. Safe to run twice, and by two at once."""
    settings = load_settings()
    choice = _choice(ids, every, _wanted(settings, reason, event, source, since, until, partition), endpoint, limit)
    with _letters(settings) as letters:
        chosen = list(choice.of(letters))
        if not (ids or yes or dry_run) and (chosen or choice.handoffs is not None):
            also = dead_handoffs.drop(choice.handoffs, dry_run=True) if choice.handoffs is not None else 0
            many = " and ".join(
                counted(count, what) for count, what in ((len(chosen), "dead letter"), (also, "hand-off")) if count
            )
            if many:
                typer.confirm(f"Drop {many} for good?", abort=True, err=True)
        there = [(letter, True) for letter in chosen] if dry_run else list(letters.drop(chosen))
    done = [letter.id for letter, was_there in there if was_there]
    told: dict[str, Any] = {"action": "dropped", "dry_run": dry_run, "ids": done, "gone": len(there) - len(done), "handoffs": 0}
    if choice.handoffs is not None:
        told["handoffs"] = dead_handoffs.drop(choice.handoffs, dry_run=dry_run)
    if as_json:
        print_json(told)
    else:
        _tell(told)


@contextmanager
def _letters(settings: "Settings") -> "Iterator[DeadLetters]":
    from redis.exceptions import RedisError

    from nurture.adapters.dead_letters import DeadLetters
    from nurture.bootstrap import redis_client
    from nurture.errors import Unavailable

    redis = redis_client(settings)
    try:
        yield DeadLetters(redis)
    except RedisError as error:
        raise Unavailable(f"Redis does not answer ({type(error).__name__}); start it, then try again") from error
    finally:
        redis.close()


def _wanted(
    settings: "Settings", reason: str | None, event: str | None, source: str | None, since: str | None, until: str | None,
    partition: int | None,
) -> "Wanted":  # fmt: skip
    from nurture.adapters.clock import clock_from
    from nurture.adapters.dead_letters import Wanted
    from nurture.cli.common import since_when

    at = clock_from(settings).now()
    return Wanted(reason, event, source, since_when(since, at), since_when(until, at, "--until"), partition)


def _choice(ids: list[str] | None, every: bool, wanted: "Wanted", endpoint: str | None, limit: int | None) -> _Choice:
    from nurture.adapters.dead_letters import Wanted

    if sum((bool(ids), every, wanted != Wanted() or endpoint is not None)) != 1:
        raise typer.BadParameter(
            "name ids, or say --all, or choose by --reason, --event, --source, --since, --until, --partition or --endpoint"
        )
    if ids:
        handoffs = [id_ for id_ in ids if dead_handoffs.is_handoff(id_)]
        letters = tuple(id_ for id_ in ids if not dead_handoffs.is_handoff(id_))
        return _Choice(letters, None, limit, dead_handoffs.wanted(handoffs) if handoffs else None)
    of_events = wanted.event or wanted.source or wanted.partition is not None or limit is not None
    found = dead_handoffs.wanted((), endpoint, wanted.reason, wanted.since, wanted.until)
    return _Choice((), None if endpoint is not None else wanted, limit, None if of_events else found)


def _given_up(wanted: "Wanted", endpoint: str | None, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Hand-offs that were given up, the latest first, and how many there are; a database that is away hides no letters."""
    from nurture.errors import Unavailable

    try:
        return dead_handoffs.given_up(dead_handoffs.wanted((), endpoint, wanted.reason, wanted.since, wanted.until), limit)
    except Unavailable as error:
        typer.echo(f"nurture: hand-offs are not listed: {clean(str(error))}", err=True)
        return [], 0


def _seconds(timeout: str) -> float:
    from nurture.domain.duration import parse_duration

    try:
        return parse_duration(timeout).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None


def _find(letters: "DeadLetters", ids: Iterable[str]) -> "list[DeadLetter]":
    found = {id_: letters.find(id_) for id_ in ids}
    missing = [id_ for id_, letter in found.items() if letter is None]
    for id_ in missing:
        typer.echo(f"nurture: there is no dead letter {clean(id_)}; `nurture dead list` prints their ids", err=True)
    if missing:
        raise typer.Exit(1)
    return [letter for letter in found.values() if letter is not None]


def _head(letter: "DeadLetter") -> dict[str, Any]:
    """What may be told of a letter without telling who it is about; the database's own words quote what it refused."""
    from nurture.observability import Mask

    told = letter.event if isinstance(letter.event, dict) else {}
    return {
        "id": letter.id, "at": letter.at, "reason": Mask().text(letter.reason), "partition": letter.partition,
        "name": told.get("name"), "source": told.get("source"),
    }  # fmt: skip


def _grouped(letters: "Iterable[DeadLetter]") -> list[dict[str, Any]]:
    """Letters by cause, the commonest first; the counts of events are of each name."""
    from nurture.domain.causes import cause_of
    from nurture.observability import Mask

    mask = Mask()
    groups: dict[str, dict[str, Any]] = {}
    for letter in letters:
        head = _head(letter)
        group = groups.setdefault(
            mask.text(cause_of(letter.reason)),
            {"count": 0, "first": letter.at, "latest": letter.at, "events": Counter[str](), "example": letter.id},
        )
        group["count"] += 1
        group["latest"] = letter.at
        group["events"][str(head["name"] or "?")] += 1
    return [{"cause": cause, **group} for cause, group in sorted(groups.items(), key=lambda each: -each[1]["count"])]


def _tell_groups(groups: list[dict[str, Any]], count: int, as_json: bool) -> None:
    if as_json:
        print_json({"count": count, "groups": groups})
        return
    rows = (
        (
            group["count"],
            f"{group['first'][:19]} … {group['latest'][:19]}",
            _names(group["events"]),
            group["example"],
            group["cause"],
        )
        for group in groups
    )
    for line in aligned(rows, figures_first=True):
        typer.echo(line)
    typer.echo(
        f"{counted(count, 'dead letter')}, {counted(len(groups), 'cause')}; `nurture dead retry --reason TEXT` puts back those of one"
    )


def _names(events: "Counter[str]") -> str:
    """The names of events, the two commonest of them."""
    names = [name for name, _ in events.most_common(2)]
    return ", ".join(names) + (f" +{len(events) - len(names)}" if len(events) > len(names) else "")


def _wake(settings: "Settings", entries: "Iterable[Entry]") -> None:
    from nurture.adapters.nudge import CeleryNudge

    nudge = CeleryNudge(settings.redis)
    for partition in {each.partition for each in entries}:
        nudge("absorb", partition)
    nudge.close()


def _await(letters: "DeadLetters", entries: "list[Entry]", patience: float) -> dict[str, int]:
    """Wait until events that were put back have left their partitions, and count where they went."""
    until = time.monotonic() + patience
    while left := letters.left(entries):
        if time.monotonic() + _EVERY > until:
            break
        time.sleep(_EVERY)
    came_back = letters.came_back(entries)
    return {"absorbed": len(entries) - len(left) - came_back, "came_back": came_back, "waiting": len(left)}


def _say_what_holds(settings: "Settings", waiting: int) -> None:
    """Where events wait because an operator holds them, say so."""
    from nurture import bootstrap
    from nurture.errors import NurtureError
    from nurture.reports.holds import held
    from nurture.reports.reading import snapshot

    if not waiting:
        return
    database = bootstrap.database(settings)
    try:
        with snapshot(database.engine) as connection:
            holds = [each for each in held(connection) if each.kind == "all" or (each.kind, each.name) == ("queue", "events")]
    except NurtureError:
        holds = []
    finally:
        database.engine.dispose()
    for each in holds:
        typer.echo(f"{each.what} is held since {instant(each.since)} UTC; `{each.ends_with}` lets them go on")


def _tell(told: dict[str, Any]) -> None:
    gone = f"; {told['gone']} more were gone already" if told["gone"] else ""
    handoffs = f" and {counted(told['handoffs'], 'hand-off')}" if told["handoffs"] else ""
    typer.echo(f"{counted(len(told['ids']), 'event')}{handoffs} {'would be ' if told['dry_run'] else ''}{told['action']}{gone}")
