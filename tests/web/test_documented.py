"""Every example of docs/http.md is sent to a web process, and answered as it stands there."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.web.conftest import KEY, Web

PAGE = Path(__file__).parents[2] / "docs/http.md"


class Example(NamedTuple):
    line: int
    asked: str
    answered: str


def examples() -> list[Example]:
    text = PAGE.read_text()
    pairs = re.finditer(r"```http\n(.*?)```\s*```answer\n(.*?)```", text, re.DOTALL)
    return [Example(text.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in pairs]


def alike(found: Any, told: Any) -> bool:
    """Whether an answer is as told; `…` stands for anything."""
    if told == "…":
        return found is not None
    if isinstance(told, dict) and isinstance(found, dict):
        return told.keys() == found.keys() and all(alike(found[name], told[name]) for name in told)
    if isinstance(told, list) and isinstance(found, list):
        return len(told) == len(found) and all(map(alike, found, told))
    return bool(found == told)


def test_every_block_is_an_example() -> None:
    assert PAGE.read_text().count("```http\n") == len(examples()) >= 10


@pytest.mark.parametrize("example", examples(), ids=lambda each: f"line {each.line}")
def test_what_is_asked_is_answered_so(web: Web, example: Example) -> None:
    head, _, body = example.asked.partition("\n\n")
    (request, *headers), (status, *rest) = head.strip().splitlines(), example.answered.strip().splitlines()
    method, path = request.replace("KEY", KEY).split()
    sent = dict(header.replace("KEY", KEY).split(": ", 1) for header in headers)
    answer = web.client.request(method, path, content=body.strip().replace("KEY", KEY), headers=sent)
    assert answer.status_code == int(status), answer.text
    told = "\n".join(rest)
    if told.startswith("{"):
        assert alike(answer.json(), json.loads(told)), answer.text
    elif ": " in told:
        name, value = told.split(": ", 1)
        assert answer.headers[name] == value
    else:
        assert answer.headers["content-type"].startswith(told)
