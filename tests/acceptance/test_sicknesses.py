"""For each sickness, status and doctor name the right cause first; and of a healthy installation nothing is said.

The servers are real: Redis, PostgreSQL, a mail server with TLS and a password, IMAP, https and a name server.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.hospital import Hospital, Ward, admitted, nurture
from tests.acceptance.sicknesses import SICKNESSES, Sickness

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with Hospital(tmp_path_factory.mktemp("hospital")) as opened:
        yield opened


@pytest.fixture
def ward(hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    # A command sets up logging for its process, and here the process is that of the tests.
    monkeypatch.setattr("nurture.observability.configure_logging", lambda *_, **__: None)
    with admitted(hospital, tmp_path, monkeypatch) as opened:
        yield opened


def wrong(report: dict[str, Any]) -> list[str]:
    return [each["code"] for each in report["findings"] if each["level"] in ("warning", "error")]


def test_of_a_healthy_installation_nothing_is_said(ward: Ward) -> None:
    status, report = ward.status(), ward.doctor()
    assert (status["verdict"], status["problems"]) == ("healthy", [])
    assert (wrong(report), report["exit_code"]) == ([], 0)
    assert "not-looked-at" not in [each["code"] for each in report["findings"]]
    ward.mail_somebody()
    assert ward.status()["verdict"] == "healthy"


@pytest.mark.parametrize("sickness", SICKNESSES, ids=lambda each: each.name)
def test_the_cause_is_named_first(ward: Ward, sickness: Sickness, monkeypatch: pytest.MonkeyPatch) -> None:
    sickness.inject(ward, monkeypatch)
    status, report = ward.status(), ward.doctor()
    first = status["problems"][0] if status["problems"] else None
    assert (first["code"] if first else None) == sickness.status, status["problems"]
    assert report["findings"][0]["code"] == sickness.doctor, [each for each in report["findings"] if each["level"] != "ok"]
    assert report["findings"][0]["level"] in ("warning", "error")
    told = [each["code"] for each in status["problems"]]
    assert set(sickness.follows) <= set(told)
    assert all(each["follows"] for each in status["problems"][1:] if each["code"] in sickness.follows)
    for each in (*status["problems"], *(each for each in report["findings"] if each["level"] in ("warning", "error"))):
        assert each["remedy"]


def test_where_the_settings_are_wrong_that_is_all_that_is_said(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURTURE_PORT", "80000")
    monkeypatch.setenv("NURTURE_PUBLIC_URL", "http://events.acme-widgets.fr")
    report = ward.doctor()
    assert ([each["code"] for each in report["findings"]], report["exit_code"]) == (["settings-wrong"] * 2, 2)
    assert "NURTURE_PORT" in report["findings"][0]["what"]


def test_offline_nobody_outside_is_asked(ward: Ward) -> None:
    ward.hospital.names.asked.clear()
    ward.hospital.mail.stop()
    report = ward.doctor("--offline")
    assert wrong(report) == []
    assert ward.hospital.names.asked == []


def test_only_one_area(ward: Ward) -> None:
    report = ward.doctor("--only", "redis, disk")
    assert {each["area"] for each in report["findings"]} == {"redis", "disk"}
    told = nurture("doctor", "--only", "reddis")
    assert told.exit_code == 2
    assert "there is no area 'reddis'" in told.output


def test_a_silent_name_server_costs_what_it_would_have_told_and_nothing_else(ward: Ward) -> None:
    ward.hospital.names.silent = True
    report = ward.doctor("--timeout", "1s", "--only", "dns,disk")
    assert wrong(report) == []
    silent = {each["area"] for each in report["findings"] if each["code"] == "not-looked-at"}
    assert silent == {"dns"}
    assert sum(each["code"] == "not-looked-at" for each in report["findings"]) == 6


def test_a_landing_page(ward: Ward) -> None:
    page = f"{ward.settings.public_url}/landing"
    script = f'<script src="{ward.settings.public_url}/n.js" data-key="KEY" defer></script>'
    ward.hospital.web.pages["/landing"] = script.replace("KEY", "wk_nobodys")
    report = ward.doctor("--only", "page", "--page", page.replace("events.acme-widgets.fr", "localhost"))
    assert "script-key-unknown" in wrong(report)
    ward.hospital.web.pages["/landing"] = script.replace("KEY", "wk_website")
    report = ward.doctor("--only", "page", "--page", page.replace("events.acme-widgets.fr", "localhost"))
    assert wrong(report) == []
    report = ward.doctor(
        "--only", "page", "--page", page.replace("events.acme-widgets.fr", "localhost").replace("landing", "gone")
    )
    assert wrong(report) == ["page-away"]
