"""Everybody as they stand now: told from the last census where one will do, else asked of each of them, and always by the same question.

A question that is about a period as well is answered day by day in a census. Somebody of whom it holds on several days counts once in any
span all the same: each day stands beside the one on which it held before (as in `domain.measuring.days`), and in a span counts
whoever's day before lies outside.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Over, case, func, literal, true

from nurture.adapters.database.census import Answer, answer_to, taken_at
from nurture.adapters.database.dialect import local_day as day_in_database
from nurture.domain.definitions import Definitions
from nurture.reports.sheet import Period, Remark, local_day

#: So many days a census tells apart; all that lies before them is one, the day `EARLIER`.
DAYS: Final = 400
EARLIER: Final = 0


class Question(NamedTuple):
    """What is asked of everybody as they stand at an instant."""

    name: str
    ask: Callable[[Connection, Definitions, datetime], Answer]


class Span(NamedTuple):
    """When something is asked about: a period as a whole or, where none is given, all time up to today, day by day."""

    connection: Connection
    timezone: str
    today: int
    period: Period | None = None

    @property
    def first_apart(self) -> int:
        """The first day that is told apart."""
        return self.today - DAYS + 1

    def tells(self, period: Period) -> bool:
        """Whether the days of a period can be told from those that are told apart."""
        return period.first >= self.first_apart or (period.first == EARLIER and period.last >= self.first_apart - 1)

    def holds(self, at: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether an instant lies in it."""
        return true() if self.period is None else (at >= self.period.begins) & (at < self.period.ends)

    def day(self, at: ColumnElement[Any]) -> ColumnElement[int]:
        """The day that an instant in it counts on, called `day`; of a period that is told as a whole, the first."""
        if self.period is not None:
            return literal(self.period.first).label("day")
        begins = Period(first=self.first_apart, last=self.today, timezone=self.timezone).begins
        return case((at < begins, EARLIER), else_=day_in_database(self.connection, at, self.timezone)).label("day")


def day_before(day: ColumnElement[int], *who: ColumnElement[Any]) -> Over[int]:
    """The day before one on which the same held of the same people; empty if it is their first."""
    return func.lag(day).over(partition_by=who, order_by=day)


class DailyQuestion(NamedTuple):
    """What is asked of everybody about some days. The rows begin with the day, and the day before of those whom they count."""

    name: str
    ask: Callable[[Connection, Definitions, Span], Answer]


class Everybody:
    """One look at everybody. `at` is the instant that it tells of: that of the census, or now."""

    def __init__(self, connection: Connection, definitions: Definitions, at: datetime) -> None:
        self._connection, self.definitions = connection, definitions
        self._counted_at = taken_at(connection, definitions, at)
        self.at = self._counted_at or at

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Says as of when, where that is not now."""
        return () if self._counted_at is None else (Remark(code="counted", values={"at": self._counted_at.isoformat()}),)

    def answer(self, question: Question) -> Answer:
        """The rows that answer a question."""
        kept = self._kept(question.name)
        return kept if kept is not None else question.ask(self._connection, self.definitions, self.at)

    def answer_about(self, question: DailyQuestion, period: Period) -> Answer:
        """The rows that answer a question about a period, without the days they begin with. What they count may be added up."""
        timezone = self.definitions.business_timezone
        by_day = Span(self._connection, timezone, local_day(self.at, timezone))
        kept = self._kept(question.name) if by_day.tells(period) else None
        rows = kept if kept is not None else question.ask(self._connection, self.definitions, by_day._replace(period=period))
        return [
            row[2:] for row in rows if period.first <= row[0] <= period.last and (row[1] is None or row[1] < period.first)
        ]  # fmt: skip

    def _kept(self, question: str) -> Answer | None:
        return answer_to(self._connection, question) if self._counted_at is not None else None
