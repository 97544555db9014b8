"""Rescore: everybody counted afresh after rules were changed.

Points, fit, grades, attributes and touches follow from the log under the definitions in force. Who somebody is stays, and so does
where they stand: what changed rules would have done is not done, unless it is asked for (`fire`), and then by the same decision
as absorb's. It may be broken off at any place and done again: whoever was counted comes to the same.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from nurture.domain.component import Component, Recounted
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.lifecycle import StageChange
from nurture.domain.recounting import consequences, recount
from nurture.errors import TooMuch
from nurture.flow.conflicts import again_on_conflict
from nurture.ports import Clock, Recounting

BATCH: Final = 200

#: Events of the people of a batch that are counted at once; a batch with more is halved.
MOST_EVENTS: Final = 50_000

#: Nobody has an id below.
NOBODY: Final = -1


class Rescoring(Recounting, Protocol):
    """The database, as rescore sees it: one transaction."""

    def remember(self, outcome: Recounted, component: Component, at: datetime) -> None:
        """Give the people of an outcome their past as far as any condition asks, those of the sequences they are on included."""
        ...

    def store_counts(self, component: Component, outcome: Recounted, at: datetime) -> None:
        """Write how everything should be; whoever is due to be recounted stays so, for who they are was not looked at."""
        ...

    def store_moves(self, moves: Sequence[StageChange], begun: Sequence[Enrollment]) -> None:
        """Write stage changes with their hand-offs, and new runs."""
        ...


class RescoreStore(Protocol):
    """Opens the transactions of rescore."""

    def rescoring(self) -> AbstractContextManager[Rescoring]:
        """One transaction."""
        ...


@dataclass(slots=True)
class Rescored:
    """What was done so far. `after` is the last person who is done; `left` were left as they are because they did too much.

    `restarted` counts how often other definitions came into force meanwhile, so that it began anew.
    """

    people: int = 0
    left: int = 0
    moved: int = 0
    begun: int = 0
    restarted: int = 0
    after: int = NOBODY


def rescore(
    store: RescoreStore,
    clock: Clock,
    progress: Callable[[Rescored], None],
    *,
    fire: bool = False,
    after: int = NOBODY,
    limit: int = BATCH,
    most: int = MOST_EVENTS,
) -> Rescored:
    """Count everybody with an id beyond `after`; `progress` hears of every batch. Raises Unavailable and Conflict."""
    account, digest = Rescored(after=after), ""
    while True:
        with store.rescoring() as transaction:
            definitions, batch = transaction.definitions(), transaction.everybody(account.after, limit)
        if digest not in ("", definitions.digest):
            account.after, account.people, account.restarted = NOBODY, 0, account.restarted + 1
            digest = definitions.digest
            continue
        if not batch:
            return account
        digest = definitions.digest
        _Batch(store, definitions, clock.now(), fire, most, account).take(batch)
        account.after = batch[-1]
        progress(account)


class _Batch:
    def __init__(
        self, store: RescoreStore, definitions: Definitions, at: datetime, fire: bool, most: int, account: Rescored  # noqa: FBT001 - handed on
    ) -> None:  # fmt: skip
        self._store = store
        self._definitions = definitions
        self._at = at
        self._fire = fire
        self._most = most
        self._account = account

    def take(self, batch: Sequence[int]) -> None:
        try:
            again_on_conflict(lambda: self._once(batch))
        except TooMuch:
            if len(batch) == 1:
                self._account.left += 1
                return
            middle = len(batch) // 2
            self.take(batch[:middle])
            self.take(batch[middle:])

    def _once(self, batch: Sequence[int]) -> None:
        with self._store.rescoring() as transaction:
            component = transaction.component(batch, self._most, connected=False)
            outcome = recount(component, self._definitions, self._at, who=False)
            if self._fire:
                transaction.remember(outcome, component, self._at)
                moves, begun = consequences(component, outcome, self._definitions, self._at)
            else:
                moves, begun = [], []
            transaction.store_counts(component, outcome, self._at)
            transaction.store_moves(moves, begun)
        self._account.people += len(batch)
        self._account.moved += len(moves)
        self._account.begun += len(begun)
