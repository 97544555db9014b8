"""What a call says of somebody: who, why, and what next."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.handing_off import Delivery, Done
from nurture.domain.person import Attribute, Person
from nurture.domain.scoring import Cell, Grade, engagement_on, heat_of
from nurture.domain.telling.occasions import Alarmed, Alerted, Moved
from nurture.domain.telling.payload import LARGEST, payload
from nurture.domain.touches import Touch
from tests.support.definitions import definitions

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TODAY = 20_514
DEFINITIONS = definitions(
    scoring={
        "rules": [
            {"id": "download", "on": "asset_downloaded", "points": 20},
            {"id": "article", "on": "page_viewed", "points": 2, "cap": {"hits": 3}},
            {"id": "careers", "on": "page_viewed", "points": -15},
        ]
    }
)


def delivery(cells: dict[Cell, int] | None = None, **attributes: Any) -> Delivery:
    cells = cells or {}
    person = Person(
        id=2**62 + 1, stage="mql", stage_since=NOW, first_seen_at=NOW, seen_at=NOW, grade=Grade("B"), email="ana@acme.test",
        attributes={name: Attribute(value, NOW, "form:guide") for name, value in attributes.items()},
        heat=heat_of(cells, DEFINITIONS.scoring),
    )  # fmt: skip
    moved = Moved("lead", "mql", "hot", "engagement 40.0, grade B", "guide")
    return Delivery(7, "crm", 0, moved, NOW, person, cells)


def told(each: Delivery, at: datetime = NOW) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(payload(each, DEFINITIONS, at))
    return body


TOUCH = Touch(NOW - timedelta(days=9), "organic_search", "google", "organic", landing="/blog/pipelines")
LATELY = (
    Done("asset_downloaded", NOW - timedelta(hours=1), "guide"),
    Done("page_viewed", NOW - timedelta(hours=2), None, "/blog/pipelines", "Better pipelines"),
    Done("page_viewed", NOW - timedelta(hours=2), None, "/blog/pipelines", "Better pipelines"),
    Done("email_clicked", NOW - timedelta(hours=4)),
)


def test_the_payload_says_who_moved_why_and_what_next() -> None:
    cells = {Cell("download", TODAY): 1, Cell("article", TODAY): 9, Cell("careers", TODAY - 30): 1}
    found = delivery(cells, company="Acme", job_title="Head of Sales", first_name="Ana", language="fr", timezone="Europe/Paris")
    assert found.person is not None
    found.person.first_touch = found.person.last_touch = TOUCH
    touched = {
        "at": "2026-02-21T09:00:00Z", "channel": "organic_search", "source": "google", "medium": "organic", "landing": "/blog/pipelines"
    }  # fmt: skip
    assert told(found._replace(touch=TOUCH, lately=LATELY)) == {
        "type": "stage.changed.v1",
        "timestamp": "2026-03-02T09:00:00Z",
        "data": {
            "person": {
                "id": "4611686018427387905",
                "email": "ana@acme.test",
                "name": "Ana",
                "stage": "mql",
                "language": "fr",
                "timezone": "Europe/Paris",
                "attributes": {
                    "company": "Acme", "job_title": "Head of Sales", "first_name": "Ana", "language": "fr", "timezone": "Europe/Paris"
                },
                "attributes_left_out": 0,
            },
            "from": "lead",
            "to": "mql",
            "rule": "hot",
            "cause": "engagement 40.0, grade B",
            "asset": "guide",
            "at": "2026-03-02T09:00:00Z",
            "because": "from lead to mql by the rule hot: because of engagement 40.0, grade B (The guide)",
            "engagement": 18.5,
            "grade": "B",
            "score_lines": [
                {"rule": "download", "day": "2026-03-02", "hits": 1, "counted": 1, "points": 20.0},
                {"rule": "careers", "day": "2026-01-31", "hits": 1, "counted": 1, "points": -7.5},
                {"rule": "article", "day": "2026-03-02", "hits": 9, "counted": 3, "points": 6.0},
            ],
            "touches": {"first": touched, "last": touched, "promoting": touched},
            "content": [
                {"event": "asset_downloaded", "downloaded": True, "about": "guide", "title": "The guide", "at": "2026-03-02T08:00:00Z"},
                {
                    "event": "page_viewed", "downloaded": False, "about": "/blog/pipelines", "title": "Better pipelines",
                    "at": "2026-03-02T07:00:00Z",
                },
            ],
            "next": {
                "action": "call",
                "text": "Call within a working day: they are interested and a good fit.",
                "by": "2026-03-03T09:00:00Z",
                "best_time": {"since": 8, "until": 10, "timezone": "Europe/Paris", "known": True, "next": "2026-03-03T07:00:00Z"},
            },
        },
    }  # fmt: skip


def test_who_did_what_promotes_is_called_at_once() -> None:
    asked = delivery()._replace(what=Moved("lead", "sql", "hand-raise", "demo_requested", None))
    assert told(asked)["data"]["next"]["action"] == "call_now"
    assert told(asked)["data"]["because"] == "from lead to sql by the rule hand-raise: they did demo_requested"


def test_a_zone_that_there_is_not_is_not_believed() -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", "", "Europe"):
        assert told(delivery(timezone=zone))["data"]["person"]["timezone"] == "UTC"


def test_content_and_touches_make_room_before_what_sales_must_know() -> None:
    wordy = Touch(NOW, "referral", *["\U0001f4de" * 256] * 6)
    much = tuple(Done("page_viewed", NOW, None, f"/{number}" + "\U0001f4de" * 300, "\U0001f4de" * 300) for number in range(50))
    found = delivery(company="Acme")._replace(touch=wordy, lately=much)
    assert found.person is not None
    found.person.first_touch = found.person.last_touch = wordy
    assert len(payload(found, DEFINITIONS, NOW)) <= LARGEST
    assert told(found)["data"]["person"]["attributes"] == {"company": "Acme"}
    assert told(found)["data"]["next"]["action"] == "call"


def test_an_alert_says_who_came_where() -> None:
    alerted = delivery({Cell("download", TODAY): 1}, company="Acme")._replace(what=Alerted("guide-nurture", "call", "Ring today"))
    body = told(alerted)
    assert (body["type"], body["timestamp"]) == ("sequence.alert.v1", "2026-03-02T09:00:00Z")
    assert {"person", "because", "engagement", "grade", "score_lines", "touches", "content", "next"} < body["data"].keys()
    said = {name: body["data"][name] for name in ("sequence", "step", "text", "at")}
    assert said == {"sequence": "guide-nurture", "step": "call", "text": "Ring today", "at": "2026-03-02T09:00:00Z"}
    moved = told(delivery({Cell("download", TODAY): 1}, company="Acme"))["data"]
    assert {name: moved[name] for name in ("person", "engagement", "grade", "score_lines")} == {
        name: body["data"][name] for name in ("person", "engagement", "grade", "score_lines")
    }


def test_the_longest_text_of_a_step_leaves_the_payload_within_its_bound() -> None:
    alerted = delivery(note="x" * 20_000, company="Acme")._replace(what=Alerted("s" * 64, "t" * 64, "\U0001f4de" * 500))
    assert len(payload(alerted, DEFINITIONS, NOW)) <= 20_000
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
    assert engagement_on(TODAY + 30, person.heat, DEFINITIONS.scoring.half_life) == pytest.approx(10.0)


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
    written = payload(delivery(**{f"a{name}": value for name, value in attributes.items()}), DEFINITIONS, NOW)
    assert written.isascii()
    assert len(written) <= 20_000
    person = json.loads(written)["data"]["person"]
    assert len(person["attributes"]) + person["attributes_left_out"] == len(attributes)
