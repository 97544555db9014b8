"""Plots are drawn of what lies there, and of nothing else."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.plots import PLOTS, draw


def sliced(engine: float, postgres: float) -> dict[str, Any]:
    return {"read": 10_000, "absorbing": {"engine_cpu": engine, "postgres_cpu": postgres}}


COMPARED = {"few, ms": 10.0, "many, ms": 12.0, "ratio": 1.2}
TOLD: dict[str, dict[str, Any]] = {
    "growth": {"blocks": [{"before": sliced(1, 1), "slices": [sliced(1, 1), sliced(1.2, 1.4)], "after": sliced(1, 1)}]},
    "steps": {"due": 1_000, "few": 10_000, "many": 1_000_000, "growth": {"wall": COMPARED, "cpu": COMPARED}},
    "reporting": {"events": [10_000, 1_000_000], "reports": {"leads": {"28": {"page": COMPARED}, "120": {"page": COMPARED}}}},
    "storage": {"parts": [{"name": "events", "bytes_an_event": 300.0}, {"name": "alembic_version", "bytes_an_event": 0.01}]},
    "memory": {"looks": [[0.0, 300.0], [60.0, 310.0], [120.0, 309.0]]},
}


@pytest.mark.parametrize("name", PLOTS)
def test_what_was_measured_is_drawn_and_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.json").write_text(json.dumps(TOLD[name]))
    assert draw(tmp_path) == [tmp_path / f"{name}.svg"]
    root = ET.fromstring((tmp_path / f"{name}.svg").read_text())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    fetched = [value for each in root.iter() for name, value in each.attrib.items() if name.endswith(("src", "href"))]
    assert not [value for value in fetched if not value.startswith("#")], "a plot needs nothing from elsewhere"


def test_nothing_measured_nothing_drawn(tmp_path: Path) -> None:
    assert draw(tmp_path) == []


def test_a_curve_goes_through_what_was_measured(tmp_path: Path) -> None:
    (tmp_path / "growth.json").write_text(json.dumps(TOLD["growth"]))
    text = draw(tmp_path)[0].read_text()
    for value in ("200", "260", "120", "140"):  # µs of both in the first and the second slice, and of each in the second
        assert f">{value}<" in text, value
    assert "20,000" in text
