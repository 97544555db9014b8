"""The one place where parts are put together. Nothing is built at import time; each process asks for what it needs."""

import gc
import os
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from nurture.adapters.broker import QUEUES
from nurture.adapters.clock import clock_from
from nurture.adapters.counters import Counters, Tally
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.store import Database
from nurture.adapters.tokens import Tokens
from nurture.adapters.tracing import Traces, traces_for
from nurture.definitions.config import Installation
from nurture.definitions.loader import Loaded, load
from nurture.domain.mail.routing import DEFAULT
from nurture.domain.mail.sending import MessageStatus
from nurture.errors import DefinitionError, NurtureError, SettingsError, Unavailable
from nurture.ports import Clock, Nudge, Router, Writer
from nurture.settings import Settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from nurture.adapters.database.queue_holds import HeldQueues
    from nurture.adapters.database.sending import SendingStore
    from nurture.adapters.mail.imap import ImapAccount, ImapMailbox
    from nurture.adapters.mail.incoming.reader import MailReader
    from nurture.adapters.prompt_writer import PromptWriter
    from nurture.adapters.webhook import WebhookCaller
    from nurture.flow.census import CensusStore
    from nurture.flow.erase import Elsewhere
    from nurture.flow.forget import Eraser
    from nurture.flow.send import Mailroom

#: Redis answers within milliseconds or is gone. Seconds.
_REDIS_PATIENCE: Final = 5.0

#: Under which name it is counted what came of a mail. One that goes back into the queue was put off.
_COUNTED: Final = {
    MessageStatus.SENT: "messages_sent",
    MessageStatus.FAILED: "messages_failed",
    MessageStatus.UNCERTAIN: "messages_uncertain",
    MessageStatus.SKIPPED: "messages_skipped",
    MessageStatus.QUEUED: "messages_deferred",
}


def database(settings: Settings, *, busy: bool = False) -> Database:
    """The database of an installation; connections are opened when first used. `busy`: see `make_engine`."""
    pepper = settings.secret_key.get_secret_value() if settings.secret_key is not None else None
    return Database(make_engine(settings.database, busy=busy, silence=settings.silence_seconds), pepper)


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
    from nurture.adapters.journal import JournalledEvents
    from nurture.adapters.mail.kept_mails import KeptMails
    from nurture.adapters.redis_erasure import Shelves, WaitingEvents

    # The journal first: what leaves it while we look goes where we look next.
    journal = JournalledEvents(settings.journal_folder)
    return journal, WaitingEvents(redis), Shelves(redis), KeptMails(settings.mail_folder)


def clock(settings: Settings) -> Clock:
    """The clock every process of an installation reads."""
    return clock_from(settings)


def load_definitions(settings: Settings) -> Loaded:
    """The YAML definitions with all their mistakes, those of the e-mail templates included."""
    from nurture.adapters.mail.check import template_problems

    return load(
        settings.config_dir,
        lambda definitions: template_problems(settings.templates_dir, definitions),
        Installation(
            settings.production,
            frozenset(settings.handoff_secrets),
            frozenset(settings.hook_secrets),
            transports=frozenset({DEFAULT, *settings.smtp_urls}),
            dkim_keys=_names_in(settings.dkim_folder),
            handoff_networks=settings.handoff_networks,
            handoff_tokens=settings.handoff_tokens,
        ),
    )


def _names_in(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.glob("*")) if folder.is_dir() else frozenset()


def upgrade_database(settings: Settings) -> str | None:
    """Bring the database as far as the version before can go along; returns the migration that waits until that is gone, if any."""
    from nurture.adapters.database.upgrading import expand

    with _engine(settings) as engine:
        return expand(engine)


def contract_database(settings: Settings) -> None:
    """Bring the database to the newest schema; raises Refused while processes of an older version are alive."""
    from nurture.adapters.database.upgrading import contract
    from nurture.adapters.presence import elders

    with _engine(settings) as engine, redis_client(settings) as redis:
        contract(engine, lambda revision: elders(redis, revision))


