"""The command line on a real installation, in this process."""

import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from redis import Redis
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from nurture.adapters.clock import set_shift
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

ROOT = Path(__file__).parents[2]

#: Runs a command with these arguments; what the engine refuses is in `Result.exception`.
Command = Callable[..., Result]


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    """A command sets up logging for its process, and here the process is that of the tests."""
    root = logging.getLogger()
    handlers, level, shown = root.handlers[:], root.level, warnings.showwarning
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    warnings.showwarning = shown
    structlog.reset_defaults()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment that names nothing but folders of this test and the example configuration."""
    for name in [name for name in os.environ if name.startswith("NURTURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NURTURE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NURTURE_CONFIG_DIR", str(ROOT / "config"))
    monkeypatch.setenv("NURTURE_TEMPLATES_DIR", str(ROOT / "templates" / "emails"))
    return monkeypatch


@pytest.fixture
def alone(environment: pytest.MonkeyPatch, _logging_as_before: None) -> Command:
    """`nurture …` where there is neither a database nor a Redis."""
    from nurture.cli.main import app

    def run(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=stdin)

    return run


@pytest.fixture
def nurture(
    alone: Command, environment: pytest.MonkeyPatch, installation: Installation, database_url: str, redis_url: str, tmp_path: Path
) -> Command:
    """`nurture …` on the installation, at the instant of its clock."""
    environment.setenv("NURTURE_DATABASE_URL", database_url)
    environment.setenv("NURTURE_REDIS_URL", redis_url)
    environment.setenv("NURTURE_CLOCK_FILE", str(tmp_path / "clock"))

    def run(*arguments: str, stdin: str | None = None) -> Result:
        set_shift(tmp_path / "clock", (installation.clock.now() - datetime.now(UTC)).total_seconds())
        return alone(*arguments, stdin=stdin)

    return run


@pytest.fixture
def config(environment: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the example configuration that a test may spoil."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    environment.setenv("NURTURE_CONFIG_DIR", str(folder))
    return folder


def spoil(file: Path, old: str, new: str) -> None:
    """Replace the first `old` in a file."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
