"""Where the nodes of a directed graph go and how its arrows run: a layered drawing from top to bottom, made by graphlay."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final, NamedTuple

import graphlay

#: As its drawings of processes, with narrower gaps, and with the ways out of a node spread evenly below it.
_PRESET: Final = "process_map"
_OPTIONS: Final[Mapping[str, Any]] = {
    "spacing": {"layer_gap": 34.0, "node_gap": 30.0},
    "coords": {"branch_style": "symmetric"},
}


class Size(NamedTuple):
    """How wide and high something is, in pixels."""

    width: float
    height: float


class Point(NamedTuple):
    """A point of the drawing, in pixels from its upper left corner."""

    x: float
    y: float


class Arranged(NamedTuple):
    """A drawing: the upper left corner of each node, the line of each arrow from border to border, and the size of it all."""

    corners: tuple[Point, ...]
    lines: tuple[tuple[Point, ...], ...]
    size: Size


def arrange(nodes: Sequence[Size], arrows: Sequence[tuple[int, int]]) -> Arranged:
    """Lay out nodes, given by their sizes, and the arrows between them, given by the nodes' indices.

    No two nodes overlap. What comes behind a node stands mostly in the order of its arrows, from left to right. The same graph
    is always drawn the same.
    """
    graph = graphlay.Graph()
    for node in nodes:
        graph.node(width=node.width, height=node.height)
    for source, target in arrows:
        graph.edge(source, target)
    drawn = graphlay.layout(graph, preset=_PRESET, options=_OPTIONS)
    least, most = drawn.bounds["min"], drawn.bounds["max"]
    turned = _stands_the_other_way_round(arrows, [each["center"]["x"] for each in drawn.nodes])

    def point(at: Mapping[str, float]) -> Point:
        return Point(round(most["x"] - at["x"] if turned else at["x"] - least["x"], 1), round(at["y"] - least["y"], 1))

    centers = (point(each["center"]) for each in drawn.nodes)
    return Arranged(
        tuple(Point(x - size.width / 2, y - size.height / 2) for (x, y), size in zip(centers, nodes, strict=True)),
        tuple(tuple(map(point, each["points"])) for each in drawn.edges),
        Size(round(most["x"] - least["x"], 1), round(most["y"] - least["y"], 1)),
    )


def _stands_the_other_way_round(arrows: Sequence[tuple[int, int]], across: Sequence[float]) -> bool:
    """Whether more of the nodes behind a common one stand from right to left, in the order of their arrows, than from left to right."""
    behind: dict[int, list[int]] = defaultdict(list)
    for source, target in arrows:
        behind[source].append(target)
    pairs = [pair for targets in behind.values() for pair in combinations(targets, 2)]
    return sum(across[one] > across[other] for one, other in pairs) > sum(across[one] < across[other] for one, other in pairs)
