"""What a mail is held against: the envelope it travels in, and what is known of its reader, its sender and its links."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from nurture.domain.mail.sending import Organisation
from nurture.domain.mail.tracking import Opens

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

#: Names that no public server answers to (RFC 2606, RFC 6762, RFC 8375, and custom).
_INSIDE: Final = (
    ".local",
    ".localhost",
    ".internal",
    ".lan",
    ".corp",
    ".home",
    ".home.arpa",
    ".localdomain",
    ".intranet",
    ".test",
)


class Envelope(NamedTuple):
    """What the mail server is told: MAIL FROM and RCPT TO with their parameters, and which extensions it offered."""

    mail_from: str
    recipients: tuple[str, ...]
    offers: frozenset[str] = frozenset()
    """Keywords of EHLO, upper case."""
    parameters: tuple[str, ...] = ()
    """Parameters of both commands, like `RET=HDRS`, `NOTIFY=FAILURE,DELAY`, `SMTPUTF8`."""


def _nothing(_: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the rules know. Where a field is None or empty, what it would decide is not asked."""

    at: datetime
    """When the mail goes out."""
    public_url: str
    """Where links of our own lead, without a slash at the end."""
    sender_domains: frozenset[str]
    """The domains that mail may come from, in ASCII."""
    organisation: Organisation
    """Who answers for the mail."""
    sender_name: str = ""
    """Who the mail comes from, as readers see it."""
    language: str
    """The language that the reader is written to in."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the reader."""
    address: str = ""
    """The reader's."""
    name: str = ""
    """The reader's, as the To field may show it."""
    sequence: str = ""
    automatic: bool = True
    """Whether the sequence wants no answers of machines (RFC 3834)."""
    names_mail: Callable[[str], bool] | None = None
    """Whether a text holds the signed name of this mail and no other's."""
    signed_return: bool = False
    """Whether bounces go to an address that names the mail (VERP)."""
    unsubscribes: Callable[[str], bool] | None = None
    """Whether a URL ends the mail for this reader: its token is theirs."""
    unsubscribe_mailbox: bool = False
    """Whether somebody reads the mails that ask for no more mail."""
    preferences: str | None = None
    """The reader's preference page, where there is one."""
    clicked: Callable[[str], str | None] = _nothing
    """Where a URL that counts clicks leads, by its signature; None for what is not signed."""
    targets: frozenset[str] | None = None
    """The addresses that the template links to."""
    images: frozenset[str] | None = None
    """The pictures that the template shows."""
    hosts: frozenset[str] | None = None
    """The hosts that links may lead to."""
    opens: Opens = "off"
    """What a picture may tell of an open (CNIL 2026-042)."""
    names_reader: Callable[[str], bool] | None = None
    """Whether a picture's address tells one reader from all others."""
    consent: bool = False
    """Whether the reader agrees to being counted as an opener."""
    dkim_key: Callable[[bytes], bytes | None] | None = None
    """The TXT record of a name, for signatures that are to be verified."""
    signs: bool = False
    """Whether we sign; else the relay may."""
    internal_hosts: frozenset[str] = frozenset()
    """Names of machines that are nobody's business."""
    threads: frozenset[str] = frozenset()
    """Message-IDs of mails really sent to the reader."""
    source_of_data: str | None = None
    """Where the reader's address comes from, as the first mail to somebody who did not give it must say (GDPR art. 14)."""

    @property
    def rehearses(self) -> bool:
        """Whether links lead to a machine that only its neighbours reach: where mail is tried out, there is no certificate."""
        return is_inside(host_of(self.public_url))

    def is_own(self, url: str) -> bool:
        """Whether a URL leads to the web process."""
        return url.startswith(f"{self.public_url}/")


def split_url(url: str) -> SplitResult:
    """The parts of a URL; all empty for what is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def host_of(url: str) -> str:
    """The host of a URL in lower case, empty if there is none."""
    try:
        return (split_url(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


@lru_cache(maxsize=64)
def is_inside(host: str) -> bool:
    """Whether a host is one that the internet does not know: this machine, or one of its network's."""
    named = "." not in host and ":" not in host
    return bool(host) and (named or host.endswith(_INSIDE) or _is_private(host))


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def is_ip(host: str) -> bool:
    """Whether a host is written as an IP address: 203.0.113.7, [2001:db8::1], 3405803783 or 0xcb007107."""
    try:
        ip_address(host)
    except ValueError:
        return host.isdigit() or host.startswith("0x")
    return True


def same_organisation(one: str, other: str) -> bool:
    """Whether two hosts belong to one organisational domain (RFC 7489 §3.2), like news.example.co.uk and example.co.uk."""
    one, other = one.lower().rstrip("."), other.lower().rstrip(".")
    if one == other:
        return bool(one)
    mine = organisational(one)
    return bool(mine) and mine == organisational(other)


def organisational(host: str) -> str:
    """The organisational domain of a host; empty for one that has none, such as `com`."""
    return _suffixes().privatesuffix(host) or ""


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # reads a list of some 200 KB, only where two domains differ

    return PublicSuffixList()
