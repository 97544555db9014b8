"""`/v1/track` and its kin: events from scripts, servers and SDKs, in Segment's wire format.

This is the hot path: plain ASGI functions, no routing by pattern, one answer built once. What must be decided about a call
is in `wire`; here a request becomes calls, and events go to Redis before anything is answered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from pydantic_core import to_json
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nurture.domain.event import Event, Kind
from nurture.errors import Unavailable
from nurture.web.bodies import Headers, parse_json, read_body
from nurture.web.counters import Counters
from nurture.web.keys import Keys
from nurture.web.limits import Limits
from nurture.web.parts import WebParts
from nurture.web.refusals import Refusal, invalid, refused, unavailable
from nurture.web.visitor import declines
from nurture.web.wire import Arrival, Normalised, normalise

EVENT_BYTES: Final = 32 * 1024
BATCH_BYTES: Final = 500 * 1024
BATCH_EVENTS: Final = 2_500

#: After so many events of a batch other requests get their turn.
_TURN: Final = 100

KINDS_BY_PATH: Final[dict[str, Kind]] = {
    "track": "track", "identify": "identify", "page": "page", "screen": "screen", "group": "group", "alias": "alias",
    "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias",
}  # fmt: skip
BATCH_PATHS: Final = ("/v1/batch", "/v1/b", "/b")

_BODY: Final = b'{"success":true}'
_START: Final[Message] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())],
}
_END: Final[Message] = {"type": "http.response.body", "body": _BODY}

#: Takes a request's body and headers; returns a detailed answer, or None when "success" says it all.
_Handler = Callable[[Scope, Headers, bytes], Awaitable[JSONResponse | None]]


class Collect:
    """The endpoints for events, by path."""

    def __init__(self, parts: WebParts, counters: Counters, limits: Limits) -> None:
        self._now = parts.clock.now
        self._writer = parts.writer
        self._keys = Keys(parts.write_keys, parts.secret_keys)
        self._definitions = parts.definitions
        self._counters = counters
        self._limits = limits

    def endpoints(self) -> dict[str, ASGIApp]:
        single = {f"/v1/{path}": self._endpoint(self._single(kind), EVENT_BYTES) for path, kind in KINDS_BY_PATH.items()}
        batch = self._endpoint(self._batch, BATCH_BYTES)
        return {**single, **dict.fromkeys(BATCH_PATHS, batch)}

    def _endpoint(self, handle: _Handler, limit: int) -> ASGIApp:
        async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                headers: Headers = dict(scope["headers"])
                _check_method(scope)
                self._limits.events_from(scope)
                answer = await handle(scope, headers, await read_body(scope, headers, receive, limit))
            except Refusal as refusal:
                self._counters.add("web_refused", code=refusal.code)
                answer = refused(refusal)
            except Unavailable as error:
                self._counters.add("web_unavailable")
                answer = unavailable(error)
            if answer is not None:
                await answer(scope, receive, send)
            else:
                await send(_START)
                await send(_END)

        return endpoint

    def _arrival(self, scope: Scope, headers: Headers, raw: Any) -> Arrival:
        sender = self._keys.sender(raw, headers, scope["query_string"])
        if sender.vouches:
            self._limits.events_of_server(scope, sender.source)
        mode = self._definitions().privacy.consent
        return Arrival(sender, self._now(), _browser(headers), objects=declines(headers), mode=mode)

    def _single(self, kind: Kind) -> _Handler:
        async def handle(scope: Scope, headers: Headers, body: bytes) -> JSONResponse | None:
            raw = parse_json(body)
            normalised = normalise(raw, kind, self._arrival(scope, headers, raw))
            await self._writer.write([normalised.event])
            self._counters.add("web_events")
            return _verdict(normalised, debug=_wants_details(headers))

        return handle

    async def _batch(self, scope: Scope, headers: Headers, body: bytes) -> JSONResponse:
        raw = parse_json(body)
        arrival = self._arrival(scope, headers, raw)
        taken: dict[int, Normalised] = {}
        rejected: list[dict[str, Any]] = []
        for index, call in enumerate(_calls(raw)):
            try:
                taken[index] = normalise(_bounded(call), None, arrival)
            except Refusal as refusal:
                rejected.append({"index": index, **refusal.told()})
            if index % _TURN == _TURN - 1:
                await asyncio.sleep(0)
        await self._writer.write([each.event for each in taken.values()])
        self._counters.add("web_events", len(taken))
        for rejection in rejected:
            self._counters.add("web_refused", code=rejection["code"])
        return _verdicts(taken, rejected, debug=_wants_details(headers))


def _check_method(scope: Scope) -> None:
    if scope["method"] != "POST":
        raise Refusal(405, "method", "events are sent by POST")


def _wants_details(headers: Headers) -> bool:
    return headers.get(b"x-debug") == b"1"


def _browser(headers: Headers) -> str | None:
    """The user agent of a request from a browser. A server's (`analytics-python/2.4`) says nothing about who acted."""
    agent = headers.get(b"user-agent", b"")
    return agent.decode("latin-1") if agent.startswith(b"Mozilla/") else None


def _calls(raw: Any) -> Iterator[Any]:
    """The calls of a batch, each with what the batch says for all of them."""
    calls = raw.get("batch") if isinstance(raw, dict) else None
    if not isinstance(calls, list) or not calls:
        raise Refusal(400, "malformed", 'a batch is an object with a list of events: {"batch": […]}', "batch")
    if len(calls) > BATCH_EVENTS:
        raise Refusal(413, "too_many_events", f"a batch holds at most {BATCH_EVENTS:,} events", "batch")
    common = {name: raw[name] for name in ("context", "sentAt") if raw.get(name) is not None}
    return (_merged(call, common) for call in calls)


def _merged(call: Any, common: dict[str, Any]) -> Any:
    if not isinstance(call, dict) or not common:
        return call
    merged = {**common, **call}
    if isinstance(common.get("context"), dict) and isinstance(call.get("context"), dict):
        merged["context"] = {**common["context"], **call["context"]}
    return merged


def _bounded(call: Any) -> Any:
    if len(to_json(call)) > EVENT_BYTES:
        raise invalid("too_large", f"an event has at most {EVENT_BYTES:,} bytes")
    return call


def _verdict(normalised: Normalised, *, debug: bool) -> JSONResponse | None:
    if debug:
        return JSONResponse({"success": True, "event": _in_full(normalised.event), "warnings": normalised.warnings})
    return JSONResponse({"success": True, "warnings": normalised.warnings}) if normalised.warnings else None


def _in_full(event: Event) -> dict[str, Any]:
    """The event as it was taken; how far it is believed and whether its person agreed is said even where it is the usual."""
    kept = event.model_dump(mode="json", exclude_defaults=True)
    return {**kept, "assurance": event.assurance, "consented": event.consented}


def _verdicts(taken: dict[int, Normalised], rejected: list[dict[str, Any]], *, debug: bool) -> JSONResponse:
    warnings = [{"index": index, "message": warning} for index, each in taken.items() for warning in each.warnings]
    told: dict[str, Any] = {"success": bool(taken), "accepted": len(taken), "rejected": rejected}
    if not taken:
        told |= {"code": "nothing_acceptable", "message": "no event of this batch could be taken; see rejected"}
    if warnings or debug:
        told["warnings"] = warnings
    if debug:
        told["events"] = [_in_full(each.event) for each in taken.values()]
    return JSONResponse(told, 200 if taken else 400)
