"""`nurture demo`, as a newcomer starts it."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from nurture.demo.letterbox import read_mail
from nurture.environment import PREFIX
from tests.acceptance.conftest import ROOT
from tests.support.waiting import free_port, wait_until

#: Six minutes: other tests may want the machine at the same time.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(360)]


def start_demo(folder: Path) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    # What a developer has exported must not reach the demo: this mail server and database would be somebody's.
    foreign = {"NURTURE_SMTP_URL": "smtp://127.0.0.1:9", "NURTURE_DATABASE_URL": "postgresql://127.0.0.1:9/nobody"}
    command = [sys.executable, "-m", "nurture.cli.main", "demo", "--json", "--data-dir", str(folder), "--port", str(free_port())]
    return subprocess.Popen(
        command, env={**clean, **foreign}, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip


def processes_of(folder: Path) -> list[str]:
    """The processes that have the folder in their environment or command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told:
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode() if process.exists() else process.name)
    return found


def test_it_plays_to_the_end_and_its_figures_agree(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with start_demo(folder) as demo:
        told, complaints = demo.communicate()
    assert demo.returncode == 0, complaints + told
    outcome = json.loads(told)
    assert outcome["disagreements"] == []

    mails = [read_mail(file.read_bytes()) for file in (folder / "mail").glob("*.eml")]
    by_step = Counter((mail.sequence, mail.step) for mail in mails)
    funnel = outcome["funnel"]
    assert by_step == {
        (sequence["sequence"], step["step"]): step["sent"] for sequence in funnel["sequences"] for step in sequence["steps"]
    }
    assert outcome["eml_files"] == funnel["mails_sent"] == len(mails)
    assert len({mail.message_id for mail in mails}) == len(mails)

    reached = [funnel[name] for name in ("visitors", "engaged", "downloads", "mqls")]
    assert reached == sorted(reached, reverse=True)
    assert 190 <= funnel["visitors"] <= 230
    assert funnel["mqls"] > 0
    assert funnel["machine_events"] > 0
    assert min(outcome["sent_twice"], outcome["unsubscribed"], outcome["spam"]) > 0
    enrolled = {sequence["sequence"]: sequence["enrolled"] for sequence in funnel["sequences"]}
    assert enrolled.keys() == {"guide-nurture", "keep-warm", "webinar-reminder", "welcome-subscriber"}
    assert min(enrolled["guide-nurture"], enrolled["keep-warm"], enrolled["welcome-subscriber"]) > 0
    assert all(step["sent"] for sequence in funnel["sequences"] for step in sequence["steps"])
    steps = {step["step"] for sequence in funnel["sequences"] for step in sequence["steps"]}
    assert {"case", "measure", "case-again", "goodbye"} <= steps, "readers who clicked, and readers who did not"
    assert len({mail.subject for mail in mails if mail.step == "case"}) == 4, "both variants in both languages"
    assert outcome["story"]["stage_changes"]
    assert processes_of(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_nothing_behind_when_it_is_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "data"
    with start_demo(folder) as demo:
        wait_until(lambda: list((folder / "mail").glob("*.eml")), 120, every=0.1, what="the demo to be under way")
        assert len(processes_of(folder)) > 5, "demo, redis, web, workers, beat, mailbox"
        demo.send_signal(number)
        told, complaints = demo.communicate(timeout=60)
    assert (demo.returncode, told) == (130, "")
    assert "stopped" in complaints
    assert processes_of(folder) == []


def test_it_is_interrupted_while_the_engine_starts(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with start_demo(folder) as demo:
        wait_until((folder / "redis").exists, 60, what="the first server")
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert processes_of(folder) == []


def test_it_does_not_play_on_somebody_elses_data(tmp_path: Path) -> None:
    (tmp_path / "nurture.db").touch()
    with start_demo(tmp_path) as demo:
        _, complaints = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert "--data-dir" in complaints
