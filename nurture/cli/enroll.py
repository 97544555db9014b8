"""`nurture person enroll`: somebody is put on a sequence by hand."""

from typing import Annotated

import typer

from nurture.cli.installation import in_force
from nurture.cli.person import AsJson, Who, put_on_stream, somebody
from nurture.cli.printing import clean, print_json


def enroll(
    email: Who,
    sequence: Annotated[str, typer.Argument(metavar="SEQUENCE", help="The sequence's name.")],
    despite_holdout: Annotated[
        bool,
        typer.Option("--despite-holdout", help="Also if they are among those who are held out, to see what the mail brings."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put somebody on a sequence, whatever its trigger is. Its audience and its re-entry rule decide as always.

    Exit code 1, with the reason, if that would change nothing.
    """
    from nurture.domain.enrolling import enrolling
    from nurture.domain.rejecting import Refused
    from nurture.reports.enrolling import standing
    from nurture.reports.people import find_person
    from nurture.reports.reading import snapshot

    with in_force() as installation, somebody(), snapshot(installation.engine) as connection:
        known = find_person(connection, email)
        stands = standing(connection, installation.definitions, known, installation.at)
    found = enrolling(
        known.person, sequence, stands.runs, installation.definitions, installation.at, stands.closed,
        despite_holdout=despite_holdout,
    )  # fmt: skip
    if isinstance(found, Refused):
        if as_json:
            print_json({"person": known.person.id, "sequence": sequence, "refused": found.why})
        typer.echo(f"nurture: {found.why}", err=True)
        raise typer.Exit(1)
    put_on_stream(found)
    held = sequence in stands.held
    if as_json:
        told = {"person": known.person.id, "sequence": sequence, "held": held, "suppressed": stands.suppressed}
        print_json({**told, "event": found.key})
        return
    who = clean(known.person.email or f"person {known.person.id}")
    typer.echo(f"{who} is put on {sequence} as soon as a worker takes it in")
    if held:
        typer.echo(f"{sequence} is paused: their first step comes when it is resumed")
    if stands.suppressed:
        typer.echo("their address is suppressed: none of its mail will go to them")
