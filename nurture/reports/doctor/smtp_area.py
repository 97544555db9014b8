"""Mail servers: whether each transport lets us in, safely. Nothing is mailed."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from nurture.adapters.mail.connection import SmtpConnection
from nurture.adapters.mail.server import Server, parse_url
from nurture.errors import SettingsError, Unavailable
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.reports.doctor.settings_area import LOCAL
from nurture.reports.wording import length, size

#: A certificate that ends sooner than this should have been renewed by now: those that renew themselves do so a month before.
SOON: Final = timedelta(days=14)

#: The largest mail that the checklist lets through, and a little.
_LARGEST: Final = 200_000

BOOK: Final = Book(
    "smtp",
    {
        "smtp-settings": Code("error", "The URL of a mail server cannot be read, or is missing.", "correct the variable named"),
        "smtp-away": Code(
            "error",
            "A mail server cannot be reached.",
            "see that host and port of its URL are right, that it runs, and that the network lets us through (many block port 25)",
        ),
        "smtp-login": Code(
            "error",
            "A mail server refuses the user name or the password.",
            "correct them in the variable named, and restart the workers",
        ),
        "smtp-starttls": Code(
            "error",
            "A mail server offers no encryption, and we do not send a password without.",
            "use smtps://, or add ?starttls=off if the way to it is safe",
        ),
        "smtp-certificate": Code(
            "error",
            "The certificate of a mail server is not to be trusted: expired, of another name, or signed by nobody known.",
            "name the server as its certificate does, or have it renewed",
        ),
        "smtp-certificate-ends": Code(
            "warning", "The certificate of a mail server ends before long.", "have it renewed; afterwards no mail leaves"
        ),
        "smtp-small": Code(
            "warning", "A mail server takes no mail as large as ours may be.", "raise its limit, or keep pictures out of mails"
        ),
        "smtp-plain": Code(
            "note", "Mail goes to a server of another machine unencrypted.", "use smtps://, or let the server offer STARTTLS"
        ),
    },
)  # fmt: skip


class Met(NamedTuple):
    """How a mail server received us. `certificate_ends` is None without encryption; `largest` where it names no limit."""

    encrypted: bool
    certificate_ends: datetime | None
    largest: int | None


def check_of(transport: str, url: str) -> Check:
    """The check of one transport."""
    setting = "NURTURE_SMTP_URL" if transport == "default" else f"NURTURE_SMTP_URL_{transport.upper()}"

    def look(patient: Patient) -> Iterator[Finding]:
        yield from judged(transport, setting, url, patient.patience, datetime.now(UTC))

    return Check("smtp", f"the transport {transport}", look, outside=True, patience=2)


def judged(transport: str, setting: str, url: str, patience: float, at: datetime) -> Iterator[Finding]:
    """How the log-in at a mail server went."""
    try:
        server = parse_url(url, setting)
    except SettingsError as error:
        yield BOOK("smtp-settings", str(error).partition("; ")[0])
        return
    try:
        met = meet(server, setting, patience)
    except Unavailable as error:
        yield BOOK(_code_of(error), f"{transport}: {str(error).partition('; ')[0]}")
        return
    yield from judge_meeting(transport, server, met, at)


def meet(server: Server, setting: str, patience: float) -> Met:
    """Connect, encrypt and log in, and leave again; raises Unavailable."""
    connection = SmtpConnection(server, setting, patience)
    smtp = connection.open()
    try:
        ends = certificate_end(smtp.sock) if isinstance(smtp.sock, ssl.SSLSocket) else None
        told = smtp.esmtp_features.get("size", "")
        return Met(isinstance(smtp.sock, ssl.SSLSocket), ends, int(told) or None if told.isdigit() else None)
    finally:
        connection.close()


def certificate_end(sock: ssl.SSLSocket) -> datetime | None:
    """When the certificate of the other side ends."""
    said = (sock.getpeercert() or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(said), UTC) if isinstance(said, str) else None


def _code_of(error: Unavailable) -> str:
    """What kept us out. The connection tells it in words for the operator; what it caught says it for programs."""
    match error.__context__:
        case None:
            return "smtp-starttls"
        case smtplib.SMTPAuthenticationError() | smtplib.SMTPNotSupportedError():
            return "smtp-login"
        case ssl.SSLCertVerificationError():
            return "smtp-certificate"
    return "smtp-away"


def judge_meeting(transport: str, server: Server, met: Met, at: datetime) -> Iterator[Finding]:
    """What is wrong with a mail server that let us in."""
    found = [*ending(BOOK, "smtp-certificate-ends", f"the certificate of {server.host}", met.certificate_ends, at)]
    if met.largest is not None and met.largest < _LARGEST:
        found.append(BOOK("smtp-small", f"{transport} takes mails up to {size(met.largest)}"))
    if not met.encrypted and server.host not in LOCAL:
        found.append(BOOK("smtp-plain", f"{transport} speaks with {server.host} unencrypted"))
    way = "encrypted" if met.encrypted else "unencrypted"
    login = f", logged in as the user of {transport}" if server.user is not None else ""
    yield from found or [BOOK.fine(f"{transport}: {server.host} is there, {way}{login}")]


def ending(book: Callable[[str, str], Finding], code: str, what: str, ends: datetime | None, at: datetime) -> Iterator[Finding]:
    """A certificate that ends before long."""
    if ends is not None and ends - at < SOON:
        yield book(code, f"{what} ends in {length((ends - at).total_seconds())}, on {ends:%Y-%m-%d}")


def checks_of(patient: Patient) -> list[Check]:
    """One check for each transport; in development without a mail server there is none to meet."""
    try:
        transports = patient.settings.transports
    except SettingsError as error:
        why = str(error)
        return [Check("smtp", "the mail server", lambda _: [BOOK.unknown("the mail server", why.partition("; ")[0])])]
    return [check_of(name, url) for name, url in transports.items()]
