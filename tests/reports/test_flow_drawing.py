"""Drawn flow charts: all words inside their boxes, no box over another, the same picture every time."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.graph import Point, Size
from nurture.domain.sequence import Sequence
from nurture.reports.flow_chart import Arrow, Box, FlowChart, flow_chart
from nurture.reports.flow_drawing import LINE, TITLE, Drawing, broken, drawn, width_of
from tests.support.definitions import definitions
from tests.support.every_kind import EVERY_KIND, POOLS

WORDS = st.text(alphabet="aimW— |é字,", max_size=80).filter(lambda text: text.strip())


def every_kind() -> FlowChart:
    return flow_chart(Sequence.model_validate(EVERY_KIND), definitions(pools=POOLS).pools, {})


def rectangles(drawing: Drawing) -> list[tuple[Point, Size]]:
    return [*((box.corner, box.size) for box in drawing.boxes), *((label.corner, label.size) for label in drawing.labels)]


def overlap(one: tuple[Point, Size], other: tuple[Point, Size]) -> bool:
    (x, y), (width, height) = one
    (u, v), (w, h) = other
    return x < u + w and u < x + width and y < v + h and v < y + height


def assert_readable(drawing: Drawing) -> None:
    assert not any(overlap(*pair) for pair in combinations(rectangles(drawing), 2))
    for box in drawing.boxes:
        right, bottom = box.corner.x + box.size.width, box.corner.y + box.size.height
        for font, lines in ((TITLE, box.title), (LINE, box.lines)):
            for line in lines:
                assert line.x > box.corner.x
                assert line.x + width_of(line.words, font) < right
                assert box.corner.y < line.y < bottom
        base = [line.y for line in (box.kind, *box.title, *box.lines)]
        assert base == sorted(set(base))
    for label in drawing.labels:
        assert max(width_of(line.words, LINE) for line in label.lines) <= label.size.width


def test_every_kind_of_step_is_readable() -> None:
    chart = every_kind()
    drawing = drawn(chart)
    assert_readable(drawing)
    assert [each.box.id for each in drawing.boxes] == [box.id for box in chart.boxes]
    assert len(drawing.labels) == sum(1 for arrow in chart.arrows if arrow.when)
    assert sum(arrow.headed for arrow in drawing.arrows) == len(chart.arrows)


def test_the_same_chart_is_drawn_the_same() -> None:
    assert drawn(every_kind()) == drawn(every_kind())


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8))
def test_whatever_the_words_are_they_fit(words: list[tuple[str, str]]) -> None:
    boxes = tuple(Box(str(number), "set", title, (line, title)) for number, (title, line) in enumerate(words))
    arrows = tuple(Arrow(str(number), str(number + 1), line) for number, (_, line) in enumerate(words[1:]))
    assert_readable(drawn(FlowChart(boxes, arrows)))


@given(WORDS, st.integers(40, 300))
def test_no_word_is_lost_where_lines_are_broken(words: str, room: int) -> None:
    lines = [*broken(words, room, LINE)]
    assert "".join(lines).replace(" ", "") == "".join(words.split())
    assert all(width_of(line, LINE) <= room for line in lines)


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("one two", ["one two"]),
        ("one two three", ["one two", "three"]),
        ("student|stagiaire", ["student|", "stagiaire"]),
        ("aaaaaaaaaaaaaa", ["aaaaaaaaaa", "aaaa"]),
    ],
)
def test_where_lines_are_broken(words: str, lines: list[str]) -> None:
    assert [*broken(words, 82, LINE)] == lines
