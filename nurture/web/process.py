"""The web process, put together from the settings."""

from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from nurture import bootstrap
from nurture.adapters.database.consenting import WishesOf
from nurture.adapters.database.open_tracking import OpenTracking
from nurture.adapters.database.releases import ReleaseWatch
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.presence import Presence
from nurture.adapters.stream_writer import StreamWriter, connect
from nurture.adapters.tokens import Tokens
from nurture.reports.health import Looks, Metrics, reasons_not_ready
from nurture.reports.status import status
from nurture.settings import Settings
from nurture.web.app import create_app
from nurture.web.parts import WebParts

#: The landing page shown at /demo/ in development.
_DEMO_PAGES: Final = Path(__file__).parent / "demo"


def web_app(settings: Settings) -> ASGIApp:
    """The application; its lifespan stops what is started here."""
    database = bootstrap.database(settings).engine
    watch = ReleaseWatch(database)
    watch.start()
    redis, clock = bootstrap.redis_client(settings), bootstrap.clock(settings)
    Presence(redis, "web").keep_telling()
    writer = StreamWriter(connect(settings.redis), settings.partitions, settings.max_backlog, CeleryNudge(settings.redis))
    return create_app(
        WebParts(
            settings=settings,
            clock=clock,
            tokens=Tokens(settings.secret, settings.former_secrets),
            write_keys=settings.write_keys,
            secret_keys=settings.server_keys,
            definitions=watch,
            writer=writer,
            metrics=Metrics(redis, Looks(lambda: status(database, redis, settings.partitions, clock.now()))),
            ready=lambda: reasons_not_ready(redis),
            lets_opens_be_told=OpenTracking(database),
            wishes=WishesOf(database),
            inbox_dir=None if settings.production else settings.mail_folder,
            demo_dir=None if settings.production else _DEMO_PAGES,
        )
    )
