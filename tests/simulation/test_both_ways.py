"""The simulator is the engine: what it foretells is what the verbs do on a real database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from nurture.domain.consent import address_mark
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from tests.support.both_ways import Played, really, received, simulated
from tests.support.definitions import GUIDE_SEQUENCE, SENDING, definitions
from tests.support.events import MONDAY, download, event, form, page

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def joins(email: str, device: str = "device-1", at: Any = MONDAY, **traits: Any) -> list[Event]:
    return [form(email, device, at, **traits), download(email, at)]


CHAIN: dict[str, Any] = {
    "sequence": "second", "trigger": "manual", "priority": 80,
    "steps": [{"id": "again", "email": "welcome"}, {"wait": "1d"}, {"id": "late", "email": "case-study"}],
}  # fmt: skip

MANY_KINDS: dict[str, Any] = {
    "sequence": "guide-nurture",
    "trigger": {"promoted_to": "lead"},
    "reentry": "after_exit",
    "exit": ["unsubscribed", {"engagement": {"at_least": 90}}],
    "window": {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "person"},
    "steps": [
        {"id": "thanks", "email": "guide-thanks", "window": "any"},
        {"id": "reads", "wait_for": {"event": "page_viewed", "within": "2d"}, "on_timeout": [{"id": "nudge", "email": "welcome"}]},
        {"branch": [{"share": 40, "then": [{"id": "short", "email": "case-study"}]}, {"else": [{"sequence": "second"}]}]},
        {"score": "download"},
        {"set": {"nurtured": True, "stage": "mql"}},
        {"branch": [{"if": {"happened": "reads"}, "then": [{"goto": "last"}]}]},
        {"wait": {"until": "wednesday", "at": "10:00"}},
        {"id": "last", "email": "last-word", "variants": {"a": {}, "b": {"email": "last-word-b"}}},
    ],
}  # fmt: skip

#: Who has downloaded nothing for two days, which nothing but time makes true.
QUIET: dict[str, Any] = {
    "sequence": "quiet",
    "trigger": {"enters": {"all": [{"stage": "lead"}, {"happened": {"event": "asset_downloaded", "within": "2d", "times": 0}}]}},
    "reentry": "after_exit",
    "steps": [{"id": "still-there", "email": "welcome"}],
}

CONSENTS: dict[str, Any] = {
    "purposes": {
        "marketing-email": {
            "version": "1", "wording": {"en": "Yes."}, "topics": ["news"], "double_opt_in": True, "confirm": "ask",
        },
    },
    "topics": {"news": {"en": "News"}},
}  # fmt: skip

ASKS_TO_CONFIRM: dict[str, Any] = {"sequence": "ask", "trigger": "manual", "steps": [{"id": "ask", "email": "welcome"}]}

ABOUT_NEWS: dict[str, Any] = {
    "sequence": "guide-nurture", "trigger": {"event": "form_submitted"}, "topic": "news",
    "steps": [
        part for number in range(12) for part in ({"id": f"m{number}", "email": f"mail-{number}"}, {"id": f"w{number}", "wait": "4d"})
    ],
}  # fmt: skip


def agrees(email: str, device: str = "device-1") -> list[Event]:
    posted, opened = joins(email, device)
    return [posted.model_copy(update={"properties": {**posted.properties, "consent": "marketing-email"}}), opened]


def says(name: str, email: str, at: Any, **properties: Any) -> Event:
    """As a link in their mail would tell it."""
    told = {"purpose": "marketing-email", "address": address_mark(email)} if name == "consent_confirmed" else properties
    return event(name, at, email=email, source="engine", properties=told)


CASES: dict[str, tuple[Definitions, Sequence[tuple[Any, Sequence[Event]]]]] = {
    "one person walks through": (definitions(), [(MONDAY, joins("ana@acme.test"))]),
    "the goal ends it": (
        definitions(),
        [
            (MONDAY, joins("ana@acme.test")),
            (MONDAY + HOUR, [event("demo_requested", MONDAY + HOUR, anonymous_id="device-1")]),
        ],
    ),
    "two share a browser, and something comes late": (
        definitions(),
        [
            (MONDAY, [page("/pricing", at=MONDAY - HOUR)]),
            (MONDAY + HOUR, joins("ana@acme.test")),
            (MONDAY + DAY, joins("bob@acme.test", at=MONDAY + DAY)),
            (MONDAY + 2 * DAY, joins("cleo@acme.test", at=MONDAY + DAY / 2, job_title="Head of Sales")),
            (MONDAY + 3 * DAY, [page("/pricing", at=MONDAY + 3 * DAY), page("/blog/a", at=MONDAY + DAY)]),
        ],
    ),
    "all kinds of steps": (
        definitions(sequences={"guide-nurture": MANY_KINDS, "second": CHAIN}),
        [
            (MONDAY, [*joins("ana@acme.test"), *joins("bob@acme.test", "device-2", timezone="Asia/Tokyo")]),
            (MONDAY + HOUR, [page("/blog/b", at=MONDAY + HOUR)]),
            (MONDAY + 30 * DAY, joins("ana@acme.test", at=MONDAY + 30 * DAY)),
        ],
    ),
    "caps and quiet hours": (
        definitions(
            sequences={"guide-nurture": {**GUIDE_SEQUENCE, "window": {}}},
            sending={**SENDING, "frequency_cap": {"messages": 1, "per": "3d"}, "quiet_hours": {"hours": "21:00-08:00"}},
        ),
        [(MONDAY, joins("ana@acme.test", timezone="America/New_York"))],
    ),
    "somebody warm cools": (
        definitions(),
        [(MONDAY, [*joins("ana@acme.test", job_title="Head of Sales"), page("/pricing"), page("/blog/c")])],
    ),
    "time lets people in": (
        definitions(
            sequences={
                "asleep": {
                    "sequence": "asleep",
                    "trigger": {
                        "enters": {"all": [{"stage": "lead"}, {"happened": {"event": "page_viewed", "within": "9d", "times": 0}}]}
                    },
                    "reentry": "after_exit",
                    "steps": [{"id": "wake", "email": "welcome"}, {"wait": "3d"}],
                }
            }
        ),
        [
            (MONDAY, joins("ana@acme.test")),
            (MONDAY + HOUR, [page("/pricing", at=MONDAY + HOUR)]),
            (MONDAY + 20 * DAY, [page("/pricing", at=MONDAY + 20 * DAY)]),
        ],
    ),
    "time makes it true, and then they do something": (
        definitions(sequences={"quiet": QUIET}),
        [
            (MONDAY, joins("ana@acme.test")),
            (MONDAY + 2.5 * DAY, [event("video_watched", MONDAY + 2.5 * DAY, anonymous_id="device-1")]),
            (MONDAY + 2.6 * DAY, [event("video_watched", MONDAY + 2.6 * DAY, anonymous_id="device-1")]),
        ],
    ),
    "what people say of the mail they receive": (
        definitions(sequences={"guide-nurture": ABOUT_NEWS, "ask": ASKS_TO_CONFIRM}, consents=CONSENTS),
        [
            (MONDAY, [*agrees("ana@acme.test"), *joins("ben@acme.test", "device-2"), *agrees("cleo@acme.test", "device-3")]),
            (MONDAY + HOUR, [says("consent_confirmed", "ana@acme.test", MONDAY + HOUR)]),
            (MONDAY + DAY, [says("preferences_changed", "ana@acme.test", MONDAY + DAY, topics={"news": True}, pace="weekly")]),
            (
                MONDAY + 9 * DAY,
                [says("preferences_changed", "ana@acme.test", MONDAY + 9 * DAY, paused_until=(MONDAY + 39 * DAY).isoformat())],
            ),
            (MONDAY + 45 * DAY, [says("preferences_changed", "ana@acme.test", MONDAY + 45 * DAY, topics={"news": False})]),
        ],
    ),
    "nobody wants more": (
        definitions(),
        [
            (MONDAY, joins("ana@acme.test")),
            (MONDAY + DAY, [event("unsubscribed", MONDAY + DAY, email="ana@acme.test", source="engine")]),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_foretold_is_what_happens(case: str, migrated_engine: Engine) -> None:
    what, batches = CASES[case]
    events, until = received(batches), MONDAY + 60 * DAY
    foretold = simulated(what, events, MONDAY - 2 * HOUR, until)
    happened = really(migrated_engine, what, events, MONDAY - 2 * HOUR, until)
    for name in Played._fields:
        assert getattr(foretold, name) == getattr(happened, name), name
    assert foretold.messages


def test_what_is_held_stays_where_it_is(migrated_engine: Engine) -> None:
    events = received([(MONDAY, joins("ana@acme.test"))])
    held = {"guide-nurture"}
    foretold = simulated(definitions(), events, MONDAY, MONDAY + 9 * DAY, held=held)
    assert foretold == really(migrated_engine, definitions(), events, MONDAY, MONDAY + 9 * DAY, held=held)
    assert [run.status for run in foretold.runs] == ["paused"]


def test_what_time_has_made_true_is_seen_with_whatever_they_do_next() -> None:
    what, batches = CASES["time makes it true, and then they do something"]
    played = simulated(what, received(batches), MONDAY - HOUR, MONDAY + 9 * DAY)
    assert [run.entered_at for run in played.runs] == [MONDAY + 2.5 * DAY]  # once, before the survey of the next midnight
