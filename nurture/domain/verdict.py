"""Was it a human? Mail scanners and crawlers open and click too; what they do is kept, and moves nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from nurture.domain.event import EMAIL_CLICKED, EMAIL_OPENED, Event

#: Nobody reads and clicks a mail this soon after it left us; security gateways do.
FASTEST_READER: Final = timedelta(seconds=5)

IsCrawler = Callable[[str], bool]


class Verdict(NamedTuple):
    """Who acted, as far as we can tell, and why we think so."""

    kind: Literal["human", "machine", "unknown"]
    reasons: tuple[str, ...] = ()


HUMAN: Final = Verdict("human")


def judge(event: Event, is_crawler: IsCrawler, sent_at: datetime | None = None) -> Verdict:
    """The verdict on one event; `sent_at` is when the mail it reacts to left, if it reacts to one."""
    reasons = tuple(_signs_of_a_machine(event, is_crawler, sent_at))
    if reasons:
        return Verdict("machine", reasons)
    if event.name == EMAIL_OPENED:
        return Verdict("unknown", ("opens_prove_nothing",))
    return HUMAN


def _signs_of_a_machine(event: Event, is_crawler: IsCrawler, sent_at: datetime | None) -> list[str]:
    agent = event.context.get("userAgent")
    signs = []
    if isinstance(agent, str) and is_crawler(agent):
        signs.append("crawler_user_agent")
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
