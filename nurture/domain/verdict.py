"""Was it a human? Mail scanners and crawlers open and click too; what they do is kept, and moves nothing."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, EMAIL_OPENED, Event
from nurture.domain.mail.hearing import TOLD_BY_SERVERS

#: Nobody reads and clicks a mail this soon after it left us; security gateways do.
FASTEST_READER: Final = timedelta(seconds=5)

#: Two different links of one mail within this time: nobody's hand is so fast (Marketo's "proximity" filters under a second).
AT_ONCE: Final = timedelta(seconds=1)

AgentKind = Literal["browser", "program", "crawler"]

#: Tells what a user agent says it is.
KindOfAgent = Callable[[str], AgentKind]

#: What only a reader's own hand does. A program that reports page views or posts a form may speak for a human; one that
#: follows a link in a mail does not.
_BY_HAND: Final = frozenset({EMAIL_CLICKED, EMAIL_OPENED, ASSET_DOWNLOADED})


class Verdict(NamedTuple):
    """Who acted, as far as we can tell, and why we think so."""

    kind: Literal["human", "machine", "unknown"]
    reasons: tuple[str, ...] = ()


HUMAN: Final = Verdict("human")


def judge(event: Event, kind_of_agent: KindOfAgent, sent_at: datetime | None = None) -> Verdict:
    """The verdict on one event; `sent_at` is when the mail it reacts to left, if it reacts to one."""
    reasons = tuple(_signs_of_a_machine(event, kind_of_agent, sent_at))
    if reasons:
        return Verdict("machine", reasons)
    if event.name == EMAIL_OPENED:
        return Verdict("unknown", ("opens_prove_nothing",))
    return HUMAN


def _signs_of_a_machine(event: Event, kind_of_agent: KindOfAgent, sent_at: datetime | None) -> list[str]:
    agent = event.context.get("userAgent")
    signs = []
    kind = kind_of_agent(agent) if isinstance(agent, str) else "browser"
    if kind == "crawler":
        signs.append("crawler_user_agent")
    if kind == "program" and event.name in _BY_HAND:
        signs.append("program_user_agent")
    if event.name in TOLD_BY_SERVERS:
        signs.append("told_by_a_server")
    if event.context.get("method") == "HEAD":
        signs.append("head_request")
    if event.context.get("purpose") == "prefetch":
        signs.append("prefetch")
    if event.name in (EMAIL_CLICKED, EMAIL_OPENED) and not agent:
        signs.append("no_user_agent")
    if event.name in _BY_HAND and sent_at is not None and event.occurred_at - sent_at < FASTEST_READER:
        signs.append("too_soon_after_sending")
    return signs


def opened_in_mail(event: Event) -> str | None:
    """What somebody opened in a mail, by clicking or by following the link to the end: an asset by its name, or a URL.

    None for what is neither, and for what was only fetched ahead: a browser does that beside a reader's own click.
    """
    if event.message is None or event.name not in (EMAIL_CLICKED, ASSET_DOWNLOADED) or event.context.get("purpose") == "prefetch":
        return None
    return str(event.properties.get("asset") or event.properties.get("url"))


class _Click(Protocol):
    @property
    def at(self) -> datetime: ...

    @property
    def target(self) -> str: ...


ClickT = TypeVar("ClickT", bound=_Click)


def clicked_at_once(click: ClickT, others: Iterable[ClickT]) -> list[ClickT]:
    """What else of the same mail was opened in the same moment: then all of it is a scanner's."""
    return [other for other in others if other.target != click.target and abs(other.at - click.at) <= AT_ONCE]
