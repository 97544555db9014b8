"""What holds mail back beside paused sequences: all of it, one transport, one family of recipients as a transport sees it, or the mail
to one domain by whatever transport.

A transport that cannot be reached rests, and a family of recipients that holds something against us is left alone, each for a time
that doubles while it goes on. Nobody is suppressed for it: what a server holds against the sender says nothing about the reader.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from nurture.domain.duration import format_duration
from nurture.domain.mail.breakers import Alarm
from nurture.domain.mail.faults import Fault, Refusal

BrakeKind = Literal["all", "transport", "family", "domain"]

#: A brake that nobody lifts is looked at again after so long.
LOOK_AGAIN: Final = timedelta(minutes=15)

#: The first rest of a transport and the longest one; the same for a family that refuses us.
_REST: Final = (timedelta(seconds=30), timedelta(minutes=15))
_BLOCK: Final = (timedelta(minutes=10), timedelta(hours=12))


#: Servers like to repeat whom a mail was for, which is nobody's business where brakes and alarms are told.
_ADDRESS: Final = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")


class Brake(NamedTuple):
    """Something that holds mail back from `at` on; without `until`, before somebody lifts it. `by` is who pulled it, if a human did."""

    kind: BrakeKind
    name: str
    at: datetime
    until: datetime | None
    reason: str
    by: str | None = None

    def holds(self, at: datetime) -> bool:
        return self.until is None or at < self.until

    def ends(self, at: datetime) -> datetime:
        """When to look again."""
        return self.until or at + LOOK_AGAIN


#: Brakes by kind and name, those included that have ended and were not forgotten since: what follows them is longer.
Brakes = Mapping[tuple[BrakeKind, str], Brake]


def by_name(brakes: Iterable[Brake]) -> Brakes:
    """Brakes by kind and name."""
    return {(each.kind, each.name): each for each in brakes}


def family_at(transport: str, family: str) -> str:
    """The name of a family of recipients as a transport sees it."""
    return f"{transport}/{family}"


class Experience(NamedTuple):
    """How a mail fared: `refusal` if a server refused it, `unreached` (why) if there was no server to hand it to."""

    transport: str
    family: str
    refusal: Refusal | None = None
    unreached: str | None = None


class Learned(NamedTuple):
    """What follows from experiences: brakes to pull and brakes to forget, and what the operator must know."""

    pulled: list[Brake]
    forgotten: list[Brake]
    alarms: list[Alarm]


def learn(experiences: Sequence[Experience], brakes: Brakes, at: datetime) -> Learned:
    """What follows from how mails fared. A brake that holds is neither lengthened nor forgotten by mails begun before it."""
    reached = {each.transport for each in experiences if each.unreached is None}
    pulled: dict[tuple[BrakeKind, str], Brake] = {}
    alarms = []
    for each in experiences:
        brake = _transport_rests(each, reached, brakes, at) or _family_refuses(each, brakes, at)
        if brake is not None and pulled.setdefault((brake.kind, brake.name), brake) is brake and brake.kind == "family":
            alarms.append(Alarm("policy_block", brake.name, brake.reason, at))
    fine = {name for each in experiences for name in _proved_fine(each)} - pulled.keys()
    forgotten = [brakes[name] for name in fine if name in brakes and not brakes[name].holds(at)]
    return Learned(list(pulled.values()), forgotten, alarms)


def _transport_rests(each: Experience, reached: set[str], brakes: Brakes, at: datetime) -> Brake | None:
    """A single connection may break for any reason; when none of a transport's mails came through, it is away."""
    if each.unreached is None or each.transport in reached:
        return None
    return _pulled("transport", each.transport, brakes, at, _REST, lambda _: f"cannot be reached: {each.unreached}")


def _family_refuses(each: Experience, brakes: Brakes, at: datetime) -> Brake | None:
    if each.refusal is None or each.refusal.fault != Fault.POLICY:
        return None
    said = _ADDRESS.sub("<address>", each.refusal.text.strip())
    name = family_at(each.transport, each.family)
    return _pulled("family", name, brakes, at, _BLOCK, lambda rest: f"refused for {format_duration(rest)}: {said}")


def _pulled(
    kind: BrakeKind, name: str, brakes: Brakes, at: datetime, lengths: tuple[timedelta, timedelta],
    reason: Callable[[timedelta], str],
) -> Brake | None:  # fmt: skip
    before = brakes.get((kind, name))
    if before is not None and before.holds(at):
        return None
    rest = grown(before, *lengths, at)
    return Brake(kind, name, at, at + rest, reason(rest)[:200])


def grown(before: Brake | None, first: timedelta, longest: timedelta, at: datetime) -> timedelta:
    """How long the next rest is: twice the last one, unless that is long over."""
    if before is None or before.until is None or at - before.until > longest:
        return first
    return max(first, min(2 * (before.until - before.at), longest))


def _proved_fine(each: Experience) -> Iterator[tuple[BrakeKind, str]]:
    if each.unreached is None:
        yield "transport", each.transport
        if each.refusal is None:
            yield "family", family_at(each.transport, each.family)
