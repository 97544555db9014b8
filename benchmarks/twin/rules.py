"""Ten scoring rules, the same as in `benchmarks/config/scoring.yaml`."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

Event = dict[str, Any]


def _url(event: Event) -> str:
    return event["properties"].get("url") or ""


def _path(event: Event) -> str:
    return urlsplit(_url(event)).path


def _campaign(event: Event, parameter: str) -> str:
    return parse_qs(urlsplit(_url(event)).query).get(parameter, [""])[0]


RULES: list[tuple[str, int, Callable[[Event], bool]]] = [
    ("page-view", 1, lambda event: event["event"] == "page_viewed"),
    ("pricing", 10, lambda event: _path(event).startswith("/pricing")),
    ("demo", 15, lambda event: _path(event).startswith("/demo")),
    ("docs", 3, lambda event: _path(event).startswith("/docs")),
    ("careers", -10, lambda event: _path(event).startswith("/careers")),
    ("paid-campaign", 2, lambda event: _campaign(event, "utm_medium") == "cpc"),
    ("newsletter", 4, lambda event: _campaign(event, "utm_source") == "newsletter"),
    ("asset", 20, lambda event: event["event"] == "asset_downloaded"),
    ("webinar", 25, lambda event: event["event"] == "webinar_attended"),
    ("deep-read", 5, lambda event: (event["properties"].get("seconds") or 0) >= 60),
]


def points_for(event: Event) -> int:
    return sum(points for _, points, matches in RULES if matches(event))
