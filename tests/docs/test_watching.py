"""docs/watching.md lists the metrics as they are; WRITE_DOCS=1 writes the list anew."""

import os
from pathlib import Path

from nurture.metrics import table

PAGE = Path(__file__).parents[2] / "docs" / "watching.md"
BEGIN, END = "<!-- metrics: begin -->", "<!-- metrics: end -->"


def test_the_page_lists_every_metric_as_it_is() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    expected = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(expected, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == expected, "write it anew: WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs"
