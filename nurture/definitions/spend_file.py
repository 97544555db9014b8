"""What was spent, as a YAML file lists it: its rows, with the place of each of their parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nurture.definitions.document import Node, read
from nurture.definitions.mistakes import Flaw, Mistake
from nurture.domain.spending import Entry
from nurture.errors import DefinitionError, UnreadableFile

_LIST: Final = "spend"
_FORM: Final = "write `spend:` with a list, such as - {channel: paid-search, month: 2026-11, amount: 1200}"


def spend_in(path: Path) -> list[Entry]:
    """The rows of a file; raises UnreadableFile, and DefinitionError that names every mistake as file:line:column."""
    file = path.as_posix()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{file} cannot be read ({error.strerror}); name a file that you may read") from None
    document, flaws = read(content)
    if document is None or flaws:
        raise _wrong(file, flaws)
    listed = document.child(_LIST) if isinstance(document.content, dict) and {*document.content} == {_LIST} else None
    if listed is None or not isinstance(listed.content, list):
        raise _wrong(file, [Flaw(document.spot, "this lists nothing that was spent", _FORM)])
    return list(_entries(file, listed.content))


def _entries(file: str, rows: list[Node]) -> Iterator[Entry]:
    for row in rows:
        if not isinstance(row.content, dict):
            raise _wrong(file, [Flaw(row.spot, "this is no row", _FORM)])
        spots = {name: f"{file}:{cell.spot.line}:{cell.spot.column}" for name, cell in row.content.items()}
        yield Entry(f"{file}:{row.spot.line}:{row.spot.column}", row.plain(), spots)


def _wrong(file: str, flaws: list[Flaw]) -> DefinitionError:
    return DefinitionError("\n".join(str(Mistake(file, *each.spot, each.what, each.fix)) for each in flaws))
