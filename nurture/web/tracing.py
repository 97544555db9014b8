"""A span for each request, and its name in the events that came by it."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nurture.adapters.tracing import SentTraces, context_of, traceparent_of
from nurture.domain.event import TRACEPARENT, Event
from nurture.web.parts import EventWriter

if TYPE_CHECKING:
    from opentelemetry.context import Context

#: The request under way, as a traceparent; None if its span is not sent.
_REQUEST: ContextVar[str | None] = ContextVar("request", default=None)

#: What is behind the first part of these may say who somebody is: links are made for one reader.
_WITH_SECRET: Final = frozenset({"f", "a", "c", "o", "u", "hooks", "confirm", "preferences"})

#: What machines ask is no request of anybody.
_UNTRACED: Final = ("/health/", "/metrics")


def route_of(path: str) -> str:
    """A path without what names a person, a message or a form: `/u/{…}`; `/{…}` where it is none of ours."""
    first, _, rest = path.removeprefix("/").partition("/")
    if first == "v1":
        return path if rest.isascii() and rest.replace(".", "").isalpha() and len(rest) <= 16 else "/v1/{…}"  # noqa: PLR2004  # ours are shorter
    if first in _WITH_SECRET:
        return f"/{first}/{{…}}"
    return "/n.js" if path == "/n.js" else "/{…}"


class TracedApp:
    """The application, each request a span; the trace goes on that the request names (W3C `traceparent`)."""

    def __init__(self, app: ASGIApp, traces: SentTraces) -> None:
        self._app, self._traces = app, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, Status, StatusCode

        route, method = route_of(scope["path"]), scope["method"]
        attributes = {"http.request.method": method, "http.route": route}
        span = self._traces.tracer.start_span(
            f"{method} {route}", _context(scope), SpanKind.SERVER, attributes=attributes, record_exception=False
        )
        token = _REQUEST.set(traceparent_of(span))

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:  # noqa: PLR2004  # a server's error
                    span.set_status(Status(StatusCode.ERROR))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            _REQUEST.reset(token)
            span.end()


def _context(scope: Scope) -> "Context | None":
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    for name, value in scope["headers"]:
        if name == TRACEPARENT.encode() and (parent := context_of(value.decode("latin-1"))) is not None:
            return set_span_in_context(NonRecordingSpan(parent))
    return None


class TracedWriter:
    """A writer that writes into each event by which request it came."""

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    async def write(self, events: Sequence[Event], route: int | None = None) -> None:
        await self._writer.write([_named(event) for event in events], route)

    async def write_ahead(self, event: Event, route: int) -> None:
        await self._writer.write_ahead(_named(event), route)


def traced(writer: EventWriter) -> EventWriter:
    """The writer, with the request's name in every event."""
    return cast("EventWriter", TracedWriter(writer))


def _named(event: Event) -> Event:
    request = _REQUEST.get()
    return event if request is None else event.model_copy(update={"context": {**event.context, TRACEPARENT: request}})
