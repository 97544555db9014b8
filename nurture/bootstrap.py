"""The one place where parts are put together. Nothing is built at import time; each process asks for what it needs."""

import gc
import os
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from redis import Redis

from nurture.adapters.clock import clock_from
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.store import Database
from nurture.adapters.tokens import Tokens
from nurture.definitions.config import Installation
from nurture.definitions.loader import Loaded, load
from nurture.errors import DefinitionError
from nurture.ports import Caller, Clock, Nudge, Transport, Writer
from nurture.settings import Settings

if TYPE_CHECKING:
    from nurture.flow.erase import Elsewhere
    from nurture.flow.forget import Eraser

#: Redis answers within milliseconds or is gone. Seconds.
_REDIS_PATIENCE: Final = 5.0


def database(settings: Settings) -> Database:
    """The database of an installation; connections are opened when first used."""
    pepper = settings.secret_key.get_secret_value() if settings.secret_key is not None else None
    return Database(make_engine(settings.database), pepper)


def redis_client(settings: Settings) -> Redis:
    """A connection pool to Redis for a process that waits for its answers."""
    return Redis.from_url(
        settings.redis,
        socket_timeout=_REDIS_PATIENCE,
        socket_connect_timeout=_REDIS_PATIENCE,
        socket_keepalive=True,
        health_check_interval=10,
    )


def places_of_people(settings: Settings, redis: Redis) -> "Sequence[Elsewhere]":
    """Where something of people may lie outside the database."""
    from nurture.adapters.mail.kept_mails import KeptMails
    from nurture.adapters.redis_erasure import Shelves, WaitingEvents

    return WaitingEvents(redis), Shelves(redis), KeptMails(settings.mail_folder)


def clock(settings: Settings) -> Clock:
    """The clock every process of an installation reads."""
    return clock_from(settings)


def load_definitions(settings: Settings) -> Loaded:
    """The YAML definitions with all their mistakes, those of the e-mail templates included."""
    from nurture.adapters.mail.check import template_problems

    return load(
        settings.config_dir,
        lambda definitions: template_problems(settings.templates_dir, definitions),
        Installation(settings.production, frozenset(settings.handoff_secrets)),
    )


def upgrade_database(settings: Settings) -> None:
    """Bring the database to the newest schema."""
    from nurture.adapters.database.migrations import upgrade

    engine = make_engine(settings.database)
    try:
        upgrade(engine)
    finally:
        engine.dispose()


def apply_definitions(settings: Settings) -> bool:
    """Put the definitions of the configuration folder in force; False if they are so already.

    Raises DefinitionError with all mistakes when there are any.
    """
    from nurture.adapters.database.releases import apply

    loaded = load_definitions(settings)
    if loaded.definitions is None or loaded.errors:
        mistakes = "\n".join(str(mistake) for mistake in loaded.errors)
        raise DefinitionError(f"the definitions are not put in force:\n{mistakes}")
    store = database(settings)
    with store.engine.begin() as connection:
        changed = apply(connection, loaded.definitions, clock(settings).now())
    store.engine.dispose()
    return changed


def prepare(settings: Settings) -> None:
    """Everything that must be true before the processes start: folders, schema, definitions."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade_database(settings)
    apply_definitions(settings)


def settle_down() -> None:
    """Leave what this process has loaded so far out of the search for garbage: it stays for good.

    Without it, looking through all modules and definitions again and again takes a tenth of the time of absorb.
    """
    gc.collect()
    gc.freeze()


@dataclass
class WorkerParts:
    """What the tasks of one worker process use, each made on first use and kept."""

    settings: Settings

    @cached_property
    def name(self) -> str:
        """Tells this process from all others that ever claim a message."""
        return f"{socket.gethostname()[:32]}-{os.getpid()}-{os.urandom(3).hex()}"

    @cached_property
    def clock(self) -> Clock:
        return clock(self.settings)

    @cached_property
    def database(self) -> Database:
        return database(self.settings)

    @cached_property
    def redis(self) -> Redis:
        return redis_client(self.settings)

    @cached_property
    def nudge(self) -> Nudge:
        from nurture.adapters.nudge import CeleryNudge

        return CeleryNudge(self.settings.redis)

    @cached_property
    def transport(self) -> Transport:
        from nurture.adapters.mail.transport import SmtpTransport

        return SmtpTransport(self.settings.smtp)

    @cached_property
    def writer(self) -> Writer:
        from nurture.adapters.mail.writer import MailWriter

        return MailWriter(self.settings.templates_dir, self.settings.public_url, Tokens(self.settings.secret))

    @cached_property
    def eraser(self) -> "Eraser":
        from nurture.adapters.mail.kept_mails import KeptMails
        from nurture.adapters.redis_erasure import Shelves
        from nurture.domain.erasing import Traces
        from nurture.flow.erase import erase

        # Not what waits in the stream: whoever has just done something is no longer somebody who was not seen for long.
        places = (Shelves(self.redis), KeptMails(self.settings.mail_folder))

        def erase_them(wanted: Collection[int], at: datetime) -> None:
            erase(wanted, Traces(), self.database, places, at, wished=False)

        return erase_them

    @cached_property
    def webhooks(self) -> Caller:
        from nurture.adapters.webhook import WebhookCaller

        return WebhookCaller(self.settings.webhook_secrets)
