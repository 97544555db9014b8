"""`nurture suppressions`, and their lists: who is not to be mailed, and why."""

from typing import Annotated

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.cli.transfer import DryRun, Encoding, File, Format, Output, written
from nurture.reports.wording import counted

app = typer.Typer(help="Addresses that are not to be mailed, and why.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address.", show_default=False)]
Scope = Annotated[str, typer.Option(help="all, or topic:NAME for mail of one topic.")]
Reason = Annotated[str, typer.Option(help="Why, in a word.")]


@app.command()
def add(address: Address, scope: Scope = "all", reason: Reason = "by_hand") -> None:
    """Never mail an address again; what is queued to it is cancelled at once."""
    from nurture.cli.releases import installation
    from nurture.domain.mail.suppression import Suppressed

    with installation() as base, base.database.suppressing() as transaction:
        transaction.add([Suppressed(_address(address), reason[:32], "operator", base.clock.now(), scope)])
    typer.echo("suppressed")


@app.command()
def lift(
    address: Address,
    scope: Scope = "all",
    anyway: Annotated[bool, typer.Option("--anyway", help="Though its owner said so: they have asked for mail again.")] = False,
) -> None:
    """Let an address be mailed again. What was cancelled meanwhile does not go."""
    from nurture.cli.releases import installation
    from nurture.flow.suppress import lift as let

    with installation() as base:
        let(base.database, _address(address), scope, anyway=anyway)
    typer.echo("lifted")


@app.command()
def show(address: Address, as_json: AsJson = False) -> None:
    """Tell why an address is not mailed. Exit code 1 if it may be."""
    from nurture.cli.releases import installation
    from nurture.flow.suppress import told_of

    with installation() as base, base.database.suppressing() as transaction:
        found = transaction.of(_address(address))
    if as_json:
        print_json(list(told_of(found)))
    else:
        for line in aligned((each.scope, each.reason, each.source, instant(each.at), each.detail) for each in found):
            typer.echo(line)
        if not found:
            typer.echo("it is not suppressed")
    raise typer.Exit(0 if found else 1)


def import_suppressions(
    file: File, reason: Reason = "imported", dry_run: DryRun = False, encoding: Encoding = None, as_json: AsJson = False
) -> None:
    """Import addresses that are not to be mailed, with a column `email`, and `scope`, `reason`, `detail` if there are any.

    Safe to run twice: the first reason of an address stays. Exit code 1 if a row was refused.
    """
    from pathlib import Path

    from nurture.adapters.addresses import parse_address
    from nurture.adapters.row_files import kept, opened
    from nurture.cli.releases import installation
    from nurture.domain.imports.rows import Row
    from nurture.flow.suppress import Taking, suppress_list

    def refused(row: Row, why: str) -> None:
        typer.echo(f"{'standard input' if file == '-' else file}:{row.line}: {clean(why)}", err=True)

    with installation() as base:
        taking = Taking("import", reason, parse_address, base.clock.now())
        if file == "-":
            with (
                kept(typer.get_binary_stream("stdin"), load_settings().data_dir) as path,
                opened(path, encoding=encoding) as rows,
            ):
                came_to = suppress_list(base.database, rows.rows, taking, refused, dry_run=dry_run)
        else:
            with opened(Path(file), encoding=encoding) as rows:
                came_to = suppress_list(base.database, rows.rows, taking, refused, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **came_to._asdict()})
    else:
        would = "would be " if dry_run else ""
        counts = f"{came_to.suppressed} {would}suppressed, {came_to.refused} refused"
        typer.echo(f"{counted(came_to.rows, 'row')}: {counts}")
    raise typer.Exit(1 if came_to.refused else 0)


def export_suppressions(format_: Format = "csv", output: Output = None, as_json: AsJson = False) -> None:
    """Write all suppressed addresses. Of people who were erased only a keyed hash is kept, which no list can hold."""
    from nurture.cli.releases import installation
    from nurture.reports.export import suppression_records, write_records

    if as_json and output is None:
        raise typer.BadParameter("the account cannot go where the data goes; name --output", param_hint="--json")
    with installation() as base, written(output, private=True) as file, suppression_records(base.database.engine) as records:
        count = write_records(records, file, format_)
    if as_json:
        print_json({"exported": "suppressions", "format": format_, "file": str(output), "rows": count})
    else:
        typer.echo(counted(count, "suppression"), err=True)


def _address(text: str) -> str:
    from nurture.adapters.addresses import parse_address

    try:
        return parse_address(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="ADDRESS") from None
