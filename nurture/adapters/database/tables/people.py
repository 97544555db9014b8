"""Who people are, what they did and what it came to."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text, Uuid, false, true

from nurture.adapters.database.tables.columns import Instant, Json, metadata, partial_index

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
    partial_index("ix_people_recount_at", "recount_at", where="recount_at IS NOT NULL"),
    partial_index("ix_people_stage_heat", "stage", "heat", where="merged_into IS NULL"),
    partial_index("ix_people_email", "email", where="email IS NOT NULL"),
    partial_index("ix_people_merged_into", "merged_into", where="merged_into IS NOT NULL"),
    partial_index("ix_people_seen_unaddressed", "seen_at", where="merged_into IS NULL AND email IS NULL"),
    partial_index("ix_people_seen_addressed", "seen_at", where="merged_into IS NULL AND email IS NOT NULL"),
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
    partial_index("ix_identity_journal_about", "kind", "value", where="kind IS NOT NULL"),
)

#: The events that say what readers made of mail; as it stands in the index, so that questions can use it.
OF_MAIL: Final = "name IN ('email_clicked', 'unsubscribed')"

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
    partial_index("ix_events_of_mail", "occurred_at", where=OF_MAIL),
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
