"""Reclassify: stored events judged afresh with the rules and lists in force now.

Lists of crawlers grow and rules get better; what was taken for a human's, or for a machine's, is looked at again. People whose
events changed sides are marked, and the verb *recount* works them out. What was done because of those events (mails, promotions) is
not undone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from nurture.domain.definitions import Definitions
from nurture.domain.judging import AT_ONCE_BY_A_MACHINE, Judge, Judged, Revised
from nurture.domain.touches import touch_of
from nurture.domain.verdict import AT_ONCE, KindOfAgent, Verdict
from nurture.flow.conflicts import again_on_conflict
from nurture.ports import Clock

#: People whose events are judged together: all clicks in a mail are of one person.
BATCH: Final = 200


class Reclassifying(Protocol):
    """The database, as reclassify sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def people(self, after: int, limit: int) -> Sequence[int]:
        """Up to `limit` people, by id from `after` on, who were not merged into another."""
        ...

    def log(self, people: Sequence[int], since: datetime | None) -> Iterator[Judged]:
        """What these people did, and those merged into them, in the order in which they did it; with `since`, from then on."""
        ...

    def sent_at(self, people: Sequence[int]) -> Mapping[int, datetime]:
        """When each mail to these people left."""
        ...

    def revise(self, revised: Sequence[Revised], recounted: Iterable[int], at: datetime) -> None:
        """Write new verdicts, and that people are due to be recounted."""
        ...


class ReclassifyStore(Protocol):
    """Opens the transactions of reclassify."""

    def reclassifying(self, *, reading: bool) -> AbstractContextManager[Reclassifying]:
        """One transaction; one that only reads keeps nobody waiting."""
        ...


class Turn(NamedTuple):
    """From which verdict to which, and the reasons: of a machine's those for it, else those that hold no more."""

    before: str
    after: str
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Reclassified:
    """What was looked at, and what turned out otherwise: events and people for each turn; `marked` people are due to be recounted."""

    events: int = 0
    revised: int = 0
    marked: int = 0
    turns: Counter[Turn] = field(default_factory=Counter)
    people: Counter[Turn] = field(default_factory=Counter)


def reclassify(
    store: ReclassifyStore,
    clock: Clock,
    kind_of_agent: KindOfAgent,
    progress: Callable[[Reclassified], None],
    *,
    since: datetime | None = None,
    apply: bool = False,
    limit: int = BATCH,
) -> Reclassified:
    """Judge what is stored, and with `apply` keep the new verdicts. Raises Unavailable and Conflict."""
    account, after = Reclassified(), -1
    while True:
        with store.reclassifying(reading=True) as transaction:
            batch = transaction.people(after, limit)
        if not batch:
            return account
        seen, revised = again_on_conflict(partial(_once, store, batch, kind_of_agent, since, clock.now() if apply else None))
        _note(account, seen, revised)
        after = batch[-1]
        progress(account)


def _once(
    store: ReclassifyStore, batch: Sequence[int], kind_of_agent: KindOfAgent, since: datetime | None, at: datetime | None
) -> tuple[int, list[Revised]]:
    """How many events were judged, and the verdicts that are others now; written at instant `at`, if one is given."""
    with store.reclassifying(reading=at is None) as transaction:
        definitions = transaction.definitions()
        judging = _Judging(Judge(kind_of_agent, transaction.sent_at(batch), {}), definitions)
        # What was clicked in the moment before tells of what was clicked in the moment after.
        for judged in transaction.log(batch, since and since - AT_ONCE):
            judging.take(judged, counts=since is None or judged.event.occurred_at >= since)
        revised = judging.revised()
        if at is not None and revised:
            transaction.revise(revised, {each.person for each in revised if _changed_sides(each)}, at)
    return judging.seen, revised


class _Judging:
    """Judges the log of some people; in memory are only the events whose verdict changed, and clicks."""

    def __init__(self, judge: Judge, definitions: Definitions) -> None:
        self._judge = judge
        self._definitions = definitions
        self._revised: dict[UUID, Revised] = {}
        self._clicks: dict[UUID, Judged] = {}
        self.seen = 0

    def take(self, judged: Judged, *, counts: bool) -> None:
        self.seen += counts
        event = judged.event
        verdict = self._judge.verdict(event, judged.person)
        if event.message is not None and verdict.kind == "human":
            self._clicks[event.key] = judged
        if counts:
            self._compare(judged, verdict)

    def revised(self) -> list[Revised]:
        """What is another verdict now, those on clicks that a later one gave away included."""
        for key in self._judge.rejudged:
            self._revised.pop(key, None)
            self._compare(self._clicks[key], AT_ONCE_BY_A_MACHINE)
        return list(self._revised.values())

    def _compare(self, judged: Judged, verdict: Verdict) -> None:
        if verdict != judged.verdict:
            event = judged.event
            touch = touch_of(event, self._definitions.channels) if verdict.kind == "human" else None
            channel = touch.channel if touch is not None else None
            self._revised[event.key] = Revised(event.key, judged.person, judged.verdict, verdict, channel)


def _changed_sides(revised: Revised) -> bool:
    return revised.before.kind != revised.after.kind


def _note(account: Reclassified, seen: int, revised: Sequence[Revised]) -> None:
    account.events += seen
    account.revised += len(revised)
    account.marked += len({each.person for each in revised if _changed_sides(each)})
    turns = [
        (Turn(each.before.kind, each.after.kind, each.after.reasons or each.before.reasons), each.person) for each in revised
    ]
    account.turns.update(turn for turn, _ in turns)
    account.people.update(turn for turn, _ in dict.fromkeys(turns))
