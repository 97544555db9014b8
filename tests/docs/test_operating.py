"""docs/operating.md lists every code with its remedy; docs/schemas hold what is printed. WRITE_DOCS=1 writes both anew."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from nurture.reports.doctor.finding import AREAS
from nurture.reports.doctor.visit import BOOKS
from nurture.reports.problems import KINDS
from nurture.reports.schemas import PRINTED, schema_of, write_printed
from nurture.reports.status import status
from tests.reports.test_status import sign
from tests.support.installation import Installation

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "operating.md"
WRITING = "WRITE_DOCS" in os.environ
ANEW = "write it anew: WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("{about}", "NAME")


def problems() -> Iterator[str]:
    yield "| code | | what it means | what to do | next |"
    yield "|---|---|---|---|---|"
    for code, kind in KINDS.items():
        how = "down" if kind.down else ""
        yield f"| `{code}` | {how} | {cell(kind.means)} | {cell(kind.remedy)} | `{cell(kind.command or '')}` |"


def findings() -> Iterator[str]:
    yield "| area | code | | what it means | what to do |"
    yield "|---|---|---|---|---|"
    for area in AREAS:
        for code, kind in (BOOKS[area].codes if area in BOOKS else {}).items():
            if code not in KINDS:
                yield f"| {area} | `{code}` | {kind.level} | {cell(kind.means)} | {cell(kind.remedy)} |"


def with_part(page: str, name: str, lines: Iterator[str]) -> str:
    head, begin, rest = page.partition(f"<!-- {name}: begin -->\n")
    _, end, tail = rest.partition(f"<!-- {name}: end -->")
    assert begin, f"the page has no place for {name}"
    assert end, f"the page does not say where {name} end"
    return f"{head}{begin}{chr(10).join(lines)}\n{end}{tail}"


def test_the_page_lists_every_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    expected = with_part(with_part(page, "problems", problems()), "findings", findings())
    if WRITING:
        PAGE.write_text(expected, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == expected, ANEW


def test_the_schemas_are_those_of_what_is_printed(tmp_path: Path) -> None:
    if WRITING:
        write_printed(DOCS / "schemas")
    written = write_printed(tmp_path)
    assert [path.name for path in written] == list(PRINTED)
    for path in written:
        assert (DOCS / "schemas" / path.name).read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), ANEW


@pytest.fixture
def validators() -> dict[str, Any]:
    return {name: jsonschema_rs.validator_for(schema_of(model)) for name, model in PRINTED.items()}


def faults(validator: Any, told: str) -> list[str]:
    return [str(error) for error in validator.iter_errors(json.loads(told))]


def test_what_status_prints_fits_its_schema(installation: Installation, validators: dict[str, Any], tmp_path: Path) -> None:
    validator = validators["status.json"]
    for redis in (installation.redis, None):
        found = status(installation.engine, redis, 4, installation.clock.now(), folder=tmp_path)
        assert faults(validator, found.model_dump_json()) == []
    sign(installation.redis, "all@h", ",".join(QUEUES))
    installation.redis.hset(redis_keys.worker("all@h"), "tasks", json.dumps([{"task": "send", "since": time.time(), "batch": 2}]))
    found = status(installation.engine, installation.redis, 4, installation.clock.now(), folder=tmp_path)
    told = json.loads(found.model_dump_json())
    assert told["stream"]["workers"][0]["tasks"][0]["task"] == "send"
    assert faults(validator, json.dumps(told)) == []
    told["problems"][0]["code"] = 7
    assert faults(validator, json.dumps(told)) != []
