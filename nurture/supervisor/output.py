"""The lines of all processes in one stream, each behind the name of who said it; and, as JSON, in files that are bounded."""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import IO, Final

from nurture.adapters.log_files import LogFiles
from nurture.log_lines import LogLine, as_json, read_line, readable
from nurture.observability import Mask

_COLOURS: Final = (36, 32, 33, 35, 34, 31, 96)
_WIDTH: Final = 14


class Output:
    """Writes whole lines, from any thread. When the stream is gone, lines are dropped: their writers must not stand still.

    Lines that are log lines of ours are told in columns, or with `plain_json` as they are. Everything else (a traceback of something
    that was not caught, a library that prints) is masked here, for nobody has done so before.
    """

    def __init__(
        self, stream: IO[str], files: LogFiles | None = None, *, plain_json: bool = False, secrets: Iterable[str] = ()
    ) -> None:
        self._stream = stream
        self._files = files
        self._plain_json = plain_json
        self._mask = Mask(secrets)
        self._coloured = stream.isatty()
        self._colours: dict[str, int] = {}
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        """One line that `name` has written."""
        line = read_line(text, name)
        if line.event is None:
            line = line._replace(text=self._mask.text(line.text))
        self._write(name, line, line)

    def note(self, name: str, text: str, level: str = "info") -> None:
        """Something that is told about `name`."""
        line = LogLine(process=name, text=self._mask.text(text))
        self._write(name, line, line._replace(level=level, event=line.text, logger="nurture.supervisor", text=""))

    def _write(self, name: str, told: LogLine, kept: LogLine) -> None:
        with self._lock:
            self._tell(name, told)
            if self._files is not None:
                self._files.keep(as_json(kept if kept.at is not None else kept._replace(at=datetime.now(UTC))))

    def _tell(self, name: str, line: LogLine) -> None:
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        prefix = f"{name:<{_WIDTH}}| "
        if self._coloured:
            prefix = f"\033[{colour}m{prefix}\033[0m"
        as_it_is = self._plain_json and line.event is not None
        told = [as_json(line)] if as_it_is else readable(line, colours=self._coloured, with_process=False)
        try:
            self._stream.writelines(f"{prefix}{each}\n" for each in told)
            self._stream.flush()
        except (OSError, ValueError):  # a closed pipe, a closed file
            pass
