"""How much one address, or one server, may ask of this process: what comes above is answered 429, with when to come again.

One number is kept for each (the virtual scheduling form of the leaky bucket: ITU-T I.371, "generic cell rate algorithm"): the
instant at which everything that was taken from it is paid off.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import ceil
from typing import Final

from starlette.types import Scope

from nurture.settings import Settings
from nurture.web.refusals import Refusal

#: Holders of whom something is remembered, per kind; above that the one that asked longest ago is forgotten.
MOST_HOLDERS: Final = 50_000

#: How many seconds' worth may come at once, after a silence: of pages that are opened side by side, of a form that an office fills in.
BURST_OF_EVENTS: Final = 10.0
BURST_OF_FORMS: Final = 60.0

#: What sums of floats are off by, in seconds.
_ROUNDING: Final = 1e-6

#: What one subscriber of IPv6 is given at least (RFC 6177); a single address says nothing.
_SUBSCRIBER: Final = 64


class Limiter:
    """Lets each holder through `rate` times a second, and as often at once as `burst` seconds hold. A rate of zero limits nobody."""

    def __init__(self, rate: float, burst: float, most: int = MOST_HOLDERS) -> None:
        self._cost = 1 / rate if rate else 0.0
        self._burst = max(burst, self._cost)
        self._most = most
        self._paid_at: OrderedDict[str, float] = OrderedDict()

    def take(self, holder: str, at: float) -> float:
        """Zero if `holder` may go on at second `at`, which is counted; else how many seconds it has to wait."""
        if not self._cost:
            return 0.0
        before = self._paid_at.get(holder, at)
        if before > at + self._burst + _ROUNDING:  # the clock was put back: nobody waits until it is there again
            before = at
        paid_at = max(before, at) + self._cost
        wait = paid_at - at - self._burst
        if wait > _ROUNDING:
            return wait
        self._paid_at[holder] = paid_at
        self._paid_at.move_to_end(holder)
        if len(self._paid_at) > self._most:
            self._paid_at.popitem(last=False)
        return 0.0

    def give_back(self, holder: str) -> None:
        """What was taken last counts for somebody else."""
        if holder in self._paid_at:
            self._paid_at[holder] -= self._cost

    def __len__(self) -> int:
        return len(self._paid_at)


class Limits:
    """The limits of a web process; `now` gives seconds. Every method raises Refusal (429)."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._now = now
        self._events = Limiter(settings.rate_events, BURST_OF_EVENTS)
        self._forms = Limiter(settings.rate_forms, BURST_OF_FORMS)
        self._servers = Limiter(settings.rate_servers, BURST_OF_EVENTS)

    def events_from(self, scope: Scope) -> None:
        """One more request with events from the address of a request."""
        self._ask(self._events, holder_in(scope))

    def form_from(self, scope: Scope) -> None:
        """One more post of a form from the address of a request."""
        self._ask(self._forms, holder_in(scope))

    def events_of_server(self, scope: Scope, source: str) -> None:
        """What was counted for the address turns out to be a server's, with a key of its own, which has a limit of its own."""
        holder = holder_in(scope)
        if holder is not None:
            self._events.give_back(holder)
        self._ask(self._servers, source)

    def _ask(self, limiter: Limiter, holder: str | None) -> None:
        wait = limiter.take(holder, self._now()) if holder is not None else 0.0
        if wait:
            again = max(1, ceil(wait))
            raise Refusal(
                429, "too_many_requests", f"this is more than one sender may ask for; come again in {again} s", retry_after=again
            )


def holder_in(scope: Scope) -> str | None:
    """For whom a request counts; nobody where its address tells nobody apart."""
    client = scope.get("client")
    return holder_of(client[0]) if client else None


@lru_cache(10_000)
def holder_of(address: str) -> str | None:
    """For whom an address counts: an IPv4 address for itself, an IPv6 address for its network of 64 bits.

    On the loopback address stands a proxy that does not say for whom it asks, or one of our own programs: that is nobody.
    """
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return None
    if isinstance(found, IPv4Address):
        return str(found)
    return str(ip_network((int(found), _SUBSCRIBER), strict=False).network_address)
