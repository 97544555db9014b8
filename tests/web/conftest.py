"""The web process as its users meet it: a real uvicorn on a real Redis, called over HTTP."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import httpx
import pytest
import redis
import uvicorn
from pydantic import SecretStr

from nurture.adapters import redis_keys
from nurture.adapters.detour import Detour
from nurture.adapters.hooks.visits import visit
from nurture.adapters.journal import Journal
from nurture.adapters.stream_writer import StreamWriter, connect
from nurture.adapters.tokens import Tokens
from nurture.domain.content import Asset, Form, Link
from nurture.domain.definitions import Definitions
from nurture.domain.event import EVENT, Event
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.mail.sending import Organisation, Sender, SendingPolicy
from nurture.domain.mail.tracking import Opens, Tracking
from nurture.domain.preferences import Wishes
from nurture.domain.privacy import ConsentMode, Privacy
from nurture.domain.scoring import Scoring
from nurture.keys import WriteKey
from nurture.ports import Clock
from nurture.reports.sheet import Report
from nurture.settings import Settings
from nurture.web.app import create_app
from nurture.web.counters import Counters
from nurture.web.parts import WebParts
from nurture.web.server import config_of
from tests.support.sample_report import sample_report
from tests.support.servers import RedisServer
from tests.support.waiting import MovableClock, wait_until

KEY = "wk_0123456789abcdef"
BOUND_KEY = "wk_for_example_com"
SECRET_KEY = "sk_" + "s3cret" * 5
WRITE_KEYS = {
    "website": WriteKey(key=KEY),
    "server": WriteKey(key="wk_other_one"),
    "shop": WriteKey(key=BOUND_KEY, origins=frozenset({"https://www.example.com", "http://localhost:3000"})),
}
PARTITIONS = 4
PDF = b"%PDF-1.7 " + bytes(range(256)) * 40


def make_definitions(*, opens: Opens = "off") -> Definitions:
    assets = {
        "guide": Asset(title={"en": "The guide"}, file="assets/guide.pdf", gated=True, link=Link(downloads=2)),
        "lost": Asset(title={"en": "Lost"}, file="assets/lost.pdf"),
        "escape": Asset(title={"en": "Escape"}, file="../secret.txt"),
    }
    forms = {
        "guide": Form(
            asset="guide", deliver="redirect", consent="marketing-email", redirects=("https://www.example.com",),
            fields={"email": "required", "first_name": "optional", "company": "optional", "message": "optional"},
        ),
        "contact": Form(
            fields={"email": "required", "subject": "optional", "consent": "optional"}, redirects=("https://www.example.com",),
            thanks="See you <soon>",
        ),
    }  # fmt: skip
    return Definitions(
        scoring=Scoring(), lifecycle=Lifecycle(), assets=assets, forms=forms,
        sending=SendingPolicy(
            sender=Sender(name="Example", email="news@example.com"),
            organisation=Organisation(name="Example", address="1 rue X, Paris", privacy_url="https://www.example.com/privacy"),
            tracking=Tracking(opens=opens),
        ),
    )  # fmt: skip


def report_named(name: str, _first: date | None, _last: date | None, _at: datetime) -> Report:
    """Every report holds the same here; the web process only shows what it is given."""
    return sample_report().model_copy(update={"name": name})


@dataclass
class Web:
    """A running web process and everything a test looks at around it."""

    client: httpx.Client
    base: str
    redis: redis.Redis
    clock: MovableClock
    tokens: Tokens
    writer: StreamWriter
    folder: Path
    in_force: list[Definitions]
    parts: WebParts
    nudges: list[tuple[str, int | None]] = field(default_factory=list)

    def with_consent(self, mode: ConsentMode) -> None:
        """A release with another consent mode takes effect."""
        self.in_force[0] = self.in_force[0].model_copy(update={"privacy": Privacy(consent=mode)})

    def events(self) -> list[Event]:
        """What has been written, partition by partition."""
        return [event for partition in range(PARTITIONS) for event in self.partition(partition)]

    def partition(self, number: int) -> list[Event]:
        entries: Any = self.redis.xrange(redis_keys.events(number))
        return [EVENT.validate_json(fields[redis_keys.FIELD]) for _, fields in entries]

    def event(self) -> Event:
        """The only event written."""
        (event,) = self.events()
        return event

    def quarantined(self) -> list[dict[bytes, bytes]]:
        entries: Any = self.redis.xrange(redis_keys.QUARANTINE)
        return [fields for _, fields in entries]

    def track(self, **call: Any) -> httpx.Response:
        body = {"writeKey": KEY, "anonymousId": "visitor-1", "event": "pricing_viewed", **call}
        return self.client.post("/v1/track", json=body)


class EscapedErrors(logging.Handler):
    """Keeps what uvicorn logs as an error: an exception that escaped is a bug, whatever was answered."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(logging.Formatter().format(record))

    def __enter__(self) -> Self:
        logging.getLogger("uvicorn.error").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("uvicorn.error").removeHandler(self)


