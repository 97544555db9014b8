"""Plots of sheets as SVG, drawn by pygal without script, style or font: the page's own style sheet colours them, light and dark.

What pygal draws for its script is taken out; what it would show there on hovering becomes a title, which browsers show by themselves.
"""

from collections.abc import Sequence
from functools import partial
from math import floor, log10
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import Element, tostring

from nurture.adapters.charts import HorizontalBar, HorizontalStackedBar, Line, Style
from nurture.reports.numerals import Numerals
from nurture.reports.told import ToldPlot

#: A plot is drawn twice, for letters must be as large on a phone as elsewhere; the page shows one of both.
WIDE: Final = 880
NARROW: Final = 350

_LETTERS: Final = 13
_ROW: Final = 30

#: More rows than this are in the table only: a picture of a hundred bars shows nothing.
MOST_ROWS: Final = 20

#: A line through more points than this shows them by itself, and the page stays small.
MOST_DOTS: Final = 62

_SVG: Final = "{http://www.w3.org/2000/svg}"

_FOR_SCRIPTS: Final = ("defs", "title", "desc")

#: Steps of an axis, in powers of ten.
_STEPS: Final = (1, 2, 5, 10)


class Drawing(NamedTuple):
    """A plot at both widths."""

    wide: str
    narrow: str


def drawn(plot: ToldPlot, numerals: Numerals, title: str, about: str, name: str) -> Drawing:
    """A plot as two SVG elements with `title` and `about` for whoever cannot see them; `name` is unique on the page."""
    draw = partial(_svg, plot, numerals, title, about)
    return Drawing(draw(f"{name}-wide", WIDE), draw(f"{name}-narrow", NARROW))


def _svg(plot: ToldPlot, numerals: Numerals, title: str, about: str, name: str, width: int) -> str:
    chart = (_lines if plot.form == "line" else _bars)(plot, numerals, width)
    root = chart.render_tree()
    _undress(root)
    for attribute in ("id", "xmlns"):
        root.attrib.pop(attribute, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title {name}-about"}
    for place, (tag, said) in enumerate((("title", title), ("desc", about))):
        told = Element(tag, {"id": f"{name}-{'title' if tag == 'title' else 'about'}"})
        told.text = said
        root.insert(place, told)
    return tostring(root, encoding="unicode")


def _common(width: int, height: int) -> dict[str, Any]:
    style = Style(
        label_font_size=_LETTERS, major_label_font_size=_LETTERS, value_font_size=_LETTERS, value_label_font_size=_LETTERS
    )
    return {
        "width": width, "height": height, "style": style, "js": (), "css": (), "no_prefix": True, "show_legend": False, "margin": 4,
        "print_zeroes": True, "dots_size": 2.5,
    }  # fmt: skip


def _lines(plot: ToldPlot, numerals: Numerals, width: int) -> Any:
    every = max(1, len(plot.along) * 64 // (width - 64))
    chart = Line(
        show_minor_x_labels=False, x_labels_major_every=every, truncate_label=-1,
        margin_right=28,  # the last label stands half behind the last point
        **_common(width, 300 if width == WIDE else 220),
    )  # fmt: skip
    chart.x_labels = plot.along
    chart.y_labels = _marks(plot, [value or 0 for series in plot.series for value in series.values])
    chart.value_formatter = partial(numerals.write, plot.kind)
    dots = len(plot.along) <= MOST_DOTS
    for series in plot.series:
        points = zip(series.values, series.texts, strict=True)
        chart.add(series.title, [{"value": value, "formatter": partial(_as, text)} for value, text in points], show_dots=dots)
    return chart


def _bars(plot: ToldPlot, numerals: Numerals, width: int) -> Any:
    """A row a thing. Drawn from the bottom upwards, so the last comes first."""
    stacked, rows = plot.form == "stacked", min(len(plot.along), MOST_ROWS)
    kind = HorizontalStackedBar if stacked else HorizontalBar
    several = 1 if stacked else len(plot.series)
    height = rows * (_ROW if several == 1 else 20 * several + 10) + (34 if stacked else 8)
    chart = kind(
        print_values=not stacked, print_values_position="top", show_x_labels=stacked,
        show_x_guides=stacked, show_y_guides=False, spacing=6, **_common(width, height),
    )  # fmt: skip
    longest = 46 if width == WIDE else 18
    chart.x_labels = [_cut(each, longest) for each in plot.along[:rows]][::-1]
    values = [[value or 0 for value in series.values[:rows]] for series in plot.series]
    sums = [sum(each) for each in zip(*values, strict=True)] if stacked else [value for each in values for value in each]
    # Without the air on the right a figure would be written past the edge.
    chart.range = (min(0, *sums, 0), max(*sums, 0) * (1 if stacked else 1.18) or 1)
    if stacked:
        chart.y_labels = _marks(plot, sums, most=6 if width == WIDE else 4)
        chart.value_formatter = partial(numerals.write, plot.kind)
    for series in plot.series:
        points = list(zip(series.values[:rows], series.texts[:rows], strict=True))[::-1]
        chart.add(series.title, [{"value": value, "formatter": partial(_as, text)} for value, text in points])
    return chart


def _cut(text: str, most: int) -> str:
    """A text without its middle where it is too long: paths differ at their ends."""
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most - most // 2) :]}"


def _as(text: str, _value: object) -> str:
    return text


def _marks(plot: ToldPlot, values: Sequence[float], most: int = 5) -> list[float]:
    """Where an axis from zero is marked: at most so many round figures, whole ones where things are counted."""
    largest = max(values, default=0) or 1
    power = 10.0 ** floor(log10(largest / most))
    step = next(each * power for each in _STEPS if largest / (each * power) <= most)
    if plot.kind == "count":
        step = max(1, round(step))
    return [number * step for number in range(int(-(-largest // step)) + 1)]


def _undress(element: Element) -> None:
    """Take away what is there for pygal's script, and what would need a style of its own."""
    for child in list(element):
        tag = str(child.tag).removeprefix(_SVG)  # a comment has a function in its place
        if tag in _FOR_SCRIPTS or tag.startswith("<") or "tooltip-overlay" in child.get("class", ""):
            element.remove(child)
            continue
        said = {each.get("class"): each.text or "" for each in child.findall("desc")}
        _undress(child)
        if "value" in said:
            told = Element("title")
            told.text = ": ".join(filter(None, (said.get("x_label"), said["value"])))
            child.insert(0, told)
    element.attrib.pop("style", None)
