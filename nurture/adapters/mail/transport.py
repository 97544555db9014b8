"""The way to a mail server: SMTP (RFC 5321) over a connection that is used for many mails.

What matters most is *when* something goes wrong. Up to the final dot nothing was handed over and the mail may be tried
again; once the dot is on its way nobody but the server knows, until it replies.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from nurture.adapters.mail.headers import wire_address
from nurture.errors import DeliveryError, DeliveryUncertain, SettingsError, Unavailable

_PORTS: Final = {"smtp": 25, "smtps": 465}
_SUBMISSION: Final = 587
_GO_AHEAD: Final = 354
_CLOSING: Final = 421
_PERMANENT: Final = 500
_LONGEST_REPLY: Final = 500
_GOODBYE_SECONDS: Final = 1.0

#: Servers repeat the recipient in their replies, and replies are stored and logged.
_ADDRESS_IN_REPLY: Final = re.compile(r"<?[^\s<>@]+@[^\s<>@,;:]+>?")

#: RFC 5321 §4.5.3.2.6 grants a server ten minutes after the final dot; this must stay below the lease of a message.
REPLY_TIMEOUT: Final = 60.0

Starttls = Literal["offered", "required", "off"]


class Server(NamedTuple):
    """A mail server as named by a URL."""

    host: str
    port: int
    tls: bool
    starttls: Starttls
    user: str | None
    password: str


def parse_url(url: str) -> Server:
    """`smtp://[user:password@]host[:port][?starttls=required|off]` or `smtps://…`; raises SettingsError, without the secret.

    A password is never sent in the clear unless `starttls=off` says that it may.
    """
    wrong = "NURTURE_SMTP_URL is no mail server; write smtp://user:password@host:587 or smtps://user:password@host"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(wrong) from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise SettingsError(wrong)
    return Server(
        parts.hostname,
        port or (_SUBMISSION if parts.username and parts.scheme == "smtp" else _PORTS[parts.scheme]),
        parts.scheme == "smtps",
        _starttls(parse_qs(parts.query, keep_blank_values=True), has_password=parts.username is not None),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password or ""),
    )


def _starttls(options: dict[str, list[str]], *, has_password: bool) -> Starttls:
    unknown = sorted(set(options) - {"starttls"})
    if unknown:
        raise SettingsError(f"NURTURE_SMTP_URL has the option {unknown[0]!r}; the only one there is is starttls=required or off")
    match options.get("starttls", ["required" if has_password else "offered"])[-1]:
        case "required":
            return "required"
        case "off":
            return "off"
        case "offered":
            return "offered"
    raise SettingsError("NURTURE_SMTP_URL: starttls is 'required', 'offered' or 'off'")


class SmtpTransport:
    """Mail through the server at `url`. Nothing waits longer than `timeout` seconds, the last reply `reply_timeout`."""

    def __init__(self, url: str, timeout: float = 10.0, reply_timeout: float = REPLY_TIMEOUT) -> None:
        self._server = parse_url(url)
        self._timeout = timeout
        self._reply_timeout = reply_timeout

    @contextmanager
    def connect(self) -> Iterator["SmtpConnection"]:
        """A connection for as many mails as there are; raises Unavailable when the server cannot be reached."""
        connection = SmtpConnection(self._server, self._timeout, self._reply_timeout)
        connection.open()
        try:
            yield connection
        finally:
            connection.close()


class SmtpConnection:
    """A connection to a mail server. After it broke, the next mail opens a new one."""

    def __init__(self, server: Server, timeout: float, reply_timeout: float) -> None:
        self._server = server
        self._timeout = timeout
        self._reply_timeout = reply_timeout
        self._smtp: smtplib.SMTP | None = None

    def send(self, mail_from: str, to: str, raw: bytes) -> str:
        """Hand over one mail and return the server's reply, without addresses.

        Raises DeliveryError when the server refused the mail, DeliveryUncertain when nobody can know, and Unavailable when
        nothing was handed over: the connection was dead, broke, or the server is closing it (421).
        """
        try:
            sender, recipient = wire_address(mail_from), wire_address(to)
        except ValueError as error:
            raise DeliveryError(str(error), permanent=True) from None
        body = stuffed(raw)
        smtp = self._smtp or self.open()
        self._command(smtp, "MAIL", f"FROM:<{sender}>{f' SIZE={len(raw)}' if smtp.has_extn('size') else ''}")
        self._command(smtp, "RCPT", f"TO:<{recipient}>")
        self._command(smtp, "DATA", expected=_GO_AHEAD)
        return self._hand_over(smtp, body)

    def open(self) -> smtplib.SMTP:
        """Connect and log in; raises Unavailable."""
        self.close()
        smtp: smtplib.SMTP | None = None
        try:
            smtp = self._greeted()
            smtp.ehlo_or_helo_if_needed()
            self._secure(smtp)
            if self._server.user is not None:
                smtp.login(self._server.user, self._server.password)
        except smtplib.SMTPAuthenticationError as error:
            _hang_up(smtp)
            raise Unavailable(
                f"the mail server refused the user name or the password of NURTURE_SMTP_URL ({error.smtp_code}); correct them"
            ) from None
        except (OSError, smtplib.SMTPException, Unavailable) as error:
            _hang_up(smtp)
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"the mail server cannot be reached: {_said(error)}") from None
        self._smtp = smtp
        return smtp

    def close(self) -> None:
        """Say goodbye if the server still listens."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                if self._smtp.sock is not None:
                    self._smtp.sock.settimeout(min(self._timeout, _GOODBYE_SECONDS))
                self._smtp.docmd("QUIT")
            _hang_up(self._smtp)
            self._smtp = None

    def _greeted(self) -> smtplib.SMTP:
        server = self._server
        name = socket.gethostname()
        # Without a name smtplib asks the DNS for one, which can take many seconds.
        local = name if "." in name else "[127.0.0.1]"
        if server.tls:
            context = ssl.create_default_context()
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, local, timeout=self._timeout, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, local, timeout=self._timeout)
        if smtp.sock is not None:
            # The final dot is a packet of its own; it must not wait for an acknowledgement.
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return smtp

    def _secure(self, smtp: smtplib.SMTP) -> None:
        if self._server.tls or self._server.starttls == "off":
            return
        if smtp.has_extn("starttls"):
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
        elif self._server.starttls == "required":
            raise Unavailable("the mail server offers no STARTTLS; use smtps://, or add ?starttls=off if the way to it is safe")

    def _command(self, smtp: smtplib.SMTP, verb: str, argument: str = "", *, expected: int = 250) -> None:
        """One command before the mail itself; raises DeliveryError if refused, Unavailable if the connection is gone."""
        try:
            code, reply = smtp.docmd(verb, argument)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Unavailable(f"the mail server hung up at {verb}, before the mail was handed over: {_said(error)}") from None
        if code // 10 == expected // 10:
            return
        if code == _CLOSING or not _refuses(code):
            self._drop()
            raise Unavailable(f"the mail server answered {verb} with {code}: {_without_addresses(reply)}")
        self._reset(smtp)
        raise _refusal(code, reply)

    def _hand_over(self, smtp: smtplib.SMTP, body: bytes) -> str:
        try:
            smtp.send(body)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Unavailable(f"the connection broke inside the mail, before its end: {_said(error)}") from None
        try:
            smtp.send(b".\r\n")
            if smtp.sock is not None:
                smtp.sock.settimeout(self._reply_timeout)
            code, reply = smtp.getreply()
            if smtp.sock is not None:
                smtp.sock.settimeout(self._timeout)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise DeliveryUncertain(f"the connection broke after the whole mail was sent: {_said(error)}") from None
        if code // 100 == 2:  # noqa: PLR2004 - RFC 5321 §4.2.1: 2yz is success
            return f"{code} {_without_addresses(reply)}"
        if not _refuses(code):
            self._drop()
            raise DeliveryUncertain(f"the mail server answered the whole mail with {code}, which says neither yes nor no")
        if code == _CLOSING:
            self._drop()
        raise _refusal(code, reply)

    def _reset(self, smtp: smtplib.SMTP) -> None:
        """After a refusal: forget the envelope, so that the next mail begins anew."""
        try:
            code, _ = smtp.docmd("RSET")
        except (OSError, smtplib.SMTPException):
            code = 0
        if code // 100 != 2:  # noqa: PLR2004 - as above
            self._drop()

    def _drop(self) -> None:
        _hang_up(self._smtp)
        self._smtp = None


def stuffed(raw: bytes) -> bytes:
    """The mail as it goes over the wire: a dot before each line that begins with one (RFC 5321 §4.5.2), a CRLF at its end."""
    doubled = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + doubled + (b"" if raw.endswith(b"\r\n") else b"\r\n")


def _refuses(code: int) -> bool:
    return code // 100 in (4, 5)


def _refusal(code: int, reply: bytes) -> DeliveryError:
    text = f"the mail server refused the mail: {code} {_without_addresses(reply)}"
    return DeliveryError(text, permanent=code >= _PERMANENT, code=code)


def _without_addresses(reply: bytes) -> str:
    text = " ".join(reply.decode("ascii", "replace").split())
    return _ADDRESS_IN_REPLY.sub("(address)", text)[:_LONGEST_REPLY]


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good ({error.verify_message}); a relay on this machine can do with ?starttls=off"
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        return f"{error.smtp_code} {_without_addresses(text)}"
    return _without_addresses(str(error).encode()) or type(error).__name__


def _hang_up(smtp: smtplib.SMTP | None) -> None:
    if smtp is not None:
        smtp.close()
