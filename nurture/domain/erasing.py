"""What a person left, and whether something that waits outside the database is theirs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nurture.domain.event import EVENT, Event
from nurture.domain.identity import STRONG, Identifier, strong_identifiers, weak_identifiers


@dataclass(frozen=True, slots=True)
class Traces:
    """By what people can be named: their ids (those merged into them included), what they are known by, their mails."""

    people: frozenset[int] = frozenset()
    identifiers: frozenset[Identifier] = frozenset()
    messages: frozenset[int] = frozenset()

    def __or__(self, other: "Traces") -> "Traces":
        return Traces(
            self.people | other.people, self.identifiers | other.identifiers, self.messages | other.messages
        )  # fmt: skip

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(each.value for each in self.identifiers if each.kind == "email")

    def own(self, event: Event) -> bool:
        """Whether an event is theirs: it came by a link in their mail, or names them.

        An event on their browser that names somebody else is that one's, as it is for `domain.identity`.
        """
        if event.person in self.people or event.message in self.messages:
            return True
        strong = strong_identifiers(event)
        return not self.identifiers.isdisjoint(strong or weak_identifiers(event))

    def own_body(self, body: bytes) -> bool:
        """The same for an event as it travels; one that cannot be read is theirs if anything they are known by stands in it."""
        try:
            return self.own(EVENT.validate_json(body))
        except ValidationError:
            text = body.decode(errors="replace")
        try:
            told = set(_texts(json.loads(text)))
        except ValueError:
            return any(each.value.lower() in text.lower() for each in self.identifiers)
        return any(each.value.lower() in told for each in self.identifiers)


def named(who: str) -> Traces:
    """What somebody may be known by who is named on the command line; an id of ours is found in the database or not at all."""
    asked = who.strip()
    return Traces(identifiers=frozenset({
        Identifier("email", asked.lower()), Identifier("user_id", asked), Identifier("anonymous_id", asked),
    }))  # fmt: skip


def without(event: Event, traces: Traces) -> Event:
    """Somebody else's event without the addresses and user ids of these people, which it named in vain."""
    gone = {each.value for each in traces.identifiers if each.kind in STRONG}
    changed: dict[str, Any] = {name: None for name in STRONG if getattr(event, name) in gone}
    if str(event.traits.get("email", "")).lower() in gone:
        changed["traits"] = {name: value for name, value in event.traits.items() if name != "email"}
    return event.model_copy(update=changed)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, in lower case."""
    if isinstance(value, str):
        yield value.lower()
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
