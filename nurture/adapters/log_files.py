"""The log files in the data folder: written by one process, bounded in size, and read back while they are written."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from io import TextIOWrapper
from logging import INFO, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

#: The newest file; older ones have `.1`, `.2` … behind it.
NAME: Final = "nurture.jsonl"

#: Bytes of one file, and how many older ones are kept beside the newest: 60 MB in all.
MOST_BYTES: Final = 10_000_000
OLDER: Final = 5

#: Seconds between two looks for something new.
_EVERY: Final = 0.2


class LogFiles(RotatingFileHandler):
    """Writes lines; a full disk costs lines and nothing else. One process only may write into a folder."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES, older: int = OLDER) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        super().__init__(folder / NAME, maxBytes=most_bytes, backupCount=older, encoding="utf-8", delay=True)

    def keep(self, line: str) -> None:
        """Write one line."""
        self.handle(LogRecord("nurture", INFO, "", 0, line, None, None))

    def _open(self) -> TextIOWrapper:
        # Names, paths and figures of a business: for its owner's eyes.
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return TextIOWrapper(os.fdopen(handle, "ab"), encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: LogRecord) -> None:  # noqa: N802, ARG002  # logging's name and signature
        """A line that cannot be written is lost; its writer must not stand still, and has nowhere to say so. The next tries again."""
        stream, self.stream = self.stream, None  # what logging itself leaves after closing
        with suppress(OSError, ValueError):
            if stream is not None:
                stream.close()


def log_folder(data_dir: Path) -> Path:
    """Where the log files of an installation lie."""
    return data_dir / "logs"


class Place(NamedTuple):
    """A place in the newest file: which file that was (inode), and how far."""

    file: int
    offset: int


def end_of(folder: Path) -> Place:
    """The place behind everything that is written so far."""
    with suppress(FileNotFoundError):
        found = (folder / NAME).stat()
        return Place(found.st_ino, found.st_size)
    return Place(0, 0)


def kept_lines(folder: Path, end: Place | None = None) -> Iterator[str]:
    """Every line that is kept, oldest first; up to a place, if one is given."""
    older = sorted(folder.glob(f"{NAME}.*"), key=lambda path: -int(path.suffix[1:]) if path.suffix[1:].isdigit() else 0)
    for path in [*older, folder / NAME]:
        with suppress(FileNotFoundError), path.open("rb") as file:
            here = os.fstat(file.fileno()).st_ino
            for line in file:
                yield line.decode(errors="replace")
                if end is not None and here == end.file and file.tell() >= end.offset:
                    return


def new_lines(
    folder: Path, start: Place, goes_on: Callable[[], bool], sleep: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """Every line written behind a place, whole lines only, across rotations; ends when `goes_on` says no."""
    with ExitStack() as stack:
        file: BinaryIO | None = None
        part = b""
        while goes_on():
            if file is None:
                with suppress(FileNotFoundError):
                    file = stack.enter_context((folder / NAME).open("rb"))
                    if os.fstat(file.fileno()).st_ino == start.file:
                        file.seek(start.offset)
            told = file.readline() if file is not None else b""
            if told:
                part += told
                if part.endswith(b"\n"):
                    yield part.decode(errors="replace")
                    part = b""
            elif file is not None and _was_turned(folder / NAME, file):
                file.close()
                file = None
            else:
                sleep(_EVERY)


def _was_turned(path: Path, file: BinaryIO) -> bool:
    """Whether the file that is read has become an older one, and was read to its end."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(file.fileno())
    return there.st_ino != here.st_ino and file.tell() >= here.st_size
