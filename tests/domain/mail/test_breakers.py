"""When mail stops by itself."""

import pytest

from nurture.domain.mail.breakers import ALL_MAIL, Breakers, Pulse, Stream, tripped
from tests.support.events import MONDAY


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (Stream("s", 1_000, 0, 3), "complaints"),
        (Stream("s", 1_001, 0, 3), None),
        (Stream("s", 100, 0, 2), None),  # two are chance
        (Stream("s", 100, 5, 0), "hard_bounces"),
        (Stream("s", 101, 5, 0), None),
        (Stream("s", 10, 2, 0), None),
        (Stream("s", 10, 10, 10), "complaints"),
    ],
)
def test_a_sequence_stops_at_the_share_that_mailbox_providers_name(stream: Stream, kind: str | None) -> None:
    trips = tripped([stream], [], Breakers(), MONDAY)
    assert [(trip.sequence, trip.alarm.kind) for trip in trips] == ([("s", kind)] if kind else [])


@pytest.mark.parametrize(
    ("pulse", "about"),
    [
        (Pulse(None, 10_000, 999), ALL_MAIL),
        (Pulse(None, 10_000, 1_000), None),
        (Pulse(None, 9_999, 0), None),
        (Pulse("s", 50_000, 100), "s"),
    ],
)
def test_mail_far_above_what_is_usual_stops(pulse: Pulse, about: str | None) -> None:
    trips = tripped([], [pulse], Breakers(), MONDAY)
    assert [trip.alarm.about for trip in trips] == ([about] if about else [])
    assert tripped([], [pulse], Breakers(surge=None), MONDAY) == []
