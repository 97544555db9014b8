"""`nurture report`: figures on the whole."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.installation import in_force
from nurture.cli.printing import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from nurture.reports.funnel import Funnel

app = typer.Typer(help="Print figures on the whole: the funnel.", invoke_without_command=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

#: Characters of the longest bar.
_BAR = 28


@app.callback()
def report(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the funnel, unless another report is named."""
    if context.invoked_subcommand is None:
        funnel(as_json)


@app.command()
def funnel(as_json: AsJson = False) -> None:
    """Print how many people went how far: visitors, engaged, downloads, leads, enrolled, mails, clicks, MQL."""
    from nurture.reports.funnel import funnel as figures

    with in_force() as installation:
        found = figures(installation.engine, installation.definitions)
    if as_json:
        print_json(found)
        return
    printer = console()
    for table in tables(found):
        printer.print(table)
    printer.print(
        f"events: {found.human_events} by humans, {found.machine_events} by machines, {found.unknown_events} unknown"
        " (machines count nowhere above)"
    )


def tables(found: "Funnel") -> "Iterator[Table]":
    """The funnel as Rich tables: people, then each sequence's mails."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    people = Table(box=SIMPLE_HEAD, title="Funnel", title_justify="left")
    for heading in ("", "people", "of visitors", ""):
        people.add_column(heading, justify="right" if heading else "left")
    for name, count in _rows(found):
        share = count / found.visitors if found.visitors else 0.0
        people.add_row(name, str(count), f"{share:.0%}", "█" * round(_BAR * min(share, 1.0)))
    yield people
    for sequence in found.sequences:
        title = f"Sequence {sequence.sequence}: {sequence.enrolled} enrolled"
        mails = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
        for heading in ("step", "sent", "clicked by", "rate", "skipped", "failed", "uncertain", "machine clicks"):
            mails.add_column(heading, justify="left" if heading == "step" else "right", no_wrap=heading == "step")
        for step in sequence.steps:
            rate = f"{step.clicked / step.sent:.0%}" if step.sent else ""
            counts = (step.skipped, step.failed, step.uncertain, step.machine_clicks)
            mails.add_row(step.step, str(step.sent), str(step.clicked), rate, *map(str, counts))
        yield mails


def _rows(found: "Funnel") -> list[tuple[str, int]]:
    lead, *further = [(f"{each.stage} or further", each.people) for each in found.stages]
    return [
        ("visitors", found.visitors), ("engaged", found.engaged), ("downloads", found.downloads), lead,
        ("enrolled", found.enrolled), ("clicked in a mail", found.clicked), *further,
    ]  # fmt: skip
