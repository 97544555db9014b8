"""`/preferences/{token}`: what mail somebody wishes to receive, how often, and whether not for a while.

GET shows what is known and changes nothing; POST tells all of it, so that the last one counts. The page needs no script. To show it
is the one thing here that waits for the database; what is posted needs Redis alone.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from nurture.adapters.tokens import MailLink
from nurture.domain.consent import Consents
from nurture.domain.definitions import Definitions
from nurture.domain.event import PREFERENCES_CHANGED, Event, route_of_person
from nurture.domain.ids import event_key
from nurture.domain.preferences import PAUSES, Pace, Wishes, pause_in, told_in
from nurture.errors import InvalidToken, Unavailable
from nurture.web.confirm import spoken
from nurture.web.counters import Counters
from nurture.web.pages import Pages, in_language_of, words_for
from nurture.web.parts import WebParts
from nurture.web.posts import Fields, canonical, read_fields
from nurture.web.unsubscribe import Unsubscribe


class Choice(NamedTuple):
    """One thing to choose on the page. `wording` is what somebody agrees to by it, where it needs that."""

    value: str
    title: str
    chosen: bool
    wording: str | None = None


class Preferences:
    """The endpoints."""

    def __init__(self, parts: WebParts, pages: Pages, counters: Counters, unsubscribe: Unsubscribe) -> None:
        self._parts = parts
        self._pages = pages
        self._counters = counters
        self._unsubscribe = unsubscribe

    async def show(self, request: Request) -> Response:
        """The page as things stand; changes nothing."""
        link = self._link(request)
        if link is None:
            return self._pages.message(request, 404, "link_unknown")
        try:
            wishes = await run_in_threadpool(self._parts.wishes, link.person)
        except Unavailable as error:
            return self._pages.later(request, error)
        definitions, words = self._parts.definitions(), words_for(request)
        return self._pages.page(
            request, "preferences.html", title=words["preferences_title"],
            note=words["preferences_unsubscribed"] if wishes.unsubscribed else None,
            topics=list(_topics(request, definitions, wishes)), purposes=list(_purposes(request, definitions, wishes)),
            paces=[Choice(each, words[f"pace_{each}"], each == wishes.rhythm.pace) for each in Pace],
            pauses=list(_pauses(words, wishes.rhythm.paused_until, self._parts.clock.now())),
        )  # fmt: skip

    async def act(self, request: Request) -> Response:
        """Take down what is wished; 200 once it is durable, 404 for a token that was not made here."""
        link = self._link(request)
        if link is None:
            return self._pages.message(request, 404, "link_unknown")
        fields = await read_fields(request)
        if fields.get("do") == "unsubscribe":
            return await self._unsubscribe.leave(request, link)
        at = self._parts.clock.now()
        told = _told(fields, self._parts.definitions().consents, at)
        event = Event(
            message_id=str(event_key(PREFERENCES_CHANGED, f"{link.message} {link.person} {at:%Y-%m-%dT%H:%M:%S} {canonical(told)}")),
            source="engine", name=PREFERENCES_CHANGED, occurred_at=at, received_at=at, person=link.person, message=link.message,
            properties=told, context=spoken(request),
        )  # fmt: skip
        try:
            await self._parts.writer.write_ahead(event, route_of_person(link.person))
        except Unavailable as error:
            self._counters.add("web_unavailable")
            return self._pages.later(request, error)
        self._counters.add("web_events")
        return self._pages.message(request, 200, "preferences_saved", back=request.url.path)

    def _link(self, request: Request) -> MailLink | None:
        try:
            return self._parts.tokens.read_preferences(request.path_params["token"])
        except InvalidToken:
            return None


def _topics(request: Request, definitions: Definitions, wishes: Wishes) -> Iterator[Choice]:
    """Ticked are the topics that somebody is mailed of now. What needs a consent they have not given stands there unticked."""
    consents = definitions.consents
    for topic, titles in consents.topics.items():
        needed = consents.needed_for(topic)
        chosen = not wishes.unsubscribed and topic not in wishes.off and (needed is None or needed in wishes.agreed)
        wording = in_language_of(request, consents.purposes[needed].wording, definitions) if needed is not None else None
        yield Choice(topic, in_language_of(request, titles, definitions), chosen, wording)


def _purposes(request: Request, definitions: Definitions, wishes: Wishes) -> Iterator[Choice]:
    for name in _asked_apart(definitions.consents):
        wording = in_language_of(request, definitions.consents.purposes[name].wording, definitions)
        yield Choice(name, wording, name in wishes.agreed)


def _asked_apart(consents: Consents) -> list[str]:
    """The purposes that no topic stands for, such as open-tracking."""
    return [name for name, purpose in consents.purposes.items() if not purpose.topics]


def _pauses(words: Mapping[str, str], paused_until: datetime | None, at: datetime) -> Iterator[Choice]:
    paused = paused_until is not None and paused_until > at
    yield Choice("", words["pause_none"], not paused)
    if paused and paused_until is not None:
        yield Choice(paused_until.isoformat(), words["pause_kept"].format(until=f"{paused_until:%Y-%m-%d}"), chosen=True)
    for days in PAUSES:
        yield Choice(str(days), words["pause_days"].format(days=days), chosen=False)


def _told(fields: Fields, consents: Consents, at: datetime) -> dict[str, Any]:
    """What was posted, as far as the page offers it."""
    topics, purposes = _several(fields, "topic"), _several(fields, "purpose")
    pace, pause = str(fields.get("pace", "")), str(fields.get("pause", ""))
    until = at + timedelta(days=int(pause)) if pause in map(str, PAUSES) else pause_in(pause, at)
    return told_in(
        {topic: topic in topics for topic in consents.topics}, Pace(pace) if pace in list(Pace) else Pace.ALL, until,
        {name: name in purposes for name in _asked_apart(consents)},
    )  # fmt: skip


def _several(fields: Fields, name: str) -> list[str]:
    given = fields.get(name, [])
    return [str(each) for each in given] if isinstance(given, list) else [str(given)]
