"""A connection to a mail server, used for many mails: SMTP (RFC 5321), with PIPELINING (RFC 2920) where it is offered.

What matters most is *when* something goes wrong. Up to the final dot nothing was handed over and the mail may be tried
again; once the dot is on its way nobody but the server knows, until it replies.

Greeting, encryption and login are smtplib's. It has no pipelining, so the envelope and the mail itself are written here.
"""

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from typing import Final, NamedTuple

from nurture.adapters.mail.headers import wire_address
from nurture.adapters.mail.replies import refusal, refuses, said, words
from nurture.adapters.mail.server import Server
from nurture.domain.mail.delivery import Accepted, Answer, Lost, Unreached
from nurture.domain.mail.faults import Refusal
from nurture.errors import Unavailable
from nurture.ports import Mail

_CLOSING: Final = 421
_GOODBYE_SECONDS: Final = 1.0
_OTHER_LETTERS: Final = re.compile(r"[^\x00-\x7f]")

#: RFC 5321 §4.5.3.2.6 grants a server ten minutes after the final dot; this must stay below the lease of a message.
REPLY_TIMEOUT: Final = 60.0


class _Command(NamedTuple):
    """A command of the envelope, and the kind of reply that lets us go on."""

    line: str
    expected: int = 2

    @property
    def verb(self) -> str:
        return self.line[:4]


class _Reply(NamedTuple):
    """What the server said to a command."""

    command: _Command
    code: int
    text: bytes

    @property
    def goes_on(self) -> bool:
        return self.code // 100 == self.command.expected


