"""Who acted, judged with what is known around an event: when its mail left, and what else of it was opened.

One judge for events that come in (*absorb*) and for those stored long ago (*reclassify*), so that the verdict is the same
whichever way an event came to it.
"""

from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from nurture.domain.event import Event
from nurture.domain.verdict import KindOfAgent, Verdict, clicked_at_once, judge, opened_in_mail

#: Why a click is a machine's when another link of the same mail was clicked in the same moment.
SEVERAL_LINKS_AT_ONCE: Final = "several_links_at_once"

AT_ONCE_BY_A_MACHINE: Final = Verdict("machine", (SEVERAL_LINKS_AT_ONCE,))


class Click(NamedTuple):
    """Something of a mail that was opened, and whether it counts for a human's so far."""

    key: UUID
    person: int
    at: datetime
    target: str
    human: bool


class Judge:
    """Judges events one after the other.

    `sent_at` is when messages left, `clicks` what was opened of each. `rejudged` are earlier clicks, human's until then, that a
    later one gave away, with the person they count for.
    """

    def __init__(
        self, kind_of_agent: KindOfAgent, sent_at: Mapping[int, datetime], clicks: MutableMapping[int, list[Click]]
    ) -> None:
        self._kind_of_agent = kind_of_agent
        self._sent_at = sent_at
        self._clicks = clicks
        self.rejudged: dict[UUID, int] = {}

    def verdict(self, event: Event, person: int | None = None) -> Verdict:
        """The verdict on an event that counts for `person`, if that is known already."""
        sent_at = self._sent_at.get(event.message) if event.message is not None else None
        verdict = judge(event, self._kind_of_agent, sent_at)
        target, whose = opened_in_mail(event), event.person if event.person is not None else person
        if event.message is None or target is None or whose is None:
            return verdict
        clicks = self._clicks.setdefault(event.message, [])
        click = Click(event.key, whose, event.occurred_at, target, verdict.kind == "human")
        together = {other.key for other in clicked_at_once(click, clicks)}
        if together:
            self.rejudged |= {other.key: other.person for other in clicks if other.human and other.key in together}
            clicks[:] = [other._replace(human=False) if other.key in together else other for other in clicks]
        clicks.append(click._replace(human=click.human and not together))
        return AT_ONCE_BY_A_MACHINE if together and click.human else verdict


class Judged(NamedTuple):
    """A stored event with the verdict it was given, and the id under which its person counts."""

    event: Event
    verdict: Verdict
    person: int


class Revised(NamedTuple):
    """A verdict that is another one now. `channel` is by which the event brought somebody, if it did and is a human's."""

    key: UUID
    person: int
    before: Verdict
    after: Verdict
    channel: str | None
