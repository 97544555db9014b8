"""Reading a file of events for a simulation: one JSON object a line, as SDKs send it or as `nurture export events` writes it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from nurture.adapters.addresses import parse_address
from nurture.domain.event import EVENT, NAME_OF_KIND, RESERVED_NAMES, Event
from nurture.domain.imports.columns import EVENT_MARK
from nurture.errors import SettingsError
from nurture.reports.simulating import as_heard
from nurture.web.keys import Sender
from nurture.web.refusals import Refusal
from nurture.web.wire import Arrival, normalise

#: A file stands for a server that knows what it says.
_SENDER: Final = Sender("simulated", "verified")

#: What an exported line holds beside the event itself.
_NOT_OF_THE_EVENT: Final = frozenset({EVENT_MARK, "person", "person_email", "verdict", "verdict_reasons", "channel"})

_STANDS_IN: Final = "simulated"


class Mistake(NamedTuple):
    """A line that is no event, and what to do about it."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class ReadEvents(NamedTuple):
    """The events of a file in the order in which they are received, and every line that is none."""

    events: list[Event]
    mistakes: list[Mistake]


def read_events(file: Path) -> ReadEvents:
    """All lines of a file; raises SettingsError when it cannot be read."""
    found = ReadEvents([], [])
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    _read(line, file, number, found)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}; name a file of JSON lines in UTF-8") from None
    return ReadEvents(as_heard(found.events), found.mistakes)


def _read(line: str, file: Path, number: int, found: ReadEvents) -> None:
    try:
        found.events.append(_event(json.loads(line.rstrip("\r\n")), number))
    except json.JSONDecodeError as error:
        text = f"column {error.colno}: no JSON ({error.msg}); write one JSON object a line"
        found.mistakes.append(Mistake(file, number, text))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            place = ".".join(map(str, each["loc"])) or "event"
            found.mistakes.append(Mistake(file, number, f"{place}: {each['msg']}"))
    except (Refusal, ValueError) as error:
        found.mistakes.append(Mistake(file, number, _said(error)))


def _said(error: Exception) -> str:
    return f"{error.field}: {error.message}" if isinstance(error, Refusal) and error.field else str(error)


def _event(raw: Any, number: int) -> Event:
    if isinstance(raw, dict) and EVENT_MARK in raw:
        return _exported(raw)
    if not isinstance(raw, dict):
        raise ValueError('an event is a JSON object; write {"type": "track", "event": …, "timestamp": …}')
    return _sent(raw, number)


def _exported(raw: dict[str, Any]) -> Event:
    """A line of `nurture export events`. What was told by a signed link is told by the address of its reader."""
    told = {name: value for name, value in raw.items() if name not in _NOT_OF_THE_EVENT}
    if raw.get("person_email"):
        told |= {"email": raw["person_email"], "assurance": "verified"}
    return EVENT.validate_python(told)


def _sent(raw: dict[str, Any], number: int) -> Event:
    """A call as the SDKs make it, or such a call under one of the engine's own names, such as form_submitted."""
    at = _instant(raw)
    name = raw.get("event")
    own = isinstance(name, str) and name in RESERVED_NAMES and raw.get("type", "track") == "track"
    call = {"type": "track", **raw, "messageId": raw.get("messageId") or f"line-{number}"}
    if own:
        call["event"] = _STANDS_IN
    elif "event" not in raw and "type" not in raw:
        raise ValueError(f"type: say what this is: track with an 'event', or {', '.join(sorted(NAME_OF_KIND))}")
    email = _email(raw.get("traits"))
    nameless = email is not None and not (raw.get("userId") or raw.get("anonymousId"))
    if nameless:
        call["anonymousId"] = _STANDS_IN
    event = normalise(call, None, Arrival(_SENDER, at)).event
    changed = {"name": name if own else event.name, "email": email or event.email}
    return event.model_copy(update=changed | ({"anonymous_id": None} if nameless else {}))


def _instant(raw: dict[str, Any]) -> datetime:
    written = raw.get("receivedAt") or raw.get("timestamp") or raw.get("originalTimestamp")
    if not isinstance(written, str):
        raise ValueError('timestamp: say when it happened, such as "2026-03-02T09:00:00Z"')
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f'timestamp: {written!r} is no instant; write it like "2026-03-02T09:00:00Z"') from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _email(traits: Any) -> str | None:
    address = traits.get("email") if isinstance(traits, dict) else None
    if address is None:
        return None
    try:
        return parse_address(str(address).strip())
    except ValueError as error:
        raise ValueError(f"traits.email: {error}") from None
