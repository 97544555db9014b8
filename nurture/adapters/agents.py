"""User agents that name themselves as machines, from the list that the field keeps together."""

import re
from functools import lru_cache
from typing import Final

import crawleruseragents

#: Mail gateways, and the clients of programs, that the list leaves out.
_GATEWAYS: Final = re.compile(
    r"Barracuda|Proofpoint|Mimecast|SafeLinks|Symantec|python-requests|python-httpx|curl/|Wget|Go-http-client"
)


@lru_cache(maxsize=20_000)
def is_crawler(agent: str) -> bool:
    """Whether a user agent belongs to a crawler, a scanner, a library or a headless browser."""
    return bool(crawleruseragents.is_crawler(agent)) or _GATEWAYS.search(agent) is not None
