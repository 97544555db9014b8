"""The latency of a mail is read at the mail server, and only of runs in which every form was answered once."""

import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from benchmarks.laboratory import ROOT, WrongResultError, await_port
from benchmarks.latency import Arrivals, Delays, _delays
from tests.support.waiting import free_port


@pytest.fixture
def arrivals() -> Iterator[Arrivals]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.sink", str(port)], cwd=ROOT)
    try:
        await_port(process, port)
        yield Arrivals(port)
    finally:
        process.kill()
        process.wait()


def mail(arrivals: Arrivals, *recipients: str) -> None:
    with smtplib.SMTP("127.0.0.1", arrivals.port, "test") as connection:
        for number, recipient in enumerate(recipients):
            connection.sendmail("us@example.com", [recipient], f"Message-ID: <{number}>\r\n\r\nHello.\r\n")


def test_the_sink_tells_when_the_mail_of_each_recipient_came(arrivals: Arrivals) -> None:
    before = time.monotonic()
    mail(arrivals, "ada@example.org", "grace@example.org")
    between = time.monotonic()
    mail(arrivals, "alan@example.org")
    told = arrivals.by_recipient()
    assert [recipient for recipient, _ in told] == ["ada@example.org", "grace@example.org", "alan@example.org"]
    assert before <= told[0][1] <= told[1][1] <= between <= told[2][1] <= time.monotonic()


def test_a_delay_counts_from_the_instant_the_form_was_to_leave(arrivals: Arrivals) -> None:
    now = time.monotonic()
    mail(arrivals, "a@example.org", "b@example.org", "c@example.org")
    planned = {"warm": {"a@example.org": now}, "idle": {"b@example.org": now - 7}, "half": {"c@example.org": now - 9}}
    delays = _delays("this test", planned, arrivals)
    came = dict(arrivals.by_recipient())
    assert delays.idle == [1e3 * (came["b@example.org"] - now + 7)]
    assert delays.half == [1e3 * (came["c@example.org"] - now + 9)]


@pytest.mark.parametrize("came", [["a@example.org"], ["a@example.org", "b@example.org", "b@example.org"]])
def test_without_a_mail_for_each_form_there_is_no_figure(arrivals: Arrivals, came: list[str]) -> None:
    mail(arrivals, *came)
    with pytest.raises(WrongResultError, match="mails that this test sent"):
        _delays("this test", {"idle": {"a@example.org": 0.0}, "half": {"b@example.org": 0.0}}, arrivals)


def test_the_stretches_of_the_way_are_told_by_percentiles() -> None:
    stages = {"until the web process had it": [1.0, 2.0, 9.0], "until its batch began": [30.0, 40.0, 90.0]}
    told = Delays([], [], stages).made_of
    assert told.columns == ("p50, ms", "p99, ms")
    assert told.parts == {"until the web process had it": (2.0, 9.0), "until its batch began": (40.0, 90.0)}
