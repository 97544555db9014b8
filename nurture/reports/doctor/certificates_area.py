"""The certificate behind every link in a mail, and whether the web process is there."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from time import time
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from nurture.errors import Unavailable
from nurture.reports.doctor.clock_area import compared_with_date
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.reports.doctor.smtp_area import certificate_end, ending

_HTTPS: Final = 443
_OK: Final = 200

BOOK: Final = Book(
    "certificates",
    {
        "certificate-wrong": Code(
            "error",
            "Browsers refuse the certificate of NURTURE_PUBLIC_URL: no link works, and no form is sent.",
            "have it renewed, for exactly this host",
        ),
        "certificate-ends": Code(
            "warning", "The certificate of NURTURE_PUBLIC_URL ends before long; afterwards no link works.", "have it renewed"
        ),
        "public-url-away": Code(
            "error",
            "Nobody answers at NURTURE_PUBLIC_URL: no link in any mail works, and no form is sent.",
            "start the web process and what stands before it; see that this machine may reach its own address from outside",
        ),
        "public-url-foreign": Code(
            "warning",
            "Somebody else than the web process answers at NURTURE_PUBLIC_URL.",
            "let what stands before it hand on all paths, /health/live among them",
        ),
    },
)  # fmt: skip


class Answer(NamedTuple):
    """What came back from `/health/live`, between which instants (seconds since 1970), and when the certificate ends."""

    code: int
    body: str
    date: str | None
    asked: float
    answered: float
    ends: datetime | None


def look(patient: Patient) -> Iterator[Finding]:
    """The certificate, and the answer, of the address that links lead to."""
    url = patient.settings.public_url
    parts = urlsplit(url)
    if parts.scheme != "https":
        yield BOOK.unknown("the certificate", f"{url} has none")
        return
    host, port = parts.hostname or "", parts.port or _HTTPS
    try:
        addresses = [*patient.resolver(host, "A"), *patient.resolver(host, "AAAA")]
        answer = ask(host, addresses[0] if addresses else host, port, patient.patience)
    except ssl.SSLCertVerificationError as error:
        yield BOOK("certificate-wrong", f"{url}: {error.verify_message}")
        return
    except (OSError, http.client.HTTPException, Unavailable) as error:
        yield BOOK("public-url-away", f"{url} does not answer ({type(error).__name__})")
        return
    yield from judged(url, answer, datetime.now(UTC))


def ask(host: str, address: str, port: int, patience: float) -> Answer:
    """Ask the web process at an address whether it lives; raises OSError, and SSLCertVerificationError among it."""
    context = ssl.create_default_context()
    asked = time()
    with (
        socket.create_connection((address, port), patience) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        ends = certificate_end(secure)
        connection = http.client.HTTPConnection(host, port, timeout=patience)
        connection.sock = secure
        connection.request("GET", "/health/live", headers={"user-agent": "nurture-doctor", "connection": "close"})
        answer = connection.getresponse()
        body = answer.read(1_000).decode("utf-8", "replace")
    return Answer(answer.status, body, answer.getheader("date"), asked, time(), ends)


def judged(url: str, answer: Answer, at: datetime) -> Iterator[Finding]:
    """What is wrong with what answered."""
    found = [*ending(BOOK, "certificate-ends", f"the certificate of {url}", answer.ends, at)]
    if answer.code != _OK or '"live"' not in answer.body:
        found.append(BOOK("public-url-foreign", f"{url}/health/live answers {answer.code}, and not as the web process does"))
    ends = f", its certificate until {answer.ends:%Y-%m-%d}" if answer.ends else ""
    yield from found or [BOOK.fine(f"{url} answers{ends}")]
    if answer.date is not None:
        yield from compared_with_date(answer.date, answer.asked, answer.answered, f"what answers at {url}")


CHECKS: Final = (Check("certificates", "the address that links lead to", look, outside=True, patience=2),)
