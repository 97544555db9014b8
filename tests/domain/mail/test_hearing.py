"""What follows from what is heard of a mail."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.event import (
    EMAIL_AUTO_REPLIED,
    EMAIL_BOUNCED,
    EMAIL_COMPLAINED,
    EMAIL_DEFERRED,
    EMAIL_DELIVERED,
    EMAIL_REPLIED,
    UNSUBSCRIBED,
    Event,
)  # fmt: skip
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hearing import Bounce, SoftBounces, report_of, suppression_in
from nurture.domain.mail.message import MessageStatus
from tests.support.events import MONDAY, event

DAY = timedelta(days=1)


def bounced(fault: Fault, days: int = 0) -> Event:
    return event(EMAIL_BOUNCED, MONDAY + days * DAY, person=1, message=2, properties={"fault": fault.value, "code": "5.0.0"})


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (EMAIL_DELIVERED, MessageStatus.DELIVERED),
        (EMAIL_BOUNCED, MessageStatus.BOUNCED),
        (EMAIL_COMPLAINED, MessageStatus.COMPLAINED),
        (EMAIL_REPLIED, MessageStatus.DELIVERED),
        (EMAIL_AUTO_REPLIED, MessageStatus.DELIVERED),
        (EMAIL_DEFERRED, None),
        (UNSUBSCRIBED, None),
    ],
)
def test_a_report_says_where_its_message_stands(name: str, status: MessageStatus | None) -> None:
    report = report_of(event(name, person=1, message=2))
    assert (report.status if report else None) == status


def test_reports_say_the_same_in_every_order() -> None:
    names = (EMAIL_DELIVERED, EMAIL_BOUNCED, EMAIL_COMPLAINED, EMAIL_REPLIED)
    for order in permutations(names):
        status = MessageStatus.UNCERTAIN
        for name in order:
            report = report_of(event(name, person=1, message=2))
            assert report is not None
            status = report.status if status in report.replaces else status
        assert status == MessageStatus.COMPLAINED


@given(fault=st.sampled_from(Fault))
def test_one_bounce_suppresses_only_where_nobody_is_there(fault: Fault) -> None:
    suppressed = suppression_in(bounced(fault), "ana@acme.test", (), SoftBounces())
    assert (suppressed is not None) == (fault == Fault.ADDRESS)


@given(
    fault=st.sampled_from([Fault.MESSAGE, Fault.POLICY, Fault.UNKNOWN]),
    before=st.lists(st.builds(Bounce, st.integers(0, 29).map(lambda day: MONDAY - day * DAY), st.booleans()), max_size=30),
)
def test_what_is_not_the_readers_fault_never_suppresses(fault: Fault, before: list[Bounce]) -> None:
    assert suppression_in(bounced(fault), "ana@acme.test", before, SoftBounces()) is None


@pytest.mark.parametrize(
    ("before", "suppressed"),
    [
        ([], False),
        ([Bounce(MONDAY - DAY)], False),
        ([Bounce(MONDAY - 2 * DAY), Bounce(MONDAY - DAY)], True),
        ([Bounce(MONDAY - DAY), Bounce(MONDAY - DAY - timedelta(hours=1)), Bounce(MONDAY)], False),
        ([Bounce(MONDAY - 3 * DAY), Bounce(MONDAY - 2 * DAY, delivered=True), Bounce(MONDAY - DAY)], False),
        ([Bounce(MONDAY - 40 * DAY), Bounce(MONDAY - DAY)], False),
    ],
    ids=["first", "second", "third", "all on two days", "one was delivered", "one is long ago"],
)
def test_soft_bounces_suppress_only_when_repeated(before: list[Bounce], *, suppressed: bool) -> None:
    found = suppression_in(bounced(Fault.MAILBOX), "ana@acme.test", before, SoftBounces())
    assert (found.reason if found else None) == ("bounced_often" if suppressed else None)


@pytest.mark.parametrize(("name", "reason"), [(EMAIL_COMPLAINED, "complained"), (UNSUBSCRIBED, "unsubscribed")])
def test_whoever_complains_or_leaves_is_mailed_no_more(name: str, reason: str) -> None:
    suppressed = suppression_in(event(name, person=1, message=2), "ana@acme.test", (), SoftBounces())
    assert suppressed is not None
    assert suppressed.reason == reason