def require_schema(settings: Settings) -> None:
    """Raise Refused, with the command to type, if this version cannot work with the database as it stands."""
    from nurture.adapters.database.upgrading import require_fit

    with _engine(settings) as engine:
        require_fit(engine)


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings.database)
    try:
        yield engine
    finally:
        engine.dispose()


def prepare(settings: Settings) -> str | None:
    """Everything that must be true before the processes start: folders, schema, definitions.

    Returns None, or why the definitions of the configuration folder are not put in force; what was in force before then goes on,
    for nobody in flight may be lost by a start. Raises DefinitionError with all mistakes when there are any.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if upgrade_database(settings) is not None:
        with suppress(NurtureError, RedisError):  # while another machine runs an older version, it waits for the next start
            contract_database(settings)
    store = database(settings)
    try:
        return _apply_at_start(store, settings)
    finally:
        store.engine.dispose()


def _apply_at_start(store: Database, settings: Settings) -> str | None:
    from nurture.adapters.database.releases import taken_back
    from nurture.adapters.database.releasing import newest_release
    from nurture.domain.releasing import Wishes
    from nurture.flow.release import release
    from nurture.reports.reading import snapshot

    with snapshot(store.engine) as connection:
        seen = newest_release(connection)
    loaded = load_definitions(settings)
    if loaded.definitions is None or loaded.errors:
        mistakes = "\n".join(str(mistake) for mistake in loaded.errors)
        raise DefinitionError(f"the definitions are not put in force:\n{mistakes}")
    with snapshot(store.engine) as connection:
        back = taken_back(connection, loaded.definitions.digest)
    if back is not None:
        return (
            f"{settings.config_dir} holds definitions that were rolled back; release {back.id} stays in force. "
            "Correct the files; `nurture apply` puts them in force as they are"
        )
    released = release(store, loaded.definitions, Wishes(), clock(settings).now(), seen=seen)
    if released.forecast.refused:
        people = sum(each.group.people for each in released.forecast.stranded)
        return (
            f"{settings.config_dir} is not put in force: {people} in flight would be stranded. Release {seen} stays in force; "
            "`nurture plan` says who they are and what to write"
        )
    return None


def settle_down() -> None:
    """Leave what this process has loaded so far out of the search for garbage: it stays for good.

    Without it, looking through all modules and definitions again and again takes a tenth of the time of absorb.
    """
    gc.collect()
    gc.freeze()


@dataclass
class WorkerParts:
    """What the tasks of one worker process use, each made on first use and kept. `queues` are those it serves."""

    settings: Settings
    queues: Collection[str] = QUEUES

    def load_ahead(self) -> None:
        """Load the code that its tasks work with. Nothing is connected to; what is not set up is left to who needs it."""
        _ = self.database, self.redis, self.tally, self.held_queues
        with suppress(SettingsError):
            _ = "mail" in self.queues and self.mailroom
        with suppress(SettingsError):
            _ = "handoff" in self.queues and self.webhooks

    @cached_property
    def name(self) -> str:
        """Tells this process from all others that ever claim a message."""
        return f"{socket.gethostname()[:32]}-{os.getpid()}-{os.urandom(3).hex()}"

    @cached_property
    def clock(self) -> Clock:
        return clock(self.settings)

    @cached_property
    def database(self) -> Database:
        return database(self.settings, busy=True)

    @cached_property
    def sending(self) -> "SendingStore":
        """The database as send sees it: whoever was answered that they are unsubscribed is absorbed before the next mail begins."""
        from nurture.adapters.agents import kind_of_agent
        from nurture.adapters.journal import somebody_left
        from nurture.adapters.stream import Ahead
        from nurture.flow.absorb import absorb

        ahead = Ahead(self.redis)

        def heed() -> None:
            if somebody_left(self.settings.journal_folder):
                raise Unavailable(
                    "somebody unsubscribed while Redis was away, and no web process on this machine has passed it on yet; "
                    "the messages stay queued"
                )
            while (absorbed := absorb(ahead, self.database, self.clock, kind_of_agent)).read:
                self.tally.add(events_stored=absorbed.stored, events_parked=absorbed.parked, events_dropped=absorbed.dropped)

        return self.database.sending_after(heed)

    @cached_property
    def held_queues(self) -> "HeldQueues":
        from nurture.adapters.database.queue_holds import HeldQueues

        return HeldQueues(self.database.engine)

    @cached_property
    def redis(self) -> Redis:
        return redis_client(self.settings)

    @cached_property
    def tally(self) -> Tally:
        """What this process counts. A client of its own: no work waits for a figure longer than a moment."""
        client = Redis.from_url(self.settings.redis, socket_timeout=1, socket_connect_timeout=1, retry=None)
        return Tally(Counters(client))

    @cached_property
    def nudge(self) -> Nudge:
        from nurture.adapters.nudge import CeleryNudge

        return CeleryNudge(self.settings.redis, self.traces)

    @cached_property
    def traces(self) -> Traces:
        return traces_for("worker", os.environ)

    @cached_property
    def mailroom(self) -> "Mailroom":
        from nurture.adapters.calendar import is_holiday
        from nurture.adapters.mail.carrier import SmtpCarrier
        from nurture.flow.send import Mailroom

        carrier = SmtpCarrier(self.settings.transports, self.clock)
        return Mailroom(self.sending, carrier, self.router, self.writer, self.clock, is_holiday, self.name, tell=self.count_mails)

    def count_mails(self, came_to: Mapping[MessageStatus, int]) -> None:
        """Count what became of mails."""
        self.tally.add_all({_COUNTED[status]: count for status, count in came_to.items()})

    @cached_property
    def router(self) -> Router:
        from nurture.adapters.limiter import RedisLimiter
        from nurture.adapters.mail_servers import MailServers
        from nurture.flow.route import Routes

        # In development all mail goes to one mailbox, and nobody need hear of whom we would write to.
        families = MailServers(self.redis, asking=self.settings.production)
        return Routes(self.database.routing, RedisLimiter(self.redis), families)

    @cached_property
    def writer(self) -> Writer:
        from nurture.adapters.mail.writer import MailWriter

        tokens, settings = Tokens(self.settings.secret), self.settings
        return MailWriter(settings.templates_dir, settings.public_url, tokens, dkim_folder=settings.dkim_folder, patience=1.0)

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
    def censuses(self) -> "CensusStore":
        from nurture.reports.census import Censuses

        return Censuses(self.database.engine, self.database.releases)

    @cached_property
    def mail_reader(self) -> "MailReader":
        from nurture.adapters.mail.incoming.reader import MailReader

        return MailReader(Tokens(self.settings.secret, self.settings.former_secrets))

    @cached_property
    def feedback(self) -> "PromptWriter":
        """The stream, for what is heard of mail."""
        from nurture.adapters.prompt_writer import PromptWriter

        return PromptWriter(self.settings.redis, self.settings.partitions, self.settings.max_backlog, self.nudge)

    @cached_property
    def _imap(self) -> "ImapAccount":
        from nurture.adapters.mail.imap import ImapAccount

        return ImapAccount(self.settings.imap)

    def returned_mail(self) -> "AbstractContextManager[ImapMailbox]":
        """The mailbox that bounces and replies come to, for as long as it is open."""
        return self._imap.opened()

    @cached_property
    def webhooks(self) -> "WebhookCaller":
        from nurture.adapters.webhook import WebhookCaller
        from nurture.definitions.shapes import packaged_shapes

        return WebhookCaller(
            self.settings.webhook_secrets, allowed=self.settings.handoff_networks, shapes=packaged_shapes()
        )  # fmt: skip
