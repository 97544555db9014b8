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


def print_json(told: "BaseModel | list[Any] | dict[str, Any]") -> None:
    """A report, or plain values, as JSON."""
    if isinstance(told, list | dict):
        import json

        typer.echo(json.dumps(told, indent=2, ensure_ascii=False, default=str))
    else:
        typer.echo(told.model_dump_json(indent=2))


def clean(value: object) -> str:
    """A value as one line without control characters."""
    return "".join(each if each.isprintable() else "\ufffd" for each in " ".join(str(value).split()))


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
