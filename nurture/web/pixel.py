"""`/v1/pixel.gif`: a call in the address of an image, for pages without script."""

from base64 import urlsafe_b64decode
from typing import Any, Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from nurture.web.bodies import parse_json
from nurture.web.collect import EVENT_BYTES
from nurture.web.consent import consent_said, is_consented
from nurture.web.counters import Counters
from nurture.web.gif import pixel
from nurture.web.keys import Keys, Sender
from nurture.web.limits import Limits
from nurture.web.parts import WebParts
from nurture.web.refusals import Refusal, invalid
from nurture.web.visitor import known_visitor, objects, remember
from nurture.web.wire import Arrival, normalise

#: An event of the longest size in base64 fits.
QUERY_BYTES: Final = 60_000

#: Parameters that are fields of the call itself; `a.b` is field b of object a; everything else is a property.
_FIELDS: Final = frozenset({
    "type", "event", "messageId", "anonymousId", "userId", "previousId", "groupId", "name", "category", "timestamp",
    "originalTimestamp", "sentAt", "writeKey",
})  # fmt: skip
#: Scripts have only the other alphabet at hand (`btoa`).
_URL_SAFE: Final = str.maketrans("+/", "-_", "=")

_OBJECTS: Final = ("properties", "traits", "context")


class Pixel:
    """The endpoint."""

    def __init__(self, parts: WebParts, counters: Counters, limits: Limits) -> None:
        self._parts = parts
        self._keys = Keys(parts.write_keys, parts.secret_keys)
        self._counters = counters
        self._limits = limits
        self._secure = parts.settings.public_url.startswith("https:")

    async def show(self, request: Request) -> Response:
        """The image, once the event is durable. A browser without an id is given one, unless nobody consented to that.

        Where nobody needs to (consent mode `open`), who asks not to be followed gets the image and nothing is kept. Raises
        Refusal and Unavailable as the other calls do.
        """
        self._limits.events_from(request.scope)
        if len(request.scope["query_string"]) > QUERY_BYTES:
            raise Refusal(413, "too_large", "this address is too long for an event")
        raw = call_in(dict(request.query_params))
        mode = self._parts.definitions().privacy.consent
        sender, declined = self._sender(request, raw), objects(request)
        if declined and mode == "open":
            return pixel()
        _add_page(raw, request.headers.get("referer"))
        consented = is_consented(mode, said=_consent_said(raw), objects=declined, vouched=sender.vouches)
        # Without consent a fresh id tells one view from the next, and is thrown away with everything else.
        fresh = str(uuid4())
        visitor = known_visitor(request) if consented else None
        arrival = Arrival(
            sender, self._parts.clock.now(), request.headers.get("user-agent"), visitor=visitor or fresh, objects=declined,
            mode=mode,
        )  # fmt: skip
        event = normalise(raw, None, arrival).event
        await self._parts.writer.write([event])
        self._counters.add("web_events")
        response = pixel()
        if event.anonymous_id == fresh:
            remember(response, fresh, secure=self._secure)
        return response

    def _sender(self, request: Request, raw: dict[str, Any]) -> Sender:
        headers, query = dict(request.scope["headers"]), request.scope["query_string"]
        return self._keys.sender(raw, headers, query, page=headers.get(b"referer"), in_address=True)


def _consent_said(raw: dict[str, Any]) -> bool | None:
    context = raw.get("context")
    return consent_said(context.get("consent")) if isinstance(context, dict) else None


def call_in(parameters: dict[str, str]) -> dict[str, Any]:
    """The call that the parameters hold: as base64url JSON in `d`, or spread out. Raises Refusal (400, 422)."""
    packed = parameters.get("d")
    raw = _unpacked(packed) if packed is not None else _spread(parameters)
    raw.setdefault("type", "track" if raw.get("event") else "page")
    return raw


def _unpacked(packed: str) -> dict[str, Any]:
    try:
        safe = packed.translate(_URL_SAFE)
        body = urlsafe_b64decode(safe.encode() + b"=" * (-len(safe) % 4))
    except ValueError:
        raise Refusal(400, "malformed", "this is no base64url", "d") from None
    if len(body) > EVENT_BYTES:
        raise Refusal(413, "too_large", f"an event has at most {EVENT_BYTES:,} bytes", "d")
    raw = parse_json(body)
    if not isinstance(raw, dict):
        raise invalid("type", "an event is a JSON object", "d")
    return raw


def _spread(parameters: dict[str, str]) -> dict[str, Any]:
    raw: dict[str, Any] = {}
    for name, value in parameters.items():
        first, *rest = name.split(".")
        if not rest:
            path = [name] if name in _FIELDS else ["properties", name]
        else:
            path = [first, *rest] if first in _OBJECTS else ["properties", name]
        _put(raw, path, value)
    return raw


def _put(raw: dict[str, Any], path: list[str], value: str) -> None:
    *outer, last = path
    inner = raw
    for name in outer:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise invalid("type", "this is given both as a value and as an object", ".".join(path))
    if isinstance(inner.get(last), dict):
        raise invalid("type", "this is given both as a value and as an object", ".".join(path))
    inner[last] = value


def _add_page(raw: dict[str, Any], referrer: str | None) -> None:
    """The page that holds the image is the page it tells of, unless it says otherwise."""
    properties, context = raw.get("properties"), raw.setdefault("context", {})
    says_so = isinstance(properties, dict) and "url" in properties
    if referrer and not says_so and isinstance(context, dict):
        context.setdefault("page", {"url": referrer})