def new_client(base: str) -> httpx.Client:
    """A client without any cookie. Everything is plain HTTP, and loading certificates would take longer than most tests."""
    return httpx.Client(base_url=base, timeout=20, verify=False)


@contextmanager
def running(app: Any, settings: Settings) -> Iterator[str]:
    """The application under uvicorn in a thread of its own; its base URL. Fails if an exception escaped from it."""
    server = uvicorn.Server(config_of(app, settings, port=0, loop="auto"))
    thread = threading.Thread(target=server.run)
    with EscapedErrors() as errors:
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive(), what="uvicorn to start")
            host, port = server.servers[0].sockets[0].getsockname()[:2]
            yield f"http://{host}:{port}"
        finally:
            server.should_exit = True
            thread.join(15)
    assert errors.told == []
    assert not thread.is_alive()


@contextmanager
def serving(
    redis_url: str, folder: Path, *, definitions: Definitions | None = None, max_backlog: int = 100_000,
    ready: Callable[[], list[str]] = list, tokens: Tokens | None = None, watch: Callable[[], Definitions] | None = None,
    visit: Callable[[str], bytes] = visit, lets_opens_be_told: Callable[[int], bool] = lambda _: False,
    wishes: Callable[[int], Wishes] = lambda _: Wishes(), keys: Mapping[str, WriteKey] = WRITE_KEYS,
    report: Callable[[str, date | None, date | None, datetime], Report] = report_named,
    servers: Mapping[str, str] = MappingProxyType({"crm": SECRET_KEY}), clock: Clock | None = None, journal: int = 0, **settings: Any,
) -> Iterator[Web]:  # fmt: skip
    """A web process on `redis_url` whose configuration and mails lie in `folder`; with a journal of at most `journal` bytes."""
    for name in ("config/assets", "mail", "demo"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config/assets/guide.pdf").write_bytes(PDF)
    (folder / "secret.txt").write_text("secret")
    (folder / "demo/index.html").write_text("<h1>Demo</h1>")
    nudges: list[tuple[str, int | None]] = []
    standing, tokens = MovableClock(), tokens or Tokens("a secret for tests")
    in_force = [definitions or make_definitions()]
    client = connect(redis_url)
    counters = Counters()
    detour = Detour(Journal(folder / "journal", journal, (clock or standing).now), counters.add) if journal else None
    writer = StreamWriter(
        client, PARTITIONS, max_backlog, lambda task, partition=None: nudges.append((task, partition)), detour
    )  # fmt: skip
    values = {"config_dir": folder / "config", "data_dir": folder, "secret_key": SecretStr("0123456789abcdef"), **settings}
    parts = WebParts(
        settings=Settings(**values), clock=clock or standing, tokens=tokens, write_keys=keys,
        secret_keys=servers, definitions=watch or (lambda: in_force[0]), writer=writer, metrics=lambda: "# TYPE nurture_up gauge\nnurture_up 1\n",
        ready=ready, visit=visit, report=report, lets_opens_be_told=lets_opens_be_told, wishes=wishes, inbox_dir=folder / "mail", demo_dir=folder / "demo",
        counters=counters,
    )  # fmt: skip
    with (
        running(create_app(parts), parts.settings) as base,
        new_client(base) as http,
        redis.Redis.from_url(redis_url) as looking,
    ):
        yield Web(http, base, looking, standing, tokens, writer, folder, in_force, parts, nudges)


@pytest.fixture(scope="session")
def _shared_web(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    # Limits would outlive a test, for its clock goes back to the start.
    no_limits: dict[str, Any] = {"rate_events": 0, "rate_forms": 0, "rate_servers": 0}
    with serving(redis_server.url, tmp_path_factory.mktemp("web"), **no_limits) as served:
        yield served


@pytest.fixture
def web(_shared_web: Web, redis_server: RedisServer) -> Iterator[Web]:
    """A web process in development, as new: an empty Redis, no mail, no cookie, and the clock at its start."""
    redis_server.flush()
    _shared_web.clock.move_to(MovableClock().now())
    _shared_web.with_consent("open")
    for mail in (_shared_web.folder / "mail").iterdir():
        mail.unlink()
    with EscapedErrors() as errors, new_client(_shared_web.base) as http:
        yield replace(_shared_web, client=http)
    assert errors.told == []
