"""A web process as in production on a Redis and a database of its own, and a worker's hands beside it."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import select

from benchmarks.fuzz.world import SECRET, SECRET_KEY, WRITE_KEY, World, definitions
from benchmarks.laboratory import Laboratory, await_port
from benchmarks.machine import describe
from nurture import bootstrap
from nurture.adapters.agents import kind_of_agent
from nurture.adapters.clock import SystemClock
from nurture.adapters.database.releases import apply
from nurture.adapters.database.tables import events
from nurture.adapters.redis_keys import DEAD
from nurture.adapters.stream import Ahead, held_partition
from nurture.adapters.tokens import Tokens
from nurture.domain.definitions import Definitions
from nurture.flow.absorb import absorb
from nurture.settings import Settings
from tests.support.definitions import DEFINITIONS
from tests.support.waiting import free_port
from tests.web.hooks.signing import SECRETS

#: How an error or an exception looks in the log.
_ERROR: Final = re.compile(rb"\[error|\[critical|^Traceback|^ERROR|Exception in ASGI", re.MULTILINE)


class Scene:
    """What a run looks at."""

    def __init__(self, laboratory: Laboratory, settings: Settings) -> None:
        self.settings = settings
        self.redis = laboratory.redis.client()
        self._tokens = Tokens(SECRET)
        self.facts = describe(laboratory)
        self._folder = laboratory.folder
        self._database = bootstrap.database(settings)

    @property
    def world(self) -> World:
        """The world as it is now: what was signed long ago is not believed."""
        return World(self._tokens, datetime.now(UTC))

    def absorb_all(self) -> None:
        """What a worker does with what waits."""
        for number in range(self.settings.partitions):
            with held_partition(self.redis, number) as held:
                assert held is not None
                while absorb(held, self._database, SystemClock(), kind_of_agent).read:
                    pass
        while absorb(Ahead(self.redis), self._database, SystemClock(), kind_of_agent).read:
            pass

    def stored(self) -> set[Any]:
        """The keys of all events in the tables; raises AssertionError if one holds what must not be there."""
        with self._database.engine.connect() as connection:
            found = set()
            for row in connection.execute(select(events.c.id, events.c.name, events.c.body)):
                assert row.name
                assert len(row.name) <= 128
                assert "\0" not in str(row.body)
                found.add(row.id)
            return found

    def parked(self) -> int:
        return int(self.redis.xlen(DEAD))

    def errors_logged(self) -> list[str]:
        """The lines of the web process's log that tell of an error."""
        lines: list[str] = []
        for file in self._folder.glob("nurture.cli.main-*.log"):
            lines += [line.decode(errors="replace") for line in file.read_bytes().splitlines() if _ERROR.search(line)]
        return lines

    def close(self) -> None:
        self._database.engine.dispose()
        self.redis.close()


@contextmanager
def scene() -> Iterator[Scene]:
    """A web process with the forms and hooks of the world; limits by address do not count on the loopback address."""
    with ExitStack() as stack:
        laboratory = stack.enter_context(Laboratory())
        folder = laboratory.folder / "config"
        (folder / "assets").mkdir(parents=True)
        (folder / "assets/guide.txt").write_text("The guide.\n")
        settings = Settings(
            mode="production", database_url=SecretStr(stack.enter_context(laboratory.database())),
            redis_url=SecretStr(laboratory.redis.url), smtp_url=SecretStr("smtp://127.0.0.1:1"), secret_key=SecretStr(SECRET),
            public_url="https://www.example.com", port=free_port(), config_dir=folder, data_dir=laboratory.folder / "data",
            write_keys={"website": WRITE_KEY}, secret_keys={"crm": SecretStr(SECRET_KEY)},
            hook_secrets={name: (SecretStr(each),) for name, each in SECRETS.items()}, log_level="warning", body_seconds=2,
        )  # fmt: skip
        bootstrap.upgrade_database(settings)
        _release(settings)
        web = stack.enter_context(laboratory.process("nurture.cli.main", "web", environ=settings.as_environ()))
        await_port(web, settings.port)
        made = Scene(laboratory, settings)
        stack.callback(made.close)
        yield made


def _release(settings: Settings) -> None:
    with bootstrap.database(settings).engine.begin() as connection:
        apply(connection, Definitions.model_validate(definitions(DEFINITIONS)), datetime.now(UTC))
