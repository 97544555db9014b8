"""docs/handoff.md shows a payload as it is; WRITE_DOCS=1 writes it anew. What it says of shapes and of its own example holds."""

import json
import os
import re

from nurture.definitions.document import read
from nurture.definitions.shapes import packaged_shapes
from nurture.domain.scoring import Cell
from nurture.domain.telling.payload import payload
from nurture.domain.telling.shapes import Shape
from nurture.shaping import mistakes_in
from tests.cli.conftest import ROOT
from tests.domain.telling.test_payload import DEFINITIONS, LATELY, NOW, TODAY, TOUCH, delivery

PAGE = ROOT / "docs" / "handoff.md"
BEGIN, END = "<!-- payload: begin -->\n", "<!-- payload: end -->\n"


def example() -> str:
    cells = {Cell("download", TODAY): 1, Cell("article", TODAY): 2}
    found = delivery(cells, first_name="Ana", company="Acme", job_title="Head of Sales", language="fr", timezone="Europe/Paris")
    assert found.person is not None
    found.person.first_touch = found.person.last_touch = TOUCH
    told = json.loads(payload(found._replace(touch=TOUCH, lately=LATELY), DEFINITIONS, NOW))
    return f"```json\n{json.dumps(told, indent=2, ensure_ascii=False)}\n```\n"


def test_the_payload_is_shown_as_it_is() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    shown, _, after = rest.partition(END)
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(before + BEGIN + example() + END + after)
        return
    assert shown == example(), "write it anew: WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs"


def test_every_shape_has_its_line() -> None:
    assert {*re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)} == {*packaged_shapes()}


def test_the_shape_that_is_shown_is_one() -> None:
    [written] = re.findall(r"^```yaml\nshape:\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    node, flaws = read(f"shape:\n{written}".encode())
    assert node is not None
    assert flaws == []
    assert list(mistakes_in(Shape.model_validate(node.plain()["shape"]))) == []
