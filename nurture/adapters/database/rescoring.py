"""The database as rescore sees it: components without what connects them, and what is done because of new totals."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Engine

from nurture.adapters.database.components import ComponentTransaction
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rollups import StandingKeys
from nurture.adapters.database.switching import keep_switch
from nurture.domain.component import Component, Recounted


class RescoringTransaction(ComponentTransaction):
    """One transaction of rescore; fulfils `flow.rescore.Rescoring`."""

    def store_counts(self, component: Component, outcome: Recounted, at: datetime) -> None:
        self.store(component, outcome, at, settled=False)


@contextmanager
def rescoring(engine: Engine, releases: Releases, keys: StandingKeys) -> Iterator[RescoringTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("give the same command again; it does the rest"), engine.begin() as connection:
        keep_switch(connection)
        transaction = RescoringTransaction(connection, releases, keys)
        yield transaction
        transaction.measuring.write()
