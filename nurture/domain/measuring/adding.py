"""What one event adds to the roll-ups. Properties are whatever somebody sent: nonsense adds nothing, and long texts are cut."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from nurture.domain.channel_table import DIRECT
from nurture.domain.definitions import Definitions
from nurture.domain.event import (
    ASSET_DOWNLOADED,
    EMAIL_CLICKED,
    FORM_SUBMITTED,
    PAGE_VIEWED,
    SCREEN_VIEWED,
    Event,
)  # fmt: skip
from nurture.domain.measuring.days import local_day
from nurture.domain.measuring.figures import (
    AWARE,
    DEEP,
    DID,
    DOWNLOADS,
    EVENTS,
    LANDED,
    MACHINES,
    PLAYS,
    SECONDS,
    SUBMITS,
    VIEWS,
    VISITS,
)  # fmt: skip
from nurture.domain.measuring.tally import LONGEST_KEY, Place, Tally
from nurture.domain.touches import campaign_and_term
from nurture.domain.urls import path_of

#: What n.js tells when a reader turns away from a page: the seconds of attention since it told so last, and how deep they came.
PAGE_ENGAGED: Final = "page_engaged"

#: Names of plays end so: video_played, podcast_played.
PLAYED: Final = "_played"

#: Nobody looks at one page for longer without turning away from it.
MOST_SECONDS: Final = 4 * 3_600

#: Whoever has seen so much of a page, in percent, has read it.
DEEP_FROM: Final = 75

#: The visitors whom our own mails bring know our name from there.
_EMAIL: Final = "email"

_HERE: Final = frozenset({PAGE_VIEWED, SCREEN_VIEWED, PAGE_ENGAGED, FORM_SUBMITTED, ASSET_DOWNLOADED, EMAIL_CLICKED})


class Measure(NamedTuple):
    """By what events are measured: whose midnight ends a day, and the names of the brand in small letters."""

    timezone: str
    brand: tuple[str, ...] = ()


def measure_of(definitions: Definitions) -> Measure:
    """The measure that definitions ask for."""
    return Measure(definitions.business_timezone, tuple(name.lower() for name in definitions.reporting.brand))


def added_by(event: Event, verdict: str, channel: str | None, measure: Measure) -> Tally:
    """What an event adds of which is thought that `verdict` acted, and that it brought somebody by `channel`."""
    tally = Tally()
    add_event(tally, event, verdict, channel, measure)
    return tally


def add_event(tally: Tally, event: Event, verdict: str, channel: str | None, measure: Measure) -> None:
    """The same, added to a tally of others."""
    day = local_day(event.occurred_at, measure.timezone)
    tally[Place(EVENTS, day, verdict)] += 1
    if verdict == "human":
        for figure, key, n in _of_a_human(event, channel, measure.brand):
            tally[Place(figure, day, key)] += n
    elif verdict == "machine" and (name := _key(event.name)) is not None:
        tally[Place(MACHINES, day, name)] += 1


def was_here(event: Event) -> bool:
    """Whether somebody who did this was on our pages: they saw, read, played, downloaded or sent something, or clicked in a mail."""
    return event.name in _HERE or event.name.endswith(PLAYED)


def path_in(event: Event) -> str | None:
    """The path of the page on which an event happened, without what follows a `?` or `#`; None if it tells none."""
    page = event.context.get("page")
    for told in (page, event.properties):
        if isinstance(told, dict):
            path = _text(told.get("path")) or path_of(_text(told.get("url")) or "")
            if path is not None and (key := _key(path.partition("?")[0].partition("#")[0])) is not None:
                return key
    return None


def title_in(event: Event) -> str | None:
    """What was played: its title, else its episode, its name or its page."""
    told = (_key(_text(event.properties.get(name))) for name in ("title", "episode", "name"))
    return next((title for title in told if title is not None), None) or path_in(event)


def _of_a_human(event: Event, channel: str | None, brand: tuple[str, ...]) -> Iterator[tuple[str, str, int]]:
    if (name := _key(event.name)) is not None:
        yield DID, name, 1
    if channel is not None:
        yield VISITS, channel, 1
        if channel == DIRECT:
            yield AWARE, "direct", 1
        elif channel != _EMAIL and _asks_for(brand, event):
            yield AWARE, "branded", 1
    if event.name == ASSET_DOWNLOADED and (asset := _key(_text(event.properties.get("asset")))) is not None:
        yield DOWNLOADS, asset, 1
    elif event.name == FORM_SUBMITTED and (form := _key(_text(event.properties.get("form")))) is not None:
        yield SUBMITS, form, 1
        if (path := path_in(event)) is not None:
            yield LANDED, f"{form} {path}"[:LONGEST_KEY], 1
    elif event.name.endswith(PLAYED) and (title := title_in(event)) is not None:
        yield PLAYS, title, 1
    elif event.name in (PAGE_VIEWED, PAGE_ENGAGED) and (path := path_in(event)) is not None:
        yield from _of_a_page(event, path)


def _of_a_page(event: Event, path: str) -> Iterator[tuple[str, str, int]]:
    if event.name == PAGE_VIEWED:
        yield VIEWS, path, 1
        return
    if seconds := round(_number(event.properties.get("seconds"), MOST_SECONDS)):
        yield SECONDS, path, seconds
    if _number(event.properties.get("scroll"), 100) >= DEEP_FROM:
        yield DEEP, path, 1


def _asks_for(brand: tuple[str, ...], event: Event) -> bool:
    said = [text.lower() for text in campaign_and_term(event) if text is not None]
    return any(name in text for name in brand for text in said)


def _number(value: Any, most: float) -> float:
    """A number up to the greatest that makes sense; zero for what is none."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(min(value, most)) if number else 0.0


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else None
    return value if isinstance(value, str) else None


def _key(text: str | None) -> str | None:
    """A text as a key: one line, no longer than it may be, or None."""
    if text is None:
        return None
    if not text.isprintable():
        text = "".join(character for character in text if character.isprintable())
    return text[:LONGEST_KEY].strip() or None
