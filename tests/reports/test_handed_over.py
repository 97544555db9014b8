"""Whatever is told is what docs/schemas/handoff.json says."""

import json
from typing import Any

import jsonschema_rs
import pytest

from nurture.domain.scoring import Cell
from nurture.domain.telling.occasions import Alarmed, Alerted, Moved, Occasion, Untouched
from nurture.domain.telling.payload import payload
from nurture.reports.handed_over import HandOff
from nurture.reports.schemas import schema_of
from tests.domain.telling.test_payload import DEFINITIONS, LATELY, NOW, TODAY, TOUCH, delivery

OCCASIONS: list[Occasion] = [
    Moved("lead", "sql", "hand-raise", "demo_requested", "guide"),
    Alerted("guide-nurture", "call", "Ring today"),
    Untouched("sql", "demo_requested", NOW, 2),
    Alarmed("surge", "guide-nurture", "300 mails within an hour"),
    Alarmed("endpoint", "crm", "it answered 410"),
]


def told(what: Occasion) -> dict[str, Any]:
    found = delivery({Cell("download", TODAY): 1}, company="Acme")._replace(what=what, touch=TOUCH, lately=LATELY)
    if isinstance(what, Alarmed):
        found = found._replace(person=None)
    body: dict[str, Any] = json.loads(payload(found, DEFINITIONS, NOW))
    return body


@pytest.mark.parametrize("what", OCCASIONS, ids=lambda what: f"{what.type} {what[0]}")
def test_what_is_told_is_all_in_the_schema(what: Occasion) -> None:
    body = told(what)
    assert HandOff.model_validate(body).model_dump(mode="json", by_alias=True, exclude_unset=True) == body
    assert list(jsonschema_rs.validator_for(schema_of(HandOff)).iter_errors(body)) == []


def test_a_later_field_breaks_nobody_who_validates_and_a_missing_one_does() -> None:
    body = told(OCCASIONS[0])
    body["data"]["mood"] = "good"
    validator = jsonschema_rs.validator_for(schema_of(HandOff))
    assert validator.is_valid(body)
    del body["data"]["because"]
    assert not validator.is_valid(body)
