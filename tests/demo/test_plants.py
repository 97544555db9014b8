"""Every planted cause is what `report diagnose` names first; a business that is well hears of nothing."""

from pathlib import Path

import pytest

from nurture.adapters.database.engine import make_engine
from nurture.definitions.shipped import shipped_rules
from nurture.demo.plants.business import Business
from nurture.demo.plants.causes import PLANTS
from nurture.demo.plants.growing import FIRST_DAY, grow
from nurture.demo.plants.people import crowd
from nurture.domain.diagnosing.judging import Diagnosis
from nurture.reports.diagnose.building import diagnosis
from nurture.reports.diagnose.looking import Look
from nurture.reports.reading import snapshot
from tests.support.databases import SqliteFiles

#: Each is another crowd with other dice.
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    return SqliteFiles(tmp_path_factory.mktemp("plants"))


def diagnosed(url: str, business: Business, seed: int) -> Diagnosis:
    engine = make_engine(url)
    try:
        definitions, period = grow(engine, business, seed)
        with snapshot(engine) as connection:
            return diagnosis(Look(connection, definitions, period, period.ends))
    finally:
        engine.dispose()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cause", PLANTS)
def test_a_planted_cause_is_found_first(files: SqliteFiles, tmp_path: Path, cause: str, seed: int) -> None:
    plant = PLANTS[cause]
    found = diagnosed(files.copy_to(tmp_path / "nurture.db"), plant.business, seed).findings
    assert found, "nothing was found"
    assert (found[0].rule, found[0].about) == (cause, plant.about)
    assert found[0].confidence >= 0.8
    # Nothing else is named that does not follow from it.
    assert [each.rule for each in found[1:] if each.because is None and each.rule != cause] == []


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_business_that_is_well_hears_of_nothing(files: SqliteFiles, tmp_path: Path, seed: int) -> None:
    assert diagnosed(files.copy_to(tmp_path / "nurture.db"), Business(), seed).findings == ()


def test_few_numbers_say_so(files: SqliteFiles, tmp_path: Path) -> None:
    """The same causes, in a business that has just begun, are not told: there is too little to tell them from."""
    few = PLANTS["offer-draws-others"].business
    small = few._replace(before=few.before._replace(visitors=40), now=few.now._replace(visitors=40))
    found = diagnosed(files.copy_to(tmp_path / "nurture.db"), small, 1)
    assert found.findings == ()
    assert {"offer-draws-others", "leads-do-not-qualify", "no-calls-to-action"} <= {each.rule for each in found.too_few}
    assert all(each.there < each.needed for each in found.too_few)


def test_each_plant_is_found_by_a_rule_of_its_own() -> None:
    assert PLANTS.keys() <= shipped_rules().keys()
    assert len(PLANTS) >= 12


def test_a_crowd_follows_from_its_seed() -> None:
    assert crowd(Business(), 5, FIRST_DAY) == crowd(Business(), 5, FIRST_DAY)
    assert crowd(Business(), 5, FIRST_DAY).events != crowd(Business(), 6, FIRST_DAY).events
