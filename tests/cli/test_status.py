"""`nurture status` says it in a moment, and by its exit code."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from tests.cli.conftest import ROOT, Command
from tests.reports.test_status import sign
from tests.support.events import download, form
from tests.support.installation import Installation


def test_exit_code_0_when_healthy(nurture: Command, installation: Installation) -> None:
    sign(installation.redis, "all@h", ",".join(QUEUES))
    installation.redis.set(redis_keys.BEAT, f"{time.time():.3f}")
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    told = nurture("status")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("healthy\n")
    for line in (
        "workers: 1",
        "events to absorb: 0",
        "people: 1 lead",
        "enrollments: 1 active",
        "steps: 1 due now, none overdue",
    ):
        assert line in told.stdout
    assert "ana@acme.test" not in told.output


def test_exit_code_1_when_degraded(nurture: Command, installation: Installation) -> None:
    sign(installation.redis, "all@h", ",".join(QUEUES))
    told = nurture("status")
    assert told.exit_code == 1
    assert "beat has never ticked\n    → start it; one is enough\n    $ nurture beat\n" in told.stdout


def test_exit_code_2_when_down(nurture: Command) -> None:
    told = nurture("status", "--json")
    assert told.exit_code == 2
    found = json.loads(told.stdout)
    assert found["verdict"] == "down"
    assert {each["what"] for each in found["problems"]} == {"no worker runs", "beat has never ticked"}
    assert found["store"]["definitions"]["digest"]


def test_where_nothing_was_ever_started_it_is_down_and_says_how_to_start(alone: Command) -> None:
    told = alone("status", "--json")
    assert told.exit_code == 2, told.output
    remedies = " ".join(each["remedy"] for each in json.loads(told.stdout)["problems"])
    assert "NURTURE_REDIS_URL" in remedies


def test_it_loads_little_for_it_is_asked_often(tmp_path: Path) -> None:
    """What takes long to import is measured in what is imported: a clock would measure the machine."""
    program = (
        "import json, sys\n"
        "from nurture.cli.main import app\n"
        "try: app(['status'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    environ = {**os.environ, "NURTURE_DATA_DIR": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    loaded = set(json.loads(told.stderr.splitlines()[-1]))
    assert "sqlalchemy" in loaded
    assert not loaded & {
        "alembic", "celery", "kombu", "structlog", "rich", "jinja2", "ruamel.yaml", "nurture.bootstrap", "nurture.domain.definitions",
        "nurture.domain.sequence", "email_validator", "nurture.cli.report",
    }  # fmt: skip
