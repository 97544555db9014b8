"""A flow chart as a drawing: how wide its words are, how large its boxes, where everything goes. All lengths are pixels."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import dist
from typing import Final, NamedTuple
from unicodedata import east_asian_width

from nurture.adapters.graph import Point, Size, arrange
from nurture.reports.flow_chart import Arrow, Box, FlowChart


class Font(NamedTuple):
    """Its size, the height of a line, and how much wider than usual its letters are."""

    size: float
    height: float
    boldness: float = 1.0


_BOX_WIDTH: Final = 244.0
_LABEL_WIDTH: Final = 190.0
_PADDING: Final = 14.0
#: Above the title stands what kind of step it is.
_KIND_HEIGHT: Final = 20.0
TITLE: Final = Font(15.0, 20.0, 1.12)
LINE: Final = Font(12.5, 17.0)
_LABEL_PADDING: Final = 8.0
_CORNER: Final = 8.0

#: How wide letters are at most in the usual sans-serif fonts, of the size of the font: thin ones, wide ones, all others.
_THIN: Final = frozenset("iljtfrI.,:;|'!() “”’-/")
_WIDE: Final = frozenset("mwMWQO@%—…&")
#: Behind these a long word may go on in the next line.
_MARKS: Final = "|/-_,.="
_THIN_WIDTH, _WIDE_WIDTH, _CAPITAL_WIDTH, _USUAL_WIDTH, _SQUARE_WIDTH = 0.44, 1.0, 0.77, 0.64, 1.1


class Text(NamedTuple):
    """A line of text, from its left end (`x`) on its base line (`y`)."""

    x: float
    y: float
    words: str


class DrawnBox(NamedTuple):
    """A box of the chart with its words in their places."""

    box: Box
    corner: Point
    size: Size
    kind: Text
    title: tuple[Text, ...]
    lines: tuple[Text, ...]


class DrawnLabel(NamedTuple):
    """What stands on an arrow."""

    corner: Point
    size: Size
    lines: tuple[Text, ...]


class DrawnArrow(NamedTuple):
    """An arrow as an SVG path; only the last stretch of one that leads through a label has a head."""

    path: str
    headed: bool


class Drawing(NamedTuple):
    """A drawn chart."""

    size: Size
    boxes: tuple[DrawnBox, ...]
    labels: tuple[DrawnLabel, ...]
    arrows: tuple[DrawnArrow, ...]


class _Block(NamedTuple):
    """Words broken into lines, before anybody knows where they go."""

    title: tuple[str, ...]
    lines: tuple[str, ...]
    size: Size


def drawn(chart: FlowChart) -> Drawing:
    """The drawing of a chart, the same for the same chart. A label is laid out like a box, so that nothing covers it."""
    blocks: dict[Box | Arrow, _Block] = {
        each: _block(each.title, each.lines) if isinstance(each, Box) else _label(each.when or "") for each in _in_order(chart)
    }
    number = {each: index for index, each in enumerate(blocks)}
    boxes = {box.id: box for box in chart.boxes}
    ways = [(number[boxes[each.source]], *_via(each, number), number[boxes[each.target]]) for each in chart.arrows]
    placed = arrange([block.size for block in blocks.values()], [stretch for way in ways for stretch in pairwise(way)])
    headed = (reached == way[-1] for way in ways for reached in way[1:])
    there = list(zip(blocks.items(), placed.corners, strict=True))
    return Drawing(
        placed.size,
        tuple(_drawn_box(each, block, corner) for (each, block), corner in there if isinstance(each, Box)),
        tuple(_drawn_label(block, corner) for (each, block), corner in there if isinstance(each, Arrow)),
        tuple(DrawnArrow(_path(line), ends) for line, ends in zip(placed.lines, headed, strict=True)),
    )


def _via(arrow: Arrow, number: Mapping[Box | Arrow, int]) -> list[int]:
    return [number[arrow]] if arrow.when else []


def _in_order(chart: FlowChart) -> Iterator[Box | Arrow]:
    """All boxes, each with the labels of the arrows that leave it: an order that the drawing keeps side by side where it can."""
    for box in chart.boxes:
        yield box
        yield from (arrow for arrow in chart.arrows if arrow.source == box.id and arrow.when)


def _block(title: str, lines: tuple[str, ...]) -> _Block:
    room = _BOX_WIDTH - 2 * _PADDING
    above = tuple(broken(title, room, TITLE))
    below = tuple(part for line in lines for part in broken(line, room, LINE))
    height = 2 * _PADDING + _KIND_HEIGHT + len(above) * TITLE.height + len(below) * LINE.height
    return _Block(above, below, Size(_BOX_WIDTH, height))


def _label(words: str) -> _Block:
    lines = tuple(broken(words, _LABEL_WIDTH - 2 * _LABEL_PADDING, LINE))
    width = max(width_of(line, LINE) for line in lines) + 2 * _LABEL_PADDING
    return _Block((), lines, Size(round(width), len(lines) * LINE.height + _LABEL_PADDING))


def _drawn_box(box: Box, block: _Block, corner: Point) -> DrawnBox:
    left, top = corner.x + _PADDING, corner.y + _PADDING
    title = tuple(_stacked(block.title, left, top + _KIND_HEIGHT, TITLE))
    lines = tuple(_stacked(block.lines, left, top + _KIND_HEIGHT + len(title) * TITLE.height, LINE))
    return DrawnBox(box, corner, block.size, Text(left, top + _KIND_HEIGHT / 2, box.kind), title, lines)


def _drawn_label(block: _Block, corner: Point) -> DrawnLabel:
    lines = _stacked(block.lines, corner.x + _LABEL_PADDING, corner.y + _LABEL_PADDING / 2, LINE)
    return DrawnLabel(corner, block.size, tuple(lines))


def _stacked(lines: tuple[str, ...], left: float, top: float, font: Font) -> Iterator[Text]:
    """Lines below each other."""
    for index, words in enumerate(lines):
        yield Text(left, round(top + index * font.height + (font.height + font.size * 0.7) / 2, 1), words)


def broken(words: str, room: float, font: Font) -> Iterator[str]:
    """Words in lines that are not wider than `room`; a word that is longer than a line is cut, behind a mark if there is one."""
    line = ""
    for word in words.split():
        longer = f"{line} {word}" if line else word
        if width_of(longer, font) <= room:
            line = longer
            continue
        if line:
            yield line
        line = word
        while width_of(line, font) > room:
            fits = next(count for count in range(len(line) - 1, 0, -1) if width_of(line[:count], font) <= room)
            cut = max(line.rfind(mark, 0, fits) for mark in _MARKS) + 1 or fits
            yield line[:cut]
            line = line[cut:]
    yield line


def width_of(words: str, font: Font) -> float:
    """How wide a text is at most: nobody knows with which font it will be shown."""
    return font.size * font.boldness * sum(map(_width_of_letter, words))


def _width_of_letter(letter: str) -> float:
    if letter in _THIN:
        return _THIN_WIDTH
    if letter in _WIDE:
        return _WIDE_WIDTH
    if east_asian_width(letter) in "WF":
        return _SQUARE_WIDTH
    return _CAPITAL_WIDTH if letter.isupper() else _USUAL_WIDTH


def _path(line: tuple[Point, ...]) -> str:
    """A polyline with round corners."""
    parts = [f"M{line[0].x:g} {line[0].y:g}"]
    for before, corner, after in zip(line, line[1:], line[2:], strict=False):
        start, end = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{start.x:g} {start.y:g}Q{corner.x:g} {corner.y:g} {end.x:g} {end.y:g}")
    return f"{''.join(parts)}L{line[-1].x:g} {line[-1].y:g}"


def _towards(corner: Point, other: Point) -> Point:
    """The point at which the curve around a corner begins."""
    length = dist(corner, other)
    part = min(_CORNER, length / 2) / length if length else 0.0
    return Point(round(corner.x + (other.x - corner.x) * part, 1), round(corner.y + (other.y - corner.y) * part, 1))
