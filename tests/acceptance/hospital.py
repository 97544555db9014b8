"""An installation in production mode in perfect health, on real servers each of which can be made ill."""

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import jsonschema_rs
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.releases import apply
from nurture.adapters.mail.signing import make_key, public_record, read_key
from nurture.adapters.presence import Presence
from nurture.domain.definitions import Definitions
from nurture.domain.event import ASSET_DOWNLOADED, EVENT, FORM_SUBMITTED, Event
from nurture.settings import Settings
from tests.support.certificates import make_certificate, server_context
from tests.support.databases import PostgresDatabases
from tests.support.dns import NameServer, Zone
from tests.support.events import event
from tests.support.imap import ImapServer
from tests.support.servers import PostgresServer, RedisServer
from tests.support.waiting import free_port

ROOT = Path(__file__).parents[2]

DOMAIN, HOST, SELECTOR = "acme-widgets.fr", "events.acme-widgets.fr", "n2026"

#: How long a server may take in these tests: machines that run them may be slow, and whoever answers is not waited for.
PATIENT = "20s"


class MailServer:
    """A mail server with STARTTLS and a password, which refuses recipients with `refusal`, if that is set."""

    def __init__(self, certificate: Path) -> None:
        self.password = "p@ss/word"
        self.refusal: str | None = None
        self._context = server_context(certificate)
        self.port = free_port()
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://user:p%40ss%2Fword@localhost:{self.port}"

    def start(self) -> None:
        if self._controller is None:
            self._controller = Controller(
                self, hostname="127.0.0.1", port=self.port, tls_context=self._context, authenticator=self._authenticate,
                auth_require_tls=True, ready_timeout=30,
            )  # fmt: skip
            self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, credentials: Any
    ) -> AuthResult:  # fmt: skip
        return AuthResult(success=credentials.password == self.password.encode(), handled=False)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Sequence[str]
    ) -> str:
        if self.refusal is not None:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - as above
        return "250 2.0.0 taken"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.server.pages.get(self.path)  # type: ignore[attr-defined]  # set by WebServer
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write((body or "nothing here").encode())

    def log_message(self, *_: Any) -> None:
        pass


