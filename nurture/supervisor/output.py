"""The lines of all processes in one stream, each behind the name of who said it."""

import threading
from typing import IO, Final

_COLOURS: Final = (36, 32, 33, 35, 34, 31, 96)
_WIDTH: Final = 14


class Output:
    """Writes whole lines, from any thread. When the stream is gone, lines are dropped: their writers must not stand still."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._coloured = stream.isatty()
        self._colours: dict[str, int] = {}
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        """One line of `name`."""
        with self._lock:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
            prefix = f"{name:<{_WIDTH}}| "
            try:
                self._stream.write(f"\033[{colour}m{prefix}\033[0m{text}\n" if self._coloured else f"{prefix}{text}\n")
                self._stream.flush()
            except (OSError, ValueError):  # a closed pipe, a closed file
                pass
