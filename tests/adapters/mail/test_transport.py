"""Each moment at which a mail can go wrong on its way to the server, against real sockets."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.mail.mailbox import start_mailbox
from nurture.adapters.mail.transport import Server, SmtpTransport, parse_url, stuffed
from nurture.errors import DeliveryError, DeliveryUncertain, SettingsError, Unavailable
from nurture.ports import Transport
from tests.adapters.mail.scripted import Conversation, Script, ScriptedServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import free_port

RAW = b"Subject: hello\r\n\r\n.a line with a dot\r\n..\r\nlast\r\n"
CERTIFICATE = Path(__file__).with_name("localhost.pem")


def transport(server: ScriptedServer, **timeouts: float) -> Transport:
    return SmtpTransport(server.url, **{"timeout": 5.0, "reply_timeout": 5.0, **timeouts})


def send(server: ScriptedServer, **timeouts: float) -> str:
    with transport(server, **timeouts).connect() as connection:
        return connection.send("us@example.com", "ada@example.org", RAW)


def refusing(verb: str, reply: str) -> Script:
    """A server that answers `reply` to the command `verb`, then takes RSET and QUIT."""

    def script(talk: Conversation) -> None:
        talk.greet()
        for each in ("MAIL", "RCPT", "DATA"):
            talk.hear(each)
            if each == verb:
                talk.say(reply)
                break
            talk.say("250 ok")
        talk.hear("RSET")
        talk.say("250 ok")
        talk.part()

    return script


def accepting(talk: Conversation) -> None:
    talk.greet()
    talk.take_envelope()
    talk.take_body()
    talk.say("250 2.0.0 queued as 4711")
    talk.part()


def test_the_reply_to_an_accepted_mail_is_returned() -> None:
    with ScriptedServer(accepting) as server:
        assert send(server) == "250 2.0.0 queued as 4711"


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("reply", "permanent"), [("550 5.1.1 no such user", True), ("451 4.7.1 later", False)])
def test_a_refusal_before_the_body_is_a_delivery_error_and_leaves_the_connection_usable(
    verb: str, reply: str, permanent: bool
) -> None:
    with ScriptedServer(refusing(verb, reply)) as server, pytest.raises(DeliveryError) as caught:
        send(server)
    assert type(caught.value) is DeliveryError
    assert caught.value.permanent is permanent
    assert caught.value.code == int(reply[:3])
    assert reply in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "permanent"), [("554 5.7.1 spam", True), ("452 4.3.1 no room", False), ("421 4.3.2 closing", False)]
)
def test_a_refusal_of_the_whole_mail_is_a_delivery_error(reply: str, permanent: bool) -> None:
    def script(talk: Conversation) -> None:
        talk.greet()
        talk.take_envelope()
        talk.take_body()
        talk.say(reply)
        talk.wait_for_hang_up()

    with ScriptedServer(script) as server, pytest.raises(DeliveryError) as caught:
        send(server, timeout=1.0)
    assert type(caught.value) is DeliveryError
    assert (caught.value.permanent, caught.value.code) == (permanent, int(reply[:3]))


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("ending", ["421 4.3.2 too many mails on this connection", None, "reset", "silence"])
def test_a_connection_that_ends_before_the_body_is_unavailable_and_the_next_mail_opens_another(
    verb: str, ending: str | None
) -> None:
    def script(talk: Conversation) -> None:
        talk.greet()
        for each in ("MAIL", "RCPT", "DATA"):
            talk.hear(each)
            if each == verb:
                break
            talk.say("250 ok")
        if ending == "reset":
            talk.reset()
        elif ending == "silence":
            talk.wait_for_hang_up()
        elif ending:
            talk.say(ending)

    with ScriptedServer(script, accepting) as server, transport(server, timeout=0.5).connect() as connection:
        with pytest.raises(Unavailable):
            connection.send("us@example.com", "ada@example.org", RAW)
        assert connection.send("us@example.com", "ada@example.org", RAW).startswith("250")


def test_a_connection_that_died_while_idle_is_unavailable_and_loses_nothing() -> None:
    def script(talk: Conversation) -> None:
        talk.greet()
        talk.take_envelope()
        talk.take_body()
        talk.say("250 ok")

    with ScriptedServer(script, accepting) as server, transport(server).connect() as connection:
        connection.send("us@example.com", "ada@example.org", RAW)
        with pytest.raises(Unavailable):
            connection.send("us@example.com", "ada@example.org", RAW)
        assert connection.send("us@example.com", "ada@example.org", RAW).startswith("250")


def test_a_connection_that_breaks_inside_the_body_is_unavailable() -> None:
    """The body is larger than what the sockets hold, so the client is still writing when the server cuts the connection."""

    def script(talk: Conversation) -> None:
        talk.greet()
        talk.take_envelope()
        talk.read_bytes(1000)
        talk.reset()

    body = b"x" * 70 + b"\r\n"
    with ScriptedServer(script) as server, transport(server).connect() as connection, pytest.raises(Unavailable):
        connection.send("us@example.com", "ada@example.org", body * 500_000)


@pytest.mark.parametrize("ending", ["close", "reset", "silence", "354 what?", "no number"])
def test_a_whole_mail_without_a_clear_answer_is_uncertain(ending: str) -> None:
    def script(talk: Conversation) -> None:
        talk.greet()
        talk.take_envelope()
        talk.take_body()
        if ending == "reset":
            talk.reset()
        elif ending == "silence":
            talk.wait_for_hang_up()
        elif ending != "close":
            talk.say(ending)
            talk.wait_for_hang_up()

    with ScriptedServer(script) as server, pytest.raises(DeliveryUncertain):
        send(server, reply_timeout=0.3)


def test_many_mails_share_a_connection_and_a_refusal_between_them_does_not_end_it(smtp_sink: SmtpSink) -> None:
    smtp_sink.refuse("nobody@", "550 5.1.1 <nobody@example.org>: unknown")
    with SmtpTransport(smtp_sink.url).connect() as connection:
        for index in range(20):
            connection.send("us@example.com", f"person{index}@example.org", RAW)
            with pytest.raises(DeliveryError):
                connection.send("us@example.com", "nobody@example.org", RAW)
    assert smtp_sink.sessions == 1
    assert [mail.to[0] for mail in smtp_sink.mails] == [f"person{index}@example.org" for index in range(20)]


def test_dots_are_doubled_once_on_the_wire_and_arrive_single(smtp_sink: SmtpSink) -> None:
    with SmtpTransport(smtp_sink.url).connect() as connection:
        connection.send("us@example.com", "ada@example.org", RAW)
    assert smtp_sink.mails[0].raw == RAW


@given(st.lists(st.sampled_from([b".", b"\r\n", b"a", b"=2E", b".\r\n"])).map(b"".join))
def test_a_stuffed_mail_never_ends_early_and_comes_back_as_it_was(raw: bytes) -> None:
    wire = stuffed(raw)
    assert wire.endswith(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    unstuffed = (b"\r\n" + wire).replace(b"\r\n.", b"\r\n")[2:]
    assert unstuffed in (raw, raw + b"\r\n")


def test_replies_are_kept_without_addresses() -> None:
    script = refusing("RCPT", "550 5.1.1 <ada@example.org>: user ada@example.org unknown")
    with ScriptedServer(script) as server, pytest.raises(DeliveryError) as caught:
        send(server)
    assert "ada" not in str(caught.value)
    assert "5.1.1" in str(caught.value)


@pytest.mark.parametrize("to", ["zoé@example.org", "ada", "ada@example.org\r\nRCPT TO:<eve@example.org>", "", "a b@example.org"])
def test_an_address_that_cannot_be_sent_is_refused_for_good_before_anything_is_said(smtp_sink: SmtpSink, to: str) -> None:
    with SmtpTransport(smtp_sink.url).connect() as connection, pytest.raises(DeliveryError) as caught:
        connection.send("us@example.com", to, RAW)
    assert caught.value.permanent
    assert not smtp_sink.mails


def test_a_host_in_other_letters_goes_out_in_ascii(smtp_sink: SmtpSink) -> None:
    with SmtpTransport(smtp_sink.url).connect() as connection:
        connection.send("us@example.com", "ada@straße.de", RAW)
    assert smtp_sink.mails[0].to == ("ada@xn--strae-oqa.de",)


def test_the_size_is_announced_where_the_server_wants_to_know() -> None:
    heard = []

    def script(talk: Conversation) -> None:
        talk.greet("SIZE 1000000")
        heard.append(talk.hear("MAIL"))
        talk.say("552 5.3.4 too big")
        talk.wait_for_hang_up()

    with ScriptedServer(script) as server, pytest.raises(DeliveryError):
        send(server, timeout=0.3)
    assert heard == [f"MAIL FROM:<us@example.com> SIZE={len(RAW)}"]


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable), SmtpTransport(f"smtp://127.0.0.1:{free_port()}").connect():
        pass


@pytest.mark.parametrize("greeting", ["554 go away", "421 busy", "nonsense"])
def test_a_server_that_greets_badly_is_unavailable(greeting: str) -> None:
    def script(talk: Conversation) -> None:
        talk.say(greeting)
        talk.wait_for_hang_up()

    with ScriptedServer(script) as server, pytest.raises(Unavailable), transport(server, timeout=0.5).connect():
        pass


def test_a_server_that_refuses_every_greeting_is_unavailable() -> None:
    def script(talk: Conversation) -> None:
        talk.say("220 scripted")
        talk.hear("EHLO")
        talk.say("502 no")
        talk.hear("HELO")
        talk.say("502 no")
        talk.wait_for_hang_up()

    with ScriptedServer(script) as server, pytest.raises(Unavailable, match="502 no"), transport(server).connect():
        pass


def test_it_delivers_to_the_development_mailbox(tmp_path: Path) -> None:
    with (
        start_mailbox("127.0.0.1", 0, tmp_path) as mailbox,
        SmtpTransport(f"smtp://127.0.0.1:{mailbox.port}").connect() as connection,
    ):
        assert connection.send("us@example.com", "ada@example.org", RAW).startswith("250")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [RAW]


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
    with SmtpTransport(f"smtp://{user}127.0.0.1:{controller.port}").connect() as connection:
        connection.send("us@example.com", "ada@example.org", RAW)
    assert taken.encrypted == [True]
    assert taken.mails == [RAW]


@pytest.mark.usefixtures("_trusted")
def test_a_wrong_password_is_unavailable_and_not_shown(starttls_server: tuple[Controller, _Taken]) -> None:
    controller, _ = starttls_server
    url = f"smtp://user:forgotten@127.0.0.1:{controller.port}"
    with pytest.raises(Unavailable, match="user name or the password") as caught, SmtpTransport(url).connect():
        pass
    assert "forgotten" not in str(caught.value)


def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_remedy(starttls_server: tuple[Controller, _Taken]) -> None:
    controller, taken = starttls_server
    with pytest.raises(Unavailable, match="starttls=off"), SmtpTransport(f"smtp://127.0.0.1:{controller.port}").connect():
        pass
    with SmtpTransport(f"smtp://127.0.0.1:{controller.port}?starttls=off").connect() as connection:
        connection.send("us@example.com", "ada@example.org", RAW)
    assert taken.encrypted == [False]


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:{}?starttls=required", "smtp://user:secret@127.0.0.1:{}"])
def test_without_starttls_nothing_that_needs_it_is_sent(smtp_sink: SmtpSink, url: str) -> None:
    with pytest.raises(Unavailable, match="no STARTTLS") as caught, SmtpTransport(url.format(smtp_sink.port)).connect():
        pass
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("_trusted")
def test_smtps_is_encrypted_from_the_first_byte(server_tls: ssl.SSLContext) -> None:
    taken = _Taken()
    controller = Controller(taken, hostname="127.0.0.1", port=free_port(), ssl_context=server_tls)
    controller.start()
    try:
        with SmtpTransport(f"smtps://127.0.0.1:{controller.port}").connect() as connection:
            connection.send("us@example.com", "ada@example.org", RAW)
    finally:
        controller.stop()
    assert taken.mails == [RAW]


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://relay", Server("relay", 25, tls=False, starttls="offered", user=None, password="")),
        ("smtp://u:p%40@relay", Server("relay", 587, tls=False, starttls="required", user="u", password="p@")),
        ("smtp://u:p@relay:2525?starttls=off", Server("relay", 2525, tls=False, starttls="off", user="u", password="p")),
        ("smtps://u:p@relay", Server("relay", 465, tls=True, starttls="required", user="u", password="p")),
        ("smtp://[::1]:25/", Server("::1", 25, tls=False, starttls="offered", user=None, password="")),
    ],
)
def test_a_url_names_a_server(url: str, server: Server) -> None:
    assert parse_url(url) == server


@pytest.mark.parametrize(
    "url",
    ["http://relay", "relay:25", "smtp://", "smtp://u:topsecret@relay:port", "smtp://u:topsecret@relay/path",
     "smtp://u:topsecret@relay?tls=1", "smtp://u:topsecret@relay?starttls=maybe"],
)  # fmt: skip
def test_a_url_that_names_no_server_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(SettingsError, match="NURTURE_SMTP_URL") as caught:
        SmtpTransport(url)
    assert "topsecret" not in str(caught.value)
