"""The events of all figures: a thousand visitors of a site, the same for the engine, the twin and the limit."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.twin.rules import points_for
from nurture.domain.event import ASSET_DOWNLOADED, Event

VISITORS = 1_000
WRITE_KEY_NAME = "website"

_SITE = "https://www.example.com"
_PATHS = (
    "/",
    "/blog/landing-pages",
    "/blog/forms",
    "/pricing",
    "/demo",
    "/docs/start",
    "/docs/api",
    "/careers",
    "/about",
    "/guide",
)
_QUERIES = ("", "", "", "?utm_source=newsletter&utm_medium=email", "?utm_source=search&utm_medium=cpc")
_NAMES = ("page_viewed",) * 44 + ("article_read",) * 4 + (ASSET_DOWNLOADED, "webinar_attended")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

WireEvent = dict[str, Any]


def wire_events(number: int, *, prefix: str, now: datetime) -> Iterator[WireEvent]:
    """`number` events of the last week as a script in the browser sends them; equal for equal arguments."""
    chance = random.Random(20260301)
    for index in range(number):
        name, path = chance.choice(_NAMES), chance.choice(_PATHS)
        properties: dict[str, Any] = {
            "url": f"{_SITE}{path}{chance.choice(_QUERIES)}", "path": path, "title": "Demand generation, explained",
            "seconds": chance.randrange(1, 120),
        }  # fmt: skip
        if name == ASSET_DOWNLOADED:
            properties["asset"] = "guide"
        yield {
            "type": "track",
            "event": name,
            "messageId": f"{prefix}-{index:08d}",
            "anonymousId": f"visitor-{chance.randrange(VISITORS):05d}",
            "timestamp": (now - _ago(name, chance)).isoformat(),
            "properties": properties,
            "context": {"userAgent": AGENT, "locale": "en-GB"},
        }


def _ago(name: str, chance: random.Random) -> timedelta:
    """When it happened: within a week, and a download within two days, for the engine enrols nobody who downloaded three days ago."""
    days = 2 if name == ASSET_DOWNLOADED else 7
    return timedelta(seconds=chance.randrange(7 * 86_400) % (days * 86_400))


def accepted(wire: WireEvent, now: datetime) -> Event:
    """The event as the engine's web process puts it on the stream; a download comes behind a form, so it brings an address."""
    visitor = wire["anonymousId"]
    return Event(
        message_id=wire["messageId"], source=WRITE_KEY_NAME, name=wire["event"], anonymous_id=visitor,
        email=f"{visitor}@example.com" if wire["event"] == ASSET_DOWNLOADED else None,
        occurred_at=datetime.fromisoformat(wire["timestamp"]), received_at=now.astimezone(UTC),
        properties=wire["properties"], context=wire["context"],
    )  # fmt: skip


def points_by_visitor(events: Iterable[WireEvent]) -> dict[str, int]:
    """The score that each visitor must have afterwards, without decay."""
    points: Counter[str] = Counter()
    for event in events:
        points[event["anonymousId"]] += points_for(event)
    return dict(points)
