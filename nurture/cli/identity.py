"""`nurture person merge` and `unmerge`: who is who, decided by hand."""

import getpass
from typing import Annotated

import typer

from nurture.cli.installation import in_force
from nurture.cli.person import Who
from nurture.cli.printing import instant, print_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Into = Annotated[str, typer.Argument(metavar="INTO", help="Whoever stays: an e-mail address, or an id.")]
Reason = Annotated[str, typer.Option(help="Why they are one; kept in the journal.")]
MergeId = Annotated[int, typer.Argument(metavar="MERGE", help="The merge's id, from `nurture person show WHO --identity`.")]


def merge(email: Who, into: Into, reason: Reason = "joined by hand", as_json: AsJson = False) -> None:
    """Join two people: everything of the first goes to the second. `nurture person unmerge` takes it back."""
    from nurture.flow.merge import merge as join
    from nurture.reports.people import find_person
    from nurture.reports.reading import snapshot

    with in_force() as installation:
        with snapshot(installation.engine) as connection:
            weak, stays = (find_person(connection, each).person.id for each in (email, into))
        entry = join(installation.database, installation.clock, weak, stays, _operator(), reason)
    if as_json:
        print_json({"merge": entry.id, "person": entry.person, "merged": entry.other, "at": entry.at})
        return
    typer.echo(f"{instant(entry.at)}: person {entry.other} is now part of person {entry.person}")
    typer.echo(f"to take it back: nurture person unmerge {entry.id}")


def unmerge(merge_id: MergeId, as_json: AsJson = False) -> None:
    """Part two people who were joined, by hand or by an event. Each gets back what they were known by and what they did."""
    from nurture.flow.merge import unmerge as take_back

    with in_force() as installation:
        entry = take_back(installation.database, installation.clock, merge_id, _operator())
    if as_json:
        print_json({"person": entry.person, "parted": entry.other, "at": entry.at})
        return
    typer.echo(f"{instant(entry.at)}: person {entry.other} is a person of their own again, beside person {entry.person}")


def _operator() -> str:
    """Who sits at the terminal, as the journal keeps it."""
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):
        return "operator"
