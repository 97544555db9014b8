"""Who is who and what it comes to, told a second time and as plainly as can be: what the engine is held against.

Nothing of the engine's own identity rules is used here. Events are walked through in the order in which people acted; a person
is a bag of identifiers and of events.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from nurture.domain.event import Event

STRONG = ("user_id", "email")
LIMITS = {"user_id": 1, "email": 5, "anonymous_id": 50, "submission": 1_000}
RANK = {"observed": 0, "claimed": 1, "verified": 2}


@dataclass(eq=False)
class Human:
    """Somebody."""

    ids: set[tuple[str, str]] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    pages: Counter[str] = field(default_factory=Counter)

    @property
    def known(self) -> bool:
        return any(kind in STRONG for kind, _ in self.ids)


class Told(NamedTuple):
    """A person without an id."""

    events: frozenset[str]
    ids: frozenset[tuple[str, str]]
    pages: frozenset[tuple[str, int]]


class Oracle:
    """Walks through events in their true order."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.humans: list[Human] = []
        self.confirmed: set[tuple[str, str]] = set()
        for event in sorted(events, key=lambda each: each.occurred_at):
            self._walk(event)

    def holder(self, identifier: tuple[str, str]) -> Human | None:
        return next((human for human in self.humans if identifier in human.ids), None)

    def _walk(self, event: Event) -> None:
        machine = "bot" in str(event.context.get("userAgent"))
        named = {"user_id": event.user_id, "email": event.email}
        strong = [] if machine else [(kind, value) for kind, value in named.items() if value]
        weak = [("anonymous_id", event.anonymous_id), ("submission", event.submission), ("anonymous_id", event.previous_id)]
        devices = list(dict.fromkeys((kind, value) for kind, value in weak if value))
        strong = [each for each in strong if self._may_speak(event, each, devices)]
        who = self._whose(strong, devices)
        self._learn(who, event, strong, devices)
        if not machine:
            who.events.add(event.message_id)
            if event.name == "page_viewed":
                who.pages[event.context["page"]["path"]] += 1

    def _may_speak(self, event: Event, identifier: tuple[str, str], devices: list[tuple[str, str]]) -> bool:
        """Only an address's own browser or account may use it once it is confirmed."""
        if identifier not in self.confirmed or event.assurance != "observed" or identifier[0] != "email":
            return True
        owner = self.holder(identifier)
        beside = [*devices, *([("user_id", event.user_id)] if event.user_id else [])]
        return owner is not None and any(self.holder(each) is owner for each in beside)

    def _whose(self, strong: list[tuple[str, str]], devices: list[tuple[str, str]]) -> Human:
        for identifier in strong:
            if (owner := self.holder(identifier)) is not None:
                return owner
        for identifier in devices:
            owner = self.holder(identifier)
            if owner is not None and not (strong and owner.known):
                return owner
        human = Human()
        self.humans.append(human)
        return human

    def _learn(self, who: Human, event: Event, strong: list[tuple[str, str]], devices: list[tuple[str, str]]) -> None:
        for identifier in strong:
            if self.holder(identifier) is None:
                self._give(who, identifier)
            if self.holder(identifier) is who and event.assurance == "verified":
                self.confirmed.add(identifier)
        for identifier in devices:
            owner = self.holder(identifier)
            if owner is None:
                self._give(who, identifier)
            elif owner is not who and strong and not owner.known:
                assert not any(kind in STRONG for kind, _ in owner.ids), "two people who are each known are never joined"
                who.ids |= owner.ids
                who.events |= owner.events
                who.pages += owner.pages
                self.humans.remove(owner)
            elif owner is not who and strong:
                owner.ids.discard(identifier)
                if not self._give(who, identifier):
                    owner.ids.add(identifier)

    @staticmethod
    def _give(who: Human, identifier: tuple[str, str]) -> bool:
        if sum(kind == identifier[0] for kind, _ in who.ids) >= LIMITS[identifier[0]]:
            return False
        who.ids.add(identifier)
        return True

    def people(self) -> frozenset[Told]:
        """Everybody who did something or is known by something."""
        return frozenset(
            Told(frozenset(each.events), frozenset(each.ids), frozenset(each.pages.items()))
            for each in self.humans
            if each.events or each.ids
        )
