"""What a user agent says it is, from the list that the field keeps together."""

import re
from functools import lru_cache
from typing import Final

import crawleruseragents

from nurture.domain.verdict import AgentKind

#: What the list leaves out: mail gateways, and Office, which asks for a link itself before a browser may open it.
_GATEWAYS: Final = re.compile(r"Barracuda|Proofpoint|Mimecast|SafeLinks|Symantec|ms-office|^Microsoft (Office|Data Access)")

#: So begins what every browser says, since all of them have claimed to be Netscape.
_BROWSERS: Final = ("Mozilla/", "Opera/")


@lru_cache(maxsize=20_000)
def kind_of_agent(agent: str) -> AgentKind:
    """A browser, a program, or a crawler (scanners, gateways and automated browsers included)."""
    if _GATEWAYS.search(agent):
        return "crawler"
    tags = [crawleruseragents.CRAWLER_USER_AGENTS_DATA[index]["tags"] for index in crawleruseragents.matching_crawlers(agent)]
    if not tags:
        return "browser" if agent.startswith(_BROWSERS) else "program"
    return "program" if all("http-library" in each for each in tags) else "crawler"
