"""What the doctor may ask, and whom. Everything is opened when it is first asked for, and closed at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar

from redis import Redis
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.releases import Releases
from nurture.adapters.resolver import Resolver
from nurture.definitions.loader import Loaded
from nurture.domain.definitions import Definitions
from nurture.domain.mail.sending import SendingPolicy
from nurture.errors import NurtureError, SettingsError, Unavailable
from nurture.ports import Clock
from nurture.reports.reading import snapshot
from nurture.reports.status import Status, status
from nurture.settings import Settings

T = TypeVar("T")


def _once(ask: Callable[[], T]) -> Callable[[], T]:
    """Asks once, whoever of several threads comes first; the others wait for it."""
    lock = Lock()
    answers: list[T] = []
    errors: list[Exception] = []

    def answer() -> T:
        with lock:
            if not answers and not errors:
                try:
                    answers.append(ask())
                except Exception as error:  # noqa: BLE001 - told to everybody who asks
                    errors.append(error)
        if errors:
            raise errors[0]
        return answers[0]

    return answer


class Patient:
    """An installation that is examined. `patience` is how many seconds a server may take for an answer.

    `offline`: nobody outside is asked; `page` is a landing page to look at; `thorough`: areas were asked for by name, so that what
    matters in production alone is looked at in development, too.
    """

    def __init__(
        self, settings: Settings, clock: Clock, resolver: Resolver, load: Callable[[], Loaded], *, patience: float = 3.0,
        offline: bool = False, page: str | None = None, thorough: bool = False,
    ) -> None:  # fmt: skip
        self.settings, self.clock, self.resolver = settings, clock, resolver
        self.patience, self.offline, self.page, self.thorough = patience, offline, page, thorough
        self.loaded = _once(load)
        self.status = _once(self._status)
        #: What is in force; while that cannot be known, what the configuration folder says.
        self.definitions = _once(self._definitions)
        self.at: datetime = clock.now()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.engine.dispose()

    @property
    def serious(self) -> bool:
        """Whether what matters to real readers alone is looked at."""
        return self.settings.production or self.thorough

    @cached_property
    def engine(self) -> Engine:
        return make_engine(self.settings.database, pool_size=4)

    def redis(self, *, decoded: bool = True) -> Redis:
        """A client that says at once when Redis is away; raises SettingsError where nobody has started or named one."""
        return Redis.from_url(
            self.settings.redis, socket_timeout=self.patience, socket_connect_timeout=self.patience, retry=None,
            decode_responses=decoded,
        )  # fmt: skip

    def _status(self) -> Status:
        try:
            redis = self.redis(decoded=False)
        except SettingsError:
            redis = None
        settings = self.settings
        return status(
            self.engine, redis, settings.partitions, self.at, folder=settings.data_dir, production=settings.production
        )  # fmt: skip

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, each statement of which ends in time."""
        with snapshot(self.engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL statement_timeout = {int(5_000 * self.patience)}"))
            yield connection

    def _definitions(self) -> Definitions:
        with suppress(NurtureError, DBAPIError), self.reading() as connection:
            return Releases().current(connection)
        definitions = self.loaded().definitions
        if definitions is None:
            raise Unavailable("nothing is in force, and the configuration folder has mistakes")
        return definitions

    def sending(self) -> SendingPolicy:
        """How mail is sent."""
        return self.definitions().sending
