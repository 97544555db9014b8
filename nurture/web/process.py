"""The web process, put together from the settings."""

import os
from pathlib import Path
from typing import Final

import structlog
from redis import Redis
from sqlalchemy import Engine
from starlette.types import ASGIApp

from nurture import bootstrap
from nurture.adapters.database.consenting import WishesOf
from nurture.adapters.database.open_tracking import OpenTracking
from nurture.adapters.database.releases import ReleaseWatch
from nurture.adapters.detour import Detour
from nurture.adapters.journal import Journal
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.presence import Presence
from nurture.adapters.stream_writer import StreamWriter, connect
from nurture.adapters.tokens import Tokens
from nurture.adapters.tracing import SentTraces, traces_for
from nurture.ports import Clock
from nurture.reports.catalogue import built
from nurture.reports.health import Looks, Metrics, reasons_not_ready
from nurture.reports.status import status
from nurture.settings import Settings, variable
from nurture.web.app import create_app
from nurture.web.counters import Counters
from nurture.web.parts import WebParts
from nurture.web.tracing import TracedApp, traced

_log = structlog.get_logger(__name__)

_MEBIBYTE: Final = 2**20

#: The landing page shown at /demo/ in development.
_DEMO_PAGES: Final = Path(__file__).parent / "demo"


def web_app(settings: Settings) -> ASGIApp:
    """The application; its lifespan stops what is started here."""
    database = bootstrap.database(settings).engine
    watch = ReleaseWatch(database, kept=settings.data_dir / "release.json")
    watch.start()
    redis, clock = bootstrap.redis_client(settings), bootstrap.clock(settings)
    Presence(redis, "web").keep_telling()
    counters = Counters()
    writer = StreamWriter(
        connect(settings.redis),
        settings.partitions,
        settings.max_backlog,
        CeleryNudge(settings.redis),
        _detour(settings, counters),
    )
    traces = traces_for("web", os.environ)
    app = create_app(
        WebParts(
            settings=settings,
            clock=clock,
            tokens=Tokens(settings.secret, settings.former_secrets),
            write_keys=settings.write_keys,
            secret_keys=settings.server_keys,
            definitions=watch,
            writer=traced(writer) if isinstance(traces, SentTraces) else writer,
            metrics=_metrics(settings, database, redis, clock),
            ready=lambda: reasons_not_ready(redis),
            lets_opens_be_told=OpenTracking(database),
            wishes=WishesOf(database),
            report=lambda name, first, last, at: built(database, watch(), [name], at, first=first, last=last)[0],
            inbox_dir=None if settings.production else settings.mail_folder,
            demo_dir=None if settings.production else _DEMO_PAGES,
            counters=counters,
        )
    )
    return TracedApp(app, traces) if isinstance(traces, SentTraces) else app


def _metrics(settings: Settings, database: Engine, redis: Redis, clock: Clock) -> Metrics:
    looks = Looks(lambda: status(database, redis, settings.partitions, clock.now()))
    return Metrics(redis, looks, settings.journal_folder, clock.now)


def _detour(settings: Settings, counters: Counters) -> Detour | None:
    """The way through the journal; None if there is to be none, or no folder for it: that is no reason not to serve."""
    if not settings.journal_mb:
        return None
    folder = settings.journal_folder
    try:
        journal = Journal(folder, settings.journal_mb * _MEBIBYTE, bootstrap.clock(settings).now)
    except OSError as error:
        _log.error(
            "there is no journal", folder=str(folder), reason=error.strerror,
            remedy=f"let this user write there, or set {variable('data_dir')}; until then nothing is taken while Redis is away",
        )  # fmt: skip
        return None
    return Detour(journal, counters.add)
