"""Who lets each of their opens be told, by the last word of the ledger of consent."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from nurture.adapters.database.consenting import agreements_of
from nurture.adapters.database.tables import people
from nurture.domain.mail.sending import SendingPolicy
from nurture.domain.mail.tracking import OPEN_TRACKING


def with_open_tracking(
    connection: Connection, policy: SendingPolicy, facts: Mapping[int, Mapping[str, Any]]
) -> dict[int, Mapping[str, Any]]:
    """The facts of people, with that of their consent where mails may carry a picture by it."""
    if policy.tracking.opens != "individual":
        return dict(facts)
    willing = _willing(connection, {each["email"] for each in facts.values() if "email" in each})
    return {person: {**each, OPEN_TRACKING: True} if each.get("email") in willing else each for person, each in facts.items()}


def _willing(connection: Connection, addresses: set[str]) -> set[str]:
    """Those of some addresses whose owner consents."""
    agreements = agreements_of(connection, addresses)
    return {email for (email, purpose), held in agreements.items() if purpose == OPEN_TRACKING and held.allows}


class OpenTracking:
    """Tells whether a person consents now, whoever they were merged into since; False where nobody can say."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, person: int) -> bool:
        linked, now = people.alias("linked"), people.alias("now")
        whose = linked.join(now, now.c.id == func.coalesce(linked.c.merged_into, linked.c.id))
        asked = select(now.c.email).select_from(whose).where(linked.c.id == person)
        try:
            with self._engine.connect().execution_options(reading=True) as connection:
                email = connection.scalar(asked)
                return email is not None and bool(_willing(connection, {email}))
        except SQLAlchemyError:
            return False
