"""Files of records, appended in groups that are on the disk before anybody hears of it: what the journal is made of.

A series is a row of files in one folder, each named after the number of its first record (as Kafka does), so that whoever looks
knows how many there are without opening them. A file begins with `MAGIC`; a record is the length of what follows (32 bits, big
endian), its CRC-32, its kind (8 bits), its partition (16 bits), when it was written (64 bits, milliseconds since 1970), and JSON.
A crash can only spoil the end of a file: reading stops at the first record that is cut off or whose sum is wrong, and
what was acknowledged lies before it.
"""

import fcntl
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

MAGIC: Final = b"nurture1"

#: A file is closed once it has this many bytes: the least that is given back to the disk at once.
SEGMENT_BYTES: Final = 1 << 20

_FRAME: Final = struct.Struct(">II")
_STAMP: Final = struct.Struct(">BHQ")


class Kind(IntEnum):
    """What is to be done with a record."""

    EVENT = 1
    AHEAD = 2
    QUARANTINE = 3
    MARK = 4


class Record(NamedTuple):
    """Something that Redis is to have: `body` is JSON, `partition` counts from 0 and means something to events only.

    `kind` is a `Kind`, or what a later version of the engine has written.
    """

    kind: int
    partition: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a series: the number of its first record, how many it holds, and its size in bytes."""

    path: Path
    first: int
    count: int
    size: int


def framed(records: Sequence[Record], at: datetime) -> bytes:
    """Records as they stand in a file."""
    millis = int(at.timestamp() * 1000)
    parts: list[bytes] = []
    for kind, partition, body in records:
        stamp = _STAMP.pack(kind, partition, millis)
        parts += (_FRAME.pack(len(stamp) + len(body), crc32(body, crc32(stamp))), stamp, body)
    return b"".join(parts)


class Contents(NamedTuple):
    """What can be read of a file: its records, when the first was written, and how many bytes behind the last make no sense."""

    records: list[Record]
    since: datetime | None
    torn: int


def contents(path: Path) -> Contents:
    """Read a file up to the first record that is not whole."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        return Contents([], None, len(data))
    records: list[Record] = []
    since: datetime | None = None
    view, at = memoryview(data), len(MAGIC)
    while at + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, at)
        begin, end = at + _FRAME.size, at + _FRAME.size + length
        # A tail of zeros, which a power cut may leave, would pass as an empty record with the right sum.
        if length < _STAMP.size or end > len(data) or crc32(view[begin:end]) != checksum:
            break
        kind, partition, millis = _STAMP.unpack_from(data, begin)
        records.append(Record(kind, partition, data[begin + _STAMP.size : end]))
        since = since or datetime.fromtimestamp(millis / 1000, UTC)
        at = end
    return Contents(records, since, len(data) - at)


def segments_in(folder: Path, series: str) -> list[tuple[Path, int]]:
    """The files of a series, oldest first, each with the number of its first record."""
    found = [(path, path.name.removeprefix(f"{series}-")) for path in folder.glob(f"{series}-*")]
    return sorted(((path, int(number)) for path, number in found if number.isdecimal()), key=lambda each: each[1])


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Series:
    """The files of one series for their only writer. Not safe for several threads. Every call may raise OSError."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._handle: int | None = None
        self._next = 1
        self.segments: list[Segment] = []
        for path, first in segments_in(folder, name):
            self._take(path, first)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(segment.size for segment in self.segments)

    @property
    def count(self) -> int:
        """Records that wait."""
        return sum(segment.count for segment in self.segments)

    def adopt(self, path: Path) -> None:
        """Put a file of a series that nobody writes any more behind what is here."""
        target = self._path(self._next)
        path.rename(target)
        self._take(target, self._next)

    def append(self, block: bytes, count: int) -> None:
        """Return when `count` framed records are on the disk. After an OSError none of them counts as written."""
        handle = self._begin() if self._handle is None else self._handle
        last = self.segments[-1]
        try:
            _write_all(handle, block)
            _sync(handle)
        except OSError:
            self._give_up(handle, last)
            raise
        last = self.segments[-1] = replace(last, count=last.count + count, size=last.size + len(block))
        self._next += count
        if last.size >= SEGMENT_BYTES:
            self.seal()

    def seal(self) -> None:
        """Close the last file; what comes next goes to another one."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)

    def closed(self) -> Segment | None:
        """The oldest file that is not written to any more."""
        waiting = self.segments if self._handle is None else self.segments[:-1]
        return waiting[0] if waiting else None

    def drop(self, segment: Segment) -> None:
        """Delete a file whose records are elsewhere."""
        segment.path.unlink(missing_ok=True)
        self.segments.remove(segment)

    def _path(self, first: int) -> Path:
        return self._folder / f"{self._name}-{first:012d}"

    def _take(self, path: Path, first: int) -> None:
        """Count a file that another process left."""
        found = contents(path)
        count = len(found.records)
        self._next = max(self._next, first + max(count, 1))
        if count:
            self.segments.append(Segment(path, first, count, path.stat().st_size))
        else:
            path.unlink()

    def _begin(self) -> int:
        path = self._path(self._next)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        handle = os.open(path, flags, 0o600)
        try:
            _write_all(handle, MAGIC)
            sync_folder(self._folder)
        except OSError:
            os.close(handle)
            path.unlink(missing_ok=True)
            raise
        self._handle = handle
        self.segments.append(Segment(path, self._next, 0, len(MAGIC)))
        return handle

    def _give_up(self, handle: int, last: Segment) -> None:
        """Leave a file after its last whole record. It is not written to again: what a failed fsync has lost, no later one tells."""
        self._handle = None
        with suppress(OSError):
            os.ftruncate(handle, last.size)
        with suppress(OSError):
            os.close(handle)
        if not last.count:
            self.segments.remove(last)
            try:
                last.path.unlink()
            except OSError:
                self._next += 1  # its name is taken


def _write_all(handle: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(handle, view) :]


def _sync(handle: int) -> None:
    """Have a file's bytes on the disk, not only in its cache (which macOS's fsync leaves them in)."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(handle)
    else:
        os.fsync(handle)
