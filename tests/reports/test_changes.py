"""What a new set of definitions changes is told by file and by name."""

from nurture.reports.changes import changes
from tests.support.definitions import DEFINITIONS, GUIDE_SEQUENCE, SENDING, definitions


def told(**changed: object) -> list[str]:
    return [str(each) for each in changes(definitions(), definitions(**changed))]


def test_the_first_definitions_are_all_new() -> None:
    found = {str(each) for each in changes(None, definitions())}
    assert found == {
        "scoring: added", "lifecycle: added", "sending: added", "asset guide: added", "form guide: added",
        "sequence guide-nurture: added",
    }  # fmt: skip


def test_equal_definitions_change_nothing() -> None:
    assert told() == []


def test_a_file_that_changed_is_named() -> None:
    assert told(sending=SENDING | {"default_language": "fr"}) == ["sending: changed"]
    assert told(scoring={**DEFINITIONS["scoring"], "half_life": "40d"}) == ["scoring: changed"]


def test_each_thing_with_a_name_is_told_apart() -> None:
    shorter = GUIDE_SEQUENCE | {"steps": GUIDE_SEQUENCE["steps"][:1]}
    other = GUIDE_SEQUENCE | {"sequence": "other"}
    assert told(sequences={"guide-nurture": shorter, "other": other}) == [
        "sequence guide-nurture: changed",
        "sequence other: added",
    ]
    assert told(forms={}) == ["form guide: removed"]
