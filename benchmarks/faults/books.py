"""What everybody says when all is over, read from the database, the stream and the mail server."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from benchmarks.faults.account import Account, Events, Letter, Mails, settle
from benchmarks.faults.scene import HERE, Scene
from nurture import bootstrap
from nurture.adapters.database.tables import enrollments, events, messages, people
from nurture.adapters.database.tables import event_conflicts as conflicts
from nurture.domain.event import ENGINE
from nurture.reports.verify import audit


def name_of(body: bytes) -> str:
    """By what name the crowd knows an event: a form by its address, another by its message id, what is no event by what it is."""
    try:
        told = json.loads(body)
        return str(told.get("email") or told["message_id"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return body.decode(errors="replace")


def close(scene: Scene) -> Account:
    """The account of a run whose engine has come to rest."""
    scene.keep_dead_letters(name_of)
    said = Events(
        tried=scene.load.tried | scene.tried_in_bursts,
        accepted=scene.load.accepted | scene.accepted_in_bursts,
        planted=scene.planted,
        stored=_stored(scene.database),
        dead=scene.dead,
        emptied=scene.emptied,
    )
    mails = Mails(_standing(scene.database), scene.sink.letters(), scene.sink.names(), scene.bound)
    return settle(said, mails, _differences(scene))


def _stored(database: Engine) -> Counter[str]:
    """What is stored, and how often; what came twice with different words is kept apart and counts as twice, too."""
    with database.connect().execution_options(reading=True) as connection:
        bodies: list[Mapping[str, Any]] = list(connection.scalars(select(events.c.body)))
        bodies += connection.scalars(select(conflicts.c.body))
    return Counter(str(body.get("email") or body["message_id"]) for body in bodies if body["source"] != ENGINE)


def _standing(database: Engine) -> Mapping[Letter, str]:
    asked = select(people.c.email, messages.c.step, messages.c.status).join(people, people.c.id == messages.c.person_id)
    with database.connect().execution_options(reading=True) as connection:
        return {(row.email, row.step): str(row.status.value) for row in connection.execute(asked)}


def _differences(scene: Scene) -> int:
    """What `nurture verify` finds."""
    definitions = bootstrap.load_definitions(scene.settings).definitions
    if definitions is None:
        raise ValueError(f"the definitions in {HERE} are not in order")
    return audit(scene.database, definitions).differing


def unfinished(database: Engine) -> int:
    """Letters on their way, runs that will still write one, and people who are still to be counted anew."""
    mails = select(func.count()).select_from(messages).where(messages.c.status.in_(["queued", "sending"]))
    runs = select(func.count()).select_from(enrollments).where(enrollments.c.status.in_(["active", "waiting"]))
    anew = select(func.count()).select_from(people).where(people.c.recount_at.is_not(None))
    with database.connect().execution_options(reading=True) as connection:
        return sum(connection.scalar(each) or 0 for each in (mails, runs, anew))


def put_off(database: Engine, reader: str) -> datetime | None:
    """Until when the letter to somebody waits, if it does."""
    mine = select(messages.c.due_at).join(people, people.c.id == messages.c.person_id)
    with database.connect().execution_options(reading=True) as connection:
        return connection.scalar(mine.where(people.c.email == reader, messages.c.status == "queued"))
