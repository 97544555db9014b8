"""Fetch: what servers and readers mailed back is told to the stream.

1. Read mails that nobody looked at yet.
2. Write what they tell to the stream, and wait until it is there.
3. Only then put them where they belong. A mail that a person is to read stays where it lies.

A crash before the last step reads them again, and tells the same under the same ids, which counts once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from nurture.domain.mail.feedback import Feedback, Ways, ways_of
from nurture.domain.mail.incoming import Unread

if TYPE_CHECKING:
    from nurture.ports import Clock, Place, ReturnedMail  # with the whole domain, for which a pipe would wait

BATCH: Final = 50

#: Mail that has lain for longer is nobody's news.
OLDEST: Final = timedelta(days=30)

#: What a mail tells that arrived at an instant.
Read = Callable[[bytes, datetime], Sequence[Feedback] | Unread]


class Stream(Protocol):
    """Where events go."""

    def write(self, ways: Ways) -> None:
        """Return when the stream has all of them, those that say no to mail ahead of it; raises Unavailable."""
        ...


class Fetched(NamedTuple):
    """What one batch came to: mails looked at, what they told by kind, and those that tell nothing; `more` may wait."""

    mails: int = 0
    kinds: Mapping[str, int] = {}
    unread: int = 0
    more: bool = False


def fetch(mailbox: "ReturnedMail", read: Read, stream: Stream, clock: "Clock", limit: int = BATCH) -> Fetched:
    """Take one batch of mails from a mailbox. Raises Unavailable when the mailbox or the stream does not answer."""
    at = clock.now()
    mails = mailbox.new(limit, at - OLDEST)
    came_to = {mail.id: read(mail.raw, at) for mail in mails}
    kinds = tell(came_to.values(), stream, at)
    places: dict[Place, list[str]] = {"read": [], "unread": [], "here": []}
    for mail, found in came_to.items():
        places[place_of(found)].append(mail)
    for place, ids in places.items():
        if ids:
            mailbox.put(place, ids)
    unread = sum(isinstance(each, Unread) for each in came_to.values())
    return Fetched(len(mails), kinds, unread, more=len(mails) == limit)


def tell(found: Iterable[Sequence[Feedback] | Unread], stream: Stream, at: datetime) -> Counter[str]:
    """Write what mails told to the stream, in their order; how often each kind of it was told. Raises Unavailable."""
    heard = [each for several in found if not isinstance(several, Unread) for each in several]
    stream.write(ways_of(heard, at))
    return Counter(each.kind for each in heard)


def place_of(found: Sequence[Feedback] | Unread) -> "Place":
    """Where a mail belongs by what it told: whatever may be to a person stays for them."""
    if isinstance(found, Unread):
        return "unread" if found.ours else "here"
    return "here" if any(each.kind == "replied" for each in found) else "read"
