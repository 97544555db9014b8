"""`nurture import spend`: what channels and campaigns have cost."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import clean, print_json
from nurture.cli.transfer import AsJson, DryRun, Encoding, File
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.domain.spending import Entry

_YAML: Final = {".yaml", ".yml"}

Replace = Annotated[bool, typer.Option("--replace", help="Let rows take the place of what is known of the same money.")]


def import_spend(
    file: File, replace: Replace = False, dry_run: DryRun = False, encoding: Encoding = None, as_json: AsJson = False
) -> None:
    """Import what was spent on channels or campaigns: YAML, CSV or JSON lines with channel or campaign, month (or from and to), amount, currency.

    Everything or nothing. The same file again changes nothing. Exit code 1 if something is wrong with it.
    """
    from nurture.cli.installation import in_force
    from nurture.flow import spend

    entries = _entries(file, encoding)
    with in_force() as installation:
        definitions = installation.definitions
        meant = spend.Meant(definitions.channels.names, definitions.reporting.currency)
        came = spend.import_spend(installation.database, entries, meant, installation.clock, replace=replace, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **came._asdict(), "mistakes": [clean(each) for each in came.mistakes]})
    else:
        for each in came.mistakes:
            typer.echo(clean(each), err=True)
        would = "would be " if dry_run else ""
        counts = f"{came.new} {would}imported, {came.known} known already"
        more = f", {came.replaced} {would}replaced" if came.replaced else ""
        typer.echo("nothing is imported" if came.mistakes else f"{counted(came.rows, 'row')}: {counts}{more}")
    raise typer.Exit(1 if came.mistakes else 0)


def _entries(file: str, encoding: str | None) -> "list[Entry]":
    from nurture.adapters.row_files import kept, opened
    from nurture.definitions.spend_file import spend_in
    from nurture.domain.spending import Entry
    from nurture.errors import DefinitionError

    if Path(file).suffix.lower() in _YAML:
        return spend_in(Path(file))
    name = "standard input" if file == "-" else file
    from_input = kept(typer.get_binary_stream("stdin"), load_settings().data_dir) if file == "-" else nullcontext(Path(file))
    with from_input as path, opened(path, encoding=encoding) as rows:
        entries, unreadable = [], []
        for row in rows.rows:
            where = f"{name}:{row.line}"
            if row.mistake is not None:
                unreadable.append(f"{where}: {row.mistake}")
            cells = {column.strip().lower(): cell for column, cell in row.cells.items()}
            entries.append(Entry(where, cells, {column: f"{where}: column {column}" for column in cells}))
    if unreadable:
        raise DefinitionError("\n".join(unreadable))
    return entries
