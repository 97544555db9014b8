"""`nurture person erase` and `nurture person export`: what a person may ask of whoever keeps their data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.printing import aligned, escaped, print_json

if TYPE_CHECKING:
    from nurture.flow.erase import Account
    from nurture.reports.people import Known

Who = Annotated[str, typer.Argument(metavar="WHO", help="An e-mail address, or an id: ours, a user's, a browser's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def erase(
    who: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove every trace of a person for good; a keyed hash of the address stays, so that it is never mailed again.

    Also what waits in the stream, dead letters, quarantined posts and the development mailbox. May be run again. What other people
    wrote about them in their own words, in properties and traits of their own events, is not looked for. Exit code 1 if
    nothing is known and nothing was found.
    """
    from nurture import bootstrap
    from nurture.cli.common import load_settings
    from nurture.domain.erasing import Traces, named
    from nurture.flow.erase import erase as remove

    settings = load_settings()
    database, redis = bootstrap.database(settings), bootstrap.redis_client(settings)
    try:
        known = _find(database.engine, who)
        if known is not None and not (yes or dry_run):
            typer.confirm(f"Erase person {known.person.id} with everything that is kept of them, for good?", abort=True, err=True)
        # Of somebody known the rows say what they are called. Of somebody else nothing is left but the word that was given.
        traces = named(who) if known is None else Traces()
        places = bootstrap.places_of_people(settings, redis)
        at = bootstrap.clock(settings).now()
        account = remove(known.ids if known else (), traces, database, places, at, dry_run=dry_run)
    finally:
        redis.close()
        database.engine.dispose()
    _tell(known, account, dry_run=dry_run, as_json=as_json)
    raise typer.Exit(0 if account.removed.total() or account.again else 1)


def export(
    who: Who,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="The file to write; without it, standard output.")] = None,
) -> None:
    """Write everything that is kept of a person as JSON, to be handed to them. Exit code 1 if nobody is known."""
    import json

    from nurture.cli.installation import in_force
    from nurture.cli.transfer import written
    from nurture.errors import UnknownPerson
    from nurture.reports.personal_data import personal_data

    with in_force() as installation:
        try:
            found = personal_data(installation.engine, who, installation.at)
        except UnknownPerson as error:
            typer.echo(f"nurture: {error}", err=True)
            raise typer.Exit(1) from None
    with written(output, private=True) as file:
        file.write(escaped(json.dumps(found, indent=2, ensure_ascii=False, default=_text)).encode() + b"\n")


def _find(engine: object, who: str) -> "Known | None":
    from nurture.errors import UnknownPerson
    from nurture.reports.people import find_person
    from nurture.reports.reading import snapshot

    try:
        with snapshot(engine) as connection:  # type: ignore[arg-type]  # SQLAlchemy is imported only where a command needs it
            return find_person(connection, who)
    except UnknownPerson:
        return None


def _tell(known: "Known | None", account: "Account", *, dry_run: bool, as_json: bool) -> None:
    person = known.person.id if known is not None else None
    removed = {kind: count for kind, count in sorted(account.removed.items()) if count}
    if as_json:
        print_json({"person": person, "dry_run": dry_run, "erased_before": account.again, "removed": removed})
        return
    if not removed:
        again = "this address was erased before, and nothing has come since"
        typer.echo(again if account.again else "nobody is known by this, and nothing that waits names it", err=not account.again)
        return
    whose = f"person {person}" if person is not None else "nobody known"
    typer.echo(f"{whose}: {'would be removed' if dry_run else 'removed for good'}")
    for line in aligned(((count, kind.replace("_", " ")) for kind, count in removed.items()), figures_first=True):
        typer.echo(line)


def _text(value: object) -> str:
    """Instants in UTC as ISO 8601; ids as they are written."""
    from datetime import UTC, datetime

    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
