"""A new version rolled out beside the old one, with events and mails flowing: expand, replace, contract.

"New" is this code with two more migrations than there are; "old" is this code as it is. What both do to the tables is what two versions
would do: the old one works on tables with a column and a table that it has never heard of.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis
from sqlalchemy import Engine, func, inspect, select

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.releases import apply
from nurture.adapters.database.revisions import VERSIONS, known, newest
from nurture.adapters.database.tables import events, messages
from nurture.adapters.database.upgrading import current
from nurture.adapters.presence import alive
from nurture.adapters.redis_keys import DEAD, FIELD
from nurture.adapters.redis_keys import events as partition
from nurture.domain.event import EVENT, Event
from tests.acceptance.test_two_of_each import lines, running
from tests.adapters.test_upgrading import MIGRATION
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import download, form
from tests.support.smtp import SmtpSink
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

PEOPLE: Final = 120
EXPAND: Final = f"{int(newest(known())) + 1:04}"
CONTRACT: Final = f"{int(newest(known())) + 2:04}"

OLD: Final = ("-m", "nurture.cli.main")

#: `nurture …` of the new version.
_NEW: Final = """
import sys
from pathlib import Path
from nurture.adapters.database import revisions
revisions.VERSIONS = Path(sys.argv[1])
sys.argv = ["nurture", *sys.argv[2:]]
from nurture.cli.main import run
run()
"""

_ADDED: Final = """op.add_column("people", sa.Column("nickname", sa.Text()))
    op.add_column("messages", sa.Column("weight", sa.Integer(), nullable=False, server_default="0"))
    op.create_table("nicknames", sa.Column("name", sa.Text(), primary_key=True))"""


class Rollout:
    """An installation on PostgreSQL, and two versions of the engine."""

    def __init__(self, engine: Engine, redis: Redis, environment: dict[str, str], folder: Path) -> None:
        self.engine, self.redis, self._environment, self._folder = engine, redis, environment, folder
        self.versions = folder / "versions"
        shutil.copytree(VERSIONS, self.versions, ignore=shutil.ignore_patterns("__pycache__"))
        self.plan("expand", EXPAND, newest(known()), _ADDED)
        self.new = ("-c", _NEW, str(self.versions))

    def plan(self, phase: str, number: str, before: str, body: str) -> None:
        """Give the new version another migration."""
        (self.versions / f"{number}_of_the_new.py").write_text(MIGRATION.format(id=number, before=before, phase=phase, body=body))

    def running(self, name: str, *command: str, program: Sequence[str] = OLD) -> AbstractContextManager[Path]:
        return running(command, self._environment, self._folder / f"{name}.log", program)

    def do(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the new version to its end."""
        environ = {**os.environ, **self._environment}
        words = [sys.executable, *self.new, *command]
        return subprocess.run(words, env=environ, capture_output=True, text=True, timeout=120, check=False)

    def feed(self, *happened: Event) -> None:
        """Write events as the web process does: what one person does goes one way."""
        for event in happened:
            self.redis.xadd(partition(len(event.submission or "") % 4), {FIELD: EVENT.dump_json(event)})

    def count(self, table: Any, *where: Any) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0

    def workers(self) -> list[str]:
        """The schemas that the workers alive know."""
        return sorted(each.schema for each in alive(self.redis) if each.kind == "worker")


@pytest.fixture
def rollout(postgresql_url: str, redis_url: str, smtp_sink: SmtpSink, tmp_path: Path) -> Iterator[Rollout]:
    engine = make_engine(postgresql_url)
    with engine.begin() as connection:
        assets = {"guide": DEFINITIONS["assets"]["guide"], "guide-lead-gen": DEFINITIONS["assets"]["guide"]}  # the mail names it
        apply(connection, definitions(assets=assets), datetime.now(UTC))
    environment = {
        "NURTURE_DATABASE_URL": postgresql_url, "NURTURE_REDIS_URL": redis_url, "NURTURE_DATA_DIR": str(tmp_path / "data"),
        "NURTURE_SMTP_URL": smtp_sink.url, "NURTURE_SECRET_KEY": "rolling-rolling-rolling", "NURTURE_LOG_FORMAT": "json",
        "NURTURE_SWEEP_SECONDS": "0.5",
    }  # fmt: skip
    with Redis.from_url(redis_url) as redis:
        yield Rollout(engine, redis, environment, tmp_path)
    engine.dispose()


def visits(addresses: Sequence[str]) -> list[Event]:
    """What these people do: each fills in the form and downloads, which one mail answers."""
    at = datetime.now(UTC)
    return [event for address in addresses for event in (form(address, address, at), download(address, at))]


def test_a_version_is_rolled_out_while_events_and_mails_flow(rollout: Rollout, smtp_sink: SmtpSink) -> None:
    everybody = [f"p{number}@d{number % 10}.example.com" for number in range(PEOPLE)]
    early, between, late = everybody[: PEOPLE // 4], everybody[PEOPLE // 4 : -PEOPLE // 4], everybody[-PEOPLE // 4 :]
    worker = ("worker", "--concurrency", "1")
    with ExitStack() as news:
        with ExitStack() as olds:
            old = olds.enter_context(rollout.running("old", *worker))
            olds.enter_context(rollout.running("old beat", "beat"))
            rollout.feed(*visits(early))
            wait_until(lambda: rollout.count(messages) > 0, 90, what="the old version to work")

            upgraded = rollout.do("db", "upgrade")
            assert upgraded.returncode == 0, upgraded.stderr
            assert current(rollout.engine) == EXPAND
            new = news.enter_context(rollout.running("new", *worker, program=rollout.new))
            olds.enter_context(rollout.running("old again", *worker))  # whoever restarts an old one meanwhile, may
            for each in visits(between):
                rollout.feed(each)
            wait_until(lambda: rollout.workers() == [newest(known())] * 2 + [EXPAND], 90, what="all three to be up")
            rollout.plan("contract", CONTRACT, EXPAND, "op.drop_column('people', 'nickname')")
            too_early = rollout.do("db", "upgrade", "--contract")
            assert too_early.returncode == 2
            assert "processes of an older version" in too_early.stderr
        news.enter_context(rollout.running("new beat", "beat", program=rollout.new))
        rollout.feed(*visits(late))
        wait_until(lambda: rollout.count(events) >= 2 * PEOPLE, 120, what="every event")
        wait_until(lambda: rollout.count(messages, messages.c.status == "sent") == PEOPLE, 120, what="every mail")
    assert rollout.count(events) == 2 * PEOPLE, "each once"
    assert Counter(mail.to for mail in smtp_sink.mails) == Counter((address,) for address in everybody)
    assert rollout.redis.xlen(DEAD) == 0
    assert [line for log in (old, new) for line in lines(log) if line.get("level") == "error"] == []
    assert worked(old)
    assert worked(new)
    wait_until(
        lambda: rollout.do("db", "upgrade", "--contract").returncode == 0, 60, what="the last sign of the old ones to fade"
    )
    assert current(rollout.engine) == CONTRACT
    assert "nickname" not in {column["name"] for column in inspect(rollout.engine).get_columns("people")}


def worked(log: Path) -> bool:
    return any(line.get("event") in {"absorbed", "advanced", "sent"} for line in lines(log))
