"""A connection to a mail server, and a mail for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from nurture.adapters.mail.connection import SmtpConnection
from nurture.adapters.mail.server import parse_url
from nurture.domain.mail.delivery import Answer, Unreached
from nurture.ports import Mail

RAW = b"Subject: hello\r\n\r\n.a line with a dot\r\n..\r\nlast\r\n"


def mail(to: str = "ada@example.org", raw: bytes = RAW) -> Mail:
    return Mail(4711, "default", "us@example.com", to, raw, "example.org")


@contextmanager
def connection(url: str, **timeouts: float) -> Iterator[SmtpConnection]:
    opened = SmtpConnection(parse_url(url), "NURTURE_SMTP_URL", **{"timeout": 5.0, "reply_timeout": 5.0, **timeouts})
    yield opened
    opened.close()


def why(answer: Answer) -> str:
    assert isinstance(answer, Unreached)
    return answer.why
