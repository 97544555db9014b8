"""What is heard of a mail after it left: one set of words for the webhooks of all providers and for the mails of servers.

Whoever hears something (a webhook, a bounce in the mailbox) makes a `Feedback` of it and writes it to the stream as an event;
*absorb* decides what follows: the status of the message, a suppression, the end of a run.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from nurture.domain.event import (
    EMAIL_AUTO_REPLIED,
    EMAIL_BOUNCED,
    EMAIL_COMPLAINED,
    EMAIL_DEFERRED,
    EMAIL_DELIVERED,
    EMAIL_REPLIED,
    UNSUBSCRIBED,
    Event,
    route_of,
    route_of_person,
)  # fmt: skip
from nurture.domain.mail.faults import Fault

FeedbackKind = Literal["delivered", "deferred", "bounced", "complained", "unsubscribed", "replied", "auto_replied"]

EVENT_OF: Final[Mapping[FeedbackKind, str]] = {
    "delivered": EMAIL_DELIVERED,
    "deferred": EMAIL_DEFERRED,
    "bounced": EMAIL_BOUNCED,
    "complained": EMAIL_COMPLAINED,
    "unsubscribed": UNSUBSCRIBED,
    "replied": EMAIL_REPLIED,
    "auto_replied": EMAIL_AUTO_REPLIED,
}


class Feedback(NamedTuple):
    """One thing heard of one mail to one reader.

    `source` is who tells (`hook:postmark`, `mailbox`), `id` what that source calls it: the pair makes a repetition harmless.
    `message` and `person` come from a signed token that the mail carried, and are both set or both None; `recipient` is the
    address as reported, for where there was no token. `fault`, `code` (RFC 3463) and `detail` (the server's words, without
    addresses) tell why.
    """

    kind: FeedbackKind
    source: str
    id: str
    at: datetime
    message: int | None = None
    person: int | None = None
    recipient: str | None = None
    fault: Fault | None = None
    code: str | None = None
    detail: str | None = None


#: Longer words of servers are cut.
_LONGEST_DETAIL: Final = 500


def as_event(feedback: Feedback, received_at: datetime) -> Event:
    """The event that tells of it, heard of at instant `received_at`."""
    detail = feedback.detail[:_LONGEST_DETAIL] if feedback.detail else None
    told = {"fault": feedback.fault, "code": feedback.code, "detail": detail}
    return Event(
        message_id=feedback.id, source=feedback.source, name=EVENT_OF[feedback.kind],
        occurred_at=min(feedback.at, received_at), received_at=received_at, person=feedback.person, message=feedback.message,
        email=feedback.recipient if feedback.person is None else None,
        properties={name: str(value) for name, value in told.items() if value},
    )  # fmt: skip


#: After these nobody is mailed any more, and no mail may overtake them.
_SAYS_NO: Final = frozenset({UNSUBSCRIBED, EMAIL_COMPLAINED})


class Ways(NamedTuple):
    """The events of what was heard by the way that each goes: `ahead` of all mail, or behind what came before on its way."""

    ahead: Sequence[tuple[Event, int]]
    behind: Mapping[int, Sequence[Event]]


def ways_of(heard: Iterable[Feedback], received_at: datetime) -> Ways:
    """What is heard of one person goes their way, so that it is absorbed in its order."""
    ahead: list[tuple[Event, int]] = []
    behind: dict[int, list[Event]] = defaultdict(list)
    for each in heard:
        event = as_event(each, received_at)
        way = route_of(event) if each.person is None else route_of_person(each.person)
        if event.name in _SAYS_NO:
            ahead.append((event, way))
        else:
            behind[way].append(event)
    return Ways(ahead, behind)
