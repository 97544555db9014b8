"""The development mailbox keeps every mail it acknowledged, whole, and nothing else."""

import re
import signal
import smtplib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nurture.adapters.mail.mailbox import start_mailbox
from nurture.errors import SettingsError, Unavailable
from tests.support.waiting import free_port, wait_until

RAW = b"Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\n.dot\r\nbytes \xc3\xa9\r\n"
NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.eml")


def post(port: int, number: int = 1) -> None:
    with smtplib.SMTP("127.0.0.1", port, "[127.0.0.1]", timeout=10) as smtp:
        for _ in range(number):
            smtp.sendmail("us@example.com", ["ada@example.org"], RAW)


def test_a_mail_becomes_a_file_named_after_its_arrival(tmp_path: Path) -> None:
    with start_mailbox("127.0.0.1", 0, tmp_path / "mail") as mailbox:
        post(mailbox.port)
    (file,) = (tmp_path / "mail").iterdir()
    assert NAME.fullmatch(file.name)
    assert file.read_bytes() == RAW


def test_mails_that_arrive_together_are_all_kept(tmp_path: Path) -> None:
    with start_mailbox("127.0.0.1", 0, tmp_path) as mailbox, ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(post, mailbox.port, 5) for _ in range(8)]:
            done.result(30)
    assert sum(bool(NAME.fullmatch(file.name)) for file in tmp_path.iterdir()) == 40
    assert len(list(tmp_path.iterdir())) == 40


def test_a_mail_that_cannot_be_written_is_refused_for_now_and_the_next_one_taken(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    with start_mailbox("127.0.0.1", 0, folder) as mailbox:
        folder.rmdir()
        with pytest.raises(smtplib.SMTPDataError) as caught:
            post(mailbox.port)
        folder.mkdir()
        post(mailbox.port)
    assert caught.value.smtp_code == 451
    assert len(list(folder.iterdir())) == 1


def test_clients_that_are_still_connected_do_not_keep_it_from_stopping(tmp_path: Path) -> None:
    mailbox = start_mailbox("127.0.0.1", 0, tmp_path)
    with smtplib.SMTP("127.0.0.1", mailbox.port, "[127.0.0.1]", timeout=10) as smtp:
        smtp.ehlo()
        mailbox.stop()
        mailbox.stop()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.noop()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "mail.example.com", ""])
def test_only_this_machine_may_use_it(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="this machine"):
        start_mailbox(host, 0, tmp_path)


def test_a_port_in_use_is_said_so(tmp_path: Path) -> None:
    with start_mailbox("127.0.0.1", 0, tmp_path) as mailbox, pytest.raises(Unavailable, match=str(mailbox.port)):
        start_mailbox("127.0.0.1", mailbox.port, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_stops_cleanly_at_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    code = f"from pathlib import Path; from nurture.adapters.mail.mailbox import run_mailbox; run_mailbox('127.0.0.1', {port}, Path({str(tmp_path)!r}))"
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", code], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: _answers(port), 20, what="the mailbox")
        with smtplib.SMTP("127.0.0.1", port, "[127.0.0.1]", timeout=10) as smtp:
            smtp.sendmail("us@example.com", ["ada@example.org"], RAW)
            process.send_signal(number)
            _, errors = process.communicate(timeout=10)
            smtp.close()
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, errors) == (0, b"")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [RAW]


def _answers(port: int) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", port, "[127.0.0.1]", timeout=10).quit()
    except OSError:
        return False
    return True
