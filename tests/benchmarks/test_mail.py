"""The mail benchmark counts what it should, and both of its columns carry the same words."""

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import letter
from benchmarks.figure import Goal
from benchmarks.laboratory import ROOT, Laboratory, WrongResultError, await_port
from benchmarks.mail import NEAR, STIFF, Mailing, Sink, Trial, speed
from tests.adapters.mail.one_connection import connection, mail
from tests.support.waiting import free_port


@pytest.fixture(params=[(), ("--round-trip", "5", "--work", "5"), ("--one-by-one",)])
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.sink", str(port), *request.param], cwd=ROOT)
    try:
        await_port(process, port)
        yield Sink(port)
    finally:
        process.kill()
        process.wait()


def test_the_sink_counts_mails_and_those_that_come_twice(sink: Sink) -> None:
    with connection(f"smtp://127.0.0.1:{sink.port}") as opened:
        for number in range(3):
            opened.carry(mail(raw=f"Message-ID: <{number}>\r\n\r\nHello.\r\n".encode()))
    assert sink.check("this test", 3) == len("Message-ID: <0>\r\n\r\nHello.")
    with smtplib.SMTP("127.0.0.1", sink.port, "test") as plain:
        plain.sendmail("us@example.com", ["ada@example.org"], "Message-ID: <2>\r\n\r\nHello.\r\n")
    with pytest.raises(WrongResultError, match="twice"):
        sink.check("this test", 4)


def test_both_letters_say_the_same_at_about_the_same_length(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    letter.write_ours(tmp_path / "ours")
    letter.write_twins(tmp_path / "twins")
    ours = (tmp_path / "ours" / "letter" / "en.md").read_text()
    twins = [(tmp_path / "twins" / name).read_text() for name in ("mail.html", "mail.txt")]
    for title, text in letter.SECTIONS:
        assert all(title in each and text in each for each in (ours, *twins))


@pytest.mark.engine
def test_a_trial_has_all_its_columns_and_every_mail_comes_once(laboratory: Laboratory) -> None:
    trials = [Trial(NEAR, 60, 20, (Goal(0.5, "limit"),)), Trial(STIFF, 40)]
    near, stiff = speed(Mailing(laboratory), trials, 1, lambda _: None)
    assert (near.key, len(near.ours), len(near.twin), len(near.limit)) == ("mail-near", 1, 1, 1)
    assert near.goals == trials[0].goals
    assert (stiff.key, len(stiff.ours), stiff.twin, stiff.limit, stiff.limit_is) == ("mail-stiff", 1, [], [], "")
