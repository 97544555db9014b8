"""Encryption and passwords, against real servers."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from nurture.domain.mail.delivery import Accepted
from tests.adapters.mail.one_connection import RAW, connection, mail, why
from tests.support.smtp import SmtpSink
from tests.support.waiting import free_port

CERTIFICATE = Path(__file__).with_name("localhost.pem")


class _Taken:
    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.encrypted: list[bool] = []

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        self.encrypted.append(session.ssl is not None)
        return "250 taken"


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, credentials: Any) -> AuthResult:
    return AuthResult(success=(credentials.login, credentials.password) == (b"user", b"p@ss/word"), handled=False)


@pytest.fixture
def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def starttls_server(server_tls: ssl.SSLContext) -> Iterator[tuple[Controller, _Taken]]:
    """aiosmtpd with STARTTLS and AUTH; its certificate is trusted only where a test says so."""
    taken = _Taken()
    controller = Controller(
        taken, hostname="127.0.0.1", port=free_port(), tls_context=server_tls, authenticator=_authenticate, auth_require_tls=True
    )
    controller.start()
    yield controller, taken
    controller.stop()


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("user", ["", "user:p%40ss%2Fword@"])
def test_offered_starttls_is_used_and_the_password_goes_only_through_it(
    starttls_server: tuple[Controller, _Taken], user: str
) -> None:
    controller, taken = starttls_server
    with connection(f"smtp://{user}127.0.0.1:{controller.port}") as opened:
        assert isinstance(opened.carry(mail()), Accepted)
    assert taken.encrypted == [True]
    assert taken.mails == [RAW]


@pytest.mark.usefixtures("_trusted")
def test_a_wrong_password_is_told_and_not_shown(starttls_server: tuple[Controller, _Taken]) -> None:
    controller, _ = starttls_server
    with connection(f"smtp://user:forgotten@127.0.0.1:{controller.port}") as opened:
        told = why(opened.carry(mail()))
    assert "the user name or the password of NURTURE_SMTP_URL" in told
    assert "forgotten" not in told


def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_remedy(starttls_server: tuple[Controller, _Taken]) -> None:
    controller, taken = starttls_server
    with connection(f"smtp://127.0.0.1:{controller.port}") as opened:
        assert "starttls=off" in why(opened.carry(mail()))
    with connection(f"smtp://127.0.0.1:{controller.port}?starttls=off") as opened:
        assert isinstance(opened.carry(mail()), Accepted)
    assert taken.encrypted == [False]


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:{}?starttls=required", "smtp://user:secret@127.0.0.1:{}"])
def test_without_starttls_nothing_that_needs_it_is_sent(smtp_sink: SmtpSink, url: str) -> None:
    with connection(url.format(smtp_sink.port)) as opened:
        told = why(opened.carry(mail()))
    assert "no STARTTLS" in told
    assert "secret" not in told


@pytest.mark.usefixtures("_trusted")
def test_smtps_is_encrypted_from_the_first_byte(server_tls: ssl.SSLContext) -> None:
    taken = _Taken()
    controller = Controller(taken, hostname="127.0.0.1", port=free_port(), ssl_context=server_tls)
    controller.start()
    try:
        with connection(f"smtps://127.0.0.1:{controller.port}") as opened:
            assert isinstance(opened.carry(mail()), Accepted)
    finally:
        controller.stop()
    assert taken.mails == [RAW]
