"""What is handed off to whom, and what they are told."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.handing_off import (
    Delivery,
    Endpoint,
    Handoff,
    deliveries_of,
    payload,
)
from nurture.domain.person import Attribute, Person
from nurture.domain.scoring import Cell, Grade, Scoring, engagement_on, heat_of
from nurture.domain.telling.occasions import Alarmed, Alerted, Moved

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TODAY = 20_514
SCORING = Scoring.model_validate(
    {
        "rules": [
            {"id": "download", "on": "asset_downloaded", "points": 20},
            {"id": "article", "on": "page_viewed", "points": 2, "cap": {"hits": 3}},
            {"id": "careers", "on": "page_viewed", "points": -15},
        ]
    }
)


def endpoint(**changed: Any) -> Endpoint:
    return Endpoint.model_validate({"url": "https://crm.example.com/hooks", "stages": ["mql"], "secret": "crm"} | changed)


def delivery(cells: dict[Cell, int] | None = None, **attributes: Any) -> Delivery:
    cells = cells or {}
    person = Person(
        id=2**62 + 1, stage="mql", stage_since=NOW, first_seen_at=NOW, seen_at=NOW, grade=Grade("B"), email="ana@acme.test",
        attributes={name: Attribute(value, NOW, "form:guide") for name, value in attributes.items()},
        heat=heat_of(cells, SCORING),
    )  # fmt: skip
    moved = Moved("lead", "mql", "hot", "engagement 40.0, grade B", "guide")
    return Delivery(7, "crm", 0, moved, NOW, person, cells)


def told(each: Delivery, at: datetime = NOW) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(payload(each, SCORING, at))
    return body


def test_the_payload_says_who_moved_and_why() -> None:
    cells = {Cell("download", TODAY): 1, Cell("article", TODAY): 9, Cell("careers", TODAY - 30): 1}
    assert told(delivery(cells, company="Acme", job_title="Head of Sales")) == {
        "type": "stage.changed.v1",
        "timestamp": "2026-03-02T09:00:00Z",
        "data": {
            "person": {
                "id": "4611686018427387905",
                "email": "ana@acme.test",
                "stage": "mql",
                "attributes": {"company": "Acme", "job_title": "Head of Sales"},
                "attributes_left_out": 0,
            },
            "from": "lead",
            "to": "mql",
            "rule": "hot",
            "cause": "engagement 40.0, grade B",
            "asset": "guide",
            "at": "2026-03-02T09:00:00Z",
            "engagement": 18.5,
            "grade": "B",
            "score_lines": [
                {"rule": "download", "day": "2026-03-02", "hits": 1, "counted": 1, "points": 20.0},
                {"rule": "careers", "day": "2026-01-31", "hits": 1, "counted": 1, "points": -7.5},
                {"rule": "article", "day": "2026-03-02", "hits": 9, "counted": 3, "points": 6.0},
            ],
        },
    }


def test_an_alert_says_who_came_where() -> None:
    alerted = delivery({Cell("download", TODAY): 1}, company="Acme")._replace(what=Alerted("guide-nurture", "call", "Ring today"))
    body = told(alerted)
    assert (body["type"], body["timestamp"]) == ("sequence.alert.v1", "2026-03-02T09:00:00Z")
    assert list(body["data"]) == ["person", "sequence", "step", "text", "at", "engagement", "grade", "score_lines"]
    said = {name: body["data"][name] for name in ("sequence", "step", "text", "at")}
    assert said == {"sequence": "guide-nurture", "step": "call", "text": "Ring today", "at": "2026-03-02T09:00:00Z"}
    moved = told(delivery({Cell("download", TODAY): 1}, company="Acme"))["data"]
    assert {name: moved[name] for name in ("person", "engagement", "grade", "score_lines")} == {
        name: body["data"][name] for name in ("person", "engagement", "grade", "score_lines")
    }


def test_the_longest_text_of_a_step_leaves_the_payload_within_its_bound() -> None:
    alerted = delivery(note="x" * 20_000, company="Acme")._replace(what=Alerted("s" * 64, "t" * 64, "\U0001f4de" * 500))
    assert len(payload(alerted, SCORING, NOW)) <= 20_000
    assert told(alerted)["data"]["person"]["attributes"] == {"company": "Acme"}


def test_the_ten_lines_that_weigh_most_are_told() -> None:
    cells = {Cell("download", TODAY - days): 1 for days in range(20)}
    days = [line["day"] for line in told(delivery(cells))["data"]["score_lines"]]
    assert len(days) == 10
    assert days == sorted(days, reverse=True)
    assert days[0] == "2026-03-02"


def test_the_score_is_as_of_the_call_and_the_change_as_of_then() -> None:
    cells = {Cell("download", TODAY): 1}
    body = told(delivery(cells), NOW + timedelta(days=30))
    assert (body["timestamp"], body["data"]["engagement"]) == ("2026-03-02T09:00:00Z", 10.0)
    person = delivery(cells).person
    assert person is not None
    assert engagement_on(TODAY + 30, person.heat, SCORING.half_life) == pytest.approx(10.0)


def test_an_alarm_is_told_of_nobody() -> None:
    alarmed = delivery()._replace(what=Alarmed("complaints", "keep-warm", "3 of 300 mails were reported as spam"), person=None)
    body = told(alarmed)
    assert body["type"] == "mail.alarm.v1"
    assert body["data"].keys() == {"kind", "about", "text", "at"}


def test_the_longest_attributes_make_room() -> None:
    body = told(delivery(note="x" * 19_000, story="y" * 3_000, company="Acme", first_name="Ana"))
    assert body["data"]["person"]["attributes"] == {"story": "y" * 3_000, "company": "Acme", "first_name": "Ana"}
    assert body["data"]["person"]["attributes_left_out"] == 1


@given(st.dictionaries(st.text(max_size=2_000), st.text(max_size=1_000) | st.integers() | st.floats(), max_size=100))
def test_no_attributes_make_a_payload_too_large_or_unreadable(attributes: dict[str, Any]) -> None:
    written = payload(delivery(**{f"a{name}": value for name, value in attributes.items()}), SCORING, NOW)
    assert written.isascii()
    assert len(written) <= 20_000
    person = json.loads(written)["data"]["person"]
    assert len(person["attributes"]) + person["attributes_left_out"] == len(attributes)


def test_every_endpoint_of_the_stage_gets_its_own_delivery_with_an_id_of_its_own() -> None:
    handoff = Handoff(
        endpoints={"crm": endpoint(stages=["mql", "sql"]), "chat": endpoint(), "shop": endpoint(stages=["customer"])}
    )
    first, again = list(deliveries_of(5, "mql", handoff)), list(deliveries_of(5, "mql", handoff))
    assert [each.endpoint for each in first] == ["crm", "chat"]
    assert first == again
    assert len({each.id for change in (5, 6) for each in deliveries_of(change, "mql", handoff)}) == 4
    assert list(deliveries_of(5, "lead", handoff)) == []
    assert list(deliveries_of(5, "mql", Handoff())) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "ftp://crm.example.com"}, "match pattern"),
        ({"url": "crm.example.com/hooks"}, "match pattern"),
        ({"url": "https://crm.example.com:99999/hooks"}, "names no host that can be called"),
        ({"url": "https://[::1/hooks"}, "names no host that can be called"),
        ({"url": "https://me:hunter2@crm.example.com/"}, "must hold no password"),
        ({"secret": "whsec_c2VjcmV0"}, "this is the secret itself"),
        ({"secret": "no name"}, "match pattern"),
        ({"retries": 3}, "Extra inputs"),
    ],
)  # fmt: skip
def test_an_endpoint_that_cannot_be_called_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        endpoint(**changed)
