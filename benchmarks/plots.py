"""`python -m benchmarks.plots [--folder DIR]`: draw the curves of what was measured and kept in `benchmarks/out` as SVG beside it.

Whether a cost grows with what is stored, or with who waits, is seen at once in a curve. What was not measured is not drawn.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from benchmarks.laboratory import HERE
from nurture.adapters.charts import HorizontalBar, Line

OUT: Final = HERE / "out"

_COMMON: Final[dict[str, Any]] = {
    "js": (), "width": 900, "height": 420, "show_minor_x_labels": False, "truncate_legend": -1, "truncate_label": -1,
}  # fmt: skip

#: So many marks stand below a curve, at most.
_MARKS: Final = 8

#: Parts of the database that are smaller, in bytes an event, are not drawn.
_SMALL: Final = 1.0


def _curves(title: str, below: str, along: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> Any:
    """One line a series over the same marks, from zero, so that a slope is as steep as it is."""
    chart = Line(
        title=title, x_title=below, x_labels_major_every=max(1, len(along) // _MARKS), dots_size=2, include_x_axis=True,
        legend_at_bottom=True, **_COMMON,
    )  # fmt: skip
    chart.x_labels = along
    for name, values in series.items():
        chart.add(name, list(values))
    return chart


def growth(told: dict[str, Any]) -> Any:
    """What an event costs as the log grows, by who spends it; and what it costs an engine that has nothing yet."""
    slices = [each for block in told["blocks"] for each in block["slices"]]
    stored = accumulate(each["read"] for each in slices)
    first = [block["before"] for block in told["blocks"] for _ in block["slices"]]

    def spent(each: dict[str, Any], *by: str) -> float:
        return float(sum(each["absorbing"][name] for name in by) / each["read"] * 1e6)

    cpu = ("engine_cpu", "postgres_cpu")
    return _curves(
        "µs of processor time an event", "events taken in", [f"{number:,}" for number in stored],
        {
            "engine and PostgreSQL": [spent(each, *cpu) for each in slices],
            "engine": [spent(each, "engine_cpu") for each in slices],
            "PostgreSQL": [spent(each, "postgres_cpu") for each in slices],
            "the first slice again, into nothing": [spent(each, *cpu) for each in first],
        },
    )  # fmt: skip


def steps(told: dict[str, Any]) -> Any:
    """What claiming and moving steps costs while few wait, and while many do."""
    return _curves(
        f"ms to claim and move {told['due']:,} due steps", "people who wait", [f"{told[size]:,}" for size in ("few", "many")],
        {name: [each["few, ms"], each["many, ms"]] for name, each in told["growth"].items()},
    )  # fmt: skip


def reporting(told: dict[str, Any]) -> Any:
    """How long each report's page takes on few events and on many, over the longest span there is."""
    return _curves(
        "ms until a report's page is there", "events stored", [f"{number:,}" for number in told["events"]],
        {name: _longest(spans) for name, spans in told["reports"].items()},
    )  # fmt: skip


def _longest(spans: dict[str, Any]) -> list[float]:
    page = spans[max(spans, key=int)]["page"]
    return [page["few, ms"], page["many, ms"]]


def storage(told: dict[str, Any]) -> Any:
    """What each table and index takes, by the event."""
    parts = [each for each in told["parts"] if each["bytes_an_event"] >= _SMALL][::-1]  # drawn from the bottom upwards
    chart = HorizontalBar(title="bytes of database an event", show_legend=False, **_COMMON | {"height": 120 + 24 * len(parts)})
    chart.x_labels = [each["name"] for each in parts]
    chart.add("", [each["bytes_an_event"] for each in parts])
    return chart


def memory(told: dict[str, Any]) -> Any:
    """What all processes of the engine hold while they work."""
    along = [f"{seconds / 60:.0f}" for seconds, _ in told["looks"]]
    return _curves("MB in all processes at full load", "minutes", along, {"engine": [held for _, held in told["looks"]]})


PLOTS: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "growth": growth, "steps": steps, "reporting": reporting, "storage": storage, "memory": memory,
}  # fmt: skip


def draw(folder: Path) -> list[Path]:
    """Draw whatever lies in a folder as JSON into it as SVG; what was drawn."""
    drawn = []
    for name, plot in PLOTS.items():
        kept = folder / f"{name}.json"
        if kept.exists():
            picture = kept.with_suffix(".svg")
            picture.write_bytes(plot(json.loads(kept.read_text(encoding="utf-8"))).render())
            drawn.append(picture)
    return drawn


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=OUT, metavar="DIR", help="where the figures lie")
    for picture in draw(parser.parse_args().folder):
        print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
