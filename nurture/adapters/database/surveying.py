"""The database as survey sees it: walks that are due, the people they have come to, and who enters."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from nurture.adapters.database.bulk import put_rows
from nurture.adapters.database.crowds import CrowdReader
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.moving import store_runs
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.surveys import forget_surveys, key, survey_of
from nurture.adapters.database.switching import keep_switch
from nurture.adapters.database.tables import surveys
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.surveying import Crowd, Glance, Survey


class SurveyingTransaction:
    """One transaction of survey; fulfils `flow.survey.Surveying`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        self._connection = connection
        self._releases = releases

    def due(self, at: datetime) -> Sequence[Survey]:
        waiting = select(surveys).where(surveys.c.at <= at).with_for_update(skip_locked=True)
        first = self._connection.execute(
            waiting.order_by(surveys.c.at, surveys.c.kind, surveys.c.sequence).limit(1)
        ).one_or_none()
        if first is None:
            return []
        if first.kind == "backfill":
            return [survey_of(first)]
        # All audiences are asked about in one walk, as far as they stand at the same place.
        beside = waiting.where(surveys.c.kind == first.kind, surveys.c.after == first.after).order_by(surveys.c.sequence)
        return [survey_of(row).begun(at) for row in self._connection.execute(beside)]

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def next(self, walking: Sequence[Survey], limit: int, at: datetime) -> Glance:
        return self._reader(walking, at).next(walking[0].after, limit)

    def closely(self, walking: Sequence[Survey], ids: Collection[int], at: datetime) -> Crowd:
        return self._reader(walking, at).closely(ids, locked=True)

    def _reader(self, walking: Sequence[Survey], at: datetime) -> CrowdReader:
        return CrowdReader(self._connection, self.definitions(), walking, at)

    def store(self, begun: Sequence[Enrollment], walked: Sequence[Survey], going_on: Sequence[Survey]) -> None:
        store_runs(self._connection, begun)
        forget_surveys(self._connection, {key(survey) for survey in walked} - {key(survey) for survey in going_on})
        put_rows(self._connection, surveys, [survey._asdict() for survey in going_on])


@contextmanager
def surveying(engine: Engine, releases: Releases) -> Iterator[SurveyingTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("the survey goes on later where it stands"), engine.begin() as connection:
        keep_switch(connection)
        yield SurveyingTransaction(connection, releases)
