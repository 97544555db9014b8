"""What somebody did lately, as far as it says anything to whoever calls them."""

from typing import Any, Final

from nurture.domain.event import EMAIL_COMPLAINED, EMAIL_OPENED, ENROLL_REQUESTED, LEAD_REJECTED, STEP_SCORED, STEP_SET, Event
from nurture.domain.handing_off import Done
from nurture.domain.mail.hearing import TOLD_BY_SERVERS
from nurture.domain.urls import path_of

#: Of so many events of a person, the latest, it is told what they did and when they are usually about.
MOST: Final = 100

#: What others did about somebody, or told of them; and opening a mail, which mailboxes do by themselves.
OF_OTHERS: Final = (
    *sorted(TOLD_BY_SERVERS), EMAIL_COMPLAINED, EMAIL_OPENED, STEP_SET, STEP_SCORED, ENROLL_REQUESTED, LEAD_REJECTED,
)  # fmt: skip


def done_by(event: Event) -> Done:
    """What an event tells of: an asset, or a page with its title."""
    asset = event.properties.get("asset")
    page = event.context.get("page")
    if not isinstance(page, dict):
        page = event.properties
    path = _text(page.get("path")) or path_of(_text(page.get("url")) or "")
    return Done(event.name, event.occurred_at, _text(asset), path, _text(page.get("title")))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
