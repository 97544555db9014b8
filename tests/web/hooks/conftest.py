"""A web process with a hook of every provider, and a stand-in for Amazon."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import pytest

from nurture.adapters.hooks.taking import key_of
from nurture.adapters.hooks.visits import visit
from nurture.adapters.tokens import MailLink
from nurture.domain.mail.hooks import Hook, Hooks, Provider
from nurture.settings import Settings
from tests.support.servers import RedisServer
from tests.support.waiting import MovableClock
from tests.web.conftest import EscapedErrors, Web, make_definitions, new_client, serving
from tests.web.hooks.signing import SECRETS, TOPIC, Signed, certificate

MAIL = MailLink(4_611_686_018_427_387_905, 77)

READING = {
    "items": "events", "kind": "type/severity", "id": "id", "at": "time", "recipient": "to", "mail": ["metadata.mail", "message_id"],
    "words": {"delivered": "delivered", "failed/permanent": "bounced", "failed/temporary": "deferred", "open": "nothing"},
    "code": "reply", "detail": "reply", "fault": "why", "faults": {"full": "mailbox"},
}  # fmt: skip
SIGNATURE = {
    "header": "X-Signature", "prefix": "sha256=", "signed": "{header:X-Timestamp}.{body}", "timestamp": "header:X-Timestamp",
}  # fmt: skip


def hook(provider: Provider, **said: Any) -> Hook:
    """A hook with the secret of its provider."""
    own: dict[str, Any] = {"topics": [TOPIC]} if provider == "ses" else {"secret": provider}
    if provider == "custom":
        own |= {"reading": READING, "signature": SIGNATURE}
    return Hook.model_validate({"provider": provider, **own, **said})


PROVIDERS: tuple[Provider, ...] = (
    "ses", "sendgrid", "postmark", "mailgun", "mailjet", "brevo", "resend", "sparkpost", "custom",
)  # fmt: skip
HOOKS = Hooks(sources={provider: hook(provider) for provider in PROVIDERS} | {"lost": hook("postmark", secret="lost")})


@dataclass
class Amazon:
    """A server in place of Amazon's hosts: it keeps what it was asked for, and answers by `answers`, then with the certificate."""

    asked: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        amazon = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                amazon.asked.append(self.path)
                status = amazon.answers.pop(0) if amazon.answers else 200
                self.send_response(status)
                self.send_header("content-length", str(len(certificate())))
                self.end_headers()
                self.wfile.write(certificate())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def visit(self, url: str) -> bytes:
        """Visit what lies at an address of Amazon's at the stand-in."""
        parts = urlsplit(url)
        assert parts.netloc == "sns.eu-west-1.amazonaws.com"
        return visit(f"http://127.0.0.1:{self._server.server_port}{parts.path}{'?' if parts.query else ''}{parts.query}")


@dataclass
class Hooked:
    """The web process, and Amazon."""

    web: Web
    amazon: Amazon

    @property
    def mail(self) -> str:
        """Our name for a mail."""
        return self.web.tokens.mail_name(MAIL)

    def path(self, name: str, key: str | None = None) -> str:
        return f"/hooks/{name}/{key or key_of(self.web.tokens, name, 1)}"

    def post(self, name: str, signed: Signed, **headers: str) -> httpx.Response:
        return self.web.client.post(self.path(name), content=signed.body, headers={**signed.headers, **headers})


@pytest.fixture(scope="session")
def _shared_hooks(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hooked]:
    definitions = make_definitions().model_copy(update={"hooks": HOOKS})
    folder = tmp_path_factory.mktemp("hooks")
    secrets = Settings.model_validate({"hook_secrets": SECRETS}).hook_secrets
    with (
        Amazon() as amazon,
        serving(redis_server.url, folder, definitions=definitions, visit=amazon.visit, hook_secrets=secrets) as web,
    ):
        yield Hooked(web, amazon)


@pytest.fixture
def hooked(_shared_hooks: Hooked, redis_server: RedisServer) -> Iterator[Hooked]:
    """A web process with a hook of every provider, an empty Redis, and the clock at its start."""
    redis_server.flush()
    web = _shared_hooks.web
    web.clock.move_to(MovableClock().now())
    _shared_hooks.amazon.asked.clear()
    with EscapedErrors() as errors, new_client(web.base) as client:
        yield Hooked(replace(web, client=client), _shared_hooks.amazon)
    assert errors.told == []
