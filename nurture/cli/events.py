"""`nurture events`: what is odd about stored events, and their verdicts judged afresh."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.common import Since, load_settings, since_when
from nurture.cli.installation import in_force
from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.flow.reclassify import Reclassified
    from nurture.reports.oddities import Difference

app = typer.Typer(help="Look at stored events: warnings, conflicts, and who acted.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def reclassify(
    since: Since = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would change (as without --apply).")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Keep the new verdicts and have people recounted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge stored events afresh, human or machine, with the rules and lists in force now.

    What was done because of them (mails, promotions) is not undone.
    """
    from nurture import bootstrap
    from nurture.adapters.agents import kind_of_agent
    from nurture.adapters.nudge import CeleryNudge
    from nurture.flow.reclassify import reclassify as run

    if plan and apply:
        raise typer.BadParameter("say either --plan or --apply", param_hint="--plan")
    settings = load_settings()
    database, clock = bootstrap.database(settings), bootstrap.clock(settings)
    try:
        with _progress_line() as progress:
            after = since_when(since, clock.now())
            account = run(database, clock, kind_of_agent, progress, since=after, apply=apply)
    finally:
        database.engine.dispose()
    if apply and account.marked:
        nudge = CeleryNudge(settings.redis)
        nudge("recount")
        nudge.close()
    if as_json:
        print_json(_as_plain(account, apply))
    else:
        typer.echo("\n".join(_lines(account, apply)))


def _as_plain(account: "Reclassified", apply: bool) -> dict[str, object]:
    turns = [
        {"from": turn.before, "to": turn.after, "reasons": list(turn.reasons), "events": count, "people": account.people[turn]}
        for turn, count in account.turns.most_common()
    ]
    counts = {"events": account.events, "revised": account.revised, "people": account.marked}
    return {"applied": apply, **counts, "turns": turns}


def _lines(account: "Reclassified", apply: bool) -> Iterator[str]:
    would = "" if apply else "would "
    yield f"{counted(account.events, 'event')} judged afresh: {account.revised} {would}change"
    yield from aligned(
        (turn.before, "→", turn.after, counted(count, "event"), f"of {counted(account.people[turn], 'person', 'people')}", ", ".join(turn.reasons))
        for turn, count in account.turns.most_common()
    )  # fmt: skip
    people = counted(account.marked, "person", "people")
    if apply and account.marked:
        yield f"{people} are due to be recounted; workers do it by themselves"
        yield "What was done because of these events (mails, promotions, hand-offs) is not undone."
    elif account.marked:
        yield f"nothing was changed; --apply keeps the new verdicts and has {people} recounted, and undoes nothing that was done"


@contextmanager
def _progress_line() -> "Iterator[Callable[[Reclassified], None]]":
    """A line that moves, where somebody looks at a terminal."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True, markup=False, highlight=False).status("judging") as status:
        yield lambda account: status.update(f"{account.events:,} events judged, {account.revised:,} otherwise than before")


@app.command()
def warnings(since: Since = None, as_json: AsJson = False) -> None:
    """List what was left out of events and which links were refused, by kind, with how often and the latest example."""
    from nurture.reports.oddities import oddities

    with in_force() as installation:
        found = oddities(installation.engine, since_when(since, installation.at))
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    for line in aligned((each.count, each.what, each.kind, instant(each.latest_at), each.example) for each in found):
        typer.echo(line)
    typer.echo(counted(sum(each.count for each in found), "oddity", "oddities"))


@app.command()
def conflicts(
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the latest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List events that came under the id of another one with something else to say; the first one counts."""
    from itertools import islice

    from nurture.reports.oddities import conflicts as read

    with in_force() as installation:
        found = list(islice(read(installation.engine, since_when(since, installation.at)), limit))
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    for each in found:
        typer.echo(clean(f"{each.event}  {instant(each.received_at)}  {each.name} from {each.source}, id {each.message_id}"))
        for line in aligned(_difference(part) for part in each.differences):
            typer.echo(line)
    typer.echo(counted(len(found), "conflict"))


def _difference(part: "Difference") -> tuple[str, ...]:
    stored, other = (f"{value!r}" if value is not None else "nothing" for value in (part.stored, part.other))
    return part.part, f"stored {stored}", f"came {other}"
