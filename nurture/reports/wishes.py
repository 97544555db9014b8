"""What somebody agrees to and wishes to receive, as part of their story."""

from datetime import datetime

from sqlalchemy import Connection, select

from nurture.adapters.database.consenting import agreements_of, rhythms_of
from nurture.adapters.database.tables import suppressions
from nurture.domain.mail.suppression import ALL, topic_scope
from nurture.domain.person import Person
from nurture.domain.preferences import UNHURRIED, Pace
from nurture.reports.figures import Figures


class AgreementLine(Figures):
    """Where the address stands with a purpose, since when: asked, given, confirmed or withdrawn."""

    purpose: str
    state: str
    at: datetime


class WishLines(Figures):
    """`topics_off` are those they do not wish to read of."""

    agreements: tuple[AgreementLine, ...] = ()
    topics_off: tuple[str, ...] = ()
    pace: Pace = Pace.ALL
    paused_until: datetime | None = None


def wishes_of(connection: Connection, person: Person) -> WishLines:
    """What the owner of a person's address said; nothing of whoever has none."""
    if person.email is None:
        return WishLines()
    agreed = sorted(agreements_of(connection, [person.email]).items())
    chosen = select(suppressions.c.scope).where(suppressions.c.email == person.email, suppressions.c.scope != ALL)
    rhythm = rhythms_of(connection, [person.email]).get(person.email, UNHURRIED)
    return WishLines(
        agreements=tuple(AgreementLine(purpose=purpose, state=held.state, at=held.at) for (_, purpose), held in agreed),
        topics_off=tuple(scope.removeprefix(topic_scope("")) for scope in connection.scalars(chosen.order_by(suppressions.c.scope))),
        pace=rhythm.pace, paused_until=rhythm.paused_until,
    )  # fmt: skip
