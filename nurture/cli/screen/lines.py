"""Lines of text with styles, exactly as wide as they are allowed to be.

Widths are in cells of the terminal: a Chinese character takes two, an accent that stands on a letter none. Everything from outside is
made harmless by `clean` before it comes into a line, so no text can move the cursor or change the terminal.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from rich.cells import cell_len, chop_cells

from nurture.cli.printing import clean

_ASCII: Final = str.maketrans({"–": "-", "…": "~", "×": "x", "→": ">"})

Style = Literal["", "title", "head", "dim", "good", "warn", "bad"]
Part = tuple[str, Style]
Line = tuple[Part, ...]

ELLIPSIS: Final = "…"


def part(text: object, style: Style = "") -> Part:
    """A harmless piece of a line."""
    return clean_keeping_spaces(text), style


def clean_keeping_spaces(text: object) -> str:
    """As `clean`, but spaces at the ends and in rows, which make columns, stay."""
    told = str(text)
    return told if told.isprintable() else "".join(_harmless(each) for each in told)


def _harmless(each: str) -> str:
    return each if each.isprintable() else " " if each.isspace() else "\ufffd"


def width_of(line: Line) -> int:
    """The cells that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def plain(line: Line) -> str:
    """A line without its styles."""
    return "".join(text for text, _ in line).rstrip()


def fit(text: object, width: int) -> str:
    """Text in at most `width` cells; what is longer ends in an ellipsis."""
    told = clean_keeping_spaces(text)
    if cell_len(told) <= width:
        return told
    if width <= 1:
        return ELLIPSIS[:width]
    return (chop_cells(told, width - 1) or [""])[0].rstrip() + ELLIPSIS


def left(text: object, width: int) -> str:
    """Text ranged left in exactly `width` cells."""
    told = fit(text, width)
    return told + " " * (width - cell_len(told))


def right(text: object, width: int) -> str:
    """Text ranged right in exactly `width` cells."""
    told = fit(text, width)
    return " " * (width - cell_len(told)) + told


def cut(line: Line, width: int) -> Line:
    """A line that is no wider than `width` cells, and harmless wherever its pieces came from."""
    found: list[Part] = []
    room = width
    for text, style in line:
        told = fit(text, room)
        found.append((told, style))
        room -= cell_len(told)
        if room <= 0:
            break
    return tuple(found)


def in_ascii(line: Line) -> Line:
    """A line for a terminal that knows nothing else; as wide as before, as far as what people typed allows."""
    return tuple((text.translate(_ASCII).encode("ascii", "replace").decode(), style) for text, style in line)


def spread(begin: Line, end: Line, width: int) -> Line:
    """Two pieces at both ends of a line; where both do not fit, the second goes, and then the first is cut."""
    gap = width - width_of(begin) - width_of(end)
    return (*begin, (" " * gap, ""), *end) if gap > 0 else cut(begin, width)


def beside(one: Sequence[Line], other: Sequence[Line], width: int) -> list[Line]:
    """Two blocks side by side; the first is `width` cells wide."""
    rows = max(len(one), len(other))
    found = []
    for row in range(rows):
        begin: Line = cut(one[row], width) if row < len(one) else ()
        filler: Part = (" " * (width - width_of(begin)), "")
        found.append((*begin, filler, *(other[row] if row < len(other) else ())))
    return found


def wrapped(text: object, width: int) -> list[str]:
    """Text in lines of at most `width` cells, broken between words, and within one that is longer than a line."""
    lines: list[str] = []
    for word in clean(text).split(" "):
        joined = f"{lines[-1]} {word}" if lines and lines[-1] else word
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            pieces = chop_cells(word, max(width, 2)) if cell_len(word) > width else [word]
            lines += pieces
    return lines or [""]


def listed(words: Iterable[str], width: int) -> list[str]:
    """Words in as few lines as hold them, two spaces between."""
    lines: list[str] = []
    for word in words:
        joined = f"{lines[-1]}  {word}" if lines else word
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(fit(word, width))
    return lines
