"""What follows from what a mail server did with a mail."""

from datetime import UTC, datetime, timedelta

import pytest

from nurture.domain.mail.delivery import REST, Accepted, Answer, Lost, Missed, Unreached, Verdict, domain_of, verdict
from nurture.domain.mail.faults import read_refusal
from nurture.domain.mail.message import MessageStatus, Reason
from nurture.domain.mail.sending import Retry

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RETRY = Retry(attempts=3)


def test_what_was_taken_is_sent() -> None:
    assert verdict(Accepted("250 ok"), 1, RETRY, AT) == Verdict(MessageStatus.SENT, "250 ok")


def test_what_was_lost_after_the_last_byte_is_uncertain_and_never_tried_again() -> None:
    assert verdict(Lost("it broke"), 1, RETRY, AT) == Verdict(MessageStatus.UNCERTAIN, "it broke")


def test_a_permit_that_ran_out_costs_nothing() -> None:
    stands = verdict(Missed(), 1, RETRY, AT)
    assert (stands.status, stands.reason, stands.due_at, stands.attempt) == (MessageStatus.QUEUED, Reason.RATE, AT, False)


def test_a_server_that_is_away_costs_no_attempt() -> None:
    stands = verdict(Unreached("it is away"), 1, RETRY, AT)
    assert stands == Verdict(MessageStatus.QUEUED, "it is away", Reason.UNREACHABLE, AT + REST, attempt=False)


def refused(reply: str, attempt: int = 1) -> tuple[str, str | None, timedelta | None]:
    answer: Answer = read_refusal(int(reply[:3]), reply[4:])
    stands = verdict(answer, attempt, RETRY, AT)
    assert stands.attempt
    assert reply in stands.detail
    return stands.status, stands.reason, stands.due_at - AT if stands.due_at else None


@pytest.mark.parametrize(
    ("reply", "stands"),
    [
        ("550 5.1.1 no such user", ("failed", "address_refused", timedelta(0))),
        ("550 5.1.2 no such host", ("failed", "address_refused", timedelta(0))),
        ("551 5.1.6 moved", ("failed", "address_refused", timedelta(0))),
        ("552 5.3.4 too big", ("failed", None, None)),
        ("554 5.6.0 malformed", ("failed", None, None)),
        ("552 5.2.2 full", ("failed", None, None)),
        ("550 no", ("failed", None, None)),
        ("554 5.7.1 we do not like you", ("queued", "policy", timedelta(minutes=5))),
        ("550 5.1.8 your domain has no address", ("queued", "policy", timedelta(minutes=5))),
        ("421 4.7.28 too many mails", ("queued", "policy", timedelta(minutes=5))),
        ("450 4.2.1 later", ("queued", "temporary_failure", timedelta(minutes=5))),
        ("450 4.1.1 greylisted", ("queued", "temporary_failure", timedelta(minutes=5))),
        ("451 later", ("queued", "temporary_failure", timedelta(minutes=5))),
    ],
)
def test_whose_fault_it_is_decides(reply: str, stands: tuple[str, str | None, timedelta | None]) -> None:
    assert refused(reply) == stands


@pytest.mark.parametrize("reply", ["450 4.2.1 later", "554 5.7.1 we do not like you"])
def test_the_delay_grows_until_it_is_given_up(reply: str) -> None:
    assert refused(reply, 2)[2] == timedelta(minutes=10)
    assert refused(reply, 3) == ("failed", None, None)


@pytest.mark.parametrize(
    ("address", "domain"),
    [("ana@Example.ORG", "example.org"), ("ana@straße.de", "strasse.de"), ("ana@bücher.example", "xn--bcher-kva.example")],
)
def test_a_domain_is_written_as_servers_are_asked_for_it(address: str, domain: str) -> None:
    assert domain_of(address) == domain
