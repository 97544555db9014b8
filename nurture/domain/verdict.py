"""Was it a human? Mail scanners and crawlers open and click too; what they do is kept, and moves nothing."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, EMAIL_OPENED, Event

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
    if event.context.get("method") == "HEAD":
        signs.append("head_request")
    if event.context.get("purpose") == "prefetch":
        signs.append("prefetch")
    if event.name in (EMAIL_CLICKED, EMAIL_OPENED):
        if not agent:
            signs.append("no_user_agent")
        if sent_at is not None and event.occurred_at - sent_at < FASTEST_READER:
            signs.append("too_soon_after_sending")
    return signs


class _Click(Protocol):
    @property
    def at(self) -> datetime: ...

    @property
    def target(self) -> str: ...


ClickT = TypeVar("ClickT", bound=_Click)


def clicked_at_once(click: ClickT, others: Iterable[ClickT]) -> list[ClickT]:
    """The clicks on other links of the same mail that came in the same moment: then all of them are a scanner's."""
    return [other for other in others if other.target != click.target and abs(other.at - click.at) <= AT_ONCE]
