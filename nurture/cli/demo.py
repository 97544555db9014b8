"""`nurture demo`: the whole engine at work in a minute."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.printing import console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from nurture.demo.performance import Outcome
    from nurture.demo.play import Moment

#: As a shell reports a command that Ctrl-C has ended.
_INTERRUPTED = 130

#: Events of the story that are printed.
_EVENTS = 30


def demo(
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder to keep everything in (data/demo-DATE-TIME).", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the web process (8000, or one that is free).", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number makes another crowd.")] = 1,
    plant: Annotated[
        str | None,
        typer.Option(
            help="Play two months of a small business with this one thing wrong, and print its diagnosis.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Play three weeks of a blog's life against the real engine, in about a minute.

    Starts everything like `nurture up`, with data of its own and a clock that runs faster; two hundred made-up visitors
    read, fill in forms, get mail, click and unsubscribe; no mail leaves this machine. Exit code 1 if figures disagree.

    With --plant nothing is started: a business is played into a database in which one cause is planted, such as form-too-long, for
    `nurture report diagnose` to find. An unknown name lists them all; `none` is a business that is well.
    """
    from nurture.demo.performance import make_settings, perform

    folder = data_dir or Path("data") / f"demo-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    if (folder / "nurture.db").exists():
        raise typer.BadParameter("there is data in this folder already; name a new one", param_hint="--data-dir")
    if plant is not None:
        _show_planted(folder, plant, seed, as_json=as_json)
        return
    settings = make_settings(folder, port)
    printer = console()
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    try:
        with _progress(printer, quiet=as_json) as watch:
            outcome = perform(settings, seed, watch)
    except KeyboardInterrupt:
        typer.echo("nurture: the demo was stopped; nothing of it runs any more", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    seconds = time.monotonic() - began
    if as_json:
        print_json(_told(outcome, folder, seconds))
    else:
        _print(printer, outcome, folder, settings.port, seconds)
    raise typer.Exit(1 if outcome.disagreements else 0)


def _show_planted(folder: Path, cause: str, seed: int, *, as_json: bool) -> None:
    from nurture.cli.report_text import lines
    from nurture.demo.plants.showing import planted
    from nurture.reports.printed import printed
    from nurture.reports.sheet import date_of
    from nurture.reports.told import told

    folder.mkdir(parents=True, exist_ok=True)
    report = planted(folder / "nurture.db", cause, seed)
    if as_json:
        print_json(printed(report, "en"))
        return
    printer = console()
    for each in lines(told(report, "en"), "en", printer.width):
        printer.print(each)
    days = f"--from {date_of(report.period.first)} --to {date_of(report.period.last)}"
    printer.print(f"to see more of it: NURTURE_DATA_DIR={folder} nurture report leads {days}", soft_wrap=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _progress(printer: "Console", *, quiet: bool) -> "Iterator[Callable[[Moment], None]]":
    """Shows how far the play is: one moving line on a terminal, else a line a day."""
    from nurture.demo.play import DAYS

    if quiet:
        yield lambda _moment: None
    elif printer.is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=printer, transient=True) as progress:
            task = progress.add_task("starting the engine …", total=DAYS)
            yield lambda moment: progress.update(task, completed=moment.day, description=_line(moment))
    else:
        yield _LinePerDay(printer).tell


class _LinePerDay:
    def __init__(self, printer: "Console") -> None:
        self._printer = printer
        self._day = -1

    def tell(self, moment: "Moment") -> None:
        if moment.day != self._day:
            self._day = moment.day
            self._printer.print(_line(moment))


def _line(moment: "Moment") -> str:
    return (
        f"{moment.at:%a %d %b %H:%M}  {moment.visitors:>3} visitors  {moment.leads:>2} leads  "
        f"{moment.mails:>3} mails  {moment.clicks:>3} clicks"
    )


def _print(printer: "Console", outcome: "Outcome", folder: Path, port: int, seconds: float) -> None:
    from nurture.cli.outcomes import tables
    from nurture.cli.story_text import story_lines

    for table in tables(outcome.funnel):
        printer.print(table)
    for line in _facts(outcome):
        printer.print(line)
    printer.rule("one lead's story", align="left")
    for line in story_lines(outcome.story):
        printer.print(line, soft_wrap=True)
    printer.rule("afterwards", align="left")
    again = "" if port == 8000 else f" --port {port}"  # noqa: PLR2004  # the default of `nurture up`
    printer.print(f"{outcome.files} mails lie in {folder / 'mail'} as .eml files", soft_wrap=True)
    printer.print(
        f"to read them in a browser: nurture up --data-dir {folder}{again}, then http://localhost:{port}/inbox", soft_wrap=True
    )
    printer.print(f"took {seconds:.0f} s")
    for disagreement in outcome.disagreements:
        printer.print(f"DISAGREEMENT  {disagreement}", style="red", soft_wrap=True)
    if not outcome.disagreements:
        printer.print(
            "all figures agree: the crowd, the database, nurture status, nurture verify, and the .eml files", soft_wrap=True
        )
    sys.stdout.flush()


def _facts(outcome: "Outcome") -> Iterator[str]:
    funnel, ledger = outcome.funnel, outcome.ledger
    yield f"events: {funnel.human_events} by humans, {funnel.machine_events} by machines, which count nowhere above"
    yield f"sent twice, counted once: {ledger.sent_twice}; unsubscribed: {len(ledger.unsubscribed)}; spam set aside: {ledger.spam}"


def _told(outcome: "Outcome", folder: Path, seconds: float) -> dict[str, Any]:
    return {
        "data_dir": str(folder), "seconds": round(seconds, 1), "mail_folder": str(folder / "mail"), "eml_files": outcome.files,
        "funnel": outcome.funnel.model_dump(mode="json"), "story": outcome.story.model_dump(mode="json"),
        "sent_twice": outcome.ledger.sent_twice, "unsubscribed": len(outcome.ledger.unsubscribed), "spam": outcome.ledger.spam,
        "disagreements": [str(each) for each in outcome.disagreements],
    }  # fmt: skip
