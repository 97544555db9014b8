"""What a call says: who it is about, why, and what to do next.

Shaped after the Standard Webhooks specification 1.0 (standardwebhooks.com), and within its size.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nurture.domain.definitions import Definitions
from nurture.domain.event import ASSET_DOWNLOADED, day_number
from nurture.domain.handing_off import Delivery, Done
from nurture.domain.next_action import Signals, next_action
from nurture.domain.person import Person
from nurture.domain.scoring import Cells, Scoring, score_lines
from nurture.domain.telling.occasions import Alerted, Moved, Untouched
from nurture.domain.touches import Touch, touch_to_json

#: The specification's bound on a payload. Bytes.
LARGEST: Final = 20_000

_MOST_SCORE_LINES: Final = 10
_MOST_CONTENT: Final = 10

#: So many bytes are kept free for attributes, unless even without content and touches there is no such room.
_ROOM_FOR_ATTRIBUTES: Final = 4_000

#: What is kept of a title or an address that somebody's page told.
_LONGEST_TEXT: Final = 120

_LONGEST_REASON: Final = 300

_EPOCH: Final = date(1970, 1, 1)


def payload(delivery: Delivery, definitions: Definitions, at: datetime) -> str:
    """The body of the call, ASCII JSON within the specification's 20 KB.

    `timestamp` and `data.at` are when it happened; who the person is, what they have scored and what to do is as of `at`.
    Attributes for which there is no room are left out, the longest first, and counted.
    """
    if delivery.person is None:
        data = {**delivery.what.as_json(), "at": _iso(delivery.happened_at)}
        return _json({"type": delivery.what.type, "timestamp": _iso(delivery.happened_at), "data": data})
    told = _told(delivery, delivery.person, definitions, at)
    content = _content(delivery.lately, definitions)
    while len(_json(told | {"content": content})) > LARGEST - _ROOM_FOR_ATTRIBUTES and content:
        content.pop()
    told["content"] = content
    if len(_json(told)) > LARGEST - _ROOM_FOR_ATTRIBUTES:
        told["touches"] = None
    values = {name: attribute.value for name, attribute in delivery.person.attributes.items()}
    empty = _document(delivery, told, {}, len(values))
    fitting = _as_many_as_fit(values, LARGEST - len(_json(empty)))
    return _json(_document(delivery, told, fitting, len(values) - len(fitting)))


def _document(delivery: Delivery, told: Mapping[str, Any], attributes: Mapping[str, Any], left_out: int) -> dict[str, Any]:
    person = {**told["person"], "attributes": attributes, "attributes_left_out": left_out}
    return {
        "type": delivery.what.type, "timestamp": _iso(delivery.happened_at), "data": {**told, "person": person}
    }  # fmt: skip


def _told(delivery: Delivery, person: Person, definitions: Definitions, at: datetime) -> dict[str, Any]:
    """All that is told of a person but their attributes and content, for which there may be no room."""
    return {
        "person": {
            "id": str(person.id),  # as a number it would lose digits in JavaScript
            "email": person.email,
            "name": name_of(person),
            "stage": person.stage,
            "language": _said(person, "language") or definitions.sending.default_language,
            "timezone": timezone_of(person, definitions),
        },
        **delivery.what.as_json(),
        "at": _iso(delivery.happened_at),
        "because": _because(delivery, person, definitions),
        "engagement": round(person.facts(at, definitions.scoring)["engagement"], 1),
        "grade": str(person.grade),
        "score_lines": _strongest(delivery.cells, definitions.scoring, at),
        "touches": {
            "first": _touch(person.first_touch),
            "last": _touch(person.last_touch),
            "promoting": _touch(delivery.touch),
        },
        "next": next_action(_signals(delivery, person, definitions), person.stage_since, at).as_json(),
    }


def name_of(person: Person) -> str | None:
    """What somebody is called, as far as they said."""
    parts = (_said(person, "first_name"), _said(person, "last_name"))
    return (" ".join(part for part in parts if part) or _said(person, "name") or "")[:_LONGEST_TEXT] or None


def timezone_of(person: Person, definitions: Definitions) -> str:
    """The time zone in which somebody lives, as far as it is known; that of the business otherwise."""
    said = _said(person, "timezone")
    try:
        return ZoneInfo(said).key if said else definitions.sending.timezone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return definitions.sending.timezone


def asked_for(rule: str, definitions: Definitions) -> bool:
    """Whether a promotion rests on what somebody did, rather than on a score."""
    return any(promotion.id == rule and promotion.on for promotion in definitions.lifecycle.promotions)


def _said(person: Person, name: str) -> str | None:
    attribute = person.attributes.get(name)
    return attribute.value if attribute is not None and isinstance(attribute.value, str) else None


def _because(delivery: Delivery, person: Person, definitions: Definitions) -> str:
    """The reason in one sentence."""
    match delivery.what:
        case Moved(before, after, rule, cause, asset):
            how = "they did" if asked_for(rule, definitions) else "because of"
            about = f" ({_title(asset, definitions)})" if asset is not None else ""
            return f"from {before} to {after} by the rule {rule}: {how} {cause}{about}"[:_LONGEST_REASON]
        case Alerted(sequence, step, text):
            return f"they came to the step {step} of {sequence}" + (f": {text}" if text else "")[:_LONGEST_REASON]
        case Untouched(stage, _, since, _):
            return f"nobody has answered for them since they came to {stage} on {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"they stand in {person.stage} since {person.stage_since:%Y-%m-%d}"


def _signals(delivery: Delivery, person: Person, definitions: Definitions) -> Signals:
    asked = isinstance(delivery.what, Moved) and asked_for(delivery.what.rule, definitions)
    stages, zone = definitions.lifecycle.stages, timezone_of(person, definitions)
    return Signals(person.stage, stages, asked, str(person.grade), zone, [each.at for each in delivery.lately])


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


def _touch(touch: Touch | None) -> dict[str, str] | None:
    if touch is None:
        return None
    told = {name: value[:_LONGEST_TEXT] for name, value in touch_to_json(touch).items()}
    return {**told, "at": _iso(touch.at)}


def _content(lately: Iterable[Done], definitions: Definitions) -> list[dict[str, Any]]:
    """What somebody read and downloaded, each once, the latest first."""
    found: dict[str, dict[str, Any]] = {}
    for each in lately:
        about = each.asset or each.path
        if about is not None and about not in found and len(found) < _MOST_CONTENT:
            title = _title(each.asset, definitions) if each.asset is not None else each.title
            found[about] = {
                "event": each.event,
                "downloaded": each.event == ASSET_DOWNLOADED,
                "about": about[:_LONGEST_TEXT],
                "title": (title or about)[:_LONGEST_TEXT],
                "at": _iso(each.at),
            }
    return list(found.values())


def _title(asset: str, definitions: Definitions) -> str:
    known = definitions.assets.get(asset)
    if known is None:
        return asset
    return known.title.get(definitions.sending.default_language) or next(iter(known.title.values()))


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
