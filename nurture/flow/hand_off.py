"""Hand off: what happened goes to the systems that asked for it, each at least once.

For every endpoint by itself, so that one which is slow or silent holds up nobody else:

1. Claim the deliveries that are due to it; the claim itself puts them off by a lease.
2. Say who it is about and why, and make the calls at once. No transaction is open meanwhile.
3. Keep what came of each: delivered, given up, or due again; and how the endpoint fared.

A crash before the last step repeats the calls under the same `webhook-id`, by which an endpoint knows what it has already.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.handing_off import Claimed, Delivery
from nurture.domain.mail.sending import GiveUp, RetryAt
from nurture.domain.telling.calls import Answer, Call, Delivered, DeliveryStatus, Fared, Result, after_answer, fared
from nurture.domain.telling.payload import payload
from nurture.ports import Clock

#: How many calls one worker makes to an endpoint at once.
BATCH: Final = 10

#: How many endpoints a worker calls at once.
_MOST_ENDPOINTS: Final = 16

#: Seconds between two looks for what has come due while some endpoint lets itself be waited for.
_LOOKS_AGAIN: Final = 0.5

#: Draws from [0, 1).
Jitter = Callable[[], float]


class HandingOff(Protocol):
    """The database, as hand off sees it; each call is a transaction of its own."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def endpoints(self, at: datetime) -> Sequence[str]:
        """The endpoints to which something is due; none that is held, or asked to be left alone."""
        ...

    def claim(self, endpoint: str, limit: int, at: datetime) -> Claimed:
        """Up to `limit` deliveries whose time has come, put off by a lease so that no other worker takes them meanwhile.

        Of what is to be told of one person, the earliest alone, unless that has failed too often.
        """
        ...

    def settle(self, endpoint: str, results: Sequence[Result], how: Fared | None, at: datetime) -> None:
        """Note what became of deliveries and how the endpoint fared; one that is to be called no more is held, with an alarm."""
        ...


class Caller(Protocol):
    """A way to the endpoints."""

    def call(self, calls: Sequence[Call], at: datetime) -> list[Answer]:
        """Make all calls at once and wait for their answers, one for each; never raises for what an endpoint does."""
        ...


class HandedOff(NamedTuple):
    """What it came to; what was neither delivered nor given up is due again later. `disabled` are endpoints called no more."""

    claimed: int = 0
    delivered: int = 0
    given_up: int = 0
    disabled: tuple[str, ...] = ()

    def and_also(self, other: "HandedOff") -> "HandedOff":
        """Both together."""
        return HandedOff(
            self.claimed + other.claimed, self.delivered + other.delivered, self.given_up + other.given_up,
            self.disabled + other.disabled,
        )  # fmt: skip


def _once() -> bool:
    return False


def hand_off(
    store: HandingOff, caller: Caller, clock: Clock, jitter: Jitter, limit: int = BATCH, goes_on: Callable[[], bool] = _once
) -> HandedOff:
    """One batch to every endpoint to which something is due; more of them for as long as `goes_on`, until nothing is.

    Raises Unavailable and Conflict.
    """
    under_way: dict[Future[HandedOff], str] = {}
    resting: set[str] = set()  # what is due to them cannot be had just now
    total, looks = HandedOff(), True
    with ThreadPoolExecutor(_MOST_ENDPOINTS) as threads:
        while True:
            for endpoint in store.endpoints(clock.now()) if looks else ():
                if endpoint not in resting and endpoint not in under_way.values():
                    under_way[threads.submit(_batch, store, caller, clock, jitter, endpoint, limit)] = endpoint
            if not under_way:
                return total
            ended = wait(under_way, _LOOKS_AGAIN, FIRST_COMPLETED).done
            if not ended:
                resting.clear()
            for each in ended:
                endpoint, came_to = under_way.pop(each), each.result()
                total = total.and_also(came_to)
                if not came_to.claimed:
                    resting.add(endpoint)
            looks = goes_on()


def _batch(store: HandingOff, caller: Caller, clock: Clock, jitter: Jitter, endpoint: str, limit: int) -> HandedOff:
    at = clock.now()
    due, failing_since = store.claim(endpoint, limit, at)
    if not due:
        return HandedOff()
    calls = list(_calls(due, store.definitions(), at))
    answers = {answer.delivery: answer for answer in caller.call(calls, at)}
    after = clock.now()
    results = list(_results(due, answers, after, jitter))
    how = fared(answers.values(), failing_since, after) if answers else None
    store.settle(endpoint, results, how, after)
    statuses = [result.status for result in results]
    disabled = (endpoint,) if how is not None and how.disabled is not None else ()
    return HandedOff(len(due), statuses.count(DeliveryStatus.DELIVERED), statuses.count(DeliveryStatus.FAILED), disabled)


def _calls(due: Sequence[Delivery], definitions: Definitions, at: datetime) -> Iterator[Call]:
    for delivery in due:
        endpoint = definitions.handoff.endpoints.get(delivery.endpoint)
        if endpoint is not None:
            yield Call(delivery.id, endpoint.url, endpoint.secret, payload(delivery, definitions, at), endpoint.shape)


def _results(due: Sequence[Delivery], answers: Mapping[int, Answer], at: datetime, jitter: Jitter) -> Iterator[Result]:
    for delivery in due:
        answer = answers.get(delivery.id)
        if answer is None:
            detail = "config/handoff.yaml defines this endpoint no more"
            yield Result(delivery.id, DeliveryStatus.FAILED, delivery.attempts, detail)
            continue
        attempts = delivery.attempts + 1
        match after_answer(answer, attempts, at, jitter()):
            case Delivered():
                yield Result(delivery.id, DeliveryStatus.DELIVERED, attempts, answer.detail)
            case RetryAt(due_at):
                yield Result(delivery.id, DeliveryStatus.WAITING, attempts, answer.detail, due_at)
            case GiveUp():
                yield Result(delivery.id, DeliveryStatus.FAILED, attempts, answer.detail)