class SmtpConnection:
    """A connection to one server, opened when it is first needed and again after it broke.

    Nothing waits longer than `timeout` seconds, the last reply `reply_timeout`.
    """

    def __init__(self, server: Server, setting: str, timeout: float = 10.0, reply_timeout: float = REPLY_TIMEOUT) -> None:
        self._server, self._setting = server, setting
        self._timeout, self._reply_timeout = timeout, reply_timeout
        self._smtp: smtplib.SMTP | None = None
        self._carried = 0

    @property
    def is_open(self) -> bool:
        return self._smtp is not None

    def carry(self, mail: Mail) -> Answer:
        """Hand over one mail; what the server says of it comes without addresses.

        Servers hang up on connections that were silent for long or carried many mails. Nothing was handed over then, so the mail
        goes over a fresh one.
        """
        if self._carried >= self._server.mails_per_connection:
            self.close()
        kept = self.is_open
        answer = self._try(mail)
        if kept and isinstance(answer, Unreached):
            answer = self._try(mail)
        self._carried += 1
        return answer

    def _try(self, mail: Mail) -> Answer:
        try:
            sender, recipient = _mailbox(mail.mail_from), _mailbox(mail.to)
        except ValueError as error:
            return Refusal(501, "5.1.3", str(error))
        try:
            smtp = self._smtp or self.open()
        except Unavailable as error:
            return Unreached(str(error))
        in_other_letters = not (sender + recipient).isascii()
        if in_other_letters and not smtp.has_extn("smtputf8"):
            return Refusal(553, "5.6.7", "the address holds characters outside ASCII, which this server does not take")
        return self._introduce(smtp, _envelope(smtp, mail, sender, recipient)) or self._hand_over(smtp, stuffed(mail.raw))

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
                f"the mail server refused the user name or the password of {self._setting} ({error.smtp_code}); correct them"
            ) from None
        except (OSError, smtplib.SMTPException, Unavailable) as error:
            _hang_up(smtp)
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"the mail server cannot be reached: {said(error)}") from None
        self._smtp, self._carried = smtp, 0
        return smtp

    def close(self) -> None:
        """Say goodbye if the server still listens."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                if self._smtp.sock is not None:
                    self._smtp.sock.settimeout(min(self._timeout, _GOODBYE_SECONDS))
                self._smtp.docmd("QUIT")
            self._drop()

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

    def _introduce(self, smtp: smtplib.SMTP, envelope: list[_Command]) -> Answer | None:
        """Everything before the mail itself; None if the server waits for it."""
        heard, broken = _converse(smtp, envelope)
        wrong = next((reply for reply in heard if not reply.goes_on), None)
        if wrong is None and broken is None:
            return None
        if wrong is None:
            self._drop()
            verb = envelope[len(heard)].verb
            return Unreached(f"the mail server hung up at {verb}, before the mail was handed over: {said(broken or OSError())}")
        if not refuses(wrong.code) or wrong.code == _CLOSING:
            self._drop()
            return Unreached(f"the mail server answered {wrong.command.verb} with {wrong.code}: {words(wrong.text)}")
        # In a pipeline later commands are answered, too. A server that waits for a mail without a recipient (RFC 2920 §3.1) gets none.
        if broken is not None or heard[-1].goes_on:
            self._drop()
        else:
            self._reset(smtp)
        return refusal(wrong.code, wrong.text)

    def _hand_over(self, smtp: smtplib.SMTP, body: bytes) -> Answer:
        try:
            smtp.send(body)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Unreached(f"the connection broke inside the mail, before its end: {said(error)}")
        try:
            smtp.send(b".\r\n")
            _be_patient(smtp, self._reply_timeout)
            code, reply = smtp.getreply()
            _be_patient(smtp, self._timeout)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Lost(f"the connection broke after the whole mail was sent: {said(error)}")
        if code // 100 == 2:  # noqa: PLR2004 - RFC 5321 §4.2.1: 2yz is success
            return Accepted(f"{code} {words(reply)}")
        if not refuses(code):
            self._drop()
            return Lost(f"the mail server answered the whole mail with {code}, which says neither yes nor no")
        if code == _CLOSING:
            self._drop()
        return refusal(code, reply)

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


def _converse(smtp: smtplib.SMTP, envelope: list[_Command]) -> tuple[list[_Reply], Exception | None]:
    """The replies to the commands: to all of them at once where the server takes them so, else up to one that does not let us go on.

    They end early where the connection does, with the error.
    """
    heard: list[_Reply] = []
    together = smtp.has_extn("pipelining")
    try:
        if together:
            smtp.send("".join(f"{command.line}\r\n" for command in envelope).encode())
        for command in envelope:
            if not together:
                smtp.send(f"{command.line}\r\n".encode())
            heard.append(_Reply(command, *smtp.getreply()))
            if not together and not heard[-1].goes_on:
                break
    except (OSError, smtplib.SMTPException) as error:
        return heard, error
    return heard, None


def _envelope(smtp: smtplib.SMTP, mail: Mail, sender: str, recipient: str) -> list[_Command]:
    """MAIL, RCPT and DATA with what the server offers: SIZE (RFC 1870), SMTPUTF8 where needed (RFC 6531), DSN (RFC 3461)."""
    mail_from, rcpt_to = [f"MAIL FROM:<{sender}>"], [f"RCPT TO:<{recipient}>"]
    if smtp.has_extn("size"):
        mail_from.append(f"SIZE={len(mail.raw)}")
    if not (sender + recipient).isascii():
        mail_from.append("SMTPUTF8")
    if smtp.has_extn("dsn"):
        mail_from.append(f"RET=HDRS ENVID={mail.message}")
        rcpt_to.append("NOTIFY=FAILURE,DELAY")
    return [_Command(" ".join(mail_from)), _Command(" ".join(rcpt_to)), _Command("DATA", expected=3)]


def _mailbox(address: str) -> str:
    """An address for the envelope, its host in ASCII; raises ValueError, without the address, for what is none."""
    local, at, domain = address.rpartition("@")
    if local.isascii():
        return wire_address(address)
    _, _, host = wire_address(_OTHER_LETTERS.sub("x", local) + at + domain).rpartition("@")
    return f"{local}@{host}"


def stuffed(raw: bytes) -> bytes:
    """The mail as it goes over the wire: a dot before each line that begins with one (RFC 5321 §4.5.2), a CRLF at its end."""
    doubled = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + doubled + (b"" if raw.endswith(b"\r\n") else b"\r\n")


def _be_patient(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def _hang_up(smtp: smtplib.SMTP | None) -> None:
    if smtp is not None:
        smtp.close()
