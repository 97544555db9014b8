"""The messages, and all that decides whether they may go."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Enum, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from nurture.adapters.database.tables.columns import Instant, Json, metadata, partial_index
from nurture.domain.mail.message import MessageStatus

#: Mails that did not go, or of which nobody knows; as it stands in the index, so that questions can use it.
UNSENT: Final = "status IN ('skipped', 'failed', 'uncertain')"

#: UNIQUE (enrollment, step, pass) is what makes a step mailed at most once. `any_time` is set when the step's window is
#: `any`: somebody waits for this mail, so quiet hours do not hold it. `planned_at` is when it should have gone: when its step
#: came due, or what our own decision (a cap, quiet hours, a pause) put it off to; it decides what is late. `due_at` is when to
#: try next, which a server that refuses or is away puts off alone.
#: `lease_until` belongs to the worker named in `claimed_by`. Of a person's mails the one with the highest `priority` goes first;
#: `lost_to` are the messages that used up the frequency cap.
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
    Column("priority", Integer, nullable=False, server_default="50"),
    Column("variant", String(64)),
    Column("lost_to", Json),
    Column("topic", String(64)),
    Column("transport", String(32)),
    UniqueConstraint("enrollment_id", "step", "pass"),
    partial_index("ix_messages_queued", "due_at", where="status = 'queued'"),
    partial_index("ix_messages_sending", "lease_until", where="status = 'sending'"),
    partial_index("ix_messages_person_sent", "person_id", "sent_at", where="sent_at IS NOT NULL"),
    partial_index("ix_messages_sent", "sent_at", where="sent_at IS NOT NULL"),
    partial_index("ix_messages_refused", "due_at", where="reason = 'address_refused'"),
    partial_index("ix_messages_unsent", "planned_at", where=UNSENT),
    partial_index("ix_messages_told", "planned_at", where="subject IS NOT NULL OR detail IS NOT NULL"),
)

#: Who is not to be mailed, and of what: `scope` is `all`, or `topic:<name>` for mail of one topic only.
suppressions = Table(
    "suppressions",
    metadata,
    Column("email", String(320), primary_key=True),
    Column("scope", String(80), primary_key=True, server_default="all"),
    Column("reason", String(32), nullable=False),
    Column("source", String(64), nullable=False),
    Column("detail", Text),
    Column("at", Instant, nullable=False),
)

#: The ledger of consent; rows are added and never changed. `action` is asked, given, confirmed or withdrawn; `wording` is what
#: the person read, in `version`; `proof` is how it is known (form, submission, minimised surroundings). What follows from it for
#: an address and a purpose stands in `permissions`.
consents = Table(
    "consents",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", BigInteger, ForeignKey("people.id"), nullable=False, index=True),
    Column("email", String(320), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("action", String(12), nullable=False),
    Column("at", Instant, nullable=False),
    Column("source", String(64), nullable=False),
    Column("wording", Text),
    Column("version", String(32)),
    Column("proof", Json),
    Index("ix_consents_email", "email"),
)

#: Where an address stands with a purpose now: the last action of the ledger.
permissions = Table(
    "permissions",
    metadata,
    Column("email", String(320), primary_key=True),
    Column("purpose", String(64), primary_key=True),
    Column("state", String(12), nullable=False),
    Column("at", Instant, nullable=False),
)

#: How often somebody wishes to be mailed: `all`, `weekly` or `monthly`, and not before `paused_until`.
paces = Table(
    "paces",
    metadata,
    Column("email", String(320), primary_key=True),
    Column("pace", String(12), nullable=False),
    Column("paused_until", Instant),
    Column("at", Instant, nullable=False),
)

#: What holds mail back beside paused sequences: `kind` is `all`, `transport`, `family` (of recipients, as a transport sees it) or
#: `domain` (of recipients, by whatever transport), `name` which one. Without `until` it holds until somebody lifts it. `by` is who pulled
#: it, empty where the engine did.
brakes = Table(
    "brakes",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("until", Instant),
    Column("reason", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(64)),
)

#: How many mails a transport that is being warmed up may carry on a UTC day (counted from 1970-01-01), and why no more.
warm_ups = Table(
    "warm_ups",
    metadata,
    Column("transport", String(32), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("quota", Integer, nullable=False),
    Column("reason", String(200)),
)
