"""Hand off: stage changes go to the systems that asked for them, each at least once.

1. Claim the deliveries that are due; the claim itself puts them off by a lease.
2. Say who moved and why, and call all endpoints at once. No transaction is open meanwhile.
3. Keep what came of each: delivered, given up, or due again.

A crash before the last step repeats the calls under the same `webhook-id`, by which an endpoint knows what it has already.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from nurture.domain.definitions import Definitions
from nurture.domain.handing_off import Delivered, Delivery, DeliveryStatus, after_answer, payload
from nurture.domain.mail.sending import GiveUp, RetryAt
from nurture.ports import Answer, Call, Caller, Clock, HandingOff, Result

#: Also how many endpoints one worker waits for at once.
BATCH: Final = 20

#: Draws from [0, 1).
Jitter = Callable[[], float]


class HandedOff(NamedTuple):
    """What one batch came to; what was neither delivered nor given up is due again later."""

    claimed: int = 0
    delivered: int = 0
    given_up: int = 0


def hand_off(store: HandingOff, caller: Caller, clock: Clock, jitter: Jitter, limit: int = BATCH) -> HandedOff:
    """Take one batch of due deliveries; `claimed` is 0 when none is due. Raises Unavailable and Conflict."""
    at = clock.now()
    due = store.claim(limit, at)
    if not due:
        return HandedOff()
    answers = {answer.delivery: answer for answer in caller.call(list(_calls(due, store.definitions(), at)), at)}
    results = list(_results(due, answers, clock.now(), jitter))
    store.settle(results)
    statuses = [result.status for result in results]
    return HandedOff(len(due), statuses.count(DeliveryStatus.DELIVERED), statuses.count(DeliveryStatus.FAILED))


def _calls(due: list[Delivery], definitions: Definitions, at: datetime) -> Iterator[Call]:
    for delivery in due:
        endpoint = definitions.handoff.endpoints.get(delivery.endpoint)
        if endpoint is not None:
            yield Call(delivery.id, endpoint.url, endpoint.secret, payload(delivery, definitions.scoring, at))


def _results(due: list[Delivery], answers: Mapping[int, Answer], at: datetime, jitter: Jitter) -> Iterator[Result]:
    for delivery in due:
        answer = answers.get(delivery.id)
        if answer is None:
            detail = "config/handoff.yaml defines this endpoint no more"
            yield Result(delivery.id, DeliveryStatus.FAILED, delivery.attempts, detail)
            continue
        attempts = delivery.attempts + 1
        match after_answer(answer.status, attempts, at, jitter()):
            case Delivered():
                yield Result(delivery.id, DeliveryStatus.DELIVERED, attempts, answer.detail)
            case RetryAt(due_at):
                yield Result(delivery.id, DeliveryStatus.WAITING, attempts, answer.detail, due_at)
            case GiveUp():
                yield Result(delivery.id, DeliveryStatus.FAILED, attempts, answer.detail)
