"""Files of rows: CSV, JSON lines, or lines that a regular expression takes apart; compressed with gzip or not.

A file is read as a stream and never held whole; what is wrong with one row costs only that row.
"""

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import IO, Any, Final, Literal, cast

from nurture.domain.imports.rows import Refused, Row
from nurture.domain.imports.spreadsheet import unguarded
from nurture.domain.imports.values import json_of
from nurture.errors import UnreadableFile

Shape = Literal["csv", "jsonl", "lines"]

#: A line that begins so tells why the next one was refused; see `refused_rows`.
COMMENT: Final = "#! "

_GZIP: Final = b"\x1f\x8b"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LONGEST_LINE: Final = 1_048_576
_SAMPLE: Final = 65_536
_SAMPLE_ROWS: Final = 50
_DELIMITERS: Final = (",", ";", "\t", "|")


def digest_of(path: Path) -> str:
    """What tells the content of a file from any other: 16 hexadecimal digits. Raises UnreadableFile."""
    digest = blake2b(digest_size=8)
    with _readable(path), path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def kept(stream: IO[bytes], folder: Path) -> Iterator[Path]:
    """What comes from a stream, as a file of its own while the context lasts: it is read more than once."""
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix="standard-input-") as file:
        copyfileobj(stream, file)
        file.flush()
        yield Path(file.name)


@dataclass(frozen=True, slots=True)
class RowFile:
    """An open file of rows. `columns` are those of the header or of the expression; JSON lines have none in common."""

    shape: Shape
    columns: tuple[str, ...]
    delimiter: str
    rows: Iterator[Row]


@contextmanager
def opened(
    path: Path, *, line: str | None = None, encoding: str | None = None, delimiter: str | None = None
) -> Iterator[RowFile]:
    """The rows of a file. `line` is an expression with a named group for each column.

    Raises UnreadableFile when the file is none of these or breaks off; then all rows before that have been given.
    """
    with _readable(path), path.open("rb") as raw:
        plain = _uncompressed(raw)
        start = plain.peek(2)[:2]
        encoding = encoding or ("utf-16" if start in _UTF16 else "utf-8-sig")
        text = TextIOWrapper(plain, encoding=encoding, errors="surrogateescape", newline="")
        yield _taken_apart(_Lines(text), line, delimiter)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UnreadableFile(f"{path} is no whole gzip file ({error}); fetch it again") from error
    except UnicodeError as error:
        raise UnreadableFile(f"{path} is not in this encoding ({error}); say which it is, such as --encoding cp1252") from error
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror}); name a file that you may read") from error


def _uncompressed(raw: BufferedReader) -> BufferedReader:
    if raw.peek(2)[:2] != _GZIP:
        return raw
    return BufferedReader(cast("Any", gzip.GzipFile(fileobj=raw)))


class _Lines:
    """The lines of a text, each with its end; one beyond all measure comes in pieces. `head` looks ahead."""

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self.head: list[str] = []
        size = 0
        while size < _SAMPLE and (line := text.readline(_LONGEST_LINE)):
            self.head.append(line)
            size += len(line)
        self.ends = size < _SAMPLE

    def __iter__(self) -> Iterator[str]:
        yield from self.head
        while line := self._text.readline(_LONGEST_LINE):
            yield line


class _Recent:
    """Lines on their way into the CSV reader; `text` holds those of the row that is being read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.text = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.text += line
        return line


def _taken_apart(lines: _Lines, line: str | None, delimiter: str | None) -> RowFile:
    if line is not None:
        pattern = re.compile(line)
        return RowFile("lines", tuple(pattern.groupindex), "", _by_pattern(lines, pattern))
    first = next((each.strip() for each in lines.head if each.strip() and not each.startswith(COMMENT)), "")
    if first.startswith("{"):
        return RowFile("jsonl", (), "", _by_json(lines))
    separator = delimiter or _delimiter(lines)
    recent = _Recent(lines)
    reader = csv.reader(recent, delimiter=separator, strict=True)
    columns = _header(reader)
    return RowFile("csv", columns, separator, _by_header(reader, columns, recent))


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Each line that says something: the number of the row, that of the line, and the line without its end."""
    row = 0
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith(COMMENT):
            row += 1
            yield row, number, line.rstrip("\r\n")


