"""A new transport's quota grows from day to day, unless a day went badly."""

from datetime import UTC, datetime

import pytest

from nurture.domain.mail.warm_up import DaysMail, Quota, WarmUp, day_of, quota_after

WARM_UP = WarmUp(start=200, growth=1.5, until=1000)


def test_it_begins_small_and_grows_until_it_is_warm() -> None:
    quota: Quota | None = None
    quotas = []
    for day in range(7):
        quota = quota_after(WARM_UP, quota, DaysMail(quota.mails if quota else 0), day)
        quotas.append(quota.mails)
    assert quotas == [200, 300, 450, 675, 1000, 1000, 1000]


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        (DaysMail(sent=200), None),
        (DaysMail(sent=100), None),
        (DaysMail(sent=99), "only 99 of 200 were used"),
        (DaysMail(sent=200, bounced=10), "10 of 200 mails bounced"),
        (DaysMail(sent=200, bounced=9), None),
        (DaysMail(sent=200, deferred=20), "20 of 200 mails were put off"),
        (DaysMail(sent=200, deferred=19), None),
        (DaysMail(sent=0), "only 0 of 200 were used"),
    ],
)
def test_a_bad_day_holds_it_back_and_says_why(mail: DaysMail, reason: str | None) -> None:
    found = quota_after(WARM_UP, Quota(7, 200), mail, 8)
    assert found == (Quota(8, 300) if reason is None else Quota(8, 200, f"no more than the day before: {reason}"))


def test_two_of_a_few_are_chance() -> None:
    small = WarmUp(start=10)
    assert quota_after(small, Quota(7, 10), DaysMail(sent=10, bounced=2, deferred=2), 8).mails == 15


def test_what_is_warm_stays_warm_and_may_be_set_lower() -> None:
    assert quota_after(WARM_UP, Quota(7, 1000), DaysMail(bounced=900, sent=1000), 8).mails == 1000
    assert quota_after(WARM_UP, Quota(7, 5000), DaysMail(), 8).mails == 1000


def test_days_are_those_of_utc() -> None:
    assert day_of(datetime(1970, 1, 2, 23, 59, 59, tzinfo=UTC)) == 1
    assert day_of(datetime(1970, 1, 3, tzinfo=UTC)) == 2
