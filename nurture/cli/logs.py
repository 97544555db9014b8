"""`nurture logs`: what the processes say, in columns or as JSON, from the files of `nurture up` or from standard input."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from nurture.adapters.log_files import Place
    from nurture.log_lines import LogLine, Wanted

#: How many of the latest lines are told, unless all since an instant are asked for.
_LATEST = 200

Level = Literal["debug", "info", "warning", "error"]


def logs(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[-]",
            help="- reads standard input, such as `journalctl -o cat -u 'nurture*' | nurture logs -`.",
            show_default=False,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    process: Annotated[
        str | None,
        typer.Option(help="Only of this process: web, beat, worker-mail, or worker for all of them.", show_default=False),
    ] = None,
    level: Annotated[Level, typer.Option(help="The least level told.")] = "debug",
    since: Annotated[
        str | None,
        typer.Option(help="Only what is not older than this: a length such as 10m, an instant, or a date.", show_default=False),
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="Only lines whose event holds this text, such as absorbed.", show_default=False)
    ] = None,
    latest: Annotated[
        int | None,
        typer.Option(
            "--lines", "-n", min=0, help=f"At most so many of the latest; {_LATEST} unless --since is given.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as JSON, whatever form it came in.")] = False,
) -> None:
    """Print what the processes say. `nurture up` keeps it in the data folder, 60 MB at most; elsewhere pipe it in.

    E-mail addresses and secrets were masked when a line was written. What is no log line of ours (a traceback) is passed on, and goes
    with the line before it where lines are chosen.
    """
    from datetime import UTC, datetime

    from nurture.cli.common import since_when
    from nurture.log_lines import Wanted, chosen

    if source not in (None, "-"):
        raise typer.BadParameter(
            "write - to read standard input; without it the files of `nurture up` are read", param_hint="[-]"
        )
    wanted = Wanted(level, process, event, since_when(since, datetime.now(UTC)))
    if source == "-":
        found = chosen(_lines(each.decode(errors="replace") for each in sys.stdin.buffer), wanted)
        _tell(found if latest is None or follow else deque(found, maxlen=latest), as_json)
        return
    from nurture.adapters.log_files import end_of, kept_lines

    folder = _folder()
    end, most = end_of(folder), latest if latest is not None or since is not None else _LATEST
    found = chosen(_lines(kept_lines(folder, end)), wanted)
    _tell(found if most is None else deque(found, maxlen=most), as_json)
    if follow:
        _go_on(folder, end, wanted, as_json)


def _folder() -> "Path":
    from nurture.adapters.log_files import NAME, log_folder
    from nurture.errors import NurtureError
    from nurture.settings import Settings

    folder = log_folder(Settings.load().data_dir)
    if not (folder / NAME).exists():
        raise NurtureError(
            f"there are no log files in {folder}: `nurture up` keeps them there. Where processes are run by something else, pipe what "
            "it keeps into `nurture logs -`"
        )
    return folder


def _lines(written: Iterable[str]) -> "Iterator[LogLine]":
    from nurture.log_lines import read_line

    return (read_line(each) for each in written if each.strip())


def _go_on(folder: "Path", end: "Place", wanted: "Wanted", as_json: bool) -> None:
    """Tell what comes, until Ctrl-C."""
    from contextlib import suppress

    from nurture.adapters.log_files import new_lines
    from nurture.log_lines import chosen

    with suppress(KeyboardInterrupt):
        _tell(chosen(_lines(new_lines(folder, end, lambda: True)), wanted), as_json)


def _tell(found: "Iterable[LogLine]", as_json: bool) -> None:
    import os

    from nurture.log_lines import as_json as json_of
    from nurture.log_lines import readable

    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in found:
        for each in [json_of(line)] if as_json else readable(line, colours=colours):
            typer.echo(each, color=colours)
