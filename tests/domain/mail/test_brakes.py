"""What is learned from how mails fare: who is left alone, for how long, and when that is over."""

from datetime import UTC, datetime, timedelta

import pytest

from nurture.domain.mail.brakes import Brake, Brakes, Experience, by_name, grown, learn
from nurture.domain.mail.faults import Refusal

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
POLICY = Refusal(550, "5.7.1", "our users do not like you")
NOBODY = Refusal(550, "5.1.1", "no such user")
SLOW_DOWN = Refusal(421, "4.7.28", "unusual rate")

FINE = Experience("relay", "gmail")
AWAY = Experience("relay", "gmail", unreached="connection refused")


def blocked(refusal: Refusal = POLICY, family: str = "gmail") -> Experience:
    return Experience("relay", family, refusal=refusal)


def pulled(*experiences: Experience, brakes: Brakes | None = None, at: datetime = NOON) -> list[tuple[str, str, timedelta]]:
    learned = learn(experiences, brakes or {}, at)
    return [(each.kind, each.name, each.until - each.at) for each in learned.pulled if each.until]


@pytest.mark.parametrize("refusal", [POLICY, SLOW_DOWN])
def test_a_family_that_refuses_us_is_left_alone_and_the_operator_told(refusal: Refusal) -> None:
    learned = learn([blocked(refusal), blocked(refusal), FINE, Experience("relay", "acme.test")], {}, NOON)
    [brake], [alarm] = learned.pulled, learned.alarms
    assert brake[:4] == ("family", "relay/gmail", NOON, NOON + 10 * MINUTE)
    assert (alarm.kind, alarm.about) == ("policy_block", "relay/gmail")
    assert refusal.text in alarm.text


def test_whom_the_mail_was_for_is_not_repeated() -> None:
    said = Refusal(550, "5.7.1", "5.7.1 <ana@acme.test>: ben@acme.test is not to hear of you")
    learned = learn([blocked(said)], {}, NOON)
    assert learned.alarms[0].text == "refused for 10m: 5.7.1 <address>: <address> is not to hear of you"


def test_an_address_that_does_not_exist_is_nobody_elses_fault() -> None:
    assert not any(learn([blocked(NOBODY)], {}, NOON))


def test_a_transport_rests_when_none_of_its_mails_came_through() -> None:
    assert pulled(AWAY, AWAY) == [("transport", "relay", timedelta(seconds=30))]
    assert pulled(AWAY, FINE) == []
    assert pulled(AWAY, blocked(NOBODY)) == []
    assert pulled(AWAY, Experience("other", "gmail")) == [("transport", "relay", timedelta(seconds=30))]


def test_it_rests_longer_each_time_until_it_is_well_again() -> None:
    brakes: Brakes = {}
    at, rests = NOON, []
    for _ in range(8):
        learned = learn([AWAY], brakes, at)
        brakes = by_name(learned.pulled)
        [brake] = learned.pulled
        assert brake.until is not None
        rests.append((brake.until - at).total_seconds())
        at = brake.until + timedelta(seconds=5)
    assert rests == [30, 60, 120, 240, 480, 900, 900, 900]
    assert [each.name for each in learn([FINE], brakes, at).forgotten] == ["relay"]


def test_while_it_holds_a_brake_is_neither_lengthened_nor_forgotten() -> None:
    brakes = by_name([Brake("family", "relay/gmail", NOON, NOON + 10 * MINUTE, "refused")])
    assert not any(learn([blocked(), FINE], brakes, NOON + MINUTE))


def test_mail_to_others_forgets_nothing_of_a_family() -> None:
    brakes = by_name([Brake("family", "relay/gmail", NOON, NOON + MINUTE, "refused")])
    assert learn([blocked(NOBODY), Experience("relay", "acme.test")], brakes, NOON + 2 * MINUTE).forgotten == []
    assert len(learn([FINE], brakes, NOON + 2 * MINUTE).forgotten) == 1


def test_what_is_long_over_is_no_reason_to_rest_longer() -> None:
    before = Brake("transport", "relay", NOON, NOON + 8 * MINUTE, "")
    assert grown(before, MINUTE, 10 * MINUTE, NOON + 9 * MINUTE) == 10 * MINUTE
    assert grown(before, MINUTE, 10 * MINUTE, NOON + 19 * MINUTE) == MINUTE
    assert grown(before._replace(until=None), MINUTE, 10 * MINUTE, NOON) == MINUTE
