"""What a user agent says it is, from the list that the field keeps together."""

import re
from functools import lru_cache
from typing import Final

import crawleruseragents

from nurture.domain.verdict import AgentKind

#: Mail gateways that the list leaves out.
_GATEWAYS: Final = re.compile(r"Barracuda|Proofpoint|Mimecast|SafeLinks|Symantec")


@lru_cache(maxsize=20_000)
def kind_of_agent(agent: str) -> AgentKind:
    """A browser, a program's HTTP library, or a crawler (scanners, gateways and automated browsers included)."""
    if _GATEWAYS.search(agent):
        return "crawler"
    tags = [crawleruseragents.CRAWLER_USER_AGENTS_DATA[index]["tags"] for index in crawleruseragents.matching_crawlers(agent)]
    if not tags:
        return "browser"
    return "program" if all("http-library" in each for each in tags) else "crawler"
