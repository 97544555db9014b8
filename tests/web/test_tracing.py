"""A request is a span, events say by which request they came, and no span says who anybody is."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from starlette.types import Message, Receive, Scope, Send

from nurture.adapters.tracing import context_of
from nurture.domain.event import Event
from nurture.web.parts import EventWriter
from nurture.web.tracing import TracedApp, route_of, traced
from tests.adapters.test_tracing import SPAN, TRACE, Memory
from tests.support.events import page


class Kept:
    """A writer that keeps what it is given."""

    away = None

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def write(self, events: Sequence[Event], route: int | None = None) -> None:
        self.events += events

    async def write_ahead(self, event: Event, route: int) -> None:
        self.events.append(event)


def request(memory: Memory, path: str, *, status: int = 200, fails: bool = False, **headers: str) -> list[Event]:
    """Ask for a path of an application that writes two events; what was written."""
    kept = Kept()
    writer = traced(cast("EventWriter", kept))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await writer.write([page("/a")])
        await writer.write_ahead(page("/b"), 0)
        if fails:
            raise RuntimeError("anna@example.com")
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        pass

    scope: dict[str, Any] = {
        "type": "http", "path": path, "method": "POST", "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    asyncio.run(TracedApp(app, memory.traces)(scope, receive, send))
    return kept.events


def test_events_name_the_request_they_came_by() -> None:
    memory = Memory()
    events = request(memory, "/v1/track")
    [span] = memory.spans
    assert span.name == "POST /v1/track"
    assert span.attributes == {"http.request.method": "POST", "http.route": "/v1/track", "http.response.status_code": 200}
    assert span.context is not None
    for event in events:
        context = context_of(event.context["traceparent"])
        assert context is not None
        assert (context.trace_id, context.span_id) == (span.context.trace_id, span.context.span_id)
        assert "page" in event.context


def test_a_trace_that_began_elsewhere_goes_on() -> None:
    memory = Memory()
    [event, _] = request(memory, "/v1/track", traceparent=f"00-{TRACE}-{SPAN}-01")
    [span] = memory.spans
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    assert event.context["traceparent"].startswith(f"00-{TRACE}-")
    request(memory, "/v1/track", traceparent="nonsense")
    assert memory.spans[1].parent is None
    request(memory, "/v1/track", traceparent=f"00-{TRACE}-{SPAN}-00")
    assert len(memory.spans) == 2, "whoever began it did not want it kept"


def test_what_the_context_says_of_the_request_is_nothing_that_happened() -> None:
    [event, _] = request(Memory(), "/v1/track")
    plain = event.model_copy(update={"context": {"page": event.context["page"]}})
    assert "traceparent" in event.context
    assert event.fingerprint == plain.fingerprint
    assert event.facts == plain.facts


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/u/abc.def", "/u/{…}"), ("/c/TOKEN", "/c/{…}"), ("/hooks/postmark/KEY", "/hooks/{…}"), ("/f/guide", "/f/{…}"),
        ("/v1/batch", "/v1/batch"), ("/v1/pixel.gif", "/v1/pixel.gif"), ("/v1/anna@example.com", "/v1/{…}"), ("/n.js", "/n.js"),
        ("/anna@example.com", "/{…}"), ("/", "/{…}"), ("/preferences/x/y", "/preferences/{…}"), ("/inbox/1.eml", "/{…}"),
    ],
)  # fmt: skip
def test_a_route_names_nobody(path: str, route: str) -> None:
    assert route_of(path) == route


def test_what_goes_wrong_is_told_without_its_text() -> None:
    memory = Memory()
    request(memory, "/u/TOKEN", status=503)
    with pytest.raises(RuntimeError):
        request(memory, "/u/TOKEN", fails=True)
    assert [span.status.is_ok for span in memory.spans] == [False, False]
    told = "".join(span.to_json() for span in memory.spans)
    assert "TOKEN" not in told
    assert "anna" not in told


def test_what_machines_ask_is_no_span() -> None:
    memory = Memory()
    request(memory, "/metrics")
    request(memory, "/health/live")
    assert memory.spans == ()
