"""Where the processes get their instants from. Tests and the demo move time for every process at once, through a file."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from nurture.errors import SettingsError
from nurture.settings import Settings

if TYPE_CHECKING:
    from nurture.ports import Clock  # brings the whole domain along, for which `nurture status` would wait


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ShiftedClock:
    """A clock ahead of the machine's by the seconds in `file`; without the file it is the machine's.

    The file is looked at on every call (a `stat`, about 2 µs) and read only when `set_shift` has replaced it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._shift = timedelta(0)

    def now(self) -> datetime:
        try:
            found = os.stat(self._file)  # noqa: PTH116  # a Path's stat costs twice as much
        except FileNotFoundError:
            return datetime.now(UTC)
        if self._seen != (found.st_ino, found.st_mtime_ns):
            self._shift = timedelta(seconds=_read_shift(self._file))
            self._seen = (found.st_ino, found.st_mtime_ns)
        return datetime.now(UTC) + self._shift


def _read_shift(file: Path) -> float:
    try:
        return float(file.read_text())
    except ValueError:
        raise SettingsError(f"{file} (NURTURE_CLOCK_FILE) must hold a number of seconds; correct or delete it") from None


def set_shift(file: Path, seconds: float) -> None:
    """Set every clock that looks at `file` ahead by `seconds`; readers see the old number or the new, never half of one."""
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    with os.fdopen(descriptor, "w") as written:
        written.write(repr(float(seconds)))
    Path(draft).replace(file)


def clock_from(settings: Settings) -> "Clock":
    """The clock that the settings ask for."""
    return SystemClock() if settings.clock_file is None else ShiftedClock(settings.clock_file)
