"""Scores on their way through the database: models beside the default, groups, the matrix."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from nurture.adapters.database.releases import apply
from nurture.adapters.database.rows import person_of
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import people, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.person import Person
from tests.flow.conftest import Intake
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import MONDAY, event, form, page
from tests.support.waiting import MovableClock

CLOUD = {
    "half_life": "10d",
    "rules": [
        {"id": "console", "on": "page_viewed", "where": {"path": "/cloud"}, "points": 8, "group": "all"},
        {"id": "trial", "on": "trial_started", "points": 30, "group": "all"},
    ],
    "groups": {"all": {"points": 33}},
}
PROMOTIONS = [
    {"id": "cloud", "to": "mql", "when": {"engagement.cloud": {"at_least": 33}}},
    {"id": "fine", "to": "sql", "when": {"matrix": ["A1", "B4"]}},
]


@pytest.fixture
def several(migrated_engine: Engine, database: Database, clock: MovableClock) -> Definitions:
    scoring = {**DEFINITIONS["scoring"], "models": {"cloud": CLOUD}}
    made = definitions(scoring=scoring, lifecycle={"promotions": PROMOTIONS})
    with migrated_engine.begin() as connection:
        apply(connection, made, clock.now())
    return made


def everybody(database: Database) -> list[Person]:
    with database.engine.connect() as connection:
        return [person_of(row) for row in connection.execute(select(people).order_by(people.c.id))]


def test_each_model_is_scored_beside_the_others_and_promotes(intake: Intake, database: Database, several: Definitions) -> None:
    intake.take([page("/cloud"), page("/pricing")])
    intake.take([event("trial_started", anonymous_id="device-1")])
    [person] = everybody(database)
    facts = person.facts(MONDAY, several.scoring)
    assert (facts["engagement"], facts["engagement.cloud"]) == pytest.approx((10, 33))  # 38, of which the group lets 33 count
    assert person.facts(MONDAY + timedelta(days=10), several.scoring)["engagement.cloud"] == pytest.approx(16.5)
    with database.engine.connect() as connection:
        assert [(row.rule, row.to_stage) for row in connection.execute(select(stage_changes))] == [("cloud", "mql")]


def test_who_never_scored_for_a_model_has_no_figure_of_it(intake: Intake, database: Database, several: Definitions) -> None:
    intake.take([page("/pricing")])
    [person] = everybody(database)
    assert person.heats == {}
    assert person.facts(MONDAY, several.scoring)["engagement.cloud"] == 0


def test_a_cell_of_the_matrix_promotes(intake: Intake, database: Database, several: Definitions) -> None:
    intake.take([form("ana@acme.test", job_title="Head of Sales")])
    [person] = everybody(database)
    assert (person.facts(MONDAY, several.scoring)["matrix"], person.stage) == ("B4", "sql")
