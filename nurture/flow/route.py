"""Route: which transport each mail takes, and when; what is learned of transports and recipients on the way.

Loads the brakes and today's quotas, decides which ways are open to each mail, and lets the limiter give it a slot on one of them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.mail.brakes import Brake, BrakeKind, Brakes, Experience, Learned, family_at, learn
from nurture.domain.mail.breakers import ALL_MAIL
from nurture.domain.mail.delivery import Missed, Unreached
from nurture.domain.mail.faults import Refusal
from nurture.domain.mail.message import Reason
from nurture.domain.mail.rates import Lane, Later, Limiter, Permit, Slot, Ways, day_lane
from nurture.domain.mail.routing import TransportPolicy, is_recipients, preferred, recipient_lanes, told, transport_lanes, warming
from nurture.domain.mail.sending import LEASE, SendingPolicy
from nurture.domain.mail.warm_up import DaysMail, Quota, WarmUp, day_of, quota_after
from nurture.errors import Unavailable
from nurture.ports import Carried, Go, Parcel, Wait

#: A brake that another worker has pulled holds here after this time at the latest.
_LOOKS_EVERY: Final = timedelta(seconds=1)

#: Between the decision that a mail begins and its first byte there is a commit.
_UNDER_WAY: Final = timedelta(milliseconds=5)

#: How long mail rests while nobody knows how much may go.
_REST: Final = timedelta(seconds=30)


class Limits(Protocol):
    """Gives slots, exactly, over all workers; see `domain.mail.rates`."""

    def take(self, mails: Sequence[Ways], at: datetime, used: Mapping[Lane, int]) -> list[Slot | Later]:
        """A slot or an appointment for each mail; `used` is what went already through lanes that are `uncounted`."""
        ...

    def give_back(self, permits: Sequence[Permit], at: datetime) -> None:
        """Let others have permits that were not used."""
        ...

    def uncounted(self, lanes: Sequence[Lane]) -> list[Lane]:
        """Those of the lanes that nothing is known of."""
        ...


class RoutingStore(Protocol):
    """The database, as route sees it; each call is a transaction of its own."""

    def brakes(self) -> Brakes:
        """All brakes, those included that have ended and were not forgotten."""
        ...

    def keep(self, learned: Learned) -> bool:
        """Pull and forget brakes, and raise alarms; a brake that holds already stays as it is. Whether any was pulled."""
        ...

    def last_quota(self, transport: str, day: int) -> tuple[Quota | None, DaysMail]:
        """The newest quota of a transport up to a day, and what came of the mails of that quota's day."""
        ...

    def keep_quota(self, transport: str, quota: Quota) -> Quota:
        """Write a day's quota, unless there is one; the one that holds."""
        ...

    def carried(self, transport: str, day: int) -> int:
        """How many mails a transport carried on a day."""
        ...


#: Whose servers take the mail of domains; see `domain.mail.families`. Never waits long: what is not known is one by itself.
Families = Callable[[Collection[str]], Mapping[str, str]]


class _Way(NamedTuple):
    transport: str
    lanes: list[Lane]