def _by_pattern(lines: Iterable[str], pattern: "re.Pattern[str]") -> Iterator[Row]:
    for row, number, line in _numbered(lines):
        found = pattern.match(line)
        if found is None:
            mistake = Refused("", "the mapping's 'line' does not fit this line", "correct the one or the other")
            yield Row(row, number, {}, line, mistake)
        else:
            yield Row(row, number, {name: value or "" for name, value in found.groupdict().items()}, line)


def _by_json(lines: Iterable[str]) -> Iterator[Row]:
    for row, number, line in _numbered(lines):
        try:
            value = json_of(line)
        except ValueError as error:
            yield Row(row, number, {}, line, Refused("", f"this is no JSON ({error})", "write one JSON object on each line"))
            continue
        if isinstance(value, dict):
            yield Row(row, number, value, line)
        else:
            yield Row(
                row, number, {}, line, Refused("", "this is no JSON object", 'write one such as {"email": "ana@example.com"}')
            )


def _delimiter(lines: _Lines) -> str:
    """The separator under which most of the first rows have as many cells as the header, of which there is more than one."""
    whole = lines.head if lines.ends or len(lines.head) == 1 else lines.head[:-1]

    def likeness(separator: str) -> tuple[float, int]:
        widths: list[int] = []
        try:
            for cells in csv.reader(whole, delimiter=separator):
                widths += [len(cells)] if cells else []
                if len(widths) >= _SAMPLE_ROWS:
                    break
        except csv.Error:
            return (0.0, 0)
        if not widths or widths[0] == 1:
            return (0.0, 0)
        return (sum(width == widths[0] for width in widths) / len(widths), widths[0])

    return max(_DELIMITERS, key=likeness)


def _header(reader: Any) -> tuple[str, ...]:
    try:
        cells = next((cells for cells in reader if any(cell.strip() for cell in cells)), None)
    except csv.Error as error:
        raise UnreadableFile(f"the header cannot be read ({error}); see that the first line names the columns") from None
    if cells is None:
        raise UnreadableFile("the file is empty; its first line names the columns")
    if any("\ud800" <= letter <= "\udfff" for cell in cells for letter in cell):
        raise UnreadableFile("the header is no text in this encoding; say which it is, such as --encoding cp1252")
    named: list[str] = []
    for index, cell in enumerate(cells, 1):
        name = cell.strip() or f"column {index}"
        named.append(name if name not in named else f"{name} ({index})")
    return tuple(named)


def _by_header(reader: Any, columns: tuple[str, ...], recent: _Recent) -> Iterator[Row]:
    row = 0
    while True:
        line, recent.text = reader.line_num + 1, ""
        try:
            cells = next(reader, None)
        except csv.Error as error:
            row += 1
            remedy = "see that every quote is closed, and doubled where it stands inside a cell"
            raw = (recent.text.rstrip("\r\n"),)
            yield Row(row, line, {}, raw, Refused("", f"the row cannot be read ({error})", remedy))
            continue
        if cells is None:
            return
        if not any(cells):
            continue
        row += 1
        extra = len(cells) - len(columns)
        if extra < 0 or any(cells[len(columns) :]):
            what = f"the row has {len(cells)} cells, the header {len(columns)}"
            yield Row(row, line, {}, tuple(cells), Refused("", what, "put quotes around a cell that holds the separator"))
        else:
            named = {column: unguarded(cell) for column, cell in zip(columns, cells, strict=False)}
            yield Row(row, line, named, tuple(cells))
