"""`nurture score`: points learned from what became of people."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.installation import in_force
from nurture.cli.printing import clean, console, print_json

if TYPE_CHECKING:
    from nurture.learning.fitting import Fitted, Report

app = typer.Typer(help="Learn points from the past.", no_args_is_help=True)


@app.callback()
def score() -> None:
    """Learn points from the past."""


@app.command()
def fit(
    won: Annotated[
        str | None,
        typer.Option(metavar="EVENT", help="The event by which somebody wins; with --csv, the value of the column that says so."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Learn from a CSV file, one person a row, instead of from the log.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of the CSV that says who won.")] = None,
    weeks: Annotated[float | None, typer.Option(min=0.1, help="How many weeks the people of the CSV took to come.")] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write the YAML here.")] = None,
    capacity: Annotated[int | None, typer.Option(min=1, help="How many leads a week can be called.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Learn a scorecard from who won and who did not, and write it as YAML to be read. Nothing is put in force.

    Without --output the YAML goes to standard output and the report to standard error. Exit code 1 if nothing can be learned.
    """
    if (csv is None) != (outcome is None) or (csv is None and (won is None or weeks is not None)):
        raise typer.BadParameter("name the outcome: --won EVENT for the log, or --csv FILE with --outcome COLUMN (and --weeks)")
    fitted = _fit(won, csv, outcome, weeks, capacity)
    from nurture.learning.writing import to_yaml

    yaml = to_yaml(fitted)
    if output is not None:
        output.write_text(yaml, encoding="utf-8")
    if as_json:
        print_json({**fitted.report.model_dump(mode="json"), "yaml": yaml})
        return
    if output is None:
        typer.echo(yaml, nl=False)
    _tell(fitted.report, to_stderr=output is None)
    if output is not None:
        typer.echo(f"written to {output}; nothing is in force")


def _fit(won: str | None, csv: Path | None, outcome: str | None, weeks: float | None, capacity: int | None) -> "Fitted":
    from nurture.errors import SettingsError

    try:
        from nurture.learning.cases import CannotLearnError
        from nurture.learning.fitting import fit as learn
        from nurture.learning.history import history
        from nurture.learning.spreadsheet import read_cases
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"sklearn", "numpy", "scipy"}:
            raise
        raise SettingsError(
            "learning needs packages that are not installed; install them with `pip install 'nurture[learn]'`, then ask again"
        ) from None
    from nurture.learning.fitting import SEED

    try:
        if csv is not None:
            assert outcome is not None
            return learn(read_cases(csv, outcome, won, weeks), f"column {outcome} of {csv.name}", capacity=capacity)
        assert won is not None
        with in_force() as installation:
            found = history(installation.engine, installation.definitions, won, SEED)
            return learn(found.cases, f"event {won}", capacity=capacity, in_force=(found, installation.definitions))
    except CannotLearnError as error:
        typer.echo(f"nurture: {error}", err=True)
        raise typer.Exit(1) from None


def _tell(report: "Report", *, to_stderr: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from nurture.learning.writing import tables

    printer = console()
    printer.stderr = to_stderr
    for title, headings, rows in tables(report):
        table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
        for heading in headings:
            table.add_column(heading, justify="left" if heading in {"model", "rule", "about"} else "right")
        for row in rows:
            table.add_row(*map(clean, row))
        printer.print(table)
    for each in report.suspicious:
        printer.print(f"suspicious, so left out: {clean(each)}")
    for each in report.remarks:
        printer.print(clean(each))