class Routes:
    """Fulfils `ports.Router`; one for each worker process."""

    def __init__(self, store: RoutingStore, limits: Limits, families: Families) -> None:
        self._store = store
        self._limits = limits
        self._families = families
        self._brakes: Brakes = {}
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._quotas: dict[str, Quota] = {}
        self._permits: dict[int, _Given] = {}

    def expect(self, domains: Collection[str]) -> None:
        """Find out whose servers take the mail of these domains, as far as it can be known at once."""
        self._families(domains)

    def route(self, parcels: Sequence[Parcel], definitions: Definitions, at: datetime) -> list[Go | Wait]:
        """A permit or a wait for each parcel, in their order."""
        if not parcels:
            return []
        self._look_again(at)
        everything = self._brakes.get(("all", ALL_MAIL))
        if everything is not None and everything.holds(at):
            return [_held(each.message, everything, at, all_mail=True) for each in parcels]
        open_ = self._open_ways(parcels, definitions.sending, at)
        going = [each.message for each in parcels if open_[each.message]]
        try:
            slots = self._take([open_[message] for message in going], at)
        except Unavailable as error:
            return [Wait(each.message, at + _REST, Reason.RATE, str(error), all_mail=True) for each in parcels]
        answers = dict(zip(going, slots, strict=True))
        return [self._answer(each, open_[each.message], answers.get(each.message), definitions.sending, at) for each in parcels]

    def _look_again(self, at: datetime) -> None:
        """Once in a while: what holds mail back, and which permits can be forgotten."""
        if not self._looked_at <= at < self._looked_at + _LOOKS_EVERY:
            self._brakes, self._looked_at = self._store.brakes(), at
            self._forget_permits(at)

    def _open_ways(self, parcels: Sequence[Parcel], policy: SendingPolicy, at: datetime) -> dict[int, list[_Way]]:
        """The ways that no brake closes, for each message, the one it would rather go first."""
        weights = {name: transport.weight for name, transport in policy.transports.items()}
        lanes = {name: self._transport_lanes(name, transport, at) for name, transport in policy.transports.items()}
        families = self._families({each.domain for each in parcels})
        theirs = {domain: recipient_lanes(domain, family, policy.recipients) for domain, family in families.items()}
        return {
            each.message: [
                _Way(name, [*lanes[name], *theirs[each.domain]])
                for name in preferred(each.message, weights)
                if self._closing(name, families[each.domain], each.domain, at) is None
            ]
            for each in parcels
        }

    def _transport_lanes(self, name: str, policy: TransportPolicy, at: datetime) -> list[Lane]:
        quota = self._quota(name, policy.warm_up, day_of(at)) if policy.warm_up is not None else None
        return transport_lanes(name, policy, quota.mails if quota is not None else None)

    def _quota(self, transport: str, warm_up: WarmUp, day: int) -> Quota | None:
        """Today's quota of a transport that warms up; None when it is warm."""
        quota = self._quotas.get(transport)
        if quota is None or quota.day != day:
            last, mail = self._store.last_quota(transport, day)
            decided = last if last is not None and last.day == day else quota_after(warm_up, last, mail, day)
            quota = self._quotas[transport] = self._store.keep_quota(transport, decided)
        return quota if quota.mails < warm_up.until else None

    def _closing(self, transport: str, family: str, domain: str, at: datetime) -> Brake | None:
        """The brake that closes a way."""
        named: tuple[tuple[BrakeKind, str], ...] = (
            ("domain", domain), ("domain", family), ("transport", transport), ("family", family_at(transport, family)),
        )  # fmt: skip
        found = (self._brakes[name] for name in named if name in self._brakes)
        return next((brake for brake in found if brake.holds(at)), None)

    def _take(self, ways: Sequence[Sequence[_Way]], at: datetime) -> Sequence[Slot | Later]:
        mails = [[way.lanes for way in each] for each in ways]
        lanes = {lane for each in mails for way in each for lane in way}
        if not lanes:
            return Limiter().take(mails, at)  # nobody counts anything
        counted = {lane: way.transport for each in ways for way in each for lane in way.lanes if lane.name == _quota_of(way)}
        used = {lane: self._store.carried(counted[lane], day_of(at)) for lane in self._limits.uncounted(list(counted))}
        return self._limits.take(mails, at, used)

    def _answer(
        self, parcel: Parcel, ways: Sequence[_Way], answer: Slot | Later | None, policy: SendingPolicy, at: datetime
    ) -> Go | Wait:
        match answer:
            case Slot(way, begins, until):
                if lanes := ways[way].lanes:  # else nobody counts, and there is nothing to give back
                    self._permits[parcel.message] = _Given(Permit(lanes, begins), until)
                return Go(parcel.message, ways[way].transport, begins, until - _UNDER_WAY)
            case Later(way, asks, lane):
                reason = Reason.WARM_UP if lane == _quota_of(ways[way]) else Reason.RATE
                nobody_could = not is_recipients(lane) and len(ways) == len(policy.transports)
                return Wait(parcel.message, asks, reason, f"{told(lane)} is full", all_mail=nobody_could)
            case None:
                return self._closed(parcel, policy, at)

    def _closed(self, parcel: Parcel, policy: SendingPolicy, at: datetime) -> Wait:
        """Brakes close all ways of a parcel; it waits for the one that opens first."""
        family = self._families([parcel.domain])[parcel.domain]
        closing = [brake for name in policy.transports if (brake := self._closing(name, family, parcel.domain, at)) is not None]
        first = min(closing, key=lambda brake: brake.ends(at))
        return _held(parcel.message, first, at, all_mail=all(brake.kind == "transport" for brake in closing))

    def _forget_permits(self, at: datetime) -> None:
        """Those of which nobody said that they were not used: they were."""
        self._permits = {message: given for message, given in self._permits.items() if given.until > at - LEASE}

    def unused(self, permits: Sequence[Go], at: datetime) -> None:
        """Give back permits of messages that were not begun. While Redis is away they are lost, which costs a little speed."""
        self._give_back([each.message for each in permits], at)

    def _give_back(self, messages: Sequence[int], at: datetime) -> None:
        back = [self._permits.pop(message).permit for message in messages if message in self._permits]
        with suppress(Unavailable):
            self._limits.give_back(back, at)

    def heard(self, carried: Sequence[Carried], at: datetime) -> None:
        """Learn from how mails fared: of transports that are away, and of recipients that refuse us."""
        self._give_back([each.message for each in carried if isinstance(each.answer, Missed)], at)
        families = self._families({each.domain for each in carried})
        experiences = [_experience(each, families[each.domain]) for each in carried if not isinstance(each.answer, Missed)]
        learned = learn(experiences, self._brakes, at)
        if any(learned):
            self._store.keep(learned)
            self._brakes, self._looked_at = self._store.brakes(), at


class _Given(NamedTuple):
    permit: Permit
    until: datetime


def _quota_of(way: _Way) -> str:
    """The name of the lane that counts a way's quota a day."""
    return day_lane(warming(way.transport), 1).name


def _held(message: int, brake: Brake, at: datetime, *, all_mail: bool) -> Wait:
    reason = Reason.UNREACHABLE if brake.kind == "transport" else Reason.BRAKE
    detail = f"{brake.name} {brake.reason}" if brake.kind != "all" else brake.reason
    return Wait(message, brake.ends(at), reason, detail, all_mail=all_mail)


def _experience(carried: Carried, family: str) -> Experience:
    match carried.answer:
        case Refusal() as refusal:
            return Experience(carried.transport, family, refusal=refusal)
        case Unreached(why):
            return Experience(carried.transport, family, unreached=why)
        case _:
            return Experience(carried.transport, family)