class WebServer:
    """What stands before the web process: https, and pages by their paths."""

    def __init__(self, certificate: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.pages = {"/health/live": '{"live":true}'}
        self._server.pages = self.pages  # type: ignore[attr-defined]  # read by _Answers
        # The handshake is each thread's own: one that fails must not stop the others from being served.
        context = server_context(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # somebody who does not trust us hangs up
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@dataclass
class Hospital:
    """The servers, which all wards share one after the other."""

    folder: Path
    stack: ExitStack = field(default_factory=ExitStack)
    definitions: Definitions | None = None

    def __enter__(self) -> Self:
        enter = self.stack.enter_context
        self.certificate = make_certificate(self.folder / "trusted.pem", [HOST, "localhost", "127.0.0.1"])
        self.key = self.folder / f"{SELECTOR}.pem"
        make_key(self.key, "rsa")
        self.redis = enter(RedisServer(appendonly=True, options={"maxmemory": "256mb"}))
        self.postgres = enter(PostgresServer(durable=True))
        self.databases = PostgresDatabases(self.postgres)
        self.imap = enter(ImapServer())
        self.mail = MailServer(self.certificate)
        self.stack.callback(self.mail.stop)
        self.mail.start()
        self.web = WebServer(self.certificate)
        self.stack.callback(self.web.close)
        self.names = enter(NameServer({}))
        return self

    def __exit__(self, *told: object) -> None:
        self.stack.close()

    def zone(self) -> Zone:
        """What the DNS should say."""
        texts = {
            f"bounces.{DOMAIN}": "v=spf1 include:spf.relay.net -all", "spf.relay.net": "v=spf1 ip4:192.0.2.0/24 -all",
            f"_dmarc.{DOMAIN}": "v=DMARC1; p=quarantine", f"{SELECTOR}._domainkey.{DOMAIN}": public_record(read_key(self.key)),
        }  # fmt: skip
        return {
            **{(name, "TXT"): [text] for name, text in texts.items()},
            (DOMAIN, "MX"): [f"10 mail.{DOMAIN}"], (f"bounces.{DOMAIN}", "MX"): [f"10 mail.{DOMAIN}"],
            (HOST, "A"): ["127.0.0.1"], ("localhost", "A"): ["127.0.0.1"],
        }  # fmt: skip


class Ward:
    """One installation, and what `nurture status` and `nurture doctor` say of it."""

    def __init__(self, hospital: Hospital, settings: Settings, engine: Engine) -> None:
        self.hospital, self.settings, self.engine = hospital, settings, engine
        self.redis = Redis.from_url(settings.redis)
        self.parts = bootstrap.WorkerParts(settings)
        self.queues: Sequence[str] = QUEUES
        self.beating = self.serving = True
        #: By how many seconds the clock of the worker's host is ahead.
        self.ahead = 0.0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._living = threading.Thread(target=self._live, name="signs-of-life", daemon=True)
        self.sign()
        self._living.start()

    def sign(self) -> None:
        """The signs of life of a worker, of beat and of the web process, as those processes write them."""
        with self._lock:
            self._sign()

    def _sign(self) -> None:
        now = f"{time.time() + self.ahead:.3f}"
        told: dict[Any, Any] = {"host": "box", "pid": 7, "concurrency": 2, "started": now, "seen": now}
        if self.queues:
            self.redis.hset(redis_keys.worker("all@box"), mapping={**told, "queues": ",".join(self.queues)})
        if self.beating:
            self.redis.set(redis_keys.BEAT, f"{time.time():.3f}")
        if self.serving:
            Presence(self.redis, "web").tell()

    def _live(self) -> None:
        while not self._ending.wait(1.0):
            with suppress(RedisError):
                self.sign()

    def silence(self, *, worker: bool = False, beat: bool = False, web: bool = False) -> None:
        """Processes end; their signs are gone as soon as they would have expired."""
        with self._lock:
            self.queues = () if worker else self.queues
            self.beating = self.beating and not beat
            self.serving = self.serving and not web
            if worker:
                self.redis.delete(redis_keys.worker("all@box"))
            if web:
                self.redis.delete(redis_keys.process("web", socket.gethostname(), os.getpid()))

    def apply(self) -> None:
        """Put the configuration folder in force. It is the same for all wards, and read once."""
        if self.hospital.definitions is None:
            self.hospital.definitions = bootstrap.load_definitions(self.settings).definitions
        assert self.hospital.definitions is not None
        with self.engine.begin() as connection:
            apply(connection, self.hospital.definitions, self.parts.clock.now())

    def happen(self, *entries: bytes) -> None:
        """Absorb what lies in a partition."""
        from nurture.adapters.agents import kind_of_agent
        from nurture.adapters.stream import held_partition
        from nurture.flow.absorb import absorb

        for entry in entries:
            self.redis.xadd(redis_keys.events(0), {redis_keys.FIELD: entry})
        with held_partition(self.redis, 0) as partition:
            assert partition is not None
            absorb(partition, self.parts.database, self.parts.clock, kind_of_agent)

    def mail_somebody(self, email: str = "ana@acme.test") -> None:
        """Somebody downloads the guide; the mail that thanks is due, and a worker does what it can."""
        from nurture.flow.advance import advance
        from nurture.flow.send import send

        self.happen(*(EVENT.dump_json(each) for each in _downloads(email, self)))
        while advance(self.parts.database, self.parts.clock, lambda *_: False).moved:
            pass
        while send(self.parts.mailroom).claimed:
            pass

    def status(self) -> dict[str, Any]:
        told = nurture("status", "--json")
        found: dict[str, Any] = json.loads(told.stdout)
        assert told.exit_code == {"healthy": 0, "degraded": 1, "down": 2}[found["verdict"]]
        fits("status.json", found)
        return found

    def doctor(self, *arguments: str) -> dict[str, Any]:
        told = nurture("doctor", "--json", "--timeout", PATIENT, "--resolver", self.hospital.names.address, *arguments)
        found: dict[str, Any] = json.loads(told.stdout)
        assert told.exit_code == found["exit_code"]
        fits("doctor.json", found)
        return found

    def close(self) -> None:
        self._ending.set()
        self._living.join(10)
        with_carrier = self.parts.__dict__.get("mailroom")
        if with_carrier is not None:
            with_carrier.carrier.close()
        self.redis.close()
        self.parts.database.engine.dispose()
        if "redis" in self.parts.__dict__:
            self.parts.redis.close()


def fits(schema: str, told: dict[str, Any]) -> None:
    """What was printed is as the schema says that programs go by."""
    written = json.loads((ROOT / "docs" / "schemas" / schema).read_text(encoding="utf-8"))
    assert [str(fault) for fault in jsonschema_rs.validator_for(written).iter_errors(told)] == []


def nurture(*arguments: str) -> Result:
    """`nurture …` in this process."""
    from nurture.cli.main import app

    return CliRunner().invoke(app, arguments)


def _downloads(email: str, ward: Ward) -> list[Event]:
    at = ward.parts.clock.now()
    form = {"form": "guide", "asset": "guide-lead-gen"}
    return [
        event(FORM_SUBMITTED, at, anonymous_id="d", email=email, submission="s", source="form:guide", properties=form),
        event(ASSET_DOWNLOADED, at, submission="s", source="engine", properties={"asset": "guide-lead-gen", "gated": True}),
    ]


@contextmanager
def admitted(hospital: Hospital, folder: Path, environment: Any) -> Iterator[Ward]:
    """A fresh installation; afterwards every server is as before."""
    url = hospital.databases.copy()
    hospital.redis.flush()
    hospital.names.zone.clear()
    hospital.names.zone.update(hospital.zone())
    configuration(folder / "config")
    shutil.copytree(
        hospital.key.parent, folder / "dkim", ignore=lambda _, names: [each for each in names if each != hospital.key.name]
    )
    for name in [name for name in os.environ if name.startswith("NURTURE_")]:
        environment.delenv(name)
    variables = {
        "MODE": "production", "DATABASE_URL": url, "REDIS_URL": hospital.redis.url, "SMTP_URL": hospital.mail.url,
        "IMAP_URL": hospital.imap.url, "PUBLIC_URL": f"https://{HOST}:{hospital.web.port}", "DATA_DIR": str(folder / "data"),
        "CONFIG_DIR": str(folder / "config"), "TEMPLATES_DIR": str(ROOT / "templates/emails"), "DKIM_DIR": str(folder / "dkim"),
        "SECRET_KEY": "q3W9xkT0vB7mZr5LpYc2", "WRITE_KEYS": '{"website": "wk_website"}',
    }  # fmt: skip
    for name, value in variables.items():
        environment.setenv(f"NURTURE_{name}", value)
    environment.setenv("SSL_CERT_FILE", str(hospital.certificate))
    (folder / "data").mkdir()
    engine = make_engine(url)
    ward = Ward(hospital, Settings.load(), engine)
    try:
        ward.apply()
        yield ward
    finally:
        recover(hospital)
        ward.close()
        engine.dispose()
        hospital.databases.drop(url)


def configuration(folder: Path) -> None:
    """The configuration that is delivered with the engine, in the name of somebody real."""
    shutil.copytree(ROOT / "config", folder)
    sending = folder / "sending.yaml"
    text = sending.read_text(encoding="utf-8").replace("camille@example.com", f"camille@{DOMAIN}")
    text = text.replace("bonjour@example.com", f"bonjour@{DOMAIN}")
    text += f"\nbounce_domain: bounces.{DOMAIN}\ndkim: {{domain: {DOMAIN}, selector: {SELECTOR}}}\n"
    sending.write_text(text, encoding="utf-8")


def recover(hospital: Hospital) -> None:
    """Whatever was stopped runs again, as it was."""
    if not hospital.redis._answers():
        hospital.redis.stop()
        hospital.redis.start()
    with hospital.redis.client() as client:
        client.config_set("maxmemory", "256mb")
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
    if not hospital.postgres._answers():
        hospital.postgres.stop()
        hospital.postgres.start()
    hospital.mail.password, hospital.mail.refusal = "p@ss/word", None
    hospital.mail.start()
    hospital.web.pages.clear()
    hospital.web.pages["/health/live"] = '{"live":true}'
    hospital.names.silent = False
