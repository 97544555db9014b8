"""Segment's wire format, and how a call in it becomes an event.

Field names are Segment's (Segment, "Spec: Common Fields"), so every SDK that speaks to Segment speaks to us.
"""

import json
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from nurture.adapters.addresses import parse_address
from nurture.domain.event import NAME_OF_KIND, RESERVED_NAMES, TOLD_BY_SALES, Assurance, Event, Kind
from nurture.domain.ids import event_key
from nurture.domain.junk import naming
from nurture.domain.privacy import ConsentMode
from nurture.domain.surroundings import campaign_of, page_of
from nurture.web.consent import anonymous, consent_said, is_consented
from nurture.web.hygiene import inspect
from nurture.web.instants import occurrence, plausible
from nurture.web.keys import Sender
from nurture.web.refusals import invalid

KINDS: Final = frozenset(get_args(Kind))

LONGEST_ID: Final = 256
LONGEST_NAME: Final = 128
LONGEST_USER_AGENT: Final = 512

#: SDKs send numbers where ids are wanted.
Id = Annotated[str, Field(max_length=LONGEST_ID, coerce_numbers_to_str=True)]
Text = Annotated[str, Field(max_length=512)]


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Context(_Wire):
    """What is kept of a call's surroundings. The address (`ip`) is not."""

    page: dict[str, Any] | None = None
    campaign: dict[str, Any] | None = None
    locale: Text | None = None
    timezone: Text | None = None
    user_agent: str | None = None
    library: dict[str, Any] | None = None
    consent: Any = None


class Call(_Wire):
    """One call, as it came. SDKs send null for what they do not know, so everything may be null."""

    type: str | None = None
    event: str | None = None
    message_id: Id | None = None
    anonymous_id: Id | None = None
    user_id: Id | None = None
    previous_id: Id | None = None
    group_id: Id | None = None
    name: Text | None = None
    category: Text | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: Context | None = None


CALL: Final = TypeAdapter(Call)


class Arrival(NamedTuple):
    """What the request tells about its calls besides their bodies.

    `visitor` is who a call is about that names nobody itself: the pixel has a cookie for that. `objects` says that the
    browser asks not to be followed, `mode` what that counts for.
    """

    sender: Sender
    at: datetime
    user_agent: str | None = None
    visitor: str | None = None
    objects: bool = False
    mode: ConsentMode = "open"


class Normalised(NamedTuple):
    """An event, and what its sender is told of what was left out of it."""

    event: Event
    warnings: tuple[str, ...] = ()


NOT_CONSENTED: Final = "consent: it was not given, so this is counted and tells nobody's name"


def normalise(raw: Any, kind: Kind | None, arrival: Arrival) -> Normalised:
    """The event that a call tells of; without `kind` the call's own `type` says what it is.

    Without consent it is what `consent.anonymous` leaves of it. Raises Refusal (422) that names the field.
    """
    if not isinstance(raw, dict):
        raise invalid("type", "an event is a JSON object")
    inspect(raw)
    call = _parse(raw)
    kind = kind or _kind_of(call)
    said = consent_said(call.context.consent) if call.context else None
    warnings: list[str] = []
    identity = _identity(call, kind, arrival.visitor, warnings)
    when, clock = _when(call, arrival.at, warnings)
    event = Event(
        message_id=call.message_id or _derived_id(raw, call, arrival, identity["anonymous_id"]),
        source=arrival.sender.source,
        kind=kind,
        name=_name(call, kind, arrival.sender.assurance),
        occurred_at=when,
        received_at=arrival.at,
        assurance=arrival.sender.assurance,
        warnings=tuple(warnings),
        properties=_properties(call, kind),
        traits={} if kind == "group" else {name: value for name, value in (call.traits or {}).items() if name != "email"},
        context={**_context(call, kind, arrival), **clock},
        **identity,
    )
    if is_consented(arrival.mode, said=said, objects=arrival.objects, vouched=arrival.sender.vouches):
        return Normalised(event, event.warnings)
    return Normalised(anonymous(event), (*event.warnings, NOT_CONSENTED))


_CODES: Final = {"missing": "required", "string_too_long": "too_long"}


def _parse(raw: dict[str, Any]) -> Call:
    try:
        return CALL.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise invalid(_CODES.get(first["type"], "type"), first["msg"], ".".join(map(str, first["loc"]))) from None


def _kind_of(call: Call) -> Kind:
    if call.type not in KINDS:
        raise invalid("unknown_type", f"the type is one of {', '.join(sorted(KINDS))}", "type")
    return cast("Kind", call.type)


def _name(call: Call, kind: Kind, assurance: Assurance) -> str:
    if kind != "track":
        return NAME_OF_KIND[kind]
    name = (call.event or "").strip()
    if not name:
        raise invalid("required", "say what happened", "event")
    if len(name) > LONGEST_NAME:
        raise invalid("too_long", f"a name has at most {LONGEST_NAME} characters", "event")
    if name in RESERVED_NAMES:
        raise invalid("reserved_name", "only the engine itself gives this name, because it acts on it; choose another", "event")
    if name in TOLD_BY_SALES and assurance != "verified":
        raise invalid("secret_key_required", "only a server with a secret key may speak for sales", "event")
    return name


