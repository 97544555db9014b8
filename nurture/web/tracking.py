"""`/c/{token}` and `/o/{token}.gif`: a reader clicks on a link in a mail, or opens it.

Both are GET and therefore change nothing that could not be undone: they leave an event, and whether it was a human is judged
when it is absorbed.
"""

from typing import Any, Final
from zlib import crc32

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nurture.domain.event import EMAIL_CLICKED, EMAIL_OPENED, Event
from nurture.domain.ids import event_key
from nurture.domain.surroundings import path_of
from nurture.errors import InvalidToken, Unavailable
from nurture.web.counters import Counters
from nurture.web.gif import pixel
from nurture.web.pages import Pages
from nurture.web.parts import WebParts
from nurture.web.wire import LONGEST_USER_AGENT

_log = structlog.get_logger(__name__)

#: Headers by which browsers and proxies say that nobody has asked for this yet, and the words they say it with.
_PURPOSE: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_AHEAD: Final = ("prefetch", "prerender", "preview")


def route_of_person(person: int) -> int:
    """The way of everything that one person does in mails, so that it is absorbed in its order."""
    return crc32(str(person).encode())


def reader_context(request: Request) -> dict[str, Any]:
    """What helps to tell a human from a machine: who asks, how, and whether only to be prepared."""
    said = " ".join(request.headers.get(header, "") for header in _PURPOSE).lower()
    context = {
        "userAgent": request.headers.get("user-agent", "")[:LONGEST_USER_AGENT],
        "method": request.method,
        "purpose": "prefetch" if any(word in said for word in _AHEAD) else None,
    }
    return {name: value for name, value in context.items() if value}


def once(context: dict[str, Any], what: str) -> str:
    """The id of an event: equal for a double click, and another one for a reader who follows a machine in the same moment."""
    return str(event_key("engine", f"{what} {sorted(context.items())}"))


class Tracking:
    """The endpoints of what readers do in mails."""

    def __init__(self, parts: WebParts, pages: Pages, counters: Counters) -> None:
        self._parts = parts
        self._pages = pages
        self._counters = counters

    async def click(self, request: Request) -> Response:
        """Send the reader on to the target in the token; 404 for a token that is none, so nobody can be sent anywhere else.

        A reader is sent on even when the click cannot be kept: the way is worth more than the click. HEAD leaves an event
        too, with the method by which it is judged a machine's.
        """
        try:
            link = self._parts.tokens.read_click(request.path_params["token"])
        except InvalidToken:
            return self._pages.message(request, 404, "link_unknown")
        properties = {"url": link.target, "path": path_of(link.target), **self._asset_behind(link.target)}
        await self._tell(request, EMAIL_CLICKED, link.message, link.person, properties)
        return RedirectResponse(link.target, 302, {"cache-control": "no-store", "referrer-policy": "no-referrer"})

    def _asset_behind(self, target: str) -> dict[str, str]:
        """The asset that a link leads to, if it is one of our downloads."""
        downloads = f"{self._parts.settings.public_url}/a/"
        if not target.startswith(downloads):
            return {}
        try:
            return {"asset": self._parts.tokens.read_download(target.removeprefix(downloads)).asset}
        except InvalidToken:
            return {}

    async def open(self, request: Request) -> Response:
        """The image, always. An event only if config/sending.yaml has turned opens on."""
        try:
            link = self._parts.tokens.read_open(request.path_params["token"])
        except InvalidToken:
            return pixel()
        if self._parts.definitions().sending.tracking.opens:
            await self._tell(request, EMAIL_OPENED, link.message, link.person, {})
        return pixel()

    async def _tell(self, request: Request, name: str, message: int, person: int, properties: dict[str, Any]) -> None:
        at = self._parts.clock.now()
        context = reader_context(request)
        event = Event(
            message_id=once(context, f"{request.url.path} {message} {person} {at:%Y-%m-%dT%H:%M:%S}"),
            source="engine",
            name=name,
            occurred_at=at,
            received_at=at,
            person=person,
            message=message,
            properties=properties,
            context=context,
        )
        try:
            await self._parts.writer.write([event], route_of_person(person))
        except Unavailable as error:
            self._counters.add(f'web_unrecorded{{event="{name}"}}')
            _log.warning("not recorded", name=name, message=message, reason=str(error))
        else:
            self._counters.add("web_events")
