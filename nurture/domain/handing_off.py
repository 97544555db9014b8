"""Which stage changes, alerts and alarms go to which system, what that system is told.

The payload is shaped after the Standard Webhooks specification 1.0 (standardwebhooks.com), and within its size.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from nurture.domain.following_up import FollowUp
from nurture.domain.ids import stable_id
from nurture.domain.mail.sending import URL_PATTERN
from nurture.domain.model import Definition, Slug
from nurture.domain.person import Person
from nurture.domain.scoring import Cells
from nurture.domain.telling.occasions import Occasion
from nurture.domain.telling.shapes import PLACEHOLDER, Shape
from nurture.domain.touches import Touch

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the mark of a secret is none


def _can_be_called(url: str) -> str:
    try:
        parts = urlsplit(url.replace(PLACEHOLDER, "secret"))
        host, _ = parts.hostname, parts.port  # each raises ValueError when it is none
    except ValueError:
        host = None
    if not host:
        raise ValueError("this web address names no host that can be called; write it whole, like https://crm.example.com/hooks")
    if parts.username is not None:
        raise ValueError("a web address here must hold no password; the call is signed, so delete what stands before the '@'")
    if PLACEHOLDER in url[: url.find("/", len("https://"))]:
        raise ValueError("{secret} may stand behind the host only; write the host itself")
    return url


def _names_a_secret(name: Any) -> Any:
    if isinstance(name, str) and name.startswith(_SECRET_PREFIX):
        raise ValueError("this is the secret itself; put it into NURTURE_HANDOFF_SECRETS under a name, and write that name here")
    return name


def _kind_of_shape(value: Any) -> str:
    return "<name>" if isinstance(value, str) else "<own>"


_NamedOrOwn = Annotated[Annotated[Slug, Tag("<name>")] | Annotated[Shape, Tag("<own>")], Discriminator(_kind_of_shape)]


class Endpoint(Definition):
    """A system that is called when somebody reaches one of its stages, or a step of a sequence that names it (`notify`)."""

    url: Annotated[str, Field(pattern=URL_PATTERN, max_length=2_000), AfterValidator(_can_be_called)]
    """The web address that takes the call; https in production. Where it is itself a secret, as a chat's is, write {secret} for the
    part of it that lies in NURTURE_HANDOFF_SECRETS."""
    stages: tuple[Slug, ...] = ()
    """The stages whose newcomers it is told of, whether they came from below or from above; none for one that only steps tell."""
    alarms: bool = False
    """Whether it is told when mail stops by itself, as a chat of operators wants to be."""
    secret: Annotated[Slug, BeforeValidator(_names_a_secret)]
    """The name in NURTURE_HANDOFF_SECRETS of the secret that signs the calls, or of the token that lets a shape's calls in."""
    shape: _NamedOrOwn | None = None
    """How it wants to be told: hubspot, salesforce, pipedrive, slack, teams, or a shape of your own; a signed Standard Webhook
    unless given."""


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


class Done(NamedTuple):
    """Something that a person did lately: the event's name, when, and what it was about."""

    event: str
    at: datetime
    asset: str | None = None
    path: str | None = None
    title: str | None = None


class Delivery(NamedTuple):
    """What happened, on its way to an endpoint; to a person, unless it is an alarm. `attempts` are those that failed so far.

    `touch` is the visit that led to it, `lately` what the person did before, the latest first.
    """

    id: int
    endpoint: str
    attempts: int
    what: Occasion
    happened_at: datetime
    person: Person | None
    cells: Cells
    touch: Touch | None = None
    lately: tuple[Done, ...] = ()


class Claimed(NamedTuple):
    """Deliveries that are due to an endpoint, and since when it has failed every call, if it has."""

    deliveries: Sequence[Delivery]
    failing_since: datetime | None