def _identity(call: Call, kind: Kind, visitor: str | None, warnings: list[str]) -> dict[str, str | None]:
    """Who it is about. Ids that name nobody are left out with a warning; `visitor` stands in where neither of both names any."""
    anonymous_id = naming(call.anonymous_id, "anonymousId", warnings)
    user_id = naming(call.user_id, "userId", warnings)
    if anonymous_id is None and user_id is None:
        anonymous_id = visitor
    identity = {"anonymous_id": anonymous_id, "user_id": user_id}
    if kind == "identify":
        identity["email"] = _email(call.traits)
    elif kind == "alias":
        identity = _alias(call, anonymous_id, user_id, warnings)
    if not any(identity.values()):
        raise invalid("no_identity", "an event needs an anonymousId or a userId that names somebody", "anonymousId")
    return identity


def _alias(call: Call, anonymous_id: str | None, user_id: str | None, warnings: list[str]) -> dict[str, str | None]:
    """Who an alias is about, with the link if it makes one: from `previousId`, else from `anonymousId`, to `userId`."""
    named = naming(call.previous_id, "previousId", warnings)
    previous_id = named or anonymous_id
    before = "previousId" if named else "anonymousId"
    if user_id is None or previous_id is None:
        missing = "userId" if user_id is None else "previousId"
        warnings.append(f"alias: no {missing} names somebody, so nothing was linked")
        return {"anonymous_id": anonymous_id or previous_id, "user_id": user_id}
    if previous_id == user_id:
        warnings.append(f"alias: {before} and userId are the same and were not linked")
        return {"anonymous_id": anonymous_id, "user_id": user_id}
    return {"anonymous_id": anonymous_id, "user_id": user_id, "previous_id": previous_id}


def _email(traits: dict[str, Any] | None) -> str | None:
    address = (traits or {}).get("email")
    if address is None or address == "":
        return None
    try:
        return parse_address(address.strip() if isinstance(address, str) else str(address))
    except ValueError as error:
        raise invalid("invalid_email", str(error), "traits.email") from None


def _when(call: Call, received_at: datetime, warnings: list[str]) -> tuple[datetime, dict[str, Any]]:
    """When it happened, and the sender's own stamps, which the context keeps under `clock` as far as they say more."""
    field = "timestamp" if call.timestamp is not None else "originalTimestamp"
    said = call.timestamp or call.original_timestamp
    said = None if said is None else plausible(said, field)
    sent_at = None if call.sent_at is None else plausible(call.sent_at, "sentAt")
    at, note = occurrence(said, sent_at, received_at)
    if note == "clamped":
        warnings.append(f"{field}: lies too far from now and was moved to {at.isoformat()}")
    clock = {
        "said": said.isoformat() if said is not None and said != at else None,
        "sent": sent_at.isoformat() if sent_at is not None else None,
        "note": note,
    }
    kept = {stamp: value for stamp, value in clock.items() if value}
    return at, {"clock": kept} if kept else {}


def _properties(call: Call, kind: Kind) -> dict[str, Any]:
    properties = call.properties or {}
    if kind == "group":
        if not call.group_id:
            raise invalid("required", "say which group", "groupId")
        # A group's traits are the group's: they must not become the person's.
        return {**properties, "group_id": call.group_id, **({"traits": call.traits} if call.traits else {})}
    if kind in ("page", "screen"):
        named = {"name": call.name, "category": call.category}
        return {**{part: value for part, value in named.items() if value}, **properties}
    return properties


def _context(call: Call, kind: Kind, arrival: Arrival) -> dict[str, Any]:
    told = call.context or Context()
    page = page_of(told.page, call.properties if kind == "page" else None)
    library = {part: value for part, value in (told.library or {}).items() if part in ("name", "version")}
    context = {
        "page": page,
        "campaign": campaign_of(told.campaign, page),
        "locale": told.locale,
        "timezone": told.timezone,
        "userAgent": (told.user_agent or arrival.user_agent or "")[:LONGEST_USER_AGENT],
        "library": library,
        "consent": told.consent,
    }
    return {part: value for part, value in context.items() if value}


def _derived_id(raw: dict[str, Any], call: Call, arrival: Arrival, visitor: str | None) -> str:
    """An id for a call without one: a function of its content, so that sending it again makes no second event.

    What tells equal calls apart is when they happened: by their own word, else by when they were sent, else (a pixel in a
    page without script) by the minute in which they came.
    """
    body = {name: value for name, value in raw.items() if name not in ("writeKey", "sentAt")}
    if visitor is not None and visitor == arrival.visitor:
        body["anonymousId"] = visitor
    if call.timestamp is None and call.original_timestamp is None:
        body["sentAt"] = raw.get("sentAt") or arrival.at.isoformat(timespec="minutes")
    return str(event_key(arrival.sender.source, json.dumps(body, sort_keys=True)))
