"""Random streams of events: what a few people do, at random times, to whatever sequences there are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from nurture.domain.consent import address_mark
from nurture.domain.enrollment import message_id
from nurture.domain.event import (
    ASSET_DOWNLOADED,
    CONSENT_CONFIRMED,
    EMAIL_CLICKED,
    ENGINE,
    ENROLL_REQUESTED,
    FORM_SUBMITTED,
    IDENTIFIED,
    PAGE_VIEWED,
    PREFERENCES_CHANGED,
    UNSUBSCRIBED,
    Event,
)
from nurture.domain.ids import stable_id
from nurture.domain.preferences import Pace, told_in
from tests.support.both_ways import Played

HOUR: Final = timedelta(hours=1)

#: How long people act. Hours.
ACTIVE_FOR: Final = 240


class Deed(NamedTuple):
    """Something that somebody does, so many hours after the beginning. It is heard of `late` hours later."""

    hour: int
    what: str
    told: dict[str, Any]
    late: int = 0


class Click(NamedTuple):
    """A click in the nth mail that somebody got, so many minutes after it left."""

    nth: int
    minutes: int
    path: str


class Stream(NamedTuple):
    """What one person does."""

    deeds: Sequence[Deed]
    clicks: Sequence[Click]


_TRAITS: Final = {
    "timezone": ("Europe/Paris", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "nowhere"),
    "country": ("FR", "JP", "US"),
    "job_title": ("Head of Sales", "Student"),
    "plan": ("gold", "free"),
    "webinar_day": ("2026-03-05", "2026-03-10", "2026-03-29T02:30", "soon", "2026-02-01"),
    "renews_on": ("2026-03-08", "2026-04-20"),
}
_PATHS: Final = ("/pricing", "/blog/x", "/careers")
_TRACKED: Final = ("signed_up", "webinar_attended", "demo_requested")
_LATE: Final = (0, 0, 0, 0, 0, 0, 2, 30)


def stream(chance: Random) -> Stream:
    """What one person does: they send the form, then this and that, and click in some of their mails.

    Drawn from a generator: Hypothesis would mostly draw people who do next to nothing.
    """
    first = Deed(chance.randrange(30), "form", {"traits": _traits(chance), "consent": chance.random() < 0.7})
    more = [_deed(chance) for _ in range(chance.randrange(2, 9))]
    clicked = [
        Click(chance.randrange(4), chance.choice((0, 5, 60, 3_000)), chance.choice(_PATHS)) for _ in range(chance.randrange(3))
    ]
    return Stream([first, *more], clicked)


def _deed(chance: Random) -> Deed:
    kinds = (
        "form", "download", "page", "page", "track", "track", "track", "identify", "enroll", "enroll", "unsubscribe", "confirm",
        "prefer",
    )  # fmt: skip
    weights = (2, 2, 2, 2, 3, 3, 3, 2, 2, 2, 0.4, 2, 2)
    [what] = chance.choices(kinds, weights)
    told: dict[str, dict[str, Any]] = {
        "form": {"traits": _traits(chance), "consent": chance.random() < 0.7},
        "identify": {"traits": _traits(chance)},
        "page": {"path": chance.choice(_PATHS)},
        "track": {"name": chance.choice(_TRACKED)},
        "enroll": {"sequence": chance.choice(("alpha", "beta"))},
        "prefer": {
            "topics": {topic: chance.random() < 0.7 for topic in ("news", "guides")},
            "pace": chance.choice(("all", "all", "weekly", "monthly")), "pause": chance.choice((0, 0, 3, 30)),
        },
    }  # fmt: skip
    return Deed(chance.randrange(ACTIVE_FOR), what, told.get(what, {}), chance.choice(_LATE))


def _traits(chance: Random) -> dict[str, str]:
    return {name: chance.choice(values) for name, values in _TRAITS.items() if chance.random() < 0.5}


def events_of(number: int, stream: Stream, start: datetime) -> list[Event]:
    """The events of person `number`, in the order in which they are received."""
    made = [_event(number, index, deed, start) for index, deed in enumerate(stream.deeds)]
    return sorted(made, key=lambda event: event.received_at)


def address(number: int) -> str:
    """Where person `number` is mailed to."""
    return f"person-{number}@acme.test"


def _event(number: int, index: int, deed: Deed, start: datetime) -> Event:
    at = start + deed.hour * HOUR
    common: dict[str, Any] = {
        "message_id": f"{number}-{index}", "source": "website", "occurred_at": at, "received_at": at + deed.late * HOUR,
        "anonymous_id": f"device-{number}",
    }  # fmt: skip
    match deed.what:
        case "form":
            agreed = {"consent": "marketing-email"} if deed.told["consent"] else {}
            told = {"properties": {"form": "guide", "asset": "guide", **agreed}, "source": "form:guide", "email": address(number)}
            return Event(name=FORM_SUBMITTED, **{**common, **told}, submission=f"s-{number}", traits=deed.told["traits"])
        case "download":
            return Event(name=ASSET_DOWNLOADED, **{**common, "source": ENGINE}, properties={"asset": "guide", "gated": True})
        case "page":
            return Event(name=PAGE_VIEWED, kind="page", context={"page": {"path": deed.told["path"]}}, **common)
        case "identify":
            return Event(name=IDENTIFIED, kind="identify", email=address(number), traits=deed.told["traits"], **common)
        case "enroll":
            said = {"source": ENGINE, "assurance": "verified", "properties": {"sequence": deed.told["sequence"]}}
            return Event(name=ENROLL_REQUESTED, **{**common, **said}, email=address(number))
        case "confirm":
            said = {"source": ENGINE, "properties": {"purpose": "marketing-email", "address": address_mark(address(number))}}
            return Event(name=CONSENT_CONFIRMED, **{**common, **said}, email=address(number))
        case "prefer":
            until = at + timedelta(days=deed.told["pause"]) if deed.told["pause"] else None
            chosen = told_in(deed.told["topics"], Pace(deed.told["pace"]), until)
            return Event(name=PREFERENCES_CHANGED, **{**common, "source": ENGINE, "properties": chosen}, email=address(number))
        case "unsubscribe":
            return Event(name=UNSUBSCRIBED, **{**common, "source": ENGINE}, email=address(number))
        case _:
            return Event(name=deed.told["name"], **common)


def clicks_of(number: int, stream: Stream, foretold: Played) -> list[Event]:
    """The clicks of person `number` in the mails that they were foretold to get."""
    person = next((row.id for row in foretold.people if row.person == address(number)), None)
    mails = [mail for mail in foretold.messages if mail.person == address(number) and mail.sent_at is not None]
    made = []
    for index, click in enumerate(stream.clicks):
        if person is None or click.nth >= len(mails):
            continue
        mail = mails[click.nth]
        assert mail.sent_at is not None
        at = mail.sent_at + timedelta(minutes=click.minutes, seconds=1)
        message = message_id(stable_id("enrollment", person, mail.sequence, mail.entry), mail.step)
        made.append(
            Event(
                message_id=f"{number}-click-{index}",
                source=ENGINE,
                name=EMAIL_CLICKED,
                occurred_at=at,
                received_at=at,
                person=person,
                message=message,
                context={"userAgent": "Firefox"},
                properties={"url": f"https://www.example.com{click.path}", "path": click.path},
            )
        )
    return made
