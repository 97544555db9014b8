"""Whatever happens to people, in any order: no two known people are joined, cells sum to scores, verify finds nothing."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import metadata
from tests.flow.people_machine import PeopleMachine

#: 5,000 examples in all, in parts that run side by side. Each part draws other ones.
PARTS, EXAMPLES = 8, 625


def run(engine: Engine, part: int, examples: int) -> None:
    machine = type(f"PeopleMachine{part}", (PeopleMachine,), {"engine": engine})
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_people_stay_who_they_are_and_scores_exact(part: int) -> None:
    engine = make_engine("sqlite://")
    metadata.create_all(engine)
    run(engine, part, EXAMPLES)
    engine.dispose()


def test_the_same_holds_on_postgresql(postgresql_url: str) -> None:
    engine = make_engine(postgresql_url)
    run(engine, PARTS, 100)
    engine.dispose()
