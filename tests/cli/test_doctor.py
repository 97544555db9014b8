"""`nurture doctor` for people: areas, marks, and the worst at the end."""

from pathlib import Path

import pytest

from nurture.cli.doctor import lines
from nurture.reports.doctor.finding import Finding
from nurture.reports.doctor.visit import Looked, Report
from tests.cli.conftest import Command

REPORT = Report(
    exit_code=2,
    findings=(
        Finding(area="smtp", code="smtp-login", level="error", what="default: refused", remedy="correct them"),
        Finding(area="redis", code="redis-no-limit", level="warning", what="no maxmemory", remedy="set it", command="redis-cli"),
        Finding(
            area="work", code="mails-overdue", level="warning", what="2 mails\x1b[2J overdue", remedy="x", follows="smtp-login"
        ),
        Finding(area="disk", code="fine", level="ok", what="50 GB left"),
    ),
    checks=(Looked(area="disk", what="the disk", seconds=0.1),),
)


def test_findings_stand_by_area_and_the_worst_at_the_end() -> None:
    assert list(lines(REPORT)) == [
        "\x1b[1mdisk\x1b[0m", "  ✓ 50 GB left",
        "\x1b[1mredis\x1b[0m", "  ! no maxmemory",
        "\x1b[1mwork\x1b[0m", "  ! 2 mails\ufffd[2J overdue",
        "\x1b[1msmtp\x1b[0m", "  ✗ default: refused",
        "",
        "\x1b[33mwarning: 2 mails\ufffd[2J overdue (follows from smtp-login)\x1b[0m", "  mails-overdue: x",
        "\x1b[33mwarning: no maxmemory\x1b[0m", "  redis-no-limit: set it", "  $ redis-cli",
        "\x1b[31merror: default: refused\x1b[0m", "  smtp-login: correct them",
        "1 error, 2 warnings; 1 check made",
    ]  # fmt: skip


def test_where_nothing_was_ever_started_it_says_how_to_start(alone: Command) -> None:
    told = alone("doctor", "--offline")
    assert told.exit_code == 2, told.output
    assert "  ✗ Redis does not answer (there is none)\n" in told.stdout
    assert "  schema-missing: make them; `nurture up` does so by itself\n  $ nurture db upgrade\n" in told.stdout
    assert "· the DNS could not be looked at: in development no mail leaves" in told.stdout
    assert "Traceback" not in told.output


def test_wrong_settings_are_findings(alone: Command, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_PORT", "0")
    told = alone("doctor")
    assert told.exit_code == 2
    assert "settings-wrong" in told.stdout


def test_a_resolver_is_an_address(alone: Command) -> None:
    told = alone("doctor", "--only", "dns", "--resolver", "dns.example.com")
    assert "'dns.example.com' is no name server" in f"{told.exception}{told.output}"


def test_the_schemas_of_what_is_printed_are_written_where_one_says(alone: Command, config: Path, tmp_path: Path) -> None:
    told = alone("schema", "--printed", str(tmp_path / "printed"))
    assert told.exit_code == 0, told.output
    printed = ["doctor.json", "handoff.json", "report.json", "status.json"]
    assert sorted(path.name for path in (tmp_path / "printed").iterdir()) == printed
    assert (tmp_path / "printed" / "status.json").as_posix() in told.stdout
    assert (config / "schemas" / "sending.json").is_file()
