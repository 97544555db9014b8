"""One performance of the demo: the engine is started, the play is played, the figures are compared, everything is stopped."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from nurture import bootstrap
from nurture.adapters.clock import set_shift
from nurture.adapters.embedded_redis import free_port
from nurture.demo.agreement import Disagreement, Evidence, disagreements, stored_acts, suppressed
from nurture.demo.browser import Wire
from nurture.demo.crowd import Crowd
from nurture.demo.ledger import Ledger
from nurture.demo.letterbox import Letterbox
from nurture.demo.play import Moment, first_day, play
from nurture.demo.stage import Stage, on_stage
from nurture.demo.ticks import Ticks
from nurture.domain.definitions import Definitions
from nurture.environment import PREFIX
from nurture.errors import NurtureError, SettingsError
from nurture.reports.funnel import Funnel, funnel
from nurture.reports.reading import snapshot
from nurture.reports.story import Story, story
from nurture.reports.verify import audit
from nurture.settings import Settings, variable
from nurture.supervisor.engine import RunningEngine, running_engine
from nurture.supervisor.guards import require_free_port

#: Of the environment the demo takes only where the definitions lie: it must never reach a real database, Redis or mail server.
_TAKEN: Final = ("config_dir", "templates_dir")

_PORT: Final = 8000


class Outcome(NamedTuple):
    """What one performance came to."""

    funnel: Funnel
    story: Story
    ledger: Ledger
    files: int
    disagreements: list[Disagreement]


def make_settings(data_dir: Path, port: int | None = None) -> Settings:
    """Settings of an installation of its own in `data_dir`, with a clock that can be moved.

    Raises SettingsError in an environment of production.
    """
    if os.environ.get(variable("mode"), "").strip() not in ("", "development"):
        raise SettingsError(f"this machine is no place for a demo, says {variable('mode')}; play it on another")
    data_dir.mkdir(parents=True, exist_ok=True)
    taken = {name: value for name in map(variable, _TAKEN) if (value := os.environ.get(name))}
    own = {"data_dir": data_dir, "clock_file": data_dir / "clock", "port": port or _some_port()}
    return Settings.load({**taken, **{variable(name): str(value) for name, value in own.items()}})


def _some_port() -> int:
    """The usual one if it is free, so that the links in the mails work with a later `nurture up`."""
    try:
        require_free_port("127.0.0.1", _PORT)
    except NurtureError:
        return free_port()
    return _PORT


def perform(settings: Settings, seed: int, watch: Callable[[Moment], None]) -> Outcome:
    """Perform once, with an engine that is stopped again in any case; raises NurtureError when it does not work."""
    clock_file = settings.clock_file or settings.data_dir / "clock"
    begins = first_day(datetime.now(UTC))
    set_shift(clock_file, (begins - datetime.now(UTC)).total_seconds())
    try:
        with running_engine(settings, settings.data_dir / "demo.log") as running, on_stage(running.settings) as stage:
            return _performed(running, stage, seed, begins, watch)
    finally:
        clock_file.unlink(missing_ok=True)  # what goes on with this folder later lives in the present


def _performed(
    running: RunningEngine, stage: Stage, seed: int, begins: datetime, watch: Callable[[Moment], None]
) -> Outcome:  # fmt: skip
    settings = running.settings
    write_key = next(iter(settings.write_keys.values())).key
    with closing(Wire(running.url, settings.public_url, write_key, stage.clock)) as wire:
        ticks, letterbox = Ticks(begins), Letterbox(settings.mail_folder)
        crowd = Crowd(wire, seed, begins, ticks)
        ends = play(crowd, stage, letterbox, ticks, watch)
        definitions = _in_force(settings)
        figures = funnel(stage.database, definitions)
        evidence = Evidence(
            ledger=crowd.ledger, funnel=figures, acts=stored_acts(stage.database), suppressed=suppressed(stage.database),
            status=_status(running.environ), mails=letterbox.mails, files=len(letterbox),
            differing=audit(stage.database, definitions).differing,
        )  # fmt: skip
        told = story(stage.database, definitions, crowd.ledger.most_attached(), ends)
        return Outcome(figures, told, crowd.ledger, evidence.files, disagreements(evidence))


def _in_force(settings: Settings) -> Definitions:
    database = bootstrap.database(settings)
    try:
        with snapshot(database.engine) as connection:
            return database.releases.current(connection)
    finally:
        database.engine.dispose()


def _status(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """What `nurture status --json` prints, asked as an operator asks; raises NurtureError unless the engine is healthy."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    asked = subprocess.run(  # our own command
        [sys.executable, "-m", "nurture.cli.main", "status", "--json"], env={**own, **environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if asked.returncode:
        raise NurtureError(f"`nurture status` ended with exit code {asked.returncode}: {asked.stdout}{asked.stderr}")
    told: Mapping[str, Any] = json.loads(asked.stdout)
    return told
