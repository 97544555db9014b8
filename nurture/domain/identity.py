"""Who is this? From the identifiers of an event to a person.

Strong identifiers (`user_id`, `email`) name a human; weak ones (`anonymous_id`, `submission`) name a browser or a form post.

1. Two people who each hold a strong identifier are never joined by an event.
2. An anonymous person who shows a strong identifier becomes known and takes the history along: as a new known person, or,
   if somebody holds that identifier already, by being merged into them.
3. When a known person's browser shows somebody else's identifier, the browser changes hands: what happened before stays
   where it was counted, what comes later counts for the other.
4. A browser cannot speak for an address that its owner has confirmed, unless it is that person's own browser.

"Before" and "later" are meant by the time at which people acted. Events that arrive in another order may therefore be
resolved wrongly at first: `resolve` notices (`Resolution.late`), and the people concerned are recounted from the log
(`domain.recounting`). So the same set of events makes the same people, whatever order it came in.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, Literal, NamedTuple

from nurture.domain.event import Assurance, Event

IdentifierKind = Literal["anonymous_id", "submission", "user_id", "email"]

#: In the order in which they decide when one event carries two that belong to different people.
STRONG: Final[tuple[IdentifierKind, ...]] = ("user_id", "email")

#: How many identifiers of a kind one person may hold; a further one is left alone, and so is an anonymous person who would bring
#: it along (PostHog/posthog#21049).
LIMITS: Final = {"user_id": 1, "email": 5, "anonymous_id": 50, "submission": 1_000}

RANK: Final[Mapping[Assurance, int]] = {"observed": 0, "claimed": 1, "verified": 2}

#: `last_seen_at` is kept this exactly, so that a reader costs a write of it now and then, not with every page.
_SEEN_TO_THE: Final = timedelta(hours=1)


class Identifier(NamedTuple):
    """One thing we know a person by."""

    kind: IdentifierKind
    value: str


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds an identifier, since when, and how we know. All instants are those of events."""

    person: int
    source: str
    assurance: Assurance
    first_seen_at: datetime
    last_seen_at: datetime
    linked_at: datetime


class Dispute(NamedTuple):
    """An identifier went from one person to another, or an event asked for it in vain; `at` is that event's instant."""

    at: datetime
    people: frozenset[int]


class Move(NamedTuple):
    """An identifier that went from one known person to another."""

    identifier: Identifier
    former: int


class Merge(NamedTuple):
    """An anonymous person who turned out to be another, with what they were known by until then."""

    weak: int
    known_by: Mapping[Identifier, Holding]


class Refusal(NamedTuple):
    """A link that an event asked for and did not get. `other` is who holds the identifier, if somebody does."""

    identifier: Identifier
    reason: str
    other: int | None = None


