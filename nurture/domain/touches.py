"""Touches: the visits that brought somebody here, and which of them are remembered.

All choices between touches are total and commute, so the order in which events arrive cannot change who is credited.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from nurture.domain.channel_table import DIRECT
from nurture.domain.channels import INFORMAL_TAGS, TAGS, Channels, ClickId, Compiled, Visit
from nurture.domain.event import EMAIL_CLICKED, PAGE_VIEWED, SCREEN_VIEWED, Event
from nurture.domain.urls import host_of, parameters, path_of

#: Longer texts are cut: these are for reading and grouping.
LONGEST: Final = 256

#: What tags say when they say nothing, most of it left there by tools.
_NOTHING: Final = frozenset({"", "(direct)", "(none)", "(not set)", "null", "undefined"})


#: How many visits are remembered; few enough that the longest addresses do not fill the memory.
_REMEMBERED: Final = 1_024

_WORDS: Final = frozenset(TAGS.values())


class Touch(NamedTuple):
    """A visit that brought somebody here, or back.

    `click_id` is the name of the parameter, never its value; `referrer` a host, `landing` a path. Source and medium are in
    small letters; all texts have at most LONGEST characters.
    """

    at: datetime
    channel: str
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    term: str | None = None
    click_id: str | None = None
    referrer: str | None = None
    landing: str | None = None


def touch_of(event: Event, channels: Channels) -> Touch | None:
    """The touch that an event is, if it brought somebody: a page or screen reached from outside, or a click in a mail.

    A page reached from another page of the same host is none, unless it carries tags or a click id. Of an event without
    consent, what is left of it is looked at in the same way.
    """
    compiled = channels.compiled
    if event.name == EMAIL_CLICKED:
        sorted_in: tuple[str, Visit] | None = _sorted_in(_click_in_mail(event), compiled)
    elif event.name in (PAGE_VIEWED, SCREEN_VIEWED):
        sorted_in = _arrival(event, compiled)
    else:
        sorted_in = None
    if sorted_in is None:
        return None
    channel, visit = sorted_in
    return Touch(event.occurred_at.astimezone(UTC), channel, *visit)


def campaign_and_term(event: Event) -> tuple[str | None, str | None]:
    """The campaign and the term that brought somebody, as its tags say; whatever table of channels is in force."""
    page = event.context.get("page")
    page = page if isinstance(page, dict) else event.properties
    url, search = _text(page.get("url")) or "", _text(page.get("search")) or ""
    told = parameters(url, _WORDS) or parameters(search, _WORDS, only_query=True)
    _, _, campaign, _, term = _tags(event.context.get("campaign"), told)
    return campaign, term


def _click_in_mail(event: Event) -> Visit:
    url = _text(event.properties.get("url")) or ""
    told = parameters(url, TAGS.values())
    campaign, content, term = (_said(told.get(TAGS[tag])) for tag in ("name", "content", "term"))
    return Visit("nurture", "email", campaign, content, term, landing=_landing(event.properties, url))


def _sorted_in(visit: Visit, compiled: Compiled) -> tuple[str, Visit]:
    """A visit with its channel."""
    return compiled.channel_of(Visit._make([part and part.lower() for part in visit])), visit


def _arrival(event: Event, compiled: Compiled) -> tuple[str, Visit] | None:
    page = event.context.get("page")
    if not isinstance(page, dict):
        page = event.properties
    url, search, referrer = (_text(page.get(part)) or "" for part in ("url", "search", "referrer"))
    landing, campaign = _landing(page, url), event.context.get("campaign")
    if isinstance(campaign, dict) and campaign:
        return _visit(compiled, url, search, referrer, landing, campaign)
    return _usual_visit(compiled, url, search, referrer, landing)


@lru_cache(_REMEMBERED)
def _usual_visit(compiled: Compiled, url: str, search: str, referrer: str, landing: str | None) -> tuple[str, Visit] | None:
    """A visit of which its addresses tell everything: most are like one that was looked at before."""
    return _visit(compiled, url, search, referrer, landing)


def _visit(
    compiled: Compiled, url: str, search: str, came_by: str, landing: str | None, said: Mapping[str, Any] = MappingProxyType({})
) -> tuple[str, Visit] | None:
    told = parameters(url, compiled.parameters) or parameters(search, compiled.parameters, only_query=True)
    source, medium, campaign, content, term = tags = _tags(said, told)
    click_id = compiled.weightiest(told)
    referrer = host_of(came_by)
    own = referrer is not None and (referrer == host_of(url) or compiled.is_internal(referrer))
    if own and click_id is None and tags == _NO_TAGS:
        return None
    came_from = None if own or referrer is None else compiled.name_of(referrer)
    if told and not own:
        came_from = _informal_source(told) or came_from
    source, medium = _completed(source, medium, compiled.click_ids[click_id] if click_id else None, came_from, compiled)
    visit = Visit(source, medium, campaign, content, term, click_id, None if own else referrer, landing)
    return _sorted_in(visit, compiled)


_Tags = tuple[str | None, str | None, str | None, str | None, str | None]
_NO_TAGS: Final[_Tags] = (None, None, None, None, None)


def _tags(campaign: object, told: Mapping[str, str]) -> _Tags:
    """Source, medium, campaign, content and term; the first two in small letters."""
    if not isinstance(campaign, dict):
        campaign = {}
    if not campaign and not told:
        return _NO_TAGS
    source, medium, *rest = (_said(campaign.get(name)) or _said(told.get(parameter)) for name, parameter in TAGS.items())
    campaign_name, content, term = rest
    return source and _host_or_name(source), medium and medium.lower(), campaign_name, content, term


def _host_or_name(source: str) -> str:
    """A source that is written as an address, or with `www.`, is meant as its host."""
    return (host_of(source) if "/" in source or source[:4].lower() == "www." else None) or source.lower()


def _informal_source(told: Mapping[str, str]) -> str | None:
    said = next((value for name in INFORMAL_TAGS if (value := _said(told.get(name)))), None)
    return said and _host_or_name(said)


def _completed(
    source: str | None, medium: str | None, click_id: ClickId | None, came_from: str | None, compiled: Compiled
) -> tuple[str | None, str | None]:
    """Source and medium with what tags leave open filled in; the medium only together with the source it belongs to."""
    if click_id is not None and click_id.medium is not None:
        return source or click_id.source.lower(), medium or click_id.medium.lower()
    if source is None:
        source = came_from or (click_id.source.lower() if click_id else None)
        if source is not None and medium is None:
            medium = compiled.medium_of(source)
    return source, medium


def _landing(page: Mapping[str, Any], url: str) -> str | None:
    return _said(page.get("path") or path_of(url))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _said(value: Any) -> str | None:
    """What a part really says: one line, no longer than it may be, or None."""
    if not isinstance(value, str):
        return None
    if not value.isprintable():
        value = "".join(character for character in value if character.isprintable())
    value = value[:LONGEST].strip()
    return None if value.lower() in _NOTHING else value


def earlier(one: Touch | None, other: Touch | None) -> Touch | None:
    """The earlier of two touches, of any channel: folded over all of them, the first touch."""
    if one is None or other is None:
        return one or other
    if one.at != other.at:
        return one if one.at < other.at else other
    return min(one, other, key=_order)


def later_non_direct(one: Touch | None, other: Touch | None) -> Touch | None:
    """The later of two touches that are not direct: folded over all of them, the last touch that says where from."""
    known = [touch for touch in (one, other) if touch is not None and touch.channel != DIRECT]
    return max(known, key=_order) if len(known) > 1 else next(iter(known), None)


def _order(touch: Touch) -> tuple[Any, ...]:
    """By time, then by all texts, so that no two different touches are equal."""
    return (touch.at, *((part is not None, part or "") for part in touch[1:]))


def touch_to_json(touch: Touch) -> dict[str, str]:
    """A touch as it is stored: `at` in UTC, and only the parts that say something."""
    parts = {name: value for name, value in touch._asdict().items() if value is not None}
    return {**parts, "at": touch.at.astimezone(UTC).isoformat()}


def touch_from_json(stored: Mapping[str, str]) -> Touch:
    """The touch that `touch_to_json` stored."""
    return Touch(**{**stored, "at": datetime.fromisoformat(stored["at"])})  # type: ignore[arg-type] # every other part is a text
