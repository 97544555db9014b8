"""The journal of a web process: what it has acknowledged while Redis was away, on its own disk until Redis has it.

`data_dir/journal` holds a folder for each web process, which a lock on a file in it (flock) keeps to that process for as long as
it lives. Who starts takes the first folder that nobody holds, with what a dead process has left in it, and moves what lies in
other such folders behind it. Personal data lies here, so nobody but the owner may look (0700, 0600).
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from nurture.adapters.segments import Contents, Kind, Record, Segment, Series, contents, framed, segments_in, sync_folder
from nurture.domain.erasing import Traces
from nurture.errors import JournalFull, Unavailable

_EVENTS: Final = "events"
_AHEAD: Final = "ahead"
_LOCK: Final = "lock"

#: Beyond the bound there is this share of it for who says no to mail: nobody may be told to come again for that.
_RESERVE: Final = 16


@dataclass(frozen=True, slots=True)
class JournalStanding:
    """What waits in all journals of a machine: how many records, how many bytes, since when, and how many bytes there may be."""

    events: int
    bytes: int
    oldest: datetime | None
    bound: int


class Journal:
    """The journal of this process. Not safe for several threads; `append`, `read`, `drop` and `close` wait for the disk."""

    def __init__(self, root: Path, bound: int, now: Callable[[], datetime]) -> None:
        """Open it with at most `bound` bytes, or more if that is what was left; raises OSError."""
        self._bound = bound
        self._now = now
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(root):
            self.folder, self._lock = _own_folder(root, bound)
            self._events, self._ahead = Series(self.folder, _EVENTS), Series(self.folder, _AHEAD)
            _adopt_others(root, self.folder, self._events, self._ahead)

    @property
    def count(self) -> int:
        """How many records wait, counting once what stands in both series."""
        return self._events.count

    @property
    def empty(self) -> bool:
        return not self._events.segments and not self._ahead.segments

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self._events.size + self._ahead.size

    @property
    def has_room(self) -> bool:
        """Whether something may still be appended; the disk may say otherwise."""
        return self.size < self._bound

    def append(self, records: Sequence[Record], ahead: Sequence[Record] = ()) -> None:
        """Return when all records are on the disk; raises JournalFull, and Unavailable when the disk does not take them.

        Those of `ahead` are passed on before everything else.
        """
        now = self._now()
        first, block = framed(ahead, now), framed(records, now)
        says_no = ahead or all(record.kind == Kind.MARK for record in records)
        bound = self._bound + self._bound // _RESERVE if says_no else self._bound
        if self.size + len(first) + len(block) > bound:
            raise JournalFull
        try:
            if ahead:
                self._ahead.append(first, len(ahead))
            if records:
                self._events.append(block, len(records))
        except OSError as error:
            raise Unavailable(
                f"Redis is away, and the journal in {self.folder} cannot be written ({error.strerror}): nothing was taken"
            ) from error

    def next_ahead(self) -> Segment | None:
        """The oldest file of what goes before everything else."""
        return self._next(self._ahead)

    def next_events(self) -> Segment | None:
        """The oldest file of everything."""
        return self._next(self._events)

    @staticmethod
    def _next(series: Series) -> Segment | None:
        # The file that is still written to is closed only when it is its turn, so that a long outage does not make many small ones.
        if series.closed() is None:
            series.seal()
        return series.closed()

    @staticmethod
    def read(segment: Segment) -> Contents:
        """The records of a file, in their order."""
        return contents(segment.path)

    def drop(self, segment: Segment) -> None:
        """Delete a file: Redis has all of it."""
        (self._ahead if segment in self._ahead.segments else self._events).drop(segment)

    def close(self) -> None:
        """Give the folder to whoever starts next."""
        self._events.seal()
        self._ahead.seal()
        os.close(self._lock)


def standing(root: Path) -> JournalStanding:
    """What waits in the journals in `root`, for any process; a journal that may not be looked into counts as none."""
    events = size = bound = 0
    oldest: datetime | None = None
    for folder in _folders(root):
        bound += _bound_of(folder)
        for series in (_EVENTS, _AHEAD):
            files = segments_in(folder, series)
            size += sum(_size(path) for path, _ in files)
            if series == _EVENTS and files:
                count, since = _count(files)
                events += count
                oldest = min(filter(None, (oldest, since)), default=None)
    return JournalStanding(events, size, oldest, bound)


def somebody_left(root: Path) -> bool:
    """Whether somebody said no to mail while Redis was away and it does not know yet, as far as this machine can tell."""
    return any(segments_in(folder, _AHEAD) for folder in _folders(root))


class JournalledEvents:
    """What waits in the journals of this machine of people who are erased; fulfils `flow.erase.Elsewhere`.

    Nothing is taken out of a journal: it is passed on within moments, or its process is dead and another one must start.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def remove(self, traces: Traces, *, dry_run: bool = False) -> Counter[str]:
        theirs = sum(traces.own_body(body) for body in self._bodies())
        if theirs and not dry_run:
            raise Unavailable(
                f"{theirs} events of theirs still wait in {self._root} for Redis; see that Redis and a web process run, then erase again"
            )
        return Counter(journalled_events=theirs) if theirs else Counter()

    def _bodies(self) -> Iterator[bytes]:
        for folder in _folders(self._root):
            for path, _ in segments_in(folder, _EVENTS):
                with suppress(FileNotFoundError):
                    for record in contents(path).records:
                        if record.kind == Kind.EVENT:
                            yield record.body
                        elif record.kind == Kind.QUARANTINE:
                            yield str(json.loads(record.body)["event"]).encode()


def _count(files: Sequence[tuple[Path, int]]) -> tuple[int, datetime | None]:
    """How many records the files of a series hold, and since when; all but the last tell by the name of the next."""
    (oldest, first), (newest, last) = files[0], files[-1]
    try:
        found = contents(newest)
        since = found.since if oldest == newest else contents(oldest).since
    except OSError:  # passed on in this moment
        return 0, None
    return last - first + len(found.records), since


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.name.isdecimal())
    except OSError:
        return []


def _bound_of(folder: Path) -> int:
    try:
        return int((folder / _LOCK).read_bytes() or 0)
    except (OSError, ValueError):
        return 0


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Nobody else looks for a folder meanwhile."""
    handle = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _own_folder(root: Path, bound: int) -> tuple[Path, int]:
    """The first folder that nobody holds, and the handle that holds it; what it says is the bound, for whoever looks."""
    held = {path.name for path in _folders(root)}
    free = str(next(number for number in range(1, len(held) + 2) if str(number) not in held))
    for name in [*sorted(held, key=int), free]:
        folder = root / name
        if name == free:
            folder.mkdir(mode=0o700)
            sync_folder(root)
        handle = _held(folder)
        if handle is not None:
            os.ftruncate(handle, 0)
            os.write(handle, str(bound).encode())
            return folder, handle
    raise BlockingIOError(f"the new folder {free} in {root} is held already")  # pragma: no cover - nobody else makes folders now


def _held(folder: Path) -> int | None:
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _adopt_others(root: Path, own: Path, events: Series, ahead: Series) -> None:
    """Move what other dead processes left behind what is here; their folders stay for who starts next."""
    for folder in _folders(root):
        handle = None if folder == own else _held(folder)
        if handle is None:
            continue
        try:
            for series, name in ((events, _EVENTS), (ahead, _AHEAD)):
                for path, _ in segments_in(folder, name):
                    series.adopt(path)
            os.ftruncate(handle, 0)  # an empty folder bounds nothing
            sync_folder(own)
            sync_folder(folder)
        finally:
            os.close(handle)
