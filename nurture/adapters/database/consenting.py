"""What people agree to, and what mail they wish for: the ledger, where each address stands, and their rhythm."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, and_, delete, func, select, update

from nurture.adapters.database.bulk import among, insert_rows, put_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.suppressing import suppress
from nurture.adapters.database.tables import consents, messages, paces, people, permissions, suppressions
from nurture.domain.consent import Action, Agreement, Agreements, Statement, standing
from nurture.domain.mail.message import AS_THEY_WISH, MessageStatus
from nurture.domain.mail.suppression import ALL, topic_scope
from nurture.domain.preferences import THEIR_CHOICE, UNHURRIED, Lifted, Pace, Rhythm, Wish, Wishes


def agreements_of(connection: Connection, addresses: Collection[str]) -> Agreements:
    """Where these addresses stand with every purpose."""
    if not addresses:
        return {}
    found = connection.execute(select(permissions).where(among(connection, permissions.c.email, addresses)))
    return {(row.email, row.purpose): Agreement(row.state, row.at) for row in found}


def rhythms_of(connection: Connection, addresses: Collection[str]) -> Mapping[str, Rhythm]:
    """How often the owners of these addresses wish to be mailed, of those who said so."""
    if not addresses:
        return {}
    found = connection.execute(select(paces).where(among(connection, paces.c.email, addresses)))
    return {row.email: Rhythm(Pace(row.pace), row.paused_until, row.at) for row in found}


class WishesOf:
    """What is known of the wishes of the person with an id, whoever they were merged into since; raises Unavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, person: int) -> Wishes:
        linked, now = people.alias(), people.alias()
        own = now.c.id == func.coalesce(linked.c.merged_into, linked.c.id)
        with translated("try again in a minute"), self._engine.connect().execution_options(reading=True) as connection:
            email = connection.scalar(select(now.c.email).select_from(linked.join(now, own)).where(linked.c.id == person))
            if email is None:
                return Wishes()
            scopes = set(connection.scalars(select(suppressions.c.scope).where(suppressions.c.email == email)))
            topics = frozenset(each.removeprefix(topic_scope("")) for each in scopes - {ALL})
            agreed = frozenset(name for (_, name), held in agreements_of(connection, [email]).items() if held.allows)
            return Wishes(ALL in scopes, topics, rhythms_of(connection, [email]).get(email, UNHURRIED), agreed)


def store_statements(connection: Connection, said: Sequence[Statement]) -> None:
    """Add to the ledger; where an address stands is told anew from all that was ever said, whatever the order it came in."""
    if not said:
        return
    rows = {
        each.id: {
            "id": each.id, "person_id": each.person, "email": each.email, "purpose": each.purpose, "action": each.action,
            "at": each.at, "source": each.source, "wording": each.wording, "version": each.version, "proof": dict(each.proof),
        }
        for each in said
    }  # fmt: skip
    insert_rows(connection, consents, list(rows.values()), unless_there=True)
    told: dict[tuple[str, str], list[tuple[Action, datetime]]] = defaultdict(list)
    about = among(connection, consents.c.email, {each.email for each in said})
    for row in connection.execute(select(consents.c.email, consents.c.purpose, consents.c.action, consents.c.at).where(about)):
        told[row.email, row.purpose].append((row.action, row.at))
    stand = {where: now for where, each in told.items() if (now := standing(each)) is not None}
    put_rows(
        connection, permissions,
        [{"email": email, "purpose": purpose, "state": now.state, "at": now.at} for (email, purpose), now in stand.items()],
    )  # fmt: skip
    for each in said:
        if each.action == "confirmed":
            look_again(connection, each.email, each.at)


def store_lifted(connection: Connection, lifted: Sequence[Lifted]) -> None:
    """Let addresses be mailed again of what their owners had chosen not to receive."""
    for email, scopes, at in lifted:
        theirs = and_(suppressions.c.email == email, suppressions.c.reason.in_(THEIR_CHOICE), suppressions.c.at <= at)
        connection.execute(delete(suppressions).where(theirs, suppressions.c.scope.in_(scopes)))


def store_wishes(connection: Connection, wishes: Sequence[Wish]) -> None:
    """Put in force what people wish for; of each address the last word counts."""
    latest = {wish.email: wish for wish in sorted(wishes, key=lambda wish: wish.at)}
    known = rhythms_of(connection, latest.keys())
    for email, wish in latest.items():
        before = known[email].at if email in known else None
        if before is not None and before > wish.at:
            continue
        row = {"email": email, "pace": wish.rhythm.pace.value, "paused_until": wish.rhythm.paused_until, "at": wish.at}
        put_rows(connection, paces, [row])
        store_lifted(connection, [wish.wanted])
        suppress(connection, wish.unwanted)
        look_again(connection, email, wish.at)


def look_again(connection: Connection, email: str, at: datetime) -> None:
    """Let mail be looked at again that waits for what its reader says."""
    theirs = messages.c.person_id.in_(select(people.c.id).where(people.c.email == email))
    waits = and_(messages.c.status == MessageStatus.QUEUED, messages.c.reason.in_(AS_THEY_WISH), messages.c.due_at > at)
    connection.execute(update(messages).where(theirs, waits).values(due_at=at, planned_at=at))
