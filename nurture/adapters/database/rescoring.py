"""The database as rescore sees it: components without what connects them, and what is done because of new totals."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine

from nurture.adapters.database.components import ComponentTransaction
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.histories import give_histories, reach_of
from nurture.adapters.database.moving import store_runs, store_stage_changes
from nurture.adapters.database.releases import Releases
from nurture.domain.component import Component, Recounted
from nurture.domain.enrollment import Enrollment
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Person


class RescoringTransaction(ComponentTransaction):
    """One transaction of rescore; fulfils `flow.rescore.Rescoring`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        super().__init__(connection, releases)
        self._connection = connection

    def remember(self, people: Sequence[Person], component: Component, at: datetime) -> None:
        pinned = [component.sequence_of(run) for run in component.enrollments if run.live]
        reach = reach_of(self.definitions(), [sequence for sequence in pinned if sequence is not None])
        give_histories(self._connection, people, reach, at)

    def store_counts(self, component: Component, outcome: Recounted, at: datetime) -> None:
        self.store(component, outcome, at, settled=False)

    def store_moves(self, moves: Sequence[StageChange], begun: Sequence[Enrollment]) -> None:
        store_stage_changes(self._connection, moves, self.definitions().handoff)
        store_runs(self._connection, begun)


@contextmanager
def rescoring(engine: Engine, releases: Releases) -> Iterator[RescoringTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("give the same command again; it does the rest"), engine.begin() as connection:
        yield RescoringTransaction(connection, releases)
