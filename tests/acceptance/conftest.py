"""The whole engine, as `nurture up` runs it, with the configuration that is delivered with it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from nurture.settings import Settings
from nurture.supervisor.engine import RunningEngine, running_engine
from tests.support.waiting import free_port

ROOT = Path(__file__).parents[2]

#: Starts an engine; keywords are settings.
Start = Callable[..., AbstractContextManager[RunningEngine]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts the engine on a data folder of this test, with a clock that can be moved by `set_shift(engine.settings.clock_file, …)`."""

    @contextmanager
    def started(**given: Any) -> Iterator[RunningEngine]:
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        settings = Settings(**{
            "data_dir": folder, "port": free_port(), "clock_file": folder / "clock", "config_dir": ROOT / "config",
            "templates_dir": ROOT / "templates/emails", **given,
        })  # fmt: skip
        with running_engine(settings, tmp_path / "engine.log") as engine:
            yield engine

    return started


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The Chromium named by NURTURE_TEST_CHROMIUM, the system's, or the one that Playwright has installed.

    For one module: while Playwright is open, nothing else may run an event loop in this thread.
    """
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("NURTURE_TEST_CHROMIUM") or shutil.which("chromium"), args=quiet
        )
        yield browser
        browser.close()
