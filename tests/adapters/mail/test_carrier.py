"""Many connections at once, to real servers."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest

from nurture.adapters.mail.carrier import SmtpCarrier
from nurture.domain.mail.delivery import Accepted, Lost, Missed, Unreached
from nurture.domain.mail.faults import Refusal
from nurture.errors import SettingsError
from nurture.ports import Carried, Mail
from tests.support.smtp import Phase, SmtpSink
from tests.support.waiting import MovableClock, free_port, wait_until


def mail(number: int, transport: str = "default") -> Mail:
    to = f"person{number}@example.org"
    return Mail(number, transport, "us@example.com", to, f"Message-ID: <{number}>\r\n\r\nHello.\r\n".encode(), "example.org")


@contextmanager
def carrying(idle: float = 10.0, **urls: str) -> Iterator[SmtpCarrier]:
    carrier = SmtpCarrier(urls, MovableClock(), timeout=5.0, reply_timeout=5.0, idle=idle)
    yield carrier
    carrier.close()


def carry(carrier: SmtpCarrier, mails: Sequence[Mail]) -> dict[int, Carried]:
    """Carry mails as connections become free, and wait for all of them."""
    waiting = list(mails)
    told: dict[int, Carried] = {}
    while waiting or len(told) < len(mails):
        for each in waiting[:]:
            if carrier.free(each.transport):
                carrier.carry([each])
                waiting.remove(each)
        told.update({each.message: each for each in carrier.finished(5.0)})
    return told


def test_a_mail_leaves_within_the_time_of_its_permit_or_not_at_all(smtp_sink: SmtpSink) -> None:
    now = MovableClock().now()
    moment, soon = timedelta(milliseconds=50), now + timedelta(milliseconds=50)
    with carrying(default=smtp_sink.url) as carrier:
        began = time.monotonic()
        told = carry(carrier, [mail(0)._replace(at=soon, until=soon)])
        assert time.monotonic() - began >= 0.05
        told |= carry(carrier, [mail(1)._replace(at=now - 2 * moment, until=now - moment)])
    assert isinstance(told[0].answer, Accepted)
    assert told[1].answer == Missed()
    assert len(smtp_sink.mails) == 1


def test_connections_are_kept_from_batch_to_batch_and_are_no_more_than_the_mails_at_a_time(smtp_sink: SmtpSink) -> None:
    with carrying(default=f"{smtp_sink.url}?connections=4") as carrier:
        assert carrier.free("default") == 4
        carry(carrier, [mail(0)])
        assert smtp_sink.sessions == 1
        for batch in range(5):
            told = carry(carrier, [mail(10 * batch + number) for number in range(1, 9)])
            assert all(isinstance(each.answer, Accepted) for each in told.values())
        assert smtp_sink.sessions <= 4
        assert len(smtp_sink.mails) == 41


def test_a_connection_is_busy_until_what_became_of_its_mail_was_fetched(smtp_sink: SmtpSink) -> None:
    with carrying(default=f"{smtp_sink.url}?connections=2") as carrier:
        carrier.carry([mail(1)])
        smtp_sink.wait_for(1)
        assert carrier.free("default") == 1
        [carried] = carrier.finished(5.0)
        assert (carried.message, carried.transport, carried.domain) == (1, "default", "example.org")
        assert carrier.free("default") == 2
        assert carrier.finished(0.0) == []


def test_a_connection_that_carries_nothing_for_long_is_closed_and_opened_again(smtp_sink: SmtpSink) -> None:
    with carrying(default=smtp_sink.url, idle=0.05) as carrier:
        carry(carrier, [mail(1)])
        wait_until(lambda: not smtp_sink.open_sessions, what="the idle connection to be closed")
        assert isinstance(carry(carrier, [mail(2)])[2].answer, Accepted)
    assert smtp_sink.sessions == 2


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "dot"])
def test_a_refusal_at_any_stage_is_of_that_mail_alone(smtp_sink: SmtpSink, phase: Phase) -> None:
    assert phase != "body"
    smtp_sink.refuse("person3@" if phase != "mail" else "", "451 4.3.0 not now", phase=phase, times=1)
    with carrying(default=f"{smtp_sink.url}?connections=3") as carrier:
        told = carry(carrier, [mail(number) for number in range(9)])
    refused = [each for each in told.values() if each.answer == Refusal(451, "4.3.0", "4.3.0 not now")]
    assert len(refused) == 1
    assert sum(isinstance(each.answer, Accepted) for each in told.values()) == 8 == len(smtp_sink.mails)


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "body"])
def test_a_connection_that_breaks_before_the_end_of_a_mail_hands_nothing_over(smtp_sink: SmtpSink, phase: Phase) -> None:
    """The first time the mail goes over a fresh connection at once, if it had gone over a kept one."""
    smtp_sink.drop(phase, times=1)
    with carrying(default=f"{smtp_sink.url}?connections=1") as carrier:
        first = carry(carrier, [mail(1)])[1].answer
        # The whole body may be written before the break is noticed, and then nobody can know.
        assert isinstance(first, Unreached if phase != "body" else Unreached | Lost)
        assert smtp_sink.mails == []
        assert isinstance(carry(carrier, [mail(2)])[2].answer, Accepted)
        smtp_sink.drop(phase, times=1)
        kept = carry(carrier, [mail(3)])[3].answer
        assert isinstance(kept, Accepted if phase != "body" else Accepted | Lost)


def test_a_connection_that_breaks_after_the_end_of_a_mail_loses_that_one_and_sends_nothing_twice(smtp_sink: SmtpSink) -> None:
    smtp_sink.drop("dot", times=1)
    with carrying(default=f"{smtp_sink.url}?connections=2") as carrier:
        told = carry(carrier, [mail(number) for number in range(6)])
    assert [type(each.answer) for each in told.values()].count(Lost) == 1
    assert sorted(each.message_id for each in smtp_sink.mails) == [f"<{number}>" for number in range(6)]


def test_a_server_that_bounds_its_connections_gets_all_mails_over_those_it_takes(smtp_sink: SmtpSink) -> None:
    smtp_sink.most_sessions = 2
    with carrying(default=f"{smtp_sink.url}?connections=6") as carrier:
        carry(carrier, [mail(0)])  # one connection stands
        told = carry(carrier, [mail(number) for number in range(1, 40)])
        assert all(isinstance(each.answer, Accepted) for each in told.values())
        assert carrier.free("default") <= 2
    assert len(smtp_sink.mails) == 40


def test_each_transport_has_a_server_of_its_own(smtp_sink: SmtpSink) -> None:
    with SmtpSink() as other, carrying(default=smtp_sink.url, bulk=f"{other.url}?connections=2") as carrier:
        assert (carrier.free("default"), carrier.free("bulk")) == (8, 2)
        told = carry(carrier, [mail(1), mail(2, "bulk"), mail(3, "bulk")])
        assert all(isinstance(each.answer, Accepted) for each in told.values())
        assert {each.message_id for each in smtp_sink.mails} == {"<1>"}
        assert {each.message_id for each in other.mails} == {"<2>", "<3>"}


def test_one_server_that_is_away_does_not_hold_up_another(smtp_sink: SmtpSink) -> None:
    with carrying(default=smtp_sink.url, away=f"smtp://127.0.0.1:{free_port()}") as carrier:
        told = carry(carrier, [mail(1, "away"), mail(2)])
    assert isinstance(told[1].answer, Unreached)
    assert isinstance(told[2].answer, Accepted)


def test_a_transport_without_a_url_is_told_with_the_setting_that_is_missing(smtp_sink: SmtpSink) -> None:
    with carrying(default=smtp_sink.url) as carrier:
        answer = carry(carrier, [mail(1, "bulk")])[1].answer
        assert isinstance(answer, Unreached)
        assert "NURTURE_SMTP_URL_BULK" in answer.why
        assert isinstance(carry(carrier, [mail(2)])[2].answer, Accepted)


def test_a_url_that_names_no_server_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="NURTURE_SMTP_URL_BULK"):
        SmtpCarrier({"bulk": "smtp://"}, MovableClock())
