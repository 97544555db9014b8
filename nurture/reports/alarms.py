"""What the operator was told of mail that stopped by itself, and whether somebody has looked at it."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, select

from nurture.adapters.database.tables import alarms
from nurture.reports.figures import Figures
from nurture.reports.reading import snapshot

#: As many as a reader looks through.
_MOST: Final = 200

#: What to do about an alarm of each kind.
REMEDIES: Final = {
    "complaints": "find what its readers did not ask for; `nurture resume` lets the sequence go on, counted anew",
    "hard_bounces": "find where these addresses come from; `nurture resume` lets the sequence go on, counted anew",
    "surge": "see who was enrolled, and why; `nurture resume` or `nurture brakes lift` lets mail go on",
    "per_person": "`nurture person show` tells what reached them; a frequency cap keeps it from happening",
    "same_mail": "`nurture person show` tells which runs meant to send it; change the sequences",
    "policy_block": "read what the servers say of the sender; mail to them goes on by itself",
    "endpoint": "see to the receiver; `nurture resume endpoint NAME` sends what waits for it",
}


class RaisedAlarm(Figures):
    """One alarm. `about` is a sequence, a person's id, a family of recipients, an endpoint, or all mail; `seen_at` is None until it was seen."""

    id: int
    kind: str
    about: str
    text: str
    at: datetime
    seen_at: datetime | None
    remedy: str


def raised_alarms(engine: Engine, *, seen_too: bool = False) -> list[RaisedAlarm]:
    """The newest alarms that nobody has seen yet, or all of them, newest first."""
    with snapshot(engine) as connection:
        return alarms_in(connection, seen_too=seen_too)


def alarms_in(connection: Connection, *, seen_too: bool = False) -> list[RaisedAlarm]:
    """As `raised_alarms`, within a state that is being looked at."""
    wanted = select(alarms).order_by(alarms.c.at.desc(), alarms.c.id).limit(_MOST)
    if not seen_too:
        wanted = wanted.where(alarms.c.seen_at.is_(None))
    return [
        RaisedAlarm(**row._mapping, remedy=REMEDIES.get(row.kind, "see the log"))  # noqa: SLF001 - SQLAlchemy's public name for it
        for row in connection.execute(wanted)
    ]


def about_what(found: Collection[RaisedAlarm]) -> str:
    """Whom the newest of them are about, in a few words."""
    names = list(dict.fromkeys(each.about for each in found))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004 - a few
