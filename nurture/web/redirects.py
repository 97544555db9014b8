"""Where a form may send people afterwards; pure. Anything else would be an open redirect."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

#: A path of the same site: one slash, then neither slash nor backslash (browsers read both as a host), nothing invisible.
_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")

_INVISIBLE = re.compile(r"[\x00-\x20\x7f\\]")


def origin_of(url: str | None) -> str | None:
    """`https://www.example.com` of a URL; None for what has none."""
    try:
        parts = urlsplit(url or "")
        parts.port  # noqa: B018 - raises ValueError for what is no port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return f"{parts.scheme}://{parts.netloc}".lower()


def allowed_redirect(wanted: object, origins: Collection[str], referrer: str | None) -> str | None:
    """The address to go to, or None if `wanted` is none that the form allows.

    A path is meant for the site of the page that posted, if that is among the form's origins, else for our own.
    """
    if not isinstance(wanted, str):
        return None
    if _PATH.fullmatch(wanted):
        page = origin_of(referrer)
        return f"{page}{wanted}" if page in origins else wanted
    return wanted if not _INVISIBLE.search(wanted) and origin_of(wanted) in origins else None
