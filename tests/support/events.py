"""Events for tests, with short names for what varies."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from nurture.domain.event import ASSET_DOWNLOADED, FORM_SUBMITTED, PAGE_VIEWED, Event

_NUMBERS = count(1)
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def event(name: str, at: datetime = MONDAY, **parts: Any) -> Event:
    """An event that nobody sent before, unless `message_id` says otherwise."""
    defaults = {"message_id": f"m-{next(_NUMBERS)}", "source": "website", "name": name, "occurred_at": at, "received_at": at}
    return Event(**(defaults | parts))


def page(path: str, device: str = "device-1", at: datetime = MONDAY, **parts: Any) -> Event:
    return event(PAGE_VIEWED, at, anonymous_id=device, context={"page": {"path": path}}, **parts)


def form(email: str, device: str = "device-1", at: datetime = MONDAY, **traits: Any) -> Event:
    return event(
        FORM_SUBMITTED, at, anonymous_id=device, email=email, submission=f"s-{email}", source="form:guide",
        properties={"form": "guide", "asset": "guide"}, traits=traits,
    )  # fmt: skip


def download(email: str, at: datetime = MONDAY) -> Event:
    properties = {"asset": "guide", "gated": True}
    return event(ASSET_DOWNLOADED, at, submission=f"s-{email}", source="engine", properties=properties)
