"""Both databases know on which day of a time zone something happened, as the domain does."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import Engine, insert, select

from nurture.adapters.database.dialect import local_day
from nurture.adapters.database.tables import horizons
from nurture.domain.measuring.days import local_day as day_of

#: Around the changes of the clocks of 2026 in Europe, America and Lord Howe, and around a year's end.
MOMENTS: Final = [
    datetime(2026, *day, tzinfo=UTC) + timedelta(minutes=15 * quarter)
    for day in ((3, 7), (3, 8), (3, 28), (3, 29), (4, 4), (10, 3), (10, 24), (10, 25), (10, 31), (11, 1), (12, 31))
    for quarter in range(96)
]


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_it_is_the_day_on_the_clocks_of_the_zone(migrated_engine: Engine, timezone: str) -> None:
    with migrated_engine.connect() as connection:
        rows = [{"what": str(number), "at": at} for number, at in enumerate(MOMENTS)]
        connection.execute(insert(horizons), rows)
        asked = select(horizons.c.what, local_day(connection, horizons.c.at, timezone).label("day"))
        found = {row.what: row.day for row in connection.execute(asked)}
        connection.rollback()
    assert found == {str(number): day_of(at, timezone) for number, at in enumerate(MOMENTS)}
