"""Web addresses as browsers and people really send them: the parts that tell where somebody came from. Nothing here raises."""

import re
from collections.abc import Container
from typing import Final
from urllib.parse import unquote_plus

#: A name in the domain name system has no more characters (RFC 1035 §2.3.4).
_LONGEST_HOST: Final = 253

_HOST: Final = re.compile(
    r"\s*(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#\\]*@)?(\[[0-9a-f:.]+\]|[^/?#:@\\\s\[\]]+)(?=[/?#:\\]|\s*$)", re.IGNORECASE
)
#: A host alone, as what is left of a referrer without consent.
_BARE_HOST: Final = re.compile(r"\s*([^/?#:@\\\s]+)(?=[/?#:]|\s*$)")

_SEPARATORS: Final = re.compile("[?&#]")


def host_of(url: str) -> str | None:
    """The host of an address in small letters and without `www.`; None for what names none, such as `about:blank`.

    `android-app://com.example/` names the app's package. A host may also stand alone, without `https://`.
    """
    found = _HOST.match(url)
    if found is None:
        found = _BARE_HOST.match(url)
        if found is None or "." not in found[1][1:-1]:  # a search for the dot in the pattern would begin anew at each dot
            return None
    host = found[1].lower().rstrip(".").removeprefix("www.")
    return host if 0 < len(host) <= _LONGEST_HOST and host.isprintable() else None


def path_of(url: str) -> str | None:
    """The path of an address that names a host, `/` if it has none."""
    found = _HOST.match(url)
    if found is None:
        return None
    _, slash, path = _SEPARATORS.split(url[found.end() :], maxsplit=1)[0].partition("/")
    return slash + path or "/"


def parameters(url: str, wanted: Container[str], *, only_query: bool = False) -> dict[str, str]:
    """Those parameters of an address that are `wanted` (small letters) and not empty; of a name given twice, the first.

    Names are read in any case. What follows `#` counts too, as do a second `?` and `&amp;`: links are pasted that way.
    `only_query` says that there is no address before the `?`.
    """
    found: dict[str, str] = {}
    if "=" not in url:
        return found
    pairs = _SEPARATORS.split(url)
    for pair in pairs if only_query else pairs[1:]:
        name, _, value = pair.partition("=")
        name = name.lower().removeprefix("amp;")
        if value and name in wanted and name not in found:
            found[name] = unquote_plus(value)
    return found
