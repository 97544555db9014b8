"""Who is this? From the identifiers of an event to a person.

Strong identifiers (`user_id`, `email`) name a human; weak ones (`anonymous_id`, `submission`) name a browser or a form post.

1. Two people who each hold a strong identifier are never joined by an event.
2. An anonymous person who shows a strong identifier becomes known and takes the history along: as a new known person, or,
   if somebody holds that identifier already, by being merged into them.
3. When a known person's browser shows somebody else's identifier, the browser changes hands: what happened before stays
   where it was counted, what comes later counts for the other.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, Protocol

from nurture.domain.event import Event
from nurture.domain.person import Person

IdentifierKind = Literal["anonymous_id", "submission", "user_id", "email"]

#: In the order in which they decide when one event carries two that belong to different people.
STRONG: Final[tuple[IdentifierKind, ...]] = ("user_id", "email")

#: How many identifiers of a kind one person may hold; a further one is left alone.
LIMITS: Final = {"user_id": 1, "email": 5, "anonymous_id": 50, "submission": 1_000}


class Identifier(NamedTuple):
    """One thing we know a person by."""

    kind: IdentifierKind
    value: str


class People(Protocol):
    """What resolving needs from its surroundings."""

    def find(self, person: int) -> Person | None:
        """The person with an id, or the one they were merged into."""
        ...

    def create(self, event: Event) -> Person:
        """Somebody new, first seen by this event."""
        ...

    def merge(self, weak: Person, into: Person) -> None:
        """Count everything of an anonymous person for a known one, from now on."""
        ...


class Register:
    """Whose each identifier is, and what has changed since it was loaded."""

    def __init__(self, owners: Mapping[Identifier, int] | None = None) -> None:
        self._owners: dict[Identifier, int] = {}
        self._held: dict[int, set[Identifier]] = defaultdict(set)
        self.added: dict[Identifier, Event] = {}
        self.moved: set[Identifier] = set()
        for identifier, owner in (owners or {}).items():
            self._assign(identifier, owner)

    def _assign(self, identifier: Identifier, person: int) -> None:
        former = self._owners.get(identifier)
        if former is not None:
            self._held[former].discard(identifier)
            if identifier not in self.added:
                self.moved.add(identifier)
        self._owners[identifier] = person
        self._held[person].add(identifier)

    def owner(self, identifier: Identifier) -> int | None:
        """Who holds an identifier."""
        return self._owners.get(identifier)

    def is_known(self, person: int) -> bool:
        """Whether a person holds a strong identifier."""
        return any(identifier.kind in STRONG for identifier in self._held[person])

    def give(self, identifier: Identifier, person: int, event: Event) -> bool:
        """Make a person the owner of an identifier; False if they hold too many of its kind already."""
        if identifier in self._held[person]:
            return True
        if sum(held.kind == identifier.kind for held in self._held[person]) >= LIMITS[identifier.kind]:
            return False
        if identifier not in self._owners:
            self.added[identifier] = event
        self._assign(identifier, person)
        return True

    def hand_over(self, weak: int, to: int) -> None:
        """Give everything one person is known by to another."""
        for identifier in sorted(self._held[weak]):
            self._assign(identifier, to)


def strong_identifiers(event: Event) -> list[Identifier]:
    """The strong identifiers of an event, the deciding one first."""
    values = {"user_id": event.user_id, "email": event.email}
    return [Identifier(kind, value) for kind in STRONG if (value := values[kind])]


def weak_identifiers(event: Event) -> list[Identifier]:
    """The weak identifiers of an event."""
    named: list[tuple[IdentifierKind, str | None]] = [
        ("anonymous_id", event.anonymous_id),
        ("submission", event.submission),
        ("anonymous_id", event.previous_id),
    ]
    return [Identifier(kind, value) for kind, value in named if value]


def identifiers_in(event: Event) -> list[Identifier]:
    """Everything by which an event can name its person."""
    return strong_identifiers(event) + weak_identifiers(event)


def resolve(event: Event, register: Register, people: People, *, weakly: bool = False) -> Person | None:
    """The person of an event, made, found, or made known by it; None if a signed link names somebody who is gone.

    `weakly` leaves strong identifiers out of account: a machine that fills in a form makes nobody known.
    """
    if event.person is not None:
        return people.find(event.person)
    strong = [] if weakly else strong_identifiers(event)
    weak = weak_identifiers(event)
    devices = [found for identifier in weak if (found := _owner(identifier, register, people))]
    person = _person_named(strong, register, people) if strong else next(iter(devices), None)
    if person is None:
        # A browser that nobody known holds becomes known itself; else somebody new begins here.
        person = next((device for device in devices if not register.is_known(device.id)), None) or people.create(event)
    for identifier in strong:
        if register.owner(identifier) is None:
            _attach(identifier, person, register, event)
    if strong:
        _take_over(devices, person, register, people)
    for identifier in weak:
        if strong or register.owner(identifier) is None:
            register.give(identifier, person.id, event)
    return person


def _owner(identifier: Identifier, register: Register, people: People) -> Person | None:
    owner = register.owner(identifier)
    return None if owner is None else people.find(owner)


def _person_named(strong: list[Identifier], register: Register, people: People) -> Person | None:
    return next((found for identifier in strong if (found := _owner(identifier, register, people))), None)


def _attach(identifier: Identifier, person: Person, register: Register, event: Event) -> None:
    given = register.give(identifier, person.id, event)
    if given and identifier.kind == "email" and person.email is None:
        person.email = identifier.value
        person.changed = True


def _take_over(devices: list[Person], person: Person, register: Register, people: People) -> None:
    for device in devices:
        if device.id != person.id and device.merged_into is None and not register.is_known(device.id):
            register.hand_over(device.id, person.id)
            people.merge(device, person)
