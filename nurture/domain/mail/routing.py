"""Which way a mail goes: the transports of config/sending.yaml with their weights, rates and warm-up, and rates of recipients.

Each mail prefers one of the transports, drawn from its id in proportion to their weights, so that it is the same one on every
try; the others follow in the order in which they would have been drawn, for when that one is away, blocked or full. (Weighted
rendezvous hashing: Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", 2005.)
"""

from collections.abc import Mapping
from math import log
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from nurture.domain.ids import stable_id
from nurture.domain.mail.rates import Lane, Rate, day_lane, lane_of
from nurture.domain.mail.warm_up import WarmUp
from nurture.domain.model import Definition

#: The transport that is there without being named.
DEFAULT: Final = "default"

#: A transport's name stands in the name of an environment variable.
TransportName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]


def _several(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


#: One rate, or several that all hold, such as 30 a minute and 10,000 a day.
Rates = Annotated[tuple[Rate, ...], BeforeValidator(_several, json_schema_input_type=Rate | tuple[Rate, ...])]


class TransportPolicy(Definition):
    """How much goes through one mail server. Its URL is a setting, with how many connections each worker holds open to it: NURTURE_SMTP_URL for
    `default`, else NURTURE_SMTP_URL_NAME.
    """

    weight: Annotated[int, Field(ge=0, le=1000)] = 1
    """Its share of the mail, beside the other transports' weights; 0 keeps it in reserve."""
    rate: Rates = ()
    """How much it carries, or several such limits; without one, as much as it takes."""
    warm_up: WarmUp | None = None
    """Its quota a day while it is new to those who receive its mail."""


class RecipientPolicy(Definition):
    """How much goes to one family of recipients, or to one domain."""

    rate: Rates
    """How much, by all transports together; or several such limits."""


Transports = Annotated[dict[TransportName, TransportPolicy], Field(min_length=1)]
Recipients = dict[str, RecipientPolicy]

_RECIPIENTS: Final = "recipients:"
_HASHES: Final = 2**63


def preferred(message: int, weights: Mapping[str, int]) -> list[str]:
    """The names in the order in which a message would rather go; those of no weight last."""

    def draw(name: str) -> tuple[float, str]:
        drawn = (stable_id("way", message, name) + 0.5) / _HASHES
        return (-log(drawn) / weights[name] if weights[name] else float("inf")), name

    return sorted(weights, key=draw)


def transport_lanes(name: str, policy: TransportPolicy, quota: int | None) -> list[Lane]:
    """What a mail passes through at a transport; `quota` is that of today, while it warms up."""
    lanes = [lane_of(f"transport:{name}", rate) for rate in policy.rate]
    return lanes if quota is None else [*lanes, day_lane(warming(name), quota)]


def recipient_lanes(domain: str, family: str, recipients: Recipients) -> list[Lane]:
    """What a mail passes through to its reader's servers: its family's rates and, if it has some of its own, its domain's."""
    names = dict.fromkeys((family, domain))
    return [lane_of(f"{_RECIPIENTS}{name}", rate) for name in names if name in recipients for rate in recipients[name].rate]


def is_recipients(lane: str) -> bool:
    """Whether a lane, by its name, is passed through by the mail to some recipients only."""
    return lane.startswith(_RECIPIENTS)


def told(lane: str) -> str:
    """What a lane is, for people: `recipients gmail`, `transport relay`."""
    return lane.rpartition(":")[0].replace(":", " ")


def warming(transport: str) -> str:
    """The name of the lane that counts a transport's quota a day."""
    return f"warm-up:{transport}"
