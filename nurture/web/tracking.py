"""`/c/{token}` and `/o/{token}.gif`: a reader clicks on a link in a mail, or opens it.

Both are GET and therefore change nothing that could not be undone: they leave an event, and whether it was a human is judged
when it is absorbed.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4
from zlib import crc32

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nurture.adapters.redis_keys import withdrawn
from nurture.adapters.tokens import MailLink, ReaderOpened, StepOpened
from nurture.domain.event import EMAIL_CLICKED, EMAIL_OPENED, Event, midnight, route_of_person
from nurture.domain.ids import event_key
from nurture.domain.surroundings import path_of
from nurture.errors import InvalidToken, Unavailable
from nurture.web.counters import Counters
from nurture.web.gif import pixel
from nurture.web.pages import Pages
from nurture.web.parts import WebParts
from nurture.web.wire import LONGEST_USER_AGENT

_log = structlog.get_logger(__name__)

#: Nobody opens older mails.
FOLLOWED_FOR: Final = timedelta(days=730)

#: Headers by which browsers and proxies say that nobody has asked for this yet, and the words they say it with.
_PURPOSE: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_AHEAD: Final = ("prefetch", "prerender", "preview")


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
        """The image, always. What is told of an open is what config/sending.yaml allows now, whatever it did when the mail left."""
        with suppress(InvalidToken):
            match self._parts.tokens.read_open(request.path_params["token"]), self._parts.definitions().sending.tracking.opens:
                case StepOpened() as step, "aggregate":
                    await self._write(self._open_of_nobody(step), crc32(step.step.encode()))
                case ReaderOpened() as reader, "hygiene" if not await self._has_withdrawn(reader.person):
                    await self._write(self._day_of_open(request, reader), route_of_person(reader.person))
                case MailLink() as link, "individual" if await self._lets_it_be_told(link.person):
                    await self._tell(request, EMAIL_OPENED, link.message, link.person, {})
                case _:
                    pass
        return pixel()

    def _open_of_nobody(self, step: StepOpened) -> Event:
        """An open that is counted and tells nobody's name: neither who asked nor how."""
        at = self._parts.clock.now()
        return Event(
            message_id=str(uuid4()), source="engine", name=EMAIL_OPENED, occurred_at=midnight(at), received_at=at, consented=False,
            properties=step._asdict(),
        )  # fmt: skip

    def _day_of_open(self, request: Request, reader: ReaderOpened) -> Event:
        """An open of which only the day is kept. How it was asked for helps to tell machines apart, and is not kept."""
        at = self._parts.clock.now()
        day, context = midnight(at), reader_context(request)
        return Event(
            message_id=once(context, f"opened {reader.person} {day:%Y-%m-%d}"), source="engine", name=EMAIL_OPENED,
            occurred_at=day, received_at=at, person=reader.person, context=context,
        )  # fmt: skip

    async def _lets_it_be_told(self, person: int) -> bool:
        """Asked when the image is: a withdrawal holds for mails that were sent before it."""
        return not await self._has_withdrawn(person) and await run_in_threadpool(self._parts.lets_opens_be_told, person)

    async def _has_withdrawn(self, person: int) -> bool:
        """Whether they unsubscribed; where nothing can be asked, it is assumed."""
        try:
            return await self._parts.writer.tally(withdrawn(person), None, FOLLOWED_FOR) > 0
        except Unavailable:
            return True

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
        await self._write(event, route_of_person(person))

    async def _write(self, event: Event, route: int) -> None:
        try:
            await self._parts.writer.write([event], route)
        except Unavailable as error:
            self._counters.add("web_unrecorded", event=event.name)
            _log.warning("not recorded", name=event.name, message=event.message, reason=str(error))
        else:
            self._counters.add("web_events")
