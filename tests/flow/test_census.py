"""A census is taken within one state of the database, and the next takes its place."""

from datetime import timedelta

from sqlalchemy import select

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import census as censuses
from nurture.flow.census import census
from nurture.reports.census import QUESTIONS, Censuses
from tests.flow.conftest import Intake
from tests.support.events import form
from tests.support.waiting import MovableClock


def kept(database: Database) -> dict[str, object]:
    with database.engine.connect() as connection:
        rows = connection.execute(select(censuses)).all()
    assert len({(row.at, row.basis) for row in rows}) == 1
    return {row.question: (row.at, row.answer) for row in rows}


def test_each_takes_the_place_of_the_one_before(database: Database, intake: Intake, clock: MovableClock) -> None:
    store = Censuses(database.engine, database.releases)
    found = census(store, clock)
    first, then = kept(database), clock.now()
    intake.take([form("ana@acme.test")])
    clock.advance(timedelta(minutes=15))
    assert census(store, clock) > found
    second = kept(database)
    assert first.keys() == second.keys() == {question.name for question in QUESTIONS}
    assert first["contacts"] == (then, [[0, 0]])
    assert second["contacts"] == (clock.now(), [[1, 0]])


def test_what_happens_while_people_are_counted_is_in_none_of_the_figures(
    database: Database, intake: Intake, clock: MovableClock
) -> None:
    store = Censuses(database.engine, database.releases)
    with store.counting() as counting:
        definitions = counting.definitions()
        intake.take([form("ana@acme.test")])
        answers = counting.answers(definitions, clock.now())
    assert answers["contacts"] == [(0, 0)]
    store.store(answers, definitions, clock.now())
    assert kept(database)["contacts"] == (clock.now(), [[0, 0]])
