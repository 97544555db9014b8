"""How commands print: aligned text and instants as people read them, JSON for machines.

What people typed into forms is shown here, so nothing of it may move the cursor or change the terminal.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

#: How wide tables may be where nobody looks at a terminal.
_PIPE_WIDTH = 140

#: Stands where a character stood that a terminal might obey.
_IN_ITS_PLACE = "\ufffd"


def print_json(told: "BaseModel | list[Any] | dict[str, Any]") -> None:
    """A report, or plain values, as JSON."""
    if isinstance(told, list | dict):
        import json

        typer.echo(escaped(json.dumps(told, indent=2, ensure_ascii=False, default=str)))
    else:
        typer.echo(escaped(told.model_dump_json(indent=2)))


def escaped(text: str) -> str:
    """JSON that means the same, without what a terminal may obey: JSON itself escapes the first 32 characters only."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(each if each.isprintable() or each == "\n" else _as_json(each) for each in text)


def _as_json(letter: str) -> str:
    import json

    return "\\u007f" if letter == "\x7f" else json.dumps(letter)[1:-1]


def harmless(text: str) -> str:
    """A text of several lines in which nothing moves the cursor or turns the writing round."""
    return "".join(each if each.isprintable() or each in "\n\t" else _IN_ITS_PLACE for each in text)


def clean(value: object) -> str:
    """A value as one line without control characters."""
    return "".join(each if each.isprintable() else _IN_ITS_PLACE for each in " ".join(str(value).split()))


def aligned(rows: Iterable[Sequence[object]], *, figures_first: bool = False) -> list[str]:
    """Rows as lines of text in columns; the last column is as long as it is. `figures_first` ranges the first to the right."""
    cells = [["" if cell is None else clean(cell) for cell in row] for row in rows]
    columns = max((len(row) for row in cells), default=0)
    widths = [max((len(row[index]) for row in cells if len(row) > index + 1), default=0) for index in range(columns)]
    padded = (
        [
            cell.rjust(width) if figures_first and not index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        for row in cells
    )
    return [f"  {'  '.join(row)}".rstrip() for row in padded]


def instant(at: datetime | None) -> str:
    """`2026-03-02 09:00:07`, UTC; empty for None."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def console() -> "Console":
    """A Rich console that takes text as it is: no markup, no emoji, nothing coloured because it looks like a number."""
    from rich.console import Console

    plain = Console(markup=False, emoji=False, highlight=False)
    return plain if plain.is_terminal else Console(markup=False, emoji=False, highlight=False, width=_PIPE_WIDTH)
