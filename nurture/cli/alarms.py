"""`nurture alarms`: what stopped mail by itself, until somebody has looked at it."""

from typing import Annotated

import typer

from nurture.cli.printing import clean, instant, print_json
from nurture.reports.wording import counted

app = typer.Typer(help="What stopped mail by itself, until somebody has looked at it.", no_args_is_help=True)


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that were seen, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List alarms, newest first. Exit code 1 if there is one that nobody has seen."""
    from nurture.cli.releases import installation
    from nurture.reports.alarms import raised_alarms

    with installation() as base:
        found = raised_alarms(base.database.engine, seen_too=everything)
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
    else:
        for each in found:
            seen = "" if each.seen_at is None else f"  (seen {instant(each.seen_at)})"
            typer.echo(f"{each.id}  {instant(each.at)}  {clean(each.text)}{seen}\n    → {each.remedy}")
        if not found:
            typer.echo("no alarms")
    raise typer.Exit(1 if any(each.seen_at is None for each in found) else 0)


@app.command()
def seen(
    alarms: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Which.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every one.")] = False,
) -> None:
    """Note that somebody has looked at alarms: `nurture status` is not degraded by them any more."""
    from nurture.adapters.database.alarming import mark_seen
    from nurture.cli.releases import installation

    if bool(alarms) == everything:
        raise typer.BadParameter("name the alarms by their ids, or give --all")
    with installation() as base:
        marked = mark_seen(base.database.engine, None if everything else alarms or [], base.clock.now())
    typer.echo(f"{counted(marked, 'alarm')} seen")
