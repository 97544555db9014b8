"""The schema, once for SQLite and PostgreSQL. Alembic's migrations are held against it by a test.

Ids of people, enrollments and messages are stable 63-bit hashes (`nurture.domain.ids`), so no insert needs its id back.
Every queue is a column here: `due_at` and `status`, each behind a partial index that holds only the waiting rows.
"""

from nurture.adapters.database.tables.columns import Instant, Json, metadata
from nurture.adapters.database.tables.mail import (
    brakes,
    consents,
    messages,
    paces,
    permissions,
    suppressions,
    warm_ups,
)
from nurture.adapters.database.tables.measuring import active_days, census, contributions, figure_basis, rollups, spend
from nurture.adapters.database.tables.operating import holds
from nurture.adapters.database.tables.people import (
    counted_events,
    daily_counts,
    erased_addresses,
    event_conflicts,
    events,
    horizons,
    identifiers,
    identity_journal,
    people,
    score_cells,
    stage_changes,
)
from nurture.adapters.database.tables.running import leases
from nurture.adapters.database.tables.sequences import (
    enrollments,
    pauses,
    releases,
    sequence_versions,
    surveys,
)
from nurture.adapters.database.tables.telling import (
    alarms,
    alerts,
    deliveries,
    endpoints,
    follow_ups,
    reminders,
)

__all__ = [
    "Instant",
    "Json",
    "active_days",
    "alarms",
    "alerts",
    "brakes",
    "census",
    "consents",
    "contributions",
    "counted_events",
    "daily_counts",
    "deliveries",
    "endpoints",
    "enrollments",
    "erased_addresses",
    "event_conflicts",
    "events",
    "figure_basis",
    "follow_ups",
    "holds",
    "horizons",
    "identifiers",
    "identity_journal",
    "leases",
    "messages",
    "metadata",
    "paces",
    "pauses",
    "people",
    "permissions",
    "releases",
    "reminders",
    "rollups",
    "score_cells",
    "sequence_versions",
    "spend",
    "stage_changes",
    "suppressions",
    "surveys",
    "warm_ups",
]
