"""Laid out graphs: nothing overlaps, all leads down, and it is the same every time."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.graph import Arranged, Size, arrange

SIZES = st.builds(Size, st.integers(120, 300).map(float), st.integers(20, 200).map(float))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Size], list[tuple[int, int]]]:
    """Nodes, each but the first with an arrow from one before it, and some arrows more."""
    nodes = draw(st.lists(SIZES, min_size=1, max_size=14))
    arrows = [(draw(st.integers(0, index - 1)), index) for index in range(1, len(nodes))]
    if len(nodes) > 2:
        pairs = st.lists(st.integers(0, len(nodes) - 1), min_size=2, max_size=2, unique=True)
        arrows += [(min(pair), max(pair)) for pair in draw(st.lists(pairs, max_size=4))]
    return nodes, arrows


def overlap(drawn: Arranged, nodes: list[Size], one: int, other: int) -> bool:
    (x, y), (width, height) = drawn.corners[one], nodes[one]
    (u, v), (w, h) = drawn.corners[other], nodes[other]
    return x < u + w and u < x + width and y < v + h and v < y + height


@given(graphs())
def test_nothing_overlaps_and_all_lies_in_the_picture(graph: tuple[list[Size], list[tuple[int, int]]]) -> None:
    nodes, arrows = graph
    drawn = arrange(nodes, arrows)
    assert not any(overlap(drawn, nodes, *pair) for pair in combinations(range(len(nodes)), 2))
    for (x, y), node in zip(drawn.corners, nodes, strict=True):
        assert -0.1 <= x <= drawn.size.width - node.width + 0.1
        assert -0.1 <= y <= drawn.size.height - node.height + 0.1
    for line in drawn.lines:
        assert all(-0.1 <= x <= drawn.size.width + 0.1 and -0.1 <= y <= drawn.size.height + 0.1 for x, y in line)


@given(graphs())
def test_arrows_lead_down_from_border_to_border(graph: tuple[list[Size], list[tuple[int, int]]]) -> None:
    nodes, arrows = graph
    drawn = arrange(nodes, arrows)
    for (source, target), line in zip(arrows, drawn.lines, strict=True):
        assert drawn.corners[source].y < drawn.corners[target].y
        for number, end in ((source, line[0]), (target, line[-1])):
            corner, size = drawn.corners[number], nodes[number]
            assert corner.x - 0.2 <= end.x <= corner.x + size.width + 0.2
            assert corner.y - 0.2 <= end.y <= corner.y + size.height + 0.2


@given(graphs())
def test_the_same_graph_is_drawn_the_same(graph: tuple[list[Size], list[tuple[int, int]]]) -> None:
    assert arrange(*graph) == arrange(*graph)


@given(graphs())
def test_what_comes_behind_stands_mostly_in_order(graph: tuple[list[Size], list[tuple[int, int]]]) -> None:
    nodes, arrows = graph
    drawn = arrange(nodes, arrows)
    across = [corner.x + node.width / 2 for corner, node in zip(drawn.corners, nodes, strict=True)]
    pairs = [(a, b) for (source, a), (other, b) in combinations(arrows, 2) if source == other]
    assert sum(across[a] > across[b] + 1 for a, b in pairs) <= sum(across[a] < across[b] + 1 for a, b in pairs)


def test_a_drawing_may_be_turned_over() -> None:
    box = Size(120, 50)
    one = arrange([box] * 4, [(0, 1), (0, 2), (1, 3), (2, 3)])
    other = arrange([box] * 4, [(0, 2), (0, 1), (1, 3), (2, 3)])
    assert one.corners[1].x < one.corners[2].x
    assert other.corners[2].x < other.corners[1].x
