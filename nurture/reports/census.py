"""What a census asks, and the database as census sees it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine

from nurture.adapters.database.census import Answer, store_census
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.releases import Releases
from nurture.domain.definitions import Definitions
from nurture.reports.diagnose.audience import CONTACTS, SEEN
from nurture.reports.diagnose.handoff import CALLS, FOLLOW_UPS
from nurture.reports.diagnose.leads import NEWCOMERS, PAST_THRESHOLD, PROMOTED
from nurture.reports.diagnose.mails import ENDED, ENTERED, MAILS
from nurture.reports.everybody import DailyQuestion, Question, Span
from nurture.reports.leads.quality import MATRIX
from nurture.reports.leads.velocity import STANDING
from nurture.reports.market import MARKET
from nurture.reports.reading import snapshot
from nurture.reports.sequences.mails import OF_NO_MAIL
from nurture.reports.sheet import local_day

#: All that reports ask of everybody.
QUESTIONS: Final[tuple[Question | DailyQuestion, ...]] = (
    MARKET, MATRIX, STANDING, CONTACTS, SEEN, NEWCOMERS, PAST_THRESHOLD, PROMOTED, MAILS, ENTERED, ENDED, FOLLOW_UPS, CALLS, OF_NO_MAIL,
)  # fmt: skip


class CountingEverybody:
    """One state of the database; fulfils `flow.census.Counting`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        self._connection = connection
        self._releases = releases

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def answers(self, definitions: Definitions, at: datetime) -> Mapping[str, Answer]:
        return {question.name: self._answer(question, definitions, at) for question in QUESTIONS}

    def _answer(self, question: Question | DailyQuestion, definitions: Definitions, at: datetime) -> Answer:
        if isinstance(question, Question):
            return question.ask(self._connection, definitions, at)
        timezone = definitions.business_timezone
        return question.ask(self._connection, definitions, Span(self._connection, timezone, local_day(at, timezone)))


class Censuses:
    """Fulfils `flow.census.CensusStore`."""

    def __init__(self, engine: Engine, releases: Releases) -> None:
        self._engine = engine
        self._releases = releases

    @contextmanager
    def counting(self) -> Iterator[CountingEverybody]:
        with snapshot(self._engine) as connection:
            yield CountingEverybody(connection, self._releases)

    def store(self, answers: Mapping[str, Answer], definitions: Definitions, at: datetime) -> None:
        with translated("everybody is counted later"), self._engine.begin() as connection:
            store_census(connection, answers, definitions, at)
