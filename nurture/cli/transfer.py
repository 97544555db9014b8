"""`nurture import` and `nurture export`: people, events and answers of sales from files, people and events into them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, Literal, cast

import typer

from nurture.cli.common import Since, load_settings, since_when
from nurture.cli.printing import aligned, clean, harmless, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.cli.import_run import Options, Told
    from nurture.domain.imports.rows import Refused, Row
    from nurture.flow.import_rows import Account

import_ = typer.Typer(
    help="Take in people, events, answers of sales or what was spent from a file: CSV, JSON lines, log lines; spending also YAML.",
    no_args_is_help=True,
)
export = typer.Typer(help="Write people or events to a file that `nurture import` reads back.", no_args_is_help=True)

#: Mistakes in rows that are told one by one when an import is no dry run.
_TOLD: Final = 20

File = Annotated[str, typer.Argument(metavar="FILE", help="The file, as it is or compressed with gzip; - for standard input.")]
Map = Annotated[
    Path | None,
    typer.Option("--map", help="A mapping of columns to fields; without it, obvious names are taken for what they say."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read everything, say what would come of it, and import nothing.")]
Errors = Annotated[Path | None, typer.Option(dir_okay=False, help="Where to put refused rows, to be mended and imported alone.")]
Strict = Annotated[bool, typer.Option("--strict", help="Import nothing unless every row is in order.")]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin anew, whatever was done before; each event counts once all the same.")
]
Encoding = Annotated[str | None, typer.Option(help="The file's encoding, such as cp1252; without it, UTF-8.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@import_.command("people")
def import_people(
    file: File, map_: Map = None, dry_run: DryRun = False, errors: Errors = None, strict: Strict = False,
    restart: Restart = False, encoding: Encoding = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Import people, one in each row. Exit code 1 if a row was refused."""
    from nurture.cli.import_run import Options

    _import(Options("people", file, map_, dry_run, errors, strict, restart, encoding), as_json)


