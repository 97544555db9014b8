"""`nurture report`: what both halves of the funnel come to, in the terminal, as JSON, CSV, or a page in a file."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple

import typer

from nurture.cli import outcomes
from nurture.cli.installation import in_force
from nurture.cli.printing import console, print_json
from nurture.cli.transfer import written

if TYPE_CHECKING:
    from nurture.reports.sheet import Report

app = typer.Typer(
    help="Print a report on both halves of the funnel: the overview, unless another is named.", invoke_without_command=True
)

_DATES: Final = ["%Y-%m-%d"]

First = Annotated[datetime | None, typer.Option("--from", formats=_DATES, metavar="DATE", help="The first day.")]
Last = Annotated[
    datetime | None, typer.Option("--to", formats=_DATES, metavar="DATE", help="The last day; without it, yesterday.")
]
Days = Annotated[int | None, typer.Option(min=1, max=3660, help="How many days; without it and --from, 28.")]
Language = Annotated[Literal["en", "fr"], typer.Option("--lang", help="The language of names, figures and remarks.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON (docs/schemas/report.json).")]
Csv = Annotated[
    Path | None,
    typer.Option(
        "--csv", metavar="FOLDER", help="Write each sheet as a CSV file into a folder; `-`: print them one after another."
    ),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page that needs nothing else; without a name, with all reports."),
]

_FOR_STDOUT: Final = Path("-")

_HELP: Final = {
    "overview": "Print how both halves of the funnel stand, next to the days before.",
    "demand": "Print who came, how, and how much they read: reach, channels, engagement, awareness.",
    "leads": "Print who became a lead, through what, at what cost, and how far they went.",
    "sequences": "Print what came of each sequence: mails, clicks, goals, variants, lift.",
    "content": "Print what each piece of content brings, and what it leads to.",
    "channels": "Print what each channel brings and costs, from visitors to customers.",
    "cohorts": "Print what became of those who came in each month.",
    "diagnose": "Print what the figures advise to change first, with the evidence.",
}  # fmt: skip


class Wanted(NamedTuple):
    """What somebody wants to see of reports, and how."""

    first: datetime | None = None
    last: datetime | None = None
    days: int | None = None
    language: str = "en"
    as_json: bool = False
    csv: Path | None = None
    html: Path | None = None


@app.callback()
def report(
    context: typer.Context, first: First = None, last: Last = None, days: Days = None, language: Language = "en",
    as_json: AsJson = False, csv: Csv = None, html: Html = None,
) -> None:  # fmt: skip
    """Print the overview, unless another report is named. Its days are whole ones, on the clocks of the business."""
    wanted = Wanted(first, last, days, language, as_json, csv, html)
    if context.invoked_subcommand is None:
        show(None, wanted)
    elif wanted != Wanted():
        raise typer.BadParameter(f"write options after the name: nurture report {context.invoked_subcommand} …")


def _command(name: str) -> Callable[..., None]:
    def command(
        first: First = None, last: Last = None, days: Days = None, language: Language = "en", as_json: AsJson = False,
        csv: Csv = None, html: Html = None,
    ) -> None:  # fmt: skip
        show(name, Wanted(first, last, days, language, as_json, csv, html))

    return command


for _name, _help in _HELP.items():
    app.command(_name, help=_help)(_command(_name))
for _outcome in (outcomes.funnel, outcomes.variants, outcomes.pools, outcomes.opens):
    app.command()(_outcome)


def show(name: str | None, wanted: Wanted) -> None:
    """Print a report, or write it into files; without a name the overview, and onto a page all of them."""
    from nurture.reports.catalogue import REPORTS

    if sum((wanted.as_json, wanted.csv is not None, wanted.html is not None)) > 1:
        raise typer.BadParameter("choose one of --json, --csv and --html")
    names = (name,) if name is not None else REPORTS if wanted.html is not None else REPORTS[:1]
    built = _build(names, wanted)
    if wanted.html is not None:
        _write_page(built, wanted.html, wanted.language)
    elif wanted.csv is not None:
        _write_csv(built[0], wanted.csv, wanted.language)
    elif wanted.as_json:
        from nurture.reports.printed import printed

        print_json(printed(built[0], wanted.language))
    else:
        _print(built[0], wanted.language)


def _build(names: tuple[str, ...], wanted: Wanted) -> "list[Report]":
    from nurture.reports.catalogue import NoSuchDays, built

    first, last = (each and each.date() for each in (wanted.first, wanted.last))
    with in_force() as installation:
        try:
            return built(
                installation.engine, installation.definitions, names, installation.at, first=first, last=last, days=wanted.days
            )
        except NoSuchDays as error:
            raise typer.BadParameter(str(error), param_hint="--from") from None


def _print(report: "Report", language: str) -> None:
    from nurture.cli.report_text import lines
    from nurture.reports.told import told

    printer = console()
    for each in lines(told(report, language), language, printer.width):
        printer.print(each)


def _write_csv(report: "Report", folder: Path, language: str) -> None:
    from nurture.reports.printed import as_csv
    from nurture.reports.told import told

    if folder == _FOR_STDOUT:
        with written(None) as file:
            for number, (sheet, said) in enumerate(zip(report.sheets, told(report, language).sheets, strict=True)):
                file.write((("\r\n" if number else "") + as_csv(sheet, said)).encode())
        return
    folder.mkdir(parents=True, exist_ok=True)
    for sheet, said in zip(report.sheets, told(report, language).sheets, strict=True):
        path = folder / f"{report.name}-{sheet.name}.csv"
        with written(path) as file:
            file.write(as_csv(sheet, said).encode("utf-8-sig"))  # by its first bytes a spreadsheet knows that it is UTF-8
        typer.echo(path)


def _write_page(reports: "list[Report]", path: Path, language: str) -> None:
    from nurture.reports.report_page import page
    from nurture.reports.told import told

    content = page([told(each, language) for each in reports], language)
    with written(path) as file:
        file.write(content.encode())
    typer.echo(path)
