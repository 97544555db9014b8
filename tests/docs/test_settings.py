"""docs/settings.md lists every setting as it is; WRITE_DOCS=1 writes the list anew."""

import os
from pathlib import Path

from nurture.settings import settings_table

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def test_every_setting_is_listed_as_it_is() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    listed, _, after = rest.partition(END)
    table = f"{settings_table()}\n"
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(before + BEGIN + table + END + after)
        return
    assert listed == table, "write it anew: WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs"
