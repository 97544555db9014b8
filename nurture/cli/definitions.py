"""`nurture check`, `apply` and `schema`: the definitions of the configuration folder."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.definitions.loader import Loaded
    from nurture.domain.definitions import Definitions
    from nurture.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check(as_json: AsJson = False) -> None:
    """Report every mistake in the definitions and the e-mail templates at once. Exit code 1 if there is an error."""
    from nurture.bootstrap import load_definitions

    settings = load_settings()
    loaded = load_definitions(settings)
    if as_json:
        print_json({**_counts(loaded), "mistakes": [asdict(each) for each in loaded.mistakes]})
    else:
        _tell(loaded)
        if not loaded.errors and loaded.definitions is not None:
            typer.echo(f"{settings.config_dir}: in order ({_extent(loaded.definitions)})")
    raise typer.Exit(1 if loaded.errors else 0)


def apply(as_json: AsJson = False) -> None:
    """Check the definitions and put them in force, for all processes at once. Exit code 1 if there is an error."""
    from nurture.bootstrap import apply_definitions, load_definitions
    from nurture.reports.changes import changes

    settings = load_settings()
    loaded = load_definitions(settings)
    if loaded.definitions is None:
        if as_json:
            print_json({"applied": False, **_counts(loaded), "mistakes": [asdict(each) for each in loaded.mistakes]})
        else:
            _tell(loaded)
        raise typer.Exit(1)
    before = _in_force(settings)
    applied = apply_definitions(settings)
    found = changes(before, loaded.definitions)
    if as_json:
        told = [each.model_dump() for each in found]
        print_json({"applied": applied, "digest": loaded.definitions.digest, "changes": told, **_counts(loaded)})
        return
    _tell(loaded)
    if applied:
        for each in found:
            typer.echo(f"  {each}")
        typer.echo(f"in force: {loaded.definitions.digest} ({_extent(loaded.definitions)})")
    else:
        typer.echo(f"nothing changed: {loaded.definitions.digest} is in force already")


def schema(as_json: AsJson = False) -> None:
    """Write the JSON Schemas that editors read into the folder `schemas` of the configuration."""
    from nurture.definitions.schema import write_schemas

    written = write_schemas(load_settings().config_dir / "schemas")
    if as_json:
        print_json([path.as_posix() for path in written])
    else:
        for path in written:
            typer.echo(path.as_posix())


def _in_force(settings: "Settings") -> "Definitions | None":
    """The definitions in force; None before the first are."""
    from nurture import bootstrap
    from nurture.errors import DefinitionError
    from nurture.reports.reading import snapshot

    database = bootstrap.database(settings)
    try:
        with snapshot(database.engine) as connection:
            return database.releases.current(connection)
    except DefinitionError:
        return None
    finally:
        database.engine.dispose()


def _tell(loaded: "Loaded") -> None:
    for mistake in loaded.mistakes:
        typer.echo(str(mistake))
    if loaded.mistakes:
        counts = _counts(loaded)
        typer.echo(f"{counted(counts['errors'], 'error')}, {counted(counts['warnings'], 'warning')}", err=True)


def _counts(loaded: "Loaded") -> dict[str, int]:
    errors = len(loaded.errors)
    return {"errors": errors, "warnings": len(loaded.mistakes) - errors}


def _extent(definitions: "Definitions") -> str:
    parts = {
        "scoring rule": definitions.scoring.rules, "asset": definitions.assets, "form": definitions.forms,
        "sequence": definitions.sequences,
    }  # fmt: skip
    return ", ".join(counted(len(part), name) for name, part in parts.items())
