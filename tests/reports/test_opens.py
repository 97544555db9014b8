"""Opens are told by step, of nobody in particular, and only where enough people were mailed."""

import pytest

from nurture.domain.event import EMAIL_OPENED, midnight
from nurture.errors import DefinitionError
from nurture.reports.opens import FEWEST, StepOpens, opens
from tests.support.events import download, event, form
from tests.support.installation import Installation


def enter(installation: Installation, people: range) -> None:
    at = installation.clock.now()
    for number in people:
        address = f"p{number}@acme.test"
        installation.happen(form(address, address, at), download(address, at))
    installation.work()


def look(installation: Installation, times: int, step: str = "thanks") -> None:
    day, where = midnight(installation.clock.now()), {"sequence": "guide-nurture", "step": step}
    installation.happen(*(event(EMAIL_OPENED, day, source="engine", consented=False, properties=where) for _ in range(times)))
    installation.work()


def first(installation: Installation) -> StepOpens:
    return opens(installation.engine, installation.definitions, "guide-nurture").steps[0]


def test_nothing_is_told_of_few_readers(installation: Installation) -> None:
    enter(installation, range(FEWEST - 1))
    look(installation, 3)
    assert (first(installation).sent, first(installation).people, first(installation).opened) == (FEWEST - 1, FEWEST - 1, None)
    enter(installation, range(FEWEST - 1, FEWEST))
    assert (first(installation).people, first(installation).opened) == (FEWEST, 3)


def test_each_step_has_its_own_opens_of_all_days(installation: Installation) -> None:
    enter(installation, range(FEWEST))
    look(installation, 2)
    installation.later(days=1)
    look(installation, 1)
    look(installation, 5, step="another")
    assert first(installation).opened == 3


def test_a_sequence_that_is_not_in_force_is_named(installation: Installation) -> None:
    with pytest.raises(DefinitionError, match="no sequence 'guide'"):
        opens(installation.engine, installation.definitions, "guide")
