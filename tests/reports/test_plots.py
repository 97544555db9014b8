"""Plots: nothing of pygal's script is left, axes have round marks, and no figure is lost."""

import re
from xml.etree import ElementTree as ET

import pytest

from nurture.reports.numerals import Numerals
from nurture.reports.plots import MOST_DOTS, MOST_ROWS, Drawing, drawn
from nurture.reports.told import Series, ToldPlot, told
from tests.support.sample_report import WORDS, sample_report

NUMERALS = Numerals("en", "EUR")


def plot(form: str, *values: float | None, kind: str = "count") -> ToldPlot:
    along = tuple(f"/page/{number}" for number in range(len(values)))
    series = Series("Views", values, tuple(NUMERALS.write("count", each) for each in values))
    return ToldPlot(form, 1, along, (series,), "count" if kind == "count" else "share")


def draw(of: ToldPlot) -> Drawing:
    return drawn(of, NUMERALS, "Views", "As a picture", "p")


@pytest.mark.parametrize("sheet", [1, 2, 3, 4])
def test_a_drawing_is_svg_without_anything_that_runs(sheet: int) -> None:
    report = told(sample_report(), "en", WORDS)
    found = report.sheets[sheet]
    assert found.plot is not None
    drawing = drawn(found.plot, report.numerals, found.title, "about", found.name)
    for svg in drawing:
        root = ET.fromstring(svg)
        assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {
            "svg",
            "g",
            "rect",
            "path",
            "text",
            "circle",
            "title",
            "desc",
        }
        assert not [each for each in root.iter() if {"style", "onclick"} & each.attrib.keys()]
        assert "pygal.org" not in svg


def test_each_figure_can_be_read_by_pointing_at_it() -> None:
    drawing = draw(plot("line", 3, 1_200, None, 0))
    assert re.findall(r"<title>(.*?)</title>", drawing.wide) == ["/page/0: 3", "/page/1: 1,200", "/page/3: 0"]


@pytest.mark.parametrize(
    ("values", "marks"),
    [((0, 0), ["0", "1"]), ((1, 2), ["0", "1", "2"]), ((7, 31), ["0", "10", "20", "30", "40"]), ((980_000, 1), ["0", "200,000"])],
)
def test_an_axis_has_a_few_round_marks(values: tuple[int, ...], marks: list[str]) -> None:
    svg = ET.fromstring(draw(plot("line", *values)).wide)
    axis = next(each for each in svg.iter() if "axis y" in each.get("class", ""))
    assert [each.text for each in axis.iter() if each.tag.endswith("text")][: len(marks)] == marks


def test_an_axis_of_shares_has_marks_below_one() -> None:
    assert ">0.2<" not in draw(plot("line", 0.31, 0.7, kind="share")).wide
    assert ">20.0%<" in draw(plot("line", 0.31, 0.7, kind="share")).wide


@pytest.mark.parametrize("form", ["bar", "stacked", "funnel", "line"])
@pytest.mark.parametrize("values", [(0,), (None, 0), (1,), (-3, 5), tuple(range(60))])
def test_any_figures_can_be_drawn(form: str, values: tuple[float | None, ...]) -> None:
    drawing = draw(plot(form, *values))
    assert drawing.wide.startswith("<svg")
    assert drawing.wide != drawing.narrow


def test_a_picture_holds_the_first_rows_only() -> None:
    drawing = draw(plot("bar", *range(60)))
    assert f"/page/{MOST_ROWS - 1}" in drawing.wide
    assert f"/page/{MOST_ROWS}" not in drawing.wide


def test_a_long_name_keeps_both_ends() -> None:
    of = plot("bar", 5)._replace(along=("/blog/how-to-write-a-landing-page-that-people-read-to-its-end/comments",))
    assert re.search(r">/blog/how-to-\w*[^<]*…[^<]*/comments<", draw(of).wide)


def test_a_line_through_many_points_has_no_dots_and_is_whole_all_the_same() -> None:
    values = tuple(range(MOST_DOTS + 1))
    few, many = draw(plot("line", *values[1:])).wide, draw(plot("line", *values)).wide
    assert (few.count("<circle"), many.count("<circle")) == (MOST_DOTS, 0)
    (line,) = re.findall(r'd="([^"]+)" class="line', many)
    assert len(re.findall(r"[\d.]+ [\d.]+", line)) == len(values)
