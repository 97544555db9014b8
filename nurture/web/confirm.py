"""`/confirm/{token}`: somebody confirms what they agreed to in a form.

GET shows the words and a button, for mail scanners follow every link; POST confirms, as often as it comes. The link works for as
long as `within` of config/consents.yaml says.
"""

from starlette.requests import Request
from starlette.responses import Response

from nurture.adapters.tokens import Confirmation
from nurture.domain.event import CONSENT_CONFIRMED, Event, route_of_person
from nurture.domain.ids import event_key
from nurture.errors import InvalidToken, Unavailable
from nurture.web.counters import Counters
from nurture.web.pages import Pages, in_language_of, words_for
from nurture.web.parts import WebParts
from nurture.web.words import first_language


class Confirm:
    """The endpoints."""

    def __init__(self, parts: WebParts, pages: Pages, counters: Counters) -> None:
        self._parts = parts
        self._pages = pages
        self._counters = counters

    async def ask(self, request: Request) -> Response:
        """The page with the button; changes nothing."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        definitions, words = self._parts.definitions(), words_for(request)
        purpose = definitions.consents.purposes.get(asked.purpose)
        text = in_language_of(request, purpose.wording, definitions) if purpose is not None else words["confirm_text"]
        return self._pages.page(
            request, "button.html", title=words["confirm_title"], text=text, button=words["confirm_button"]
        )  # fmt: skip

    async def act(self, request: Request) -> Response:
        """Confirm; 200 once it is durable, 404 for a token that was not made here, 410 for one that is too old."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        at, token = self._parts.clock.now(), request.path_params["token"]
        # As for unsubscribing, who asks is left out: what proves it is the link out of their own mailbox.
        event = Event(
            message_id=str(event_key(CONSENT_CONFIRMED, token)), source="engine", name=CONSENT_CONFIRMED, occurred_at=at,
            received_at=at, person=asked.person, message=asked.message, context=spoken(request),
            properties={"purpose": asked.purpose, "address": asked.address},
        )  # fmt: skip
        try:
            await self._parts.writer.write([event], route_of_person(asked.person))
        except Unavailable as error:
            self._counters.add("web_unavailable")
            return self._pages.later(request, error)
        self._counters.add("web_events")
        return self._pages.message(request, 200, "confirmed")

    def _asked(self, request: Request) -> Confirmation | Response:
        try:
            asked = self._parts.tokens.read_confirmation(request.path_params["token"])
        except InvalidToken:
            return self._pages.message(request, 404, "link_unknown")
        return asked if self._parts.clock.now() < asked.expires else self._pages.message(request, 410, "confirm_late")


def spoken(request: Request) -> dict[str, str]:
    """The language in which whoever asks has read what they agree to."""
    language = first_language(request.headers.get("accept-language", ""))
    return {"locale": language} if language is not None else {}
