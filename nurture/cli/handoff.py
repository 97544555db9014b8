"""`nurture handoff`: what other systems were told, and to tell them again. What was given up stands in `nurture dead`, too."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.domain.telling.calls import DeliveryStatus
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.adapters.database.told import Telling, Wanted
    from nurture.cli.releases import Base

app = typer.Typer(help="Look at what other systems were told, and tell them again.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Endpoint = Annotated[str | None, typer.Option(help="Only those to this endpoint.", show_default=False)]
Since = Annotated[
    str | None, typer.Option(help="Only what happened since then: a length such as 2h, an instant, a date.", show_default=False)
]
Until = Annotated[str | None, typer.Option(help="Only what happened before then.", show_default=False)]
Ids = Annotated[
    list[int] | None, typer.Option("--id", help="Only these, by the `webhook-id` of their calls.", show_default=False)
]


@app.command(name="list")
def list_(
    endpoint: Endpoint = None,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only those that stand there.", show_default=False)] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the latest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what is told, where it stands, and what the endpoint answered last."""
    from nurture.cli.releases import installation

    with installation() as base:
        wanted = _wanted(base, None, endpoint, since, until, status)
        found, count = base.database.told.found(wanted, limit), base.database.told.count(wanted)
    if as_json:
        print_json({"count": count, "handoffs": [as_told(each) for each in found]})
        return
    for line in aligned(_row(each) for each in found):
        typer.echo(line)
    typer.echo(counted(count, "hand-off") + (f", the latest {limit} of them shown" if count > limit else ""))


@app.command()
def show(id_: Annotated[int, typer.Argument(metavar="ID", help="A `webhook-id`, as `nurture handoff list` prints it.")]) -> None:
    """Print one hand-off, as JSON. Exit code 1 if there is none."""
    from nurture.adapters.database.told import Wanted
    from nurture.cli.releases import installation

    with installation() as base:
        found = base.database.told.found(Wanted(ids=[id_]), 1)
    if not found:
        typer.echo(f"nurture: there is no hand-off {id_}; `nurture handoff list` prints their ids", err=True)
        raise typer.Exit(1)
    print_json(as_told(found[0]))


@app.command()
def replay(
    ids: Ids = None,
    endpoint: Endpoint = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell endpoints again what they were told, or could not be told: under the same `webhook-id`, by which a receiver knows it has it.

    Name ids, or say since when. Who it is about is told as of now. Safe to run twice: what waits already is not told twice.
    """
    from nurture.cli.holding import wake
    from nurture.cli.releases import installation

    if not ids and since is None:
        raise typer.BadParameter("name ids by --id, or say --since, such as --since 2d")
    with installation() as base:
        wanted = _wanted(base, ids, endpoint, since, until)._replace(statuses=_TOLD)
        told = base.database.told
        count = told.count(wanted) if dry_run else told.again(wanted, base.clock.now())
        if count and not dry_run:
            wake(base.settings, ("hand_off",), again=False)
    if as_json:
        print_json({"count": count, "dry_run": dry_run})
    else:
        typer.echo(f"{counted(count, 'hand-off')} {'would go' if dry_run else 'go' if count != 1 else 'goes'} again")


#: What can be told again; what waits is told anyway.
_TOLD = (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.DROPPED)


def _wanted(
    base: "Base", ids: list[int] | None, endpoint: str | None, since: str | None, until: str | None,
    status: DeliveryStatus | None = None,
) -> "Wanted":  # fmt: skip
    from nurture.adapters.database.told import Wanted
    from nurture.cli.common import since_when

    at = base.clock.now()
    return Wanted(
        tuple(ids or ()), endpoint, () if status is None else (status,), since_when(since, at), since_when(until, at, "--until")
    )


def as_told(telling: "Telling") -> dict[str, Any]:
    """A hand-off as JSON. It tells of a person by number, and of what was said of them nothing."""
    return {
        "id": str(telling.id),  # as a number it would lose digits in JavaScript
        "endpoint": telling.endpoint, "type": telling.what.type, "status": telling.status.value, "attempts": telling.attempts,
        "at": telling.at, "due_at": telling.due_at if telling.status == DeliveryStatus.WAITING else None,
        "detail": telling.detail, "person": None if telling.person is None else str(telling.person),
    }  # fmt: skip


def _row(telling: "Telling") -> tuple[Any, ...]:
    at = instant(telling.at) if telling.at is not None else "?"
    attempts = counted(telling.attempts, "attempt")
    return telling.id, telling.status.value, at, telling.endpoint, telling.what.type, attempts, clean(telling.detail or "")
