"""After any release that is not refused, everybody in flight stands on a step of the version that they are pinned to."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from nurture.adapters.database.releases import apply
from nurture.adapters.database.releasing import newest_release
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages, people
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import LIVE, message_id
from nurture.domain.ids import stable_id
from nurture.domain.program import Send
from nurture.domain.releasing import Wishes
from nurture.flow.release import release
from tests.support.sequences import definitions_with, documents
from tests.support.waiting import MovableClock

on_each_database = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
versions = st.lists(documents("s"), min_size=2, max_size=4).map(lambda written: [definitions_with(each) for each in written])


def settle(database: Database, wanted: Definitions, clock: MovableClock) -> None:
    """Somebody on each step, of whom every second waits there, mailed by each mail of the sequence."""
    at, program = clock.now(), wanted.sequences["s"].program
    stands = {"stage": "lead", "stage_since": at, "attributes": {}, "grade": "D", "first_seen_at": at, "seen_at": at}
    common = {"sequence": "s", "version": wanted.versions["s"], "entry": 1, "due_at": at, "entered_at": at}
    sent = {"pass": 1, "status": "sent", "any_time": False, "planned_at": at, "due_at": at}
    mails = [(node.id, email) for node in program.nodes.values() if isinstance(node, Send) for email in [node.step.email]]
    with database.engine.begin() as connection:
        for table in (messages, enrollments, people):
            connection.execute(table.delete())
        apply(connection, wanted, at)
        for index, step in enumerate(program.nodes):
            id_ = stable_id("somebody", step)
            status, since = ("waiting", at) if index % 2 else ("active", None)
            connection.execute(insert(people), {"id": id_, **stands})
            connection.execute(
                insert(enrollments), {"id": id_, "person_id": id_, "step": step, "status": status, "step_since": since, **common}
            )
            for own, email in mails:
                row: dict[str, Any] = {"id": message_id(id_, own), "enrollment_id": id_, "person_id": id_, "step": own, **sent}
                connection.execute(insert(messages), row | {"template": email})


def standing(database: Database) -> list[tuple[str, str]]:
    live = enrollments.c.status.in_([status.value for status in LIVE])
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(enrollments.c.version, enrollments.c.step).where(live))]


@on_each_database
@given(released=versions, data=st.data())
def test_everybody_stands_on_a_step_of_their_version(
    database: Database, released: list[Definitions], data: st.DataObject
) -> None:
    clock = MovableClock()
    settle(database, released[0], clock)
    steps = {each.versions["s"]: each.sequences["s"].program.nodes for each in released}
    crowd = len(standing(database))
    for wanted in released[1:]:
        wishes = Wishes(finish_old=data.draw(st.booleans()), whole=data.draw(st.sampled_from((frozenset(), frozenset({"s"})))))
        before = standing(database)
        with database.engine.connect() as connection:
            seen = newest_release(connection)
        outcome = release(database, wanted, wishes, clock.now(), seen=seen)
        guesses: dict[str, str] = {}
        while outcome.forecast.refused:
            assert sorted(standing(database)) == sorted(before)
            found = {each.group.step: each.suggested or "" for each in outcome.forecast.stranded}
            assert found.keys() - guesses.keys()
            guesses |= found
            outcome = release(database, wanted, wishes._replace(maps={"s": guesses}), clock.now(), seen=seen)
        assert all(step in steps[version] for version, step in standing(database))
    with database.engine.connect() as connection:
        ended = connection.scalar(select(func.count()).where(enrollments.c.reason == "migrated to the end"))
    assert len(standing(database)) + (ended or 0) == crowd
