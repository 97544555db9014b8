"""The plans in force, each person's runs through them, and what holds or starts runs."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from nurture.adapters.database.tables.columns import Instant, Json, metadata, partial_index

#: What `nurture apply` stored; the highest id is in force, for all workers at once. `restores` is the release that a rollback
#: put in force again.
releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("applied_at", Instant, nullable=False),
    Column("restores", Integer, ForeignKey("releases.id")),
)

#: Every version of every sequence that an enrollment may be pinned to.
sequence_versions = Table(
    "sequence_versions",
    metadata,
    Column("sequence", String(64), primary_key=True),
    Column("version", String(12), primary_key=True),
    Column("body", Text, nullable=False),
)

#: One person's run through one sequence. `step` is the node they stand on; `entry` tells repeated runs apart. `step_since` is
#: when they began to wait there, empty if they are yet to take the step. `outcomes` holds what came of steps, by their ids.
#: `goal_at` is when the person first did what the sequence aims at after entering it, be the run over or not.
enrollments = Table(
    "enrollments",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False),
    Column("sequence", String(64), nullable=False),
    Column("version", String(12), nullable=False),
    Column("entry", Integer, nullable=False),
    Column("status", String(12), nullable=False),
    Column("step", String(64), nullable=False),
    Column("due_at", Instant),
    Column("reason", String(200)),
    Column("entered_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("step_since", Instant),
    Column("outcomes", Json),
    Column("goal_at", Instant),
    UniqueConstraint("person_id", "sequence", "entry"),
    partial_index("ix_enrollments_due", "due_at", where="status IN ('active', 'waiting')"),
    Index("ix_enrollments_entered_at", "entered_at"),
)

#: Sequences that are held: their runs are `paused`, and nothing of them is mailed. `by` is who held them, empty where the engine did.
pauses = Table(
    "pauses",
    metadata,
    Column("sequence", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("reason", String(200)),
    Column("by", String(64)),
)

#: Walks through everybody, for sequences that take people in without an event: `backfill` once, after a sequence was put in
#: force, for what happened since `since`; `audience` every day, for conditions that time alone makes true. `at` is the instant
#: that a walk looks at, `since` the one that it compares with; people up to id `after` are done.
surveys = Table(
    "surveys",
    metadata,
    Column("sequence", String(64), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("at", Instant, nullable=False),
    Column("after", BigInteger, nullable=False, server_default="-1"),
    Index("ix_surveys_at", "at"),
)
