"""`nurture check`, `apply` and `schema`: the definitions of the configuration folder."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.common import load_settings
from nurture.cli.plan_text import extent_of
from nurture.cli.printing import print_json
from nurture.cli.releases import FinishOld, Maps, installation, put_in_force, tell_released, wishes_of
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.definitions.loader import Loaded

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check(as_json: AsJson = False) -> None:
    """Report every mistake in the definitions, their test cases and the e-mails at once. Exit code 1 if there is an error.

    Each mail of a sequence is written for sample people and held against docs/mail-checklist.md.
    """
    from nurture.bootstrap import clock, load_definitions
    from nurture.definitions.case_files import load_cases
    from nurture.definitions.loader import Loaded
    from nurture.reports.linted_mails import mistakes_in_mails

    settings = load_settings()
    definitions = load_definitions(settings)
    cases = load_cases(settings.config_dir, definitions.definitions)
    in_mails = mistakes_in_mails(settings, definitions, clock(settings).now())
    loaded = Loaded(definitions.definitions, [*definitions.mistakes, *cases.mistakes, *in_mails])
    if as_json:
        print_json({**_counts(loaded), "mistakes": [asdict(each) for each in loaded.mistakes]})
    else:
        _tell(loaded)
        if not loaded.errors and loaded.definitions is not None:
            tried = counted(sum(len(file.content.cases) for file in cases.files), "test case")
            typer.echo(f"{settings.config_dir}: in order ({extent_of(loaded.definitions)}, {tried})")
    raise typer.Exit(1 if loaded.errors else 0)


def apply(
    maps: Maps = None,
    finish_old: FinishOld = False,
    as_json: AsJson = False,
) -> None:
    """Check the definitions and put them in force, for all processes at once. Exit code 1 if there is an error.

    People in flight go along as long as their step is still there. If somebody would be stranded nothing changes (exit code 1)
    until --map says where they go on, or --finish-old lets all finish the version that they are on.
    """
    from nurture.bootstrap import load_definitions

    wishes = wishes_of(maps, finish_old)
    with installation() as base:
        loaded = load_definitions(base.settings)
        if loaded.definitions is None or loaded.errors:
            if as_json:
                mistakes = [asdict(each) for each in loaded.mistakes]
                print_json({"applied": False, **_counts(loaded), "mistakes": mistakes})
            else:
                _tell(loaded)
            raise typer.Exit(1)
        released = put_in_force(base, loaded.definitions, wishes)
    if not as_json:
        _tell(loaded)
    tell_released(released, loaded.definitions, as_json, "nurture apply", **_counts(loaded))


def schema(
    printed: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also write the schemas of what hand-offs say, and of what `status`, `doctor` and `report` print with --json, into it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the JSON Schemas that editors read into the folder `schemas` of the configuration."""
    from nurture.definitions.schema import write_schemas

    written = write_schemas(load_settings().config_dir / "schemas")
    if printed is not None:
        from nurture.reports.schemas import write_printed

        written += write_printed(printed)
    if as_json:
        print_json([path.as_posix() for path in written])
    else:
        for path in written:
            typer.echo(path.as_posix())


def _tell(loaded: "Loaded") -> None:
    for mistake in loaded.mistakes:
        typer.echo(str(mistake))
    if loaded.mistakes:
        counts = _counts(loaded)
        typer.echo(f"{counted(counts['errors'], 'error')}, {counted(counts['warnings'], 'warning')}", err=True)


def _counts(loaded: "Loaded") -> dict[str, int]:
    errors = len(loaded.errors)
    return {"errors": errors, "warnings": len(loaded.mistakes) - errors}
