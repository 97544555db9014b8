"""`nurture dead`: events that could not be absorbed, and what becomes of them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import aligned, clean, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.adapters.dead_letters import DeadLetter, DeadLetters
    from nurture.settings import Settings

app = typer.Typer(help="Look at events that could not be absorbed, and decide about them.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, as `nurture dead list` prints them.")]
All = Annotated[bool, typer.Option("--all", help="Every dead letter there is now.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]

#: Characters of a reason that a list shows.
_REASON = 160


@app.command(name="list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, oldest first.")] = 50, as_json: AsJson = False
) -> None:
    """List dead letters with their reasons. What they say about people stays hidden; `show` prints it."""
    from itertools import islice

    with _letters(load_settings()) as letters:
        found = list(islice(letters.all(), limit))
        count = letters.count()
    if as_json:
        print_json({"count": count, "letters": [_head(each) for each in found]})
        return
    heads = [_head(each) for each in found]
    for line in aligned((each["id"], each["at"][:19], each["name"] or "?", each["reason"][:_REASON]) for each in heads):
        typer.echo(line)
    typer.echo(counted(count, "dead letter") + (f", the oldest {limit} of them shown" if count > limit else ""))


@app.command()
def show(id_: Annotated[str, typer.Argument(metavar="ID", help="An id, as `nurture dead list` prints it.")]) -> None:
    """Print one dead letter with its event, as JSON."""
    with _letters(load_settings()) as letters:
        [found] = _find(letters, [id_])
    print_json({**_head(found), "event": _event(found)})


@app.command()
def retry(ids: Ids = None, every: All = False, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Put events back into their partitions, to be absorbed like any others."""
    settings = load_settings()
    with _letters(settings) as letters:
        done = []
        for letter in _chosen(letters, ids, every):
            done.append(letter.id)
            if not dry_run:
                letters.retry(letter, settings.partitions)
    _tell("put back", done, dry_run, as_json)


@app.command()
def drop(
    ids: Ids = None,
    every: All = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before all are dropped.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget events for good."""
    with _letters(load_settings()) as letters:
        chosen = _chosen(letters, ids, every)
        if every and not (yes or dry_run):
            typer.confirm(f"Drop all {letters.count()} dead letters for good?", abort=True, err=True)
        done = []
        for letter in chosen:
            done.append(letter.id)
            if not dry_run:
                letters.drop(letter)
    _tell("dropped", done, dry_run, as_json)


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


def _chosen(letters: "DeadLetters", ids: list[str] | None, every: bool) -> "Iterable[DeadLetter]":
    """The letters named, all of which must be there; or every one, read as they are needed."""
    if bool(ids) == every:
        raise typer.BadParameter("name ids, or say --all")
    return letters.all() if every else _find(letters, ids or [])


def _find(letters: "DeadLetters", ids: list[str]) -> "list[DeadLetter]":
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

    event = _event(letter)
    told = event if isinstance(event, dict) else {}
    return {
        "id": letter.id, "at": letter.at, "reason": Mask().text(letter.reason), "partition": letter.partition,
        "name": told.get("name"), "source": told.get("source"),
    }  # fmt: skip


def _event(letter: "DeadLetter") -> Any:
    """The event as it came; as text where it is no JSON."""
    try:
        return json.loads(letter.body)
    except ValueError:
        return letter.body.decode(errors="replace")


def _tell(what: str, ids: list[str], dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"action": what, "dry_run": dry_run, "ids": ids})
    else:
        typer.echo(f"{counted(len(ids), 'event')} {'would be ' if dry_run else ''}{what}")
