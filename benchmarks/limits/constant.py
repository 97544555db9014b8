"""An ASGI application that answers every request alike: the most that the HTTP server itself can do."""

from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"11")],
}
_BODY = {"type": "http.response.body", "body": b'{"ok":true}'}


async def app(scope: dict[str, Any], _receive: Receive, send: Send) -> None:
    if scope["type"] != "http":  # uvicorn also asks for the lifespan, which this application has none of
        raise NotImplementedError(scope["type"])
    await send(_START)
    await send(_BODY)