@import_.command("events")
def import_events(
    file: File, map_: Map = None, dry_run: DryRun = False, errors: Errors = None, strict: Strict = False,
    restart: Restart = False, encoding: Encoding = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Import events, one in each row, with the dates they have. Exit code 1 if a row was refused."""
    from nurture.cli.import_run import Options

    _import(Options("events", file, map_, dry_run, errors, strict, restart, encoding), as_json)


@import_.command("answers")
def import_answers(
    file: File, map_: Map = None, dry_run: DryRun = False, errors: Errors = None, strict: Strict = False,
    restart: Restart = False, encoding: Encoding = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Import what sales answered (accepted, rejected, won, lost), one answer in each row. Exit code 1 if a row was refused."""
    from nurture.cli.import_run import Options

    _import(Options("answers", file, map_, dry_run, errors, strict, restart, encoding), as_json)


def _import(options: "Options", as_json: bool) -> None:
    import codecs

    from nurture.cli.import_run import Telling, run

    if options.encoding is not None:
        try:
            codecs.lookup(options.encoding)
        except LookupError:
            raise typer.BadParameter(f"{clean(options.encoding)} is no encoding", param_hint="--encoding") from None
    settings = load_settings()
    with _progress_line() as progress:
        mistakes = _Mistakes(options)
        told = run(options, settings, Telling(mistakes, lambda text: typer.echo(f"nurture: {text}", err=True), progress))
    if as_json:
        _print_account(options, told)
    else:
        _tell(options, told, mistakes.untold)
    raise typer.Exit(1 if told.account.refused else 0)


class _Mistakes:
    """Tells of refused rows on standard error: of all in a dry run, else of the first ones."""

    def __init__(self, options: "Options") -> None:
        self._name = "standard input" if options.file == "-" else options.file
        self._most = None if options.dry_run else _TOLD
        self._count = 0

    def __call__(self, row: "Row", refused: "Refused") -> None:
        self._count += 1
        if self._most is None or self._count <= self._most:
            typer.echo(f"{self._name}:{row.line}: {clean(refused)}", err=True)

    @property
    def untold(self) -> int:
        return 0 if self._most is None else max(0, self._count - self._most)


@contextmanager
def _progress_line() -> "Iterator[Callable[[Account], None]]":
    """A line that moves, where somebody looks at a terminal."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True, markup=False, highlight=False).status("reading") as status:
        yield lambda account: status.update(f"{account.rows:,} rows: {account.accepted:,} accepted, {account.refused:,} refused")


def _print_account(options: "Options", told: "Told") -> None:
    from dataclasses import asdict

    print_json(
        {
            "state": told.state, "dry_run": options.dry_run, **asdict(told.account), "resumed_at": told.resumed_at,
            "columns": {clean(column): field and clean(field) for column, field in told.columns.items()},
            "first": [each.model_dump(mode="json", exclude_defaults=True) for each in told.first] if options.dry_run else [],
            "mistakes": [each._replace(column=clean(each.column), what=clean(each.what))._asdict() for each in told.mistakes],
        }
    )  # fmt: skip


def _tell(options: "Options", told: "Told", untold: int) -> None:
    if untold:
        kept = "--errors FILE keeps them" if options.errors is None else f"{options.errors} holds all"
        typer.echo(f"nurture: {untold} further rows were refused; {kept}", err=True)
    account = told.account
    if told.state == "already":
        typer.echo("this file is imported already, under the same mapping; --restart begins anew")
    else:
        for line in aligned((column, "→", field or "(left out)") for column, field in told.columns.items()):
            typer.echo(line)
    if options.dry_run:
        for event in told.first:
            print_json(event.model_dump(mode="json", exclude_defaults=True))
    if told.resumed_at:
        typer.echo(f"went on after row {told.resumed_at}")
    if told.state == "refused":
        typer.echo("nothing is imported: --strict asks for every row to be in order")
    would = "" if told.state in ("written", "already") else "would be "
    lost = f"; of those accepted {account.warned} lost an id that names nobody" if account.warned else ""
    counts = f"{account.accepted} {would}accepted, {account.refused} refused, {account.skipped} skipped"
    typer.echo(f"{counted(account.rows, 'row')}: {counts}{lost}")


Format = Annotated[
    Literal["csv", "jsonl"], typer.Option("--format", help="csv, which a spreadsheet opens safely, or JSON lines.")
]
Output = Annotated[Path | None, typer.Option(dir_okay=False, help="The file to write; without it, standard output.")]


@export.command("people")
def export_people(format_: Format = "csv", output: Output = None, since: Since = None, as_json: AsJson = False) -> None:
    """Write everybody who is not merged into another, in the order of their ids; `--since` goes by who was seen last."""
    _export("people", format_, output, since, as_json)


@export.command("events")
def export_events(format_: Format = "csv", output: Output = None, since: Since = None, as_json: AsJson = False) -> None:
    """Write the log of events in the order in which they happened."""
    _export("events", format_, output, since, as_json)


def _export(
    what: Literal["people", "events"], format_: Literal["csv", "jsonl"], output: Path | None, since: str | None, as_json: bool
) -> None:
    from nurture.cli.installation import in_force
    from nurture.reports.export import event_records, people_records, write_records

    if as_json and output is None:
        raise typer.BadParameter("the account cannot go where the data goes; name --output", param_hint="--json")
    with in_force() as installation, written(output) as file:
        after = since_when(since, installation.at)
        if what == "people":
            records = people_records(installation.engine, installation.definitions, installation.at, after)
        else:
            records = event_records(installation.engine, after)
        with records as found:
            count = write_records(found, file, format_)
    if as_json:
        print_json({"exported": what, "format": format_, "file": str(output), "rows": count})
    else:
        typer.echo(counted(count, "person" if what == "people" else "event", "people" if what == "people" else None), err=True)


class ForEyes(BufferedIOBase):
    """A terminal, to which data goes as far as it is to be read: what it would obey is left out. Each write holds whole letters."""

    def __init__(self, terminal: "IO[bytes]") -> None:
        self._terminal = terminal

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        text = bytes(data).decode("utf-8", "replace").replace("\r\n", "\n").removeprefix("\ufeff")
        self._terminal.write(harmless(text).encode())
        return len(data)

    def flush(self) -> None:
        self._terminal.flush()


@contextmanager
def written(output: Path | None, *, private: bool = False) -> "Iterator[IO[bytes]]":
    """Standard output, or a file that appears when it is whole; a private one is for its owner's eyes only."""
    if output is None:
        stdout = typer.get_binary_stream("stdout")
        yield cast("IO[bytes]", ForEyes(stdout)) if stdout.isatty() else stdout
        return
    draft = output.with_name(f".{output.name}.part")
    try:
        if private:
            draft.touch(mode=0o600)
        with draft.open("wb") as file:
            yield file
        draft.replace(output)
    except OSError as error:
        from nurture.errors import NurtureError

        raise NurtureError(f"{output} cannot be written ({error.strerror}); name another file") from error
    finally:
        draft.unlink(missing_ok=True)
