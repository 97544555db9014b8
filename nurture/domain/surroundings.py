"""What surrounds an event: the page it happened on, and the campaign that led there."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus, urlsplit

_PAGE: Final = ("url", "path", "title", "referrer", "search")
_CAMPAIGN: Final = ("name", "source", "medium", "term", "content", "id")

#: Longer texts are cut: these are for reading and grouping, and nothing is refused for a long title.
_LONGEST: Final = 2_000
_LONGEST_CAMPAIGN: Final = 256


def page_of(*told: Mapping[str, Any] | None) -> dict[str, str]:
    """The page that one or more mappings tell of; the first to name a part wins. `path` follows from `url`."""
    page: dict[str, str] = {}
    for mapping in told:
        for part in _PAGE if mapping else ():
            value = mapping.get(part) if mapping else None
            if value and part not in page and isinstance(value, str):
                page[part] = value[:_LONGEST]
    if "url" in page and "path" not in page:
        path = path_of(page["url"])
        if path is not None:
            page["path"] = path
    return page


def path_of(url: str) -> str | None:
    """The path of a URL, `/` if it has none; None for what is no URL."""
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return None


def campaign_of(told: Mapping[str, Any] | None, page: Mapping[str, str]) -> dict[str, str]:
    """The campaign as told, or as the page's URL tells it in `utm_…` (`utm_campaign` is its name)."""
    if not told:
        told = _utm(page.get("url") or page.get("search") or "")
    return {part: value[:_LONGEST_CAMPAIGN] for part in _CAMPAIGN if (value := told.get(part)) and isinstance(value, str)}


def _utm(url: str) -> dict[str, str]:
    if "utm_" not in url:
        return {}
    found: dict[str, str] = {}
    for pair in url.partition("?")[2].partition("#")[0].split("&"):
        if pair.startswith("utm_"):
            name, _, value = pair[4:].partition("=")
            found["name" if name == "campaign" else name] = unquote_plus(value)
    return found
