"""What other systems and the operator are told."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from nurture.adapters.database.tables.columns import Instant, metadata, partial_index

#: What a step tells another system of: somebody has come there.
alerts = Table(
    "alerts",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("enrollment_id", BigInteger, ForeignKey("enrollments.id"), nullable=False, index=True),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("step", String(64), nullable=False),
    Column("text", Text),
    Column("at", Instant, nullable=False),
)

#: What the operator must know of: `about` names the sequence, transport or person it is about.
alarms = Table(
    "alarms",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("about", String(255), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("seen_at", Instant),
    Index("ix_alarms_at", "at"),
)

#: Leads that sales have been told of and must answer for: `due_at` is when to remind of them next, empty when nothing more is said.
#: `level` counts the reminders so far; with an answer (`accepted`, `rejected`, `won`, `lost` …) it ends.
follow_ups = Table(
    "follow_ups",
    metadata,
    Column("stage_change_id", BigInteger, ForeignKey("stage_changes.id"), primary_key=True, autoincrement=False),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("stage", String(64), nullable=False),
    Column("since", Instant, nullable=False),
    Column("due_at", Instant),
    Column("level", Integer, nullable=False, server_default="0"),
    Column("answered_at", Instant),
    Column("answer", String(64)),
    partial_index("ix_follow_ups_due", "due_at", where="due_at IS NOT NULL"),
    partial_index("ix_follow_ups_open", "level", where="answered_at IS NULL"),
)

#: That a lead was left alone for too long, and whom that was told.
reminders = Table(
    "reminders",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("stage_change_id", BigInteger, ForeignKey("follow_ups.stage_change_id"), nullable=False, index=True),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("level", Integer, nullable=False),
    Column("at", Instant, nullable=False),
)

#: Hand-offs to other systems: one row per endpoint and stage change, alert, alarm or reminder, kept until delivered or given up.
#: `person_id` is whom it tells of, `at` when that happened; older rows have neither.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("stage_change_id", BigInteger, ForeignKey("stage_changes.id")),
    Column("alert_id", BigInteger, ForeignKey("alerts.id")),
    Column("alarm_id", BigInteger, ForeignKey("alarms.id")),
    Column("reminder_id", BigInteger, ForeignKey("reminders.id")),
    Column("endpoint", String(64), nullable=False),
    Column("status", String(12), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("detail", Text),
    Column("person_id", BigInteger, ForeignKey("people.id")),
    Column("at", Instant),
    UniqueConstraint("stage_change_id", "endpoint"),
    UniqueConstraint("alert_id", "endpoint"),
    UniqueConstraint("alarm_id", "endpoint"),
    UniqueConstraint("reminder_id", "endpoint"),
    partial_index("ix_deliveries_due", "due_at", where="status = 'waiting'"),
    partial_index("ix_deliveries_endpoint_due", "endpoint", "due_at", where="status = 'waiting'"),
    partial_index("ix_deliveries_person_due", "person_id", "endpoint", where="status = 'waiting'"),
    partial_index("ix_deliveries_given_up", "at", where="status = 'failed'"),
    Index("ix_deliveries_person_id", "person_id"),
    Index("ix_deliveries_endpoint_at", "endpoint", "at"),
)

#: How endpoints have fared: since when every call has failed, if none was taken since, and until when one wants to be left alone.
endpoints = Table(
    "endpoints",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("failing_since", Instant),
    Column("quiet_until", Instant),
)
