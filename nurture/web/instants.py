"""When did it happen? The sender's clock may be wrong, its word may be late, and it may be nonsense."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from nurture.web.refusals import invalid

#: A difference between the clocks below this is taken for the time of travel, not for a wrong clock. Correcting it would
#: shuffle the events of one device among each other.
DEAD_BAND: Final = timedelta(seconds=30)

OLDEST: Final = timedelta(days=30)
NEWEST: Final = timedelta(seconds=5)

#: Years outside are nonsense, whatever the clocks say.
YEARS: Final = range(1970, 2101)


class Occurrence(NamedTuple):
    """When an event happened, and what was done to the sender's word, if anything."""

    at: datetime
    note: str | None = None


def plausible(instant: datetime, field: str) -> datetime:
    """The instant, aware (without a zone it is read as UTC); raises Refusal naming the field when it cannot be."""
    if instant.year not in YEARS:
        raise invalid("impossible_date", f"the year {instant.year} cannot be; send an ISO 8601 date and time", field)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def occurrence(said: datetime | None, sent_at: datetime | None, received_at: datetime) -> Occurrence:
    """Segment's rule, with a dead band: `said` plus the difference between our clock and the sender's, held to what can be.

    `said` and `sent_at` are by the sender's clock. The result lies between 30 days before `received_at` and 5 seconds after.
    """
    if said is None:
        return Occurrence(received_at)
    said = said.astimezone(UTC)  # instants in one zone are compared in a fraction of the time
    skew = timedelta(0) if sent_at is None else received_at - sent_at
    corrected = said + skew if abs(skew) >= DEAD_BAND else said
    at = min(max(corrected, received_at - OLDEST), received_at + NEWEST).astimezone(UTC)
    if at != corrected:
        return Occurrence(at, "clamped")
    return Occurrence(at, "skew_corrected" if corrected != said else None)
