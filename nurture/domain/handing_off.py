"""Which stage changes, alerts and alarms go to which system, what that system is told.

The payload is shaped after the Standard Webhooks specification 1.0 (standardwebhooks.com), and within its size.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from nurture.domain.event import day_number
from nurture.domain.following_up import FollowUp
from nurture.domain.ids import stable_id
from nurture.domain.mail.sending import URL_PATTERN
from nurture.domain.model import Definition, Slug
from nurture.domain.person import Person
from nurture.domain.scoring import Cells, Scoring, score_lines
from nurture.domain.telling.occasions import Occasion

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the mark of a secret is none

#: The specification's bound on a payload. Bytes.
_LARGEST: Final = 20_000
_MOST_SCORE_LINES: Final = 10

_EPOCH: Final = date(1970, 1, 1)


def _can_be_called(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # each raises ValueError when it is none
    except ValueError:
        host = None
    if not host:
        raise ValueError("this web address names no host that can be called; write it whole, like https://crm.example.com/hooks")
    if parts.username is not None:
        raise ValueError("a web address here must hold no password; the call is signed, so delete what stands before the '@'")
    return url


def _names_a_secret(name: Any) -> Any:
    if isinstance(name, str) and name.startswith(_SECRET_PREFIX):
        raise ValueError("this is the secret itself; put it into NURTURE_HANDOFF_SECRETS under a name, and write that name here")
    return name


class Endpoint(Definition):
    """A system that is called when somebody reaches one of its stages, or a step of a sequence that names it (`notify`)."""

    url: Annotated[str, Field(pattern=URL_PATTERN, max_length=2_000), AfterValidator(_can_be_called)]
    """The web address that takes the call; https in production."""
    stages: tuple[Slug, ...] = ()
    """The stages whose newcomers it is told of, whether they came from below or from above; none for one that only steps tell."""
    alarms: bool = False
    """Whether it is told when mail stops by itself, as a chat of operators wants to be."""
    secret: Annotated[Slug, BeforeValidator(_names_a_secret)]
    """The name in NURTURE_HANDOFF_SECRETS of the secret that signs the calls."""


class Handoff(Definition):
    """config/handoff.yaml: the systems, such as a CRM, that are told when people reach a stage, or a `notify` step."""

    endpoints: dict[Slug, Endpoint] = {}
    """Every endpoint by its name; without any, nobody is called."""
    follow_up: dict[Slug, FollowUp] = {}
    """The stages for whose newcomers sales must answer in time, each with who is reminded."""


class NewDelivery(NamedTuple):
    """One stage change to be told to one endpoint. The id is also the `webhook-id`, equal on every attempt."""

    id: int
    stage_change: int
    endpoint: str


def deliveries_of(stage_change: int, to_stage: str, handoff: Handoff) -> Iterator[NewDelivery]:
    """What a stage change leaves to be handed off."""
    for name, endpoint in handoff.endpoints.items():
        if to_stage in endpoint.stages:
            yield NewDelivery(stable_id("delivery", stage_change, name), stage_change, name)


class Delivery(NamedTuple):
    """What happened, on its way to an endpoint; to a person, unless it is an alarm. `attempts` are those that failed so far."""

    id: int
    endpoint: str
    attempts: int
    what: Occasion
    happened_at: datetime
    person: Person | None
    cells: Cells


class Claimed(NamedTuple):
    """Deliveries that are due to an endpoint, and since when it has failed every call, if it has."""

    deliveries: Sequence[Delivery]
    failing_since: datetime | None


def payload(delivery: Delivery, scoring: Scoring, at: datetime) -> str:
    """The body of the call, ASCII JSON within the specification's 20 KB.

    `timestamp` and `data.at` are when it happened; who the person is and what they have scored is as of `at`.
    Attributes for which there is no room are left out, the longest first, and counted.
    """
    if delivery.person is None:
        data = {**delivery.what.as_json(), "at": _iso(delivery.happened_at)}
        return _json({"type": delivery.what.type, "timestamp": _iso(delivery.happened_at), "data": data})
    values = {name: attribute.value for name, attribute in delivery.person.attributes.items()}
    empty = _document(delivery, delivery.person, scoring, at, {}, len(values))
    fitting = _as_many_as_fit(values, _LARGEST - len(_json(empty)))
    return _json(_document(delivery, delivery.person, scoring, at, fitting, len(values) - len(fitting)))


def _document(
    delivery: Delivery, person: Person, scoring: Scoring, at: datetime, attributes: Mapping[str, Any], left_out: int
) -> dict[str, Any]:  # fmt: skip
    return {
        "type": delivery.what.type,
        "timestamp": _iso(delivery.happened_at),
        "data": {
            "person": {
                "id": str(person.id),  # as a number it would lose digits in JavaScript
                "email": person.email,
                "stage": person.stage,
                "attributes": attributes,
                "attributes_left_out": left_out,
            },
            **delivery.what.as_json(),
            "at": _iso(delivery.happened_at),
            "engagement": round(person.facts(at, scoring)["engagement"], 1),
            "grade": str(person.grade),
            "score_lines": _strongest(delivery.cells, scoring, at),
        },
    }


def _strongest(cells: Cells, scoring: Scoring, at: datetime) -> list[dict[str, Any]]:
    """What weighs most in the person's engagement, for or against it."""
    lines = sorted(score_lines(cells, scoring, day_number(at)), key=lambda line: (-abs(line.points), -line.day, line.rule))
    return [
        {
            "rule": line.rule,
            "day": (_EPOCH + timedelta(days=line.day)).isoformat(),
            "hits": line.hits,
            "counted": line.counted,
            "points": round(line.points, 1),
        }
        for line in lines[:_MOST_SCORE_LINES]
    ]


def _as_many_as_fit(values: Mapping[str, Any], room: int) -> dict[str, Any]:
    """The attributes that `room` bytes can take, in their order; JSON knows no infinite numbers."""
    finite = {name: value for name, value in values.items() if not isinstance(value, float) or isfinite(value)}
    sizes = {name: len(_json({name: value})) for name, value in finite.items()}
    fitting = set()
    for name in sorted(sizes, key=lambda name: (sizes[name], name)):
        room -= sizes[name]
        if room < 0:
            break
        fitting.add(name)
    return {name: value for name, value in finite.items() if name in fitting}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
