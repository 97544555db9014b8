"""Who was here in the weeks, months and days of a period, read in a handful of rows a day, is who it is when all rows are read."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert

from nurture.adapters.database.tables import rollups
from nurture.domain.measuring.days import changed_presence
from nurture.domain.measuring.figures import PEOPLE
from nurture.domain.measuring.tally import Tally
from nurture.reports.rollups import Presence, people_in
from nurture.reports.sheet import Period
from nurture.reports.spans import days_of, months_of, weeks_of

#: From a Thursday in January 2026 on, a good hundred days.
FIRST = 20_468
LIVES = st.lists(st.lists(st.integers(FIRST, FIRST + 100), unique=True, max_size=20).map(sorted), max_size=8)


@pytest.fixture
def connection(migrated_engine: Engine) -> Iterator[Connection]:
    with migrated_engine.connect() as connection:
        yield connection


@given(lives=LIVES, first=st.integers(FIRST, FIRST + 60), days=st.integers(1, 60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_span_counts_the_same_people(connection: Connection, lives: list[list[int]], first: int, days: int) -> None:
    tally = Tally()
    for life in lives:
        tally.update(changed_presence((), life))
    rows = [{**place._asdict(), "shard": 0, "n": n} for place, n in tally.items() if place.figure == PEOPLE]
    connection.execute(rollups.delete())
    if rows:
        connection.execute(insert(rollups), rows)
    period = Period(first=first, last=first + days - 1)
    here = Presence(connection, period)
    for span in (period, *weeks_of(period), *months_of(period), *days_of(period)):
        came = [life for life in lives if any(span.first <= day <= span.last for day in life)]
        expected = len(came), sum(life[0] >= span.first for life in came)
        assert here.different(span) == expected
    assert people_in(connection, period) == here.different(period)
    connection.rollback()


def test_days_that_begin_elsewhere_are_not_told_wrongly(connection: Connection) -> None:
    here = Presence(connection, Period(first=20_520, last=20_560))
    assert here.different(Period(first=20_533, last=20_533)) == (0, 0)
    with pytest.raises(ValueError, match="read them by themselves"):
        here.different(Period(first=20_533, last=20_560))
