"""`/u/{token}`: no more mail (RFC 8058 and the link in each mail).

GET shows a button, for mail scanners follow every link. POST acts, with any body or none, whoever asks, without a cookie or a
redirect, as often as it comes. The token never expires.
"""

from starlette.requests import Request
from starlette.responses import Response

from nurture.adapters.redis_keys import withdrawn
from nurture.adapters.tokens import MailLink
from nurture.domain.event import UNSUBSCRIBED, Event, route_of_person
from nurture.domain.ids import event_key
from nurture.errors import InvalidToken, Unavailable
from nurture.web.counters import Counters
from nurture.web.pages import Pages, words_for
from nurture.web.parts import WebParts
from nurture.web.tracking import FOLLOWED_FOR


class Unsubscribe:
    """The endpoints."""

    def __init__(self, parts: WebParts, pages: Pages, counters: Counters) -> None:
        self._parts = parts
        self._pages = pages
        self._counters = counters

    async def ask(self, request: Request) -> Response:
        """The page with the button; changes nothing."""
        if self._link(request) is None:
            return self._pages.message(request, 404, "link_unknown")
        words = words_for(request)
        return self._pages.page(
            request, "button.html", title=words["unsubscribe_title"], text=words["unsubscribe_text"],
            button=words["unsubscribe_button"],
        )  # fmt: skip

    async def act(self, request: Request) -> Response:
        """Unsubscribe whom the token names; 200 once it is durable, 404 for a token that was not made here."""
        link = self._link(request)
        if link is None:
            return self._pages.message(request, 404, "link_unknown")
        return await self.leave(request, link)

    async def leave(self, request: Request, link: MailLink) -> Response:
        """Unsubscribe the reader of a mail."""
        at = self._parts.clock.now()
        # Who asks is left out: a mail provider's robot asks in a person's name, and must not be taken for a machine.
        event = Event(
            message_id=str(event_key(UNSUBSCRIBED, f"{link.message} {link.person}")),
            source="engine",
            name=UNSUBSCRIBED,
            occurred_at=at,
            received_at=at,
            person=link.person,
            message=link.message,
        )
        try:
            await self._parts.writer.mark(withdrawn(link.person), UNSUBSCRIBED, FOLLOWED_FOR)
            await self._parts.writer.write_ahead(event, route_of_person(link.person))
        except Unavailable as error:
            self._counters.add("web_unavailable")
            return self._pages.later(request, error)
        self._counters.add("web_events")
        return self._pages.message(request, 200, "unsubscribed")

    def _link(self, request: Request) -> MailLink | None:
        try:
            return self._parts.tokens.read_unsubscribe(request.path_params["token"])
        except InvalidToken:
            return None
