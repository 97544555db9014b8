"""The schema, once for SQLite and PostgreSQL. Alembic's migrations are held against it by a test.

Ids of people, enrollments and messages are stable 63-bit hashes (`nurture.domain.ids`), so no insert needs its id back.
Every queue is a column here: `due_at` and `status`, each behind a partial index that holds only the waiting rows.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
    text,
    true,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

from nurture.domain.message import MessageStatus


class Instant(TypeDecorator[datetime]):
    """An aware instant, UTC in and out. SQLite keeps it as ISO text, which sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - set by SQLAlchemy
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json: Any = JSON().with_variant(JSONB(), "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _partial_index(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


#: `heat` is the decayed sum of the default model's score cells (see domain.scoring), `heats` that of every other model by its
#: name; `sums` are these sums unrounded (see domain.sums). `merged_into` points to the person somebody turned out to be, and is
#: never a chain. `seen_at` is the last human event; without one (`acted` is false) it is the first of what machines did.
#: `first_touch` and `last_touch` (the last that was not direct) say which channel brought them. `recount_at` is set when what
#: is stored no longer follows from the log, and the verb *recount* is due. `by_hand` marks people of whom a human decided who
#: they are: no event joins them to anybody. Until `rejected_until` no rule that rests on totals promotes them.
people = Table(
    "people",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("stage", String(64), nullable=False),
    Column("stage_since", Instant, nullable=False),
    Column("email", String(320)),
    Column("attributes", Json, nullable=False),
    Column("heat", Double, nullable=False, server_default="0"),
    Column("fit", Integer, nullable=False, server_default="0"),
    Column("grade", String(1), nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("merged_into", BigInteger, ForeignKey("people.id")),
    Column("heats", Json),
    Column("sums", Json),
    Column("first_touch", Json),
    Column("last_touch", Json),
    Column("recount_at", Instant),
    Column("by_hand", Boolean, nullable=False, server_default=false()),
    Column("acted", Boolean, nullable=False, server_default=true()),
    Column("rejected_until", Instant),
    _partial_index("ix_people_recount_at", "recount_at", where="recount_at IS NOT NULL"),
    _partial_index("ix_people_stage_heat", "stage", "heat", where="merged_into IS NULL"),
    _partial_index("ix_people_email", "email", where="email IS NOT NULL"),
    _partial_index("ix_people_merged_into", "merged_into", where="merged_into IS NOT NULL"),
    _partial_index("ix_people_seen_unaddressed", "seen_at", where="merged_into IS NULL AND email IS NULL"),
    _partial_index("ix_people_seen_addressed", "seen_at", where="merged_into IS NULL AND email IS NOT NULL"),
)

#: What we know people by. Strong kinds: email, user_id. Weak: anonymous_id, submission. All instants are of events:
#: `linked_at` is when the identifier came to whoever holds it; `last_seen_at` is kept to the hour.
identifiers = Table(
    "identifiers",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("value", String(320), primary_key=True),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("source", String(64), nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("linked_at", Instant, nullable=False),
    Column("assurance", String(8), nullable=False),
)

#: What happened to who is who, and why: `merged` (other_id was joined to person_id; `image` is how both were before),
#: `unmerged`, `moved` (an identifier went from other_id to person_id), `refused` (a link that an event asked for). `by` is
#: `event`, or who did it by hand. A row that was taken back, or no longer holds after a recount, has `undone_at`.
identity_journal = Table(
    "identity_journal",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("action", String(8), nullable=False),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("other_id", BigInteger, ForeignKey("people.id"), index=True),
    Column("kind", String(16)),
    Column("value", String(320)),
    Column("event_id", Uuid),
    Column("by", String(64), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("image", Json),
    Column("undone_at", Instant),
    Index("ix_identity_journal_at", "at"),
    _partial_index("ix_identity_journal_about", "kind", "value", where="kind IS NOT NULL"),
)

#: The log. `body` is never rewritten. `person_id` is who the event counts for; a merge leaves it alone (ask through
#: `merged_into`), a recount may correct it. `fingerprint` tells a repeated event from another one under the same id.
#: `channel` is set on the events that brought somebody to the site.
events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("verdict", String(8), nullable=False),
    Column("verdict_reasons", Json),
    Column("channel", String(32)),
    Column("fingerprint", BigInteger, nullable=False),
    Column("body", Json, nullable=False),
    Index("ix_events_person_id_occurred_at", "person_id", "occurred_at"),
    Index("ix_events_occurred_at", "occurred_at"),
)

#: Events that came under the id of another one with something else to say. They count for nothing and are kept to be seen.
event_conflicts = Table(
    "event_conflicts",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("fingerprint", BigInteger, primary_key=True),
    Column("received_at", Instant, nullable=False, index=True),
    Column("body", Json, nullable=False),
)

#: The keys of events that nobody consented to, so that one that comes again counts once; kept for some days.
counted_events = Table(
    "counted_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("day", Integer, nullable=False, index=True),
)

#: What is counted of events that nobody consented to: no more than that they happened.
daily_counts = Table(
    "daily_counts",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("events", Integer, nullable=False),
)

score_cells = Table(
    "score_cells",
    metadata,
    Column("person_id", BigInteger, ForeignKey("people.id"), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("hits", Integer, nullable=False),
)

stage_changes = Table(
    "stage_changes",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("from_stage", String(64), nullable=False),
    Column("to_stage", String(64), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("cause", Text, nullable=False),
    Column("event_id", Uuid),
    Column("asset", String(64)),
    Column("touch", Json),
    Column("at", Instant, nullable=False),
    Index("ix_stage_changes_at", "at"),
)

#: One person's run through one sequence. `step` is the node they stand on; `entry` tells repeated runs apart.
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
    UniqueConstraint("person_id", "sequence", "entry"),
    _partial_index("ix_enrollments_due", "due_at", where="status IN ('active', 'waiting')"),
)

#: UNIQUE (enrollment, step, pass) is what makes a step mailed at most once. `any_time` is set when the step's window is
#: `any`: somebody waits for this mail, so quiet hours do not hold it. `planned_at` is when the step came due and
#: decides what is too late; `due_at` is when to try next. `lease_until` belongs to the worker named in `claimed_by`.
messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("enrollment_id", BigInteger, ForeignKey("enrollments.id"), nullable=False),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("step", String(64), nullable=False),
    Column("pass", Integer, nullable=False),
    Column("template", String(64), nullable=False),
    Column(
        "status",
        Enum(
            MessageStatus,
            native_enum=False,
            length=12,
            create_constraint=False,
            values_callable=lambda words: [word.value for word in words],
        ),
        nullable=False,
    ),
    Column("any_time", Boolean, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("claimed_by", String(64)),
    Column("lease_until", Instant),
    Column("sent_at", Instant),
    Column("language", String(8)),
    Column("subject", Text),
    Column("reason", String(32)),
    Column("detail", Text),
    UniqueConstraint("enrollment_id", "step", "pass"),
    _partial_index("ix_messages_queued", "due_at", where="status = 'queued'"),
    _partial_index("ix_messages_sending", "lease_until", where="status = 'sending'"),
    _partial_index("ix_messages_person_sent", "person_id", "sent_at", where="sent_at IS NOT NULL"),
    _partial_index("ix_messages_told", "planned_at", where="subject IS NOT NULL OR detail IS NOT NULL"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("email", String(320), primary_key=True),
    Column("reason", String(32), nullable=False),
    Column("source", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)

#: What is left of people who were erased: a keyed hash of each address, so that it is never mailed again.
erased_addresses = Table(
    "erased_addresses",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
)

#: How far back each class of data reaches: what is older was forgotten by the retention rules.
horizons = Table(
    "horizons",
    metadata,
    Column("what", String(32), primary_key=True),
    Column("at", Instant, nullable=False),
)

#: Hand-offs to other systems: one row per stage change and endpoint, kept until delivered or given up.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("stage_change_id", BigInteger, ForeignKey("stage_changes.id"), nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("status", String(12), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("detail", Text),
    UniqueConstraint("stage_change_id", "endpoint"),
    _partial_index("ix_deliveries_due", "due_at", where="status = 'waiting'"),
)

#: What `nurture apply` stored; the highest id is in force, for all workers at once.
releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("applied_at", Instant, nullable=False),
)

#: Every version of every sequence that an enrollment may be pinned to.
sequence_versions = Table(
    "sequence_versions",
    metadata,
    Column("sequence", String(64), primary_key=True),
    Column("version", String(12), primary_key=True),
    Column("body", Text, nullable=False),
)