class Resolution(NamedTuple):
    """Whose an event is, and what it changed about who is who.

    `late` names everybody whose events may have to be counted for
    somebody else, because this event was not the latest to tell who they are; empty if it came in its order.
    """

    person: int
    merges: tuple[Merge, ...] = ()
    moves: tuple[Move, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    late: frozenset[int] = frozenset()


@dataclass(slots=True)
class Register:
    """Whose each identifier is, and what has changed since it was loaded.

    `by_hand` are people of whom a human decided who they are: no event joins them to anybody. `losses` says when somebody
    last lost an identifier to another: before, they had less room for more.
    """

    by_hand: set[int] = field(default_factory=set)
    losses: dict[int, datetime] = field(default_factory=dict)
    added: set[Identifier] = field(default_factory=set)
    changed: set[Identifier] = field(default_factory=set)
    _holdings: dict[Identifier, Holding] = field(default_factory=dict)
    _of: dict[int, set[Identifier]] = field(default_factory=lambda: defaultdict(set))
    _disputes: dict[Identifier, list[Dispute]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def loaded(
        cls,
        holdings: Mapping[Identifier, Holding],
        disputes: Mapping[Identifier, Iterable[Dispute]] | None = None,
        by_hand: Iterable[int] = (),
        losses: Mapping[int, datetime] | None = None,
    ) -> "Register":
        register = cls(by_hand=set(by_hand), losses=dict(losses or {}))
        for identifier, holding in holdings.items():
            register._put(identifier, holding)
        for identifier, told in (disputes or {}).items():
            register._disputes[identifier].extend(told)
        return register

    def _put(self, identifier: Identifier, holding: Holding) -> None:
        former = self._holdings.get(identifier)
        if former is not None:
            self._of[former.person].discard(identifier)
        self._holdings[identifier] = holding
        self._of[holding.person].add(identifier)

    def holding(self, identifier: Identifier) -> Holding | None:
        """Everything about who holds an identifier."""
        return self._holdings.get(identifier)

    def holdings(self) -> Iterable[tuple[Identifier, Holding]]:
        """Everything that anybody holds."""
        return self._holdings.items()

    def owner(self, identifier: Identifier) -> int | None:
        """Who holds an identifier."""
        holding = self._holdings.get(identifier)
        return None if holding is None else holding.person

    def held_by(self, person: int) -> frozenset[Identifier]:
        """Everything a person is known by."""
        return frozenset(self._of.get(person, ()))

    def is_known(self, person: int) -> bool:
        """Whether a person holds a strong identifier."""
        return any(identifier.kind in STRONG for identifier in self._of.get(person, ()))

    def is_settled(self, person: int) -> bool:
        """Whether an event may no longer join a person to another."""
        return person in self.by_hand or self.is_known(person)

    def address_of(self, person: int) -> str | None:
        """The address to write to: the best assured one, of several the one known first."""
        held = [each for each in self._of.get(person, ()) if each.kind == "email"]
        return min(held, key=self._merit).value if held else None

    def _merit(self, identifier: Identifier) -> tuple[int, datetime, str]:
        holding = self._holdings[identifier]
        return -RANK[holding.assurance], holding.first_seen_at, identifier.value

    def has_room(self, person: int, weak: int) -> bool:
        """Whether a person may hold everything that another one holds, too."""
        held = Counter(each.kind for each in chain(self._of[person], self._of[weak]))
        return all(number <= LIMITS[kind] for kind, number in held.items())

    def give(self, identifier: Identifier, person: int, event: Event) -> bool:
        """Make a person the holder of an identifier; False if they hold too many of its kind already."""
        if sum(held.kind == identifier.kind for held in self._of[person]) >= LIMITS[identifier.kind]:
            return False
        at, known = event.occurred_at, self._holdings.get(identifier)
        if known is None:
            self.added.add(identifier)
            self._put(identifier, Holding(person, event.source, event.assurance, at, at, at))
        else:
            self.losses[known.person] = max(at, self.losses.get(known.person, at))
            self._change(identifier, replace(known, person=person, linked_at=at, last_seen_at=max(at, known.last_seen_at)))
        return True

    def confirm(self, identifier: Identifier, event: Event) -> None:
        """The holder of an identifier was seen with it again, perhaps by somebody whose word goes further."""
        known, at = self._holdings[identifier], event.occurred_at
        changes: dict[str, datetime | Assurance] = {}
        if RANK[event.assurance] > RANK[known.assurance]:
            changes |= {"assurance": event.assurance, "linked_at": max(at, known.linked_at)}
        if at < known.first_seen_at:
            changes["first_seen_at"] = at
        if at >= known.last_seen_at + _SEEN_TO_THE:
            changes["last_seen_at"] = at
        if changes:
            self._change(identifier, replace(known, **changes))  # type: ignore[arg-type]  # names and kinds belong together

    def hand_over(self, weak: int, to: int, at: datetime) -> dict[Identifier, Holding]:
        """Give everything one person is known by to another, at the instant of what joined them; how it was held before."""
        before = {identifier: self._holdings[identifier] for identifier in sorted(self._of[weak])}
        for identifier, holding in before.items():
            self._change(identifier, replace(holding, person=to, linked_at=at))
        return before

    def dispute(self, identifier: Identifier, at: datetime, people: Iterable[int]) -> None:
        """Remember that an identifier was asked for in vain, or changed hands."""
        self._disputes[identifier].append(Dispute(at, frozenset(people)))

    def _change(self, identifier: Identifier, holding: Holding) -> None:
        self._put(identifier, holding)
        if identifier not in self.added:
            self.changed.add(identifier)

    def out_of_order(self, named: list[Identifier], event: Event) -> frozenset[int]:
        """Everybody about whom the register knows something later that this event may contradict; empty if it came in order.

        In order is an event not older than the last that told anything of those it names; one that tells nothing new; and one
        that names somebody by the only thing they are known by.
        """
        at = event.occurred_at
        held = {identifier: found for identifier in named if (found := self._holdings.get(identifier)) is not None}
        people = {holding.person for holding in held.values()}
        disputed = [each for identifier in named for each in self._disputes.get(identifier, ()) if each.at > at]
        if disputed:
            return frozenset(people.union(*(each.people for each in disputed)))
        linked = (self._holdings[each].linked_at for person in people for each in self._of[person])
        lost = (self.losses[person] for person in people if person in self.losses)
        if at >= max(chain(linked, lost), default=at):
            return frozenset()
        if len(people) == 1 and len(held) == len(named) and all(self._says_nothing(event, each) for each in held.values()):
            return frozenset()
        [first, *others] = named
        if not others and self._of[held[first].person] == {first}:
            self._change(first, replace(held[first], linked_at=at))
            return frozenset()
        return frozenset(people)

    @staticmethod
    def _says_nothing(event: Event, holding: Holding) -> bool:
        return holding.linked_at <= event.occurred_at and RANK[event.assurance] <= RANK[holding.assurance]


def strong_identifiers(event: Event) -> list[Identifier]:
    """The strong identifiers of an event, the deciding one first."""
    user = [Identifier("user_id", event.user_id)] if event.user_id else []
    return [*user, Identifier("email", event.email)] if event.email else user


def weak_identifiers(event: Event) -> list[Identifier]:
    """The weak identifiers of an event, each once."""
    named = [Identifier("anonymous_id", event.anonymous_id)] if event.anonymous_id else []
    if event.submission:
        named.append(Identifier("submission", event.submission))
    if event.previous_id and event.previous_id != event.anonymous_id:
        named.append(Identifier("anonymous_id", event.previous_id))
    return named


def identifiers_in(event: Event) -> list[Identifier]:
    """Everything by which an event can name its person."""
    return strong_identifiers(event) + weak_identifiers(event)


def resolve(event: Event, register: Register, create: Callable[[Event], int], *, weakly: bool = False) -> Resolution:
    """The person of an event, found, made (by `create`), or made known by it. Of an event with a signed link ask the link.

    `weakly` leaves strong identifiers out of account: a machine that fills in a form makes nobody known.
    """
    strong, weak = [] if weakly else strong_identifiers(event), weak_identifiers(event)
    named = strong + weak
    late = register.out_of_order(named, event) if named else frozenset()
    return _Resolving(event, register, create, strong, weak).resolution(late)


class _Resolving:
    """The walk through the identifiers of one event."""

    def __init__(
        self,
        event: Event,
        register: Register,
        create: Callable[[Event], int],
        strong: Iterable[Identifier],
        weak: list[Identifier],
    ) -> None:
        self.event, self.register, self.weak = event, register, weak
        self.refusals: list[Refusal] = []
        self.devices = list(dict.fromkeys(holder for each in self.weak if (holder := register.owner(each)) is not None))
        self.strong = [each for each in strong if self._is_believed(each)]
        found = self._found()
        self.person = create(event) if found is None else found

    def resolution(self, late: frozenset[int]) -> Resolution:
        self._attach()
        merges = self._take_along() if self.strong else ()
        moves = tuple(self._devices_follow())
        return Resolution(self.person, merges, moves, tuple(self.refusals), late and late | {self.person})

    def _is_believed(self, identifier: Identifier) -> bool:
        """Whether the sender may speak for the owner of an identifier."""
        holding = self.register.holding(identifier)
        if holding is None or identifier.kind != "email" or holding.assurance != "verified" or self.event.assurance != "observed":
            return True
        account = self.register.owner(Identifier("user_id", self.event.user_id)) if self.event.user_id else None
        if holding.person in (*self.devices, account):
            return True
        # Whether it is its own may be seen otherwise once more is known of any identifier beside it: all are in dispute.
        reason = "a browser named a confirmed address that is not its own"
        self.refusals += [Refusal(each, reason, holding.person) for each in identifiers_in(self.event)]
        return False

    def _found(self) -> int | None:
        """Whoever the strong identifiers name; else the browser's holder, unless it is somebody else who is known."""
        named = next((holder for each in self.strong if (holder := self.register.owner(each)) is not None), None)
        if named is not None or not self.strong:
            return named if named is not None else next(iter(self.devices), None)
        return next((device for device in self.devices if not self.register.is_settled(device)), None)

    def _attach(self) -> None:
        for identifier in self.strong:
            holder = self.register.owner(identifier)
            if holder is None:
                if not self.register.give(identifier, self.person, self.event):
                    limit = LIMITS[identifier.kind]
                    self.refusals.append(Refusal(identifier, f"they hold {limit} of this kind already", self.person))
            elif holder == self.person:
                self.register.confirm(identifier, self.event)
            else:
                self.refusals.append(Refusal(identifier, "two people who are each known are not joined by an event", holder))

    def _take_along(self) -> tuple[Merge, ...]:
        """Anonymous holders of the browsers named turn out to be the person."""
        merges = []
        for device in self.devices:
            anonymous = device != self.person and not self.register.is_settled(device)
            if anonymous and self.register.has_room(self.person, device):
                merges.append(Merge(device, self.register.hand_over(device, self.person, self.event.occurred_at)))
        return tuple(merges)

    def _devices_follow(self) -> Iterable[Move]:
        for identifier in self.weak:
            holder = self.register.owner(identifier)
            if holder == self.person:
                self.register.confirm(identifier, self.event)
            elif holder is None or self.strong:
                if not self.register.give(identifier, self.person, self.event):
                    limit = LIMITS[identifier.kind]
                    self.refusals.append(Refusal(identifier, f"they hold {limit} of this kind already", holder))
                elif holder is not None:
                    yield Move(identifier, holder)
