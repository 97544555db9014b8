"""Shapes: how what is told is put for a system that takes no Standard Webhooks, such as a CRM or a chat.

A shape is data. Its texts are templates into what a standard call would say (see docs/handoff.md): `{{ person.email }}`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, JsonValue, WithJsonSchema, model_validator

from nurture.domain.model import Definition, Slug

#: What stands in a web address or header for what NURTURE_HANDOFF_SECRETS holds under the endpoint's `secret`.
PLACEHOLDER: Final = "{secret}"

#: No body is larger, whatever a shape says. Bytes.
_LARGEST: Final = 1_000_000


class Request(Definition):
    """One request of a shape. They are made in their order, and the next only once one was taken."""

    method: Literal["POST", "PUT", "PATCH", "GET"] = "POST"
    """How it is asked."""
    path: Annotated[str, Field(max_length=1_000)] = ""
    """What follows the endpoint's `url`, a template; what it fills in is escaped for web addresses."""
    body: Annotated[JsonValue, WithJsonSchema({})] = None
    """What is sent as JSON: its texts are templates. `{$value: expression}` is a value that is no text; `{$if: expression, …}` is left
    out unless that is true. What comes out empty is left out of a mapping or list."""
    keep: dict[Slug, str] = {}
    """Values of the answer that later requests need: by their name, the place in it, such as `data.items.0.id`."""
    only_if: Slug | None = None
    """A kept value without which this request is not made."""
    unless: Slug | None = None
    """A kept value with which this request is not made."""


class Token(Definition):
    """Where a token is asked for that lets the calls in (OAuth 2.0, client credentials, RFC 6749 §4.4)."""

    path: Annotated[str, Field(pattern="^/")]
    """What follows the endpoint's `url`. The secret is `CLIENT_ID:CLIENT_SECRET`."""


class Shape(Definition):
    """How an endpoint wants what it is told."""

    people: bool = False
    """Whether it takes nothing but what is about a person, as a CRM does, and so no alarms."""
    headers: dict[str, str] = {}
    """Headers of every request; `{secret}` stands for the secret, or for the token that was got by it."""
    token: Token | None = None
    """For a system whose tokens do not last, and are asked for with the secret."""
    signed: bool = False
    """Whether calls are signed by the Standard Webhooks specification all the same."""
    escape: Literal["nothing", "slack"] = "nothing"
    """What is done to each value that a template fills in, so that a name is never taken for markup. Into HTML a value is put by the filter `html`."""
    taken: tuple[Annotated[int, Field(ge=200, le=299)], ...] = ()
    """The only statuses that mean success; any 2xx unless given."""
    largest: Annotated[int, Field(ge=100, le=_LARGEST)] = 20_000
    """Bytes that the system takes as a body; what is larger is not sent."""
    requests: Annotated[tuple[Request, ...], Field(min_length=1, max_length=5)]
    """What is asked, in order."""

    @model_validator(mode="after")
    def _keeps_what_it_needs(self) -> "Shape":
        kept: set[str] = set()
        for request in self.requests:
            for name in (request.only_if, request.unless):
                if name is not None and name not in kept:
                    raise ValueError(f"no request before keeps {name!r}; add it to the 'keep' of one")
            kept |= request.keep.keys()
        return self


class Wanted(NamedTuple):
    """A request as it goes onto the wire: `path` follows the endpoint's address, `body` is JSON, None for none."""

    method: str
    path: str
    body: bytes | None


def picked(answer: Any, place: str) -> Any:
    """The value at a place of a JSON answer, such as `data.items.0.id`; None where there is none."""
    found = answer
    for step in place.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found
