"""config/diagnose.yaml: optional, and its mistakes are told with their place; so is every rule that comes with the engine."""

from pathlib import Path

import pytest

from nurture.definitions.loader import Loaded, load
from nurture.definitions.shipped import shipped_rules
from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.vocabulary import facts_of
from tests.definitions.folders import FILES

OWN = "rules:\n  own: {when: {leads: {at_least: 5}}, says: {en: {title: Own, text: 'There are %s.'}}}\n"


def loaded(folder: Path, diagnose: str | None) -> Loaded:
    for name, text in {**FILES, **({} if diagnose is None else {"diagnose.yaml": diagnose})}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return load(folder)


def test_it_takes_effect_and_can_be_stored(tmp_path: Path) -> None:
    found = loaded(tmp_path, "confidence: 0.9\noff: [one-channel]\n" + OWN % "{leads}").definitions
    assert found is not None
    assert (found.diagnose.confidence, found.diagnose.off) == (0.9, ("one-channel",))
    assert Definitions.model_validate_json(found.to_json()) == found
    assert {"own", "form-too-long"} <= found.diagnose.over(shipped_rules()).keys()


def test_without_it_the_engine_brings_its_own(tmp_path: Path) -> None:
    found = loaded(tmp_path, None).definitions
    assert found is not None
    assert found.diagnose.over(shipped_rules()) == shipped_rules()


@pytest.mark.parametrize(
    ("diagnose", "mistake"),
    [
        ("off: [one-chanel]", "diagnose.yaml:1:7: unknown rule 'one-chanel'; did you mean 'one-channel'?"),
        ("confidence: 1", "diagnose.yaml:1:13: "),
        ("rules:\n  one-channel: {weight: 0}", "diagnose.yaml:2:25: "),
        ("rules:\n  form-to-long: {weight: 3}", "diagnose.yaml:2:3: no rule 'form-to-long' comes with the engine"),
        ("rules:\n  mine: {when: {leads: 1}}", "diagnose.yaml:2:3: no rule 'mine' comes with the engine, and as one of your own it lacks 'says'"),
        ("rules:\n  one-channel: {when: {leds: {above: 3}}}", "diagnose.yaml:2:24: unknown fact 'leds'; did you mean 'leads'?"),
        ("rules:\n  one-channel: {when: {form_views: {above: 3}}}", "unknown fact 'form_views'; it is known of each form, so write 'of: form'"),
        ("rules:\n  one-channel: {least: {leds: 3}}", "diagnose.yaml:2:25: unknown fact 'leds'"),
        ("rules:\n  one-channel: {shows: [leads, leds]}", "diagnose.yaml:2:32: unknown fact 'leds'"),
        ("rules:\n  one-channel: {concerns: leds}", "diagnose.yaml:2:27: unknown fact 'leds'"),
        ("rules:\n  one-channel: {explains: [two-channels]}", "diagnose.yaml:2:28: unknown rule 'two-channels'; did you mean 'one-channel'?"),
        ("off: [one-channel]\nrules: {one-channel: {weight: 3}}", "diagnose.yaml:1:7: 'one-channel' is changed under 'rules' and yet off"),
        ("rules:\n  one-channel: {when: {leads: {above: 3, below: 2}}}", "diagnose.yaml:2:23: this condition contradicts itself"),
        (OWN % "{leds}", "unknown fact 'leds' in braces; did you mean 'leads'?"),
        (OWN % "{leads", "a brace is left open here"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, diagnose: str, mistake: str) -> None:
    found = loaded(tmp_path, diagnose)
    assert found.definitions is None
    assert mistake in "\n".join(map(str, found.errors))


@pytest.mark.parametrize("name", shipped_rules())
def test_what_comes_with_the_engine_asks_about_what_is_known(name: str) -> None:
    rule = shipped_rules()[name]
    assert rule.asks() <= facts_of(rule.of).keys()
    assert {*rule.explains} <= shipped_rules().keys() - {name}
    assert rule.shows
    assert rule.least
