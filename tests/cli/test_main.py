"""The command line itself: fast help, clear refusals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: What takes long to import, or is not needed to answer --help.
HEAVY = {"celery", "kombu", "sqlalchemy", "redis", "pydantic", "uvicorn", "starlette", "structlog", "jinja2", "rich", "httpx"}


def nurture(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NURTURE_")}
    return subprocess.run(
        [sys.executable, "-m", "nurture.cli.main", *arguments], env=inherited | environ, cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def test_help_names_the_commands() -> None:
    told = nurture("--help")
    assert told.returncode == 0
    for command in ("up", "web", "worker", "beat", "keys", "db"):
        assert f"\n  {command} " in told.stdout
    assert "mailbox" not in told.stdout


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import json, sys\n"
        "from nurture.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(json.loads(told.stderr.splitlines()[-1])) == set()


def test_every_command_explains_itself() -> None:
    for command in ("up", "web", "worker", "beat", "mailbox", "keys", "db"):
        told = nurture(command, "--help")
        assert told.returncode == 0, told.stderr
        assert "Usage: nurture " in told.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dance"], "No such command 'dance'"),
        (["worker", "--queues", "events,nonsense"], "choose from events,sequences,mail,handoff"),
        (["worker", "--concurrency", "0"], "--concurrency"),
    ],
)
def test_a_wrong_command_line_is_refused_with_exit_code_2(arguments: list[str], told: str) -> None:
    answer = nurture(*arguments)
    assert answer.returncode == 2
    assert told in answer.stderr
    assert answer.stdout == ""


def test_what_the_engine_refuses_is_told_without_a_traceback(tmp_path: Path) -> None:
    told = nurture("beat", NURTURE_PORT="no", NURTURE_LOG_LEVEL="loud", NURTURE_DATA_DIR=str(tmp_path))
    assert told.returncode == 2
    assert told.stderr.startswith("nurture: The settings are wrong:\n")
    assert "NURTURE_PORT" in told.stderr
    assert "NURTURE_LOG_LEVEL" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_processes_without_a_redis_say_how_to_get_one(command: str, tmp_path: Path) -> None:
    told = nurture(command, NURTURE_DATA_DIR=str(tmp_path))
    assert told.returncode == 2
    assert told.stderr == "nurture: There is no Redis: start `nurture up`, or set NURTURE_REDIS_URL\n"


def test_keys_lists_names_and_no_key(tmp_path: Path) -> None:
    told = nurture("keys", NURTURE_DATA_DIR=str(tmp_path), NURTURE_WRITE_KEYS='{"shop": "wk_shop_1", "blog": "wk_blog_1"}')
    assert (told.returncode, told.stdout) == (0, "shop\nblog\n")


def test_a_new_key_is_fresh_and_alone_on_standard_output(tmp_path: Path) -> None:
    first, second = (nurture("keys", "new", NURTURE_DATA_DIR=str(tmp_path)) for _ in range(2))
    assert first.stdout.startswith("wk_")
    assert first.stdout != second.stdout
    assert first.stdout.strip() in first.stderr
    assert "NURTURE_WRITE_KEYS" in first.stderr
