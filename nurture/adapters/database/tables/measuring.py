"""What reports are made of: small sums per day, and what they are kept in step with."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from nurture.adapters.database.tables.columns import Instant, Json, metadata

#: What each day comes to: `day` is one of the business's time zone (counted from 1970-01-01), `figure` what is counted
#: (`domain.measuring.figures`), `key` of what, such as a channel or a page. Sums of all shards count; who writes at the same time
#: writes to different shards, so that nobody waits for a row that everybody counts in.
rollups = Table(
    "rollups",
    metadata,
    Column("figure", String(96), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("n", BigInteger, nullable=False),
)

#: The days on which somebody was here: from them follows who is new, who returns, and how many different people came. They go with the
#: person also where the version before, which does not know of them, deletes somebody.
active_days = Table(
    "active_days",
    metadata,
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Integer, primary_key=True),
)

#: What each person adds to the roll-ups by the stages they reached: a list of [day, figure, key, n]. When something about it
#: changes, the difference goes to the roll-ups.
contributions = Table(
    "contributions",
    metadata,
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("body", Json, nullable=False),
)

#: By what the roll-ups were counted (one row): the definitions in force may ask for something else since.
figure_basis = Table(
    "figure_basis",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("basis", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

#: What the last census answered: to each question what was found of everybody as they stood at `at`, as the version and the definitions
#: that `basis` names ask it. All rows are of one census; nothing in them tells who anybody is.
census = Table(
    "census",
    metadata,
    Column("question", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("basis", Text, nullable=False),
    Column("answer", Json, nullable=False),
)

#: What was spent on a channel or a campaign from `first_day` to `last_day` (both included), in hundredths of `currency`.
spend = Table(
    "spend",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", String(32)),
    Column("campaign", String(256)),
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("imported_at", Instant, nullable=False),
)
