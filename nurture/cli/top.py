"""`nurture top`: the engine at a glance, and again every second."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.printing import print_json

if TYPE_CHECKING:
    from nurture.reports.watching import Facts, Watch
    from nurture.settings import Settings

#: How wide a frame is where nobody looks at a terminal: as README and tickets quote it.
_WIDTH = 80


def top(
    once: Annotated[bool, typer.Option("--once", help="Print one frame as plain text; also when no terminal listens.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts of one frame as JSON.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two frames.")] = 1.0,
) -> None:
    """Watch the engine: what flows, what waits, who works, how mail fares, what is wrong. `?` tells the keys.

    With --once or --json the exit code is that of `nurture status`: 0 healthy, 1 degraded, 2 down.
    """
    # Not through bootstrap: with everything that it can put together this would take twice as long.
    from nurture.settings import Settings

    settings = Settings.load()  # without setting up logging: nothing here logs
    if once or as_json or not (sys.stdout.isatty() and sys.stdin.isatty()):
        with watching(settings, interval) as watch:
            found = watch.once()
        if as_json:
            print_json(found)
        else:
            _print(found)
        raise typer.Exit(found.status.exit_code)
    from nurture.cli.screen.app import TopScreen

    with watching(settings, interval) as watch:
        screen = TopScreen(watch, interval, ascii_only=only_ascii())
        screen.run()
    raise typer.Exit(screen.return_code or 0)


@contextmanager
def watching(settings: "Settings", interval: float) -> "Iterator[Watch]":
    """A watch over the installation that the settings name."""
    from nurture.adapters.clock import clock_from
    from nurture.adapters.database.engine import make_engine
    from nurture.cli.status import redis_for
    from nurture.reports.watching import Watch

    engine, redis = make_engine(settings.database), redis_for(settings)
    try:
        yield Watch(
            engine, redis, settings.partitions, clock_from(settings).now, interval=interval, folder=settings.data_dir,
            production=settings.production,
        )  # fmt: skip
    finally:
        engine.dispose()
        if redis is not None:
            redis.close()


def _print(found: "Facts") -> None:
    from nurture.cli.screen.frame import whole
    from nurture.cli.screen.lines import plain
    from nurture.cli.screen.view import View

    for line in whole(found, View(_width(), ascii_only=only_ascii())):
        typer.echo(plain(line))


def _width() -> int:
    import shutil

    return max(40, shutil.get_terminal_size((_WIDTH, 24)).columns) if sys.stdout.isatty() else _WIDTH


def only_ascii() -> bool:
    """Whether the terminal could not show bars."""
    return "utf" not in (sys.stdout.encoding or "").lower()
