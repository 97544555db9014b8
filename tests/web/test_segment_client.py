"""Segment's official Python client, pointed here by its `host` option."""

from datetime import UTC, datetime
from typing import Any

import pytest
from segment.analytics.client import Client

from tests.web.conftest import KEY, Web


@pytest.fixture
def errors() -> list[Any]:
    return []


@pytest.mark.parametrize("gzip", [False, True])
def test_it_delivers_everything(web: Web, errors: list[Any], gzip: bool) -> None:
    """Track, identify, page, screen, group, alias and a batch of a hundred, without one error."""
    client = Client(
        KEY, host=web.base, gzip=gzip, upload_size=100, on_error=lambda *told: errors.append(told), upload_interval=0.05
    )
    client.identify("u1", {"email": "ada@example.com", "first_name": "Ada"})
    client.track("u1", "plan_chosen", {"plan": "pro", "at": datetime(2026, 3, 2, tzinfo=UTC)})
    client.page("u1", "Docs", "Pricing", {"url": "https://www.example.com/pricing"})
    client.screen("u1", "Home")
    client.group("u1", "acme", {"name": "Acme"})
    client.alias("visitor-1", "u1")
    for number in range(100):
        client.track(None, "plan_chosen", {"number": number}, anonymous_id="visitor-2")
    client.shutdown()
    events = web.events()
    assert errors == []
    assert len(events) == 106
    assert {event.kind for event in events} == {"track", "identify", "page", "screen", "group", "alias"}
    assert sorted(event.properties["number"] for event in events if event.anonymous_id == "visitor-2") == list(range(100))
    (identified,) = [event for event in events if event.kind == "identify"]
    assert (identified.email, identified.context["library"]["name"]) == ("ada@example.com", "analytics-python")
    (aliased,) = [event for event in events if event.kind == "alias"]
    assert (aliased.previous_id, aliased.user_id) == ("visitor-1", "u1")


def test_a_wrong_key_is_told(web: Web, errors: list[Any]) -> None:
    client = Client("wk_wrong", host=web.base, on_error=lambda *told: errors.append(told), upload_interval=0.05, max_retries=0)
    client.track("u1", "plan_chosen")
    client.shutdown()
    assert "unknown_key" in str(errors)
    assert web.events() == []
