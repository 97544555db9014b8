"""Nobody's personal data in a case: what was really told is replaced by something harmless, the same everywhere.

What a rule asks for decides what happens, so it stays as it was; so do language, zone and country, which many people share.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from nurture.domain.conditions import Condition
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.named_lists import FREE_MAIL_DOMAINS
from nurture.domain.pauses import date_attributes
from nurture.domain.program import Wait, WaitFor

_SHARED: Final = frozenset({"language", "timezone", "country"})

#: Stand-ins for what templates and forms like to ask for.
_STAND_INS: Final[Mapping[str, str]] = {
    "first_name": "Camille", "last_name": "Durand", "company": "Example SAS", "phone": "+33 1 99 00 00 00", "city": "Paris",
    "website": "https://www.example.com",
}  # fmt: skip

#: A longer text than this is a message that somebody wrote, and no attribute.
_LONGEST: Final = 60


class Harmless:
    """Replaces what these definitions do not ask for."""

    def __init__(self, definitions: Definitions) -> None:
        self._asked = _SHARED | _asked_of_people(definitions)
        self._asked_of_events = frozenset(_asked_of_events(definitions))
        self._written = definitions.to_json()

    def email(self, address: str) -> str:
        """An address of nobody; its domain stays if a rule may ask for it."""
        domain = address.rpartition("@")[2]
        return f"person-1@{domain if domain in FREE_MAIL_DOMAINS or domain in self._written else 'example.com'}"

    def attributes(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """What was told of a person; what they wrote in a message is left out."""
        kept = {name: self._attribute(name, value) for name, value in told.items()}
        return {name: value for name, value in kept.items() if value is not None}

    def _attribute(self, name: str, value: Any) -> Any:
        if name in self._asked or isinstance(value, bool):
            return value if isinstance(value, str | int | float) else None
        if name in _STAND_INS:
            return _STAND_INS[name]
        if isinstance(value, int | float):
            return 1
        is_message = not isinstance(value, str) or len(value) > _LONGEST or "\n" in value
        return None if is_message else f"some {name.replace('_', ' ')}"

    def properties(self, event: Event) -> dict[str, Any]:
        """What was told of an event, as far as rules ask for it."""
        return {name: value for name, value in event.properties.items() if name in self._asked_of_events}


def _asked_of_people(definitions: Definitions) -> frozenset[str]:
    asked = {name for condition in _person_conditions(definitions) for name in condition.fields()}
    for sequence in definitions.sequences.values():
        pauses = (node.pause for node in sequence.program.nodes.values() if isinstance(node, Wait))
        asked |= {name for pause in pauses for name in date_attributes(pause)}
    return frozenset(asked)


def _person_conditions(definitions: Definitions) -> Iterator[Condition]:
    yield from (rule.when for rule in definitions.scoring.fit)
    yield from (rule.when for rule in definitions.lifecycle.promotions if rule.when is not None)
    yield from (rule.when for rule in definitions.lifecycle.recycling)
    for sequence in definitions.sequences.values():
        yield from sequence.person_conditions()


def _asked_of_events(definitions: Definitions) -> Iterator[str]:
    wheres = [rule.where for rule in definitions.scoring.all_rules()]
    wheres += [rule.where for rule in definitions.lifecycle.promotions]
    wheres += [rule.where for rule in definitions.lifecycle.rejections]
    wheres += [happening.where for each in _person_conditions(definitions) for _, happening in each.happenings]
    for sequence in definitions.sequences.values():
        wheres += [sequence.trigger.where, sequence.goal.where if sequence.goal else None]
        wheres += [node.awaited.where for node in sequence.program.nodes.values() if isinstance(node, WaitFor)]
    for where in wheres:
        if where is not None:
            yield from where.fields()
