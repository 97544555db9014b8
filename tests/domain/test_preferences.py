"""What mail people wish for, and what that means for a mail that is due."""

from datetime import timedelta
from typing import Any

import pytest

from nurture.domain.consent import Agreement
from nurture.domain.mail.dispatch import Allowed, Deferred, Mailed, Permission, Situation, Skipped, may_send
from nurture.domain.mail.message import Reason
from nurture.domain.mail.suppression import Suppressed
from nurture.domain.preferences import Lifted, Pace, Rhythm, Wish, told_in, wish_in
from tests.domain.mail.test_dispatch import CALENDAR, DAY, FREE, NOW
from tests.domain.test_consent import ANA, CONSENTS
from tests.support.definitions import SENDING, definitions
from tests.support.events import MONDAY, event

NEWS = FREE._replace(topic="news")
WEEKLY, MONTHLY = Rhythm(Pace.WEEKLY), Rhythm(Pace.MONTHLY)


def ask(situation: Situation) -> Permission:
    what = definitions(sending=SENDING | {"breakers": {"same_mail": None}}, consents=CONSENTS.model_dump(by_alias=True))
    return may_send(situation, (), what, CALENDAR, NOW)


@pytest.mark.parametrize(
    ("situation", "answer"),
    [
        (NEWS, Skipped(Reason.NO_CONSENT, "marketing-email")),
        (NEWS._replace(agreement=Agreement("withdrawn", NOW)), Skipped(Reason.NO_CONSENT, "marketing-email")),
        (NEWS._replace(agreement=Agreement("given", NOW)), Allowed()),
        (NEWS._replace(agreement=Agreement("confirmed", NOW - 900 * DAY)), Allowed()),
        (NEWS._replace(agreement=Agreement("asked", NOW - DAY)), Deferred(NOW + 6 * DAY, Reason.UNCONFIRMED)),
        (NEWS._replace(agreement=Agreement("asked", NOW - 7 * DAY)), Skipped(Reason.UNCONFIRMED, "marketing-email")),
        (FREE._replace(topic="guides"), Allowed()),  # needs nothing
        (FREE._replace(topic="guides", topic_off=True), Skipped(Reason.TOPIC_OFF, "guides")),
        (FREE._replace(rhythm=WEEKLY, recent=[Mailed(9, NOW - 7 * DAY)]), Allowed()),
        (FREE._replace(rhythm=WEEKLY, recent=[Mailed(9, NOW - 5 * DAY)]), Deferred(NOW + 2 * DAY, Reason.PACE, (9,))),
        (FREE._replace(rhythm=MONTHLY, recent=[Mailed(9, NOW - 8 * DAY)]), Deferred(NOW + 22 * DAY, Reason.PACE, (9,))),
        (FREE._replace(rhythm=MONTHLY, recent=[Mailed(9, NOW - 8 * DAY)], any_time=True), Allowed()),
        (FREE._replace(rhythm=Rhythm(paused_until=NOW + DAY)), Deferred(NOW + DAY, Reason.ASKED_TO_PAUSE)),
        (FREE._replace(rhythm=Rhythm(paused_until=NOW + DAY), any_time=True), Allowed()),
        (FREE._replace(rhythm=Rhythm(paused_until=NOW)), Allowed()),
        (NEWS._replace(suppressed=True, topic_off=True), Skipped(Reason.SUPPRESSED)),
    ],
)
def test_a_mail_goes_as_its_reader_wishes(situation: Situation, answer: Permission) -> None:
    assert ask(situation) == answer


def changed(**properties: Any) -> Wish | None:
    return wish_in(event("preferences_changed", person=7, source="engine", properties=properties), ANA)


def test_a_wish_says_all_of_it() -> None:
    wish = changed(**told_in({"news": True, "guides": False}, Pace.WEEKLY, MONDAY + timedelta(days=30)))
    off = Suppressed(ANA, "preferences", "engine", MONDAY, "topic:guides")
    rhythm = Rhythm(Pace.WEEKLY, MONDAY + timedelta(days=30), MONDAY)
    assert wish == Wish(rhythm, (off,), Lifted(ANA, ("all", "topic:news"), MONDAY))


@pytest.mark.parametrize(
    ("topics", "wanted"),
    [
        ({"news": True}, ("all", "topic:news")),
        ({"news": False}, ()),
        ({}, ("all",)),
        ({"news": "yes"}, ("all",)),
        ("x", ("all",)),
    ],
)
def test_who_chooses_nothing_to_read_stays_unsubscribed(topics: Any, wanted: tuple[str, ...]) -> None:
    wish = changed(topics=topics)
    assert wish is not None
    assert wish.wanted.scopes == wanted


@pytest.mark.parametrize("until", ["2026-03-02", "2026-03-30", "2027-03-02T10:00Z", "2026-03-01T10:00+00:00", "x", 30, None])
def test_a_pause_that_is_none_is_no_pause(until: object) -> None:
    wish = changed(paused_until=until, pace="daily")
    assert wish is not None
    assert wish.rhythm == Rhythm(Pace.ALL, None, MONDAY)


def test_nothing_else_is_a_wish() -> None:
    assert wish_in(event("unsubscribed", person=7), ANA) is None
