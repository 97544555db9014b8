"""UTM marks on links: by them the statistics of a website tell which mail brought somebody."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Final
from urllib.parse import parse_qsl, quote

from pydantic import AfterValidator, Field

from nurture.domain.mail.marks import HostName
from nurture.domain.model import Definition
from nurture.domain.urls import host_of
from nurture.domain.wording import instead

#: What a mark may name; the rest of it is text.
NAMED: Final = ("sequence", "step", "email")

_NAMED: Final = re.compile(r"\{([^{}]*)\}")


def _names_what_is_known(value: str) -> str:
    for name in _NAMED.findall(value):
        if name not in NAMED:
            raise ValueError(f"{{{name}}} names nothing of a mail; {instead(name, NAMED)}")
    return value


Mark = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_names_what_is_known)]


class Utm(Definition):
    """What the links of mails to our own pages bear. {sequence}, {step} and {email} stand for their names."""

    source: Mark = "nurture"
    """utm_source: who sends visitors."""
    medium: Mark = "email"
    """utm_medium: by which means."""
    campaign: Mark | None = "{sequence}"
    """utm_campaign: as part of what."""
    content: Mark | None = "{step}"
    """utm_content: which of several links or mails."""
    term: Mark | None = None
    """utm_term."""
    domains: tuple[HostName, ...] = ()
    """Whose pages are ours beside those of the sender's domain and of the privacy page; all hosts below are, too."""


def with_marks(url: str, utm: Utm, named: Mapping[str, str], own: Collection[str]) -> str:
    """The URL with each mark that it does not bear yet, if it leads to one of our `own` domains or to a host below one."""
    host = host_of(url) or ""
    if not url.startswith(("https://", "http://")) or not any(host == domain or host.endswith(f".{domain}") for domain in own):
        return url
    address, hash_, fragment = url.partition("#")
    page, mark, query = address.partition("?")
    there = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    marks = {f"utm_{name}": getattr(utm, name) for name in ("source", "medium", "campaign", "content", "term")}
    added = [
        f"{name}={quote(_NAMED.sub(lambda found: named[found[1]], text), safe='')}"
        for name, text in marks.items()
        if text is not None and name not in there
    ]
    if not added:
        return url
    separator = "?" if not mark else "" if not query or query.endswith("&") else "&"
    return f"{page}{mark}{query}{separator}{'&'.join(added)}{hash_}{fragment}"


def own_domains(utm: Utm, sender: str, privacy_url: str) -> frozenset[str]:
    """The domains whose pages are ours: the sender's, that of the privacy page, and those named."""
    return frozenset(
        {sender.rpartition("@")[2].lower(), host_of(privacy_url) or "", *(domain.removeprefix("www.") for domain in utm.domains)}
        - {""}
    )
