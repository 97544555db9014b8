"""Looking for what is too old costs as much as there is of it, and not as much as there is at all: indexes are used."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.dialects import postgresql, sqlite

from nurture.adapters.database.forgetting import ForgettingTransaction
from nurture.adapters.database.releases import Releases, apply
from nurture.adapters.database.rollups import StandingKeys
from nurture.adapters.database.store import Database
from nurture.domain.privacy import DataClass
from tests.support.definitions import definitions
from tests.support.events import MONDAY
from tests.support.waiting import MovableClock

INDEX: dict[DataClass, str] = {
    "anonymous": "ix_people_seen_unaddressed",
    "events": "ix_events_occurred_at",
    "messages": "ix_messages_told",
    "journal": "ix_identity_journal_at",
    "conflicts": "ix_event_conflicts_received_at",
    "counted": "ix_counted_events_day",
}


@pytest.mark.parametrize("what", INDEX)
def test_what_is_too_old_is_found_by_an_index(migrated_engine: Engine, clock: MovableClock, what: DataClass) -> None:
    with migrated_engine.begin() as connection:
        apply(connection, definitions(), clock.now())
    with migrated_engine.connect() as connection:
        table, old = ForgettingTransaction(connection, Releases(), Database(migrated_engine).erased, StandingKeys()).old(
            what, MONDAY - timedelta(days=30)
        )
        order = {"events": "occurred_at", "messages": "planned_at", "journal": "at", "conflicts": "received_at", "counted": "day"}
        asked = select(*table.primary_key).where(*old).order_by(table.c[order.get(what, "seen_at")]).limit(100)
        dialect: Any = postgresql.dialect() if connection.dialect.name == "postgresql" else sqlite.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves these untyped
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))
        plain = str(asked.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        plan = " ".join(str(tuple(row)) for row in connection.exec_driver_sql(explain + plain.replace("%%", "%")))
    assert INDEX[what] in plan
