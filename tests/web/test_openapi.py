"""The description of the HTTP interface: complete, true of what is answered, and a source of bad input."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from nurture.adapters.tokens import Click, Confirmation, Download, MailLink
from nurture.cli.main import app
from nurture.web.app import paths_served
from nurture.web.openapi import description, operations
from tests.web.conftest import KEY, Web

load_all_checks()
SCHEMA = schemathesis.openapi.from_dict(description())
OPERATIONS = {each.label: each for each in (found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok))}
#: Short names lead to the same as long ones. What takes any text in its path and nothing else cannot be asked wrongly.
SHORT = re.compile(r"POST (/v1)?/[tipsgab]")
WAYS = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in GenerationMode
    if not SHORT.fullmatch(label) and (mode == GenerationMode.POSITIVE or operation.body or operation.query)
]
CHECKED: list[Any] = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)


@pytest.fixture
def tokens(web: Web) -> dict[str, dict[str, str]]:
    """By path, what makes it lead somewhere."""
    made, later = web.tokens, web.clock.now() + timedelta(days=1)
    by_token = {
        "/a/{token}": made.download(Download("guide", None, 7, 0, later)),
        "/c/{token}": made.click(Click(1, 7, "https://www.example.com/x")),
        "/u/{token}": made.unsubscribe(MailLink(1, 7)),
        "/confirm/{token}": made.confirmation(Confirmation(1, 7, 5, later, "marketing-email")),
        "/preferences/{token}": made.preferences(MailLink(1, 7)),
    }
    known = {path: {"token": token} for path, token in by_token.items()}
    return {**known, "/f/{form}": {"form": "contact"}, "/f/{form}/thanks": {"form": "contact"}}


def test_every_route_is_described_and_every_description_has_a_route(web: Web) -> None:
    assert {(each.method, each.path) for each in operations()} == paths_served(web.parts)


def test_names_are_unique_and_references_lead_somewhere() -> None:
    told = description()
    names = [each.name for each in operations()]
    assert len(names) == len(set(names))
    pointers = {word for word in json.dumps(told).replace('"', " ").split() if word.startswith("#/components/schemas/")}
    assert {pointer.rpartition("/")[2] for pointer in pointers} <= set(told["components"]["schemas"])


def test_it_is_served_cached_and_printed(web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    served = web.client.get("/openapi.json")
    assert served.json() == description()
    assert served.headers["content-type"] == "application/json"
    assert "max-age" in served.headers["cache-control"]
    assert web.client.get("/openapi.json", headers={"If-None-Match": served.headers["etag"]}).status_code == 304
    with pytest.raises(SystemExit) as ended:
        app(["openapi"], prog_name="nurture")
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == description()


@pytest.mark.parametrize(("label", "mode"), WAYS, ids=lambda each: getattr(each, "value", each))
def test_what_is_answered_is_what_is_described(
    web: Web, tokens: dict[str, dict[str, str]], label: str, mode: GenerationMode
) -> None:
    """Requests out of the description, as it wants them and against it: no 5xx, and each answer of a described kind and shape."""
    operation = OPERATIONS[label]
    path = tokens.get(operation.path)
    fixed: dict[str, Any] = {"path_parameters": path} if path and mode == GenerationMode.POSITIVE else {}

    @given(case=operation.as_strategy(generation_mode=mode, **fixed))
    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def fuzz(case: Case[Any]) -> None:
        headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
        response = case.call(base_url=web.base, headers=headers, allow_redirects=False)
        case.validate_response(response, checks=CHECKED)

    fuzz()
