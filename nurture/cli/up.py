"""`nurture up`: everything on this machine."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from nurture.cli.common import load_settings


def up(
    port: Annotated[int | None, typer.Option(help="Port of the web process (8000).", show_default=False)] = None,
    host: Annotated[str | None, typer.Option(help="Address it listens on (127.0.0.1).", show_default=False)] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of everything kept here (data).", show_default=False)] = None,
) -> None:
    """Start everything on this machine.

    Web, workers and beat, and a Redis and a mailbox where the environment names none. Ctrl-C stops them in order.
    """
    from nurture.adapters.log_files import LogFiles, log_folder
    from nurture.supervisor.engine import Engine
    from nurture.supervisor.output import Output

    settings = load_settings(port=port, host=host, data_dir=data_dir)
    files = LogFiles(log_folder(settings.data_dir))
    output = Output(sys.stdout, files, plain_json=settings.log_format == "json", secrets=settings.secret_values)
    engine = Engine(settings, output)
    stopping = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            engine.hurry()
        stopping.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)

    def tell() -> None:
        settings = engine.settings
        output.note("nurture", f"runs at {settings.public_url}; its data is in {settings.data_dir.absolute()}; Ctrl-C stops it")
        if not settings.production:
            output.note("nurture", f"try {settings.public_url}/demo/ and read the mail in {settings.public_url}/inbox")

    engine.run(stopping, tell)
    output.note("nurture", "stopped")
