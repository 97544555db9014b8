"""CORS for what pages of any origin may call: no cookie and no secret is involved, so any origin may."""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALLOWED: Final = [
    (b"access-control-allow-origin", b"*"),
    # Without this a script cannot read when to come again.
    (b"access-control-expose-headers", b"retry-after"),
]
_DEFAULT_HEADERS: Final = b"content-type, authorization, x-debug, x-requested-with"
_HEADER_NAMES: Final = re.compile(rb"[A-Za-z0-9,_ -]{1,500}")


def cors(app: ASGIApp) -> ASGIApp:
    """The application, callable from any origin. A preflight is answered here, before any other work."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_allowing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_ALLOWED]}
            await send(message)

        if scope["method"] == "OPTIONS":
            await _answer_preflight(scope, send)
        else:
            await app(scope, receive, send_allowing)

    return wrapped


async def _answer_preflight(scope: Scope, send: Send) -> None:
    asked = dict(scope["headers"]).get(b"access-control-request-headers", b"")
    headers = [
        *_ALLOWED,
        (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
        (b"access-control-allow-headers", asked if _HEADER_NAMES.fullmatch(asked) else _DEFAULT_HEADERS),
        (b"access-control-max-age", b"86400"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body"})
