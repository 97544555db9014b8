"""config/reporting.yaml: optional, and its mistakes are told with their place."""

from pathlib import Path

import pytest

from nurture.definitions.loader import Loaded, load
from nurture.domain.definitions import Definitions
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.reporting import Reporting, lowest_heat_asked_for
from tests.definitions.folders import FILES


def loaded(folder: Path, reporting: str | None) -> Loaded:
    for name, text in {**FILES, **({} if reporting is None else {"reporting.yaml": reporting})}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return load(folder)


def test_without_it_the_zone_is_that_of_sending(tmp_path: Path) -> None:
    found = loaded(tmp_path, None).definitions
    assert found is not None
    assert found.business_timezone == found.sending.timezone
    assert found.reporting.currency == "EUR"


def test_it_takes_effect_and_can_be_stored(tmp_path: Path) -> None:
    found = loaded(tmp_path, "timezone: America/Montreal\ncurrency: CAD\nbrand: [Example, example.com]\nhot: 35").definitions
    assert found is not None
    assert (found.business_timezone, found.hot) == ("America/Montreal", 35)
    assert found.reporting == Reporting(
        timezone="America/Montreal", currency="CAD", brand=("Example", "example.com"), hot=35
    )  # fmt: skip
    assert Definitions.model_validate_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("reporting", "mistake"),
    [
        ("timezone: Europe/Pariss", "reporting.yaml:1:11: "),
        ("timezone: person", "reporting.yaml:1:11: 'person' is nobody's business"),
        ("currency: euro", "reporting.yaml:1:11: 'euro' is no currency; write its three capital letters"),
        ("brand: [a]", "reporting.yaml:1:9: "),
        ("hot: 0", "reporting.yaml:1:6: "),
        ("currencies: EUR", "reporting.yaml:1:1: unknown key 'currencies'; did you mean 'currency'?"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, reporting: str, mistake: str) -> None:
    found = loaded(tmp_path, reporting)
    assert found.definitions is None
    assert mistake in "\n".join(map(str, found.errors))


@pytest.mark.parametrize(
    ("promotions", "hot"),
    [
        ([], 50),
        ([{"id": "a", "to": "mql", "when": {"engagement": {"at_least": 40}}}], 40),
        ([{"id": "a", "to": "mql", "when": {"all": [{"engagement": {"at_least": 70}}, {"grade": "A"}]}},
          {"id": "b", "to": "lead", "when": {"engagement": {"at_least": 20}}}], 20),
        ([{"id": "a", "to": "mql", "when": {"not": {"engagement": {"at_least": 10}}}}], 50),
    ],
)  # fmt: skip
def test_hot_is_what_the_promotions_ask_for(promotions: list[dict[str, object]], hot: float) -> None:
    assert lowest_heat_asked_for(Lifecycle.model_validate({"promotions": promotions})) == hot
