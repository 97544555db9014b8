"""What mail servers say, in words that may be stored and logged: without addresses, which they repeat, and not too long."""

import re
import smtplib
import ssl
from typing import Final

from nurture.domain.mail.faults import Refusal, read_refusal

_LONGEST: Final = 500
_LOOKED_AT: Final = 2_000
#: Looked for at the beginning of a word or of a bracket alone: from each letter on, it would take the square of a long word's time.
_ADDRESS: Final = re.compile(r"(?:<|(?<![^\s<>]))[^\s<>]+@[^\s<>@,;:]+>?")


def words(reply: bytes) -> str:
    """A reply on one line."""
    # More of it is not looked at: a server may say as much as it likes.
    text = " ".join(reply[:_LOOKED_AT].decode("ascii", "replace").split())
    return _ADDRESS.sub("(address)", text)[:_LONGEST]


def refuses(code: int) -> bool:
    """Whether a reply says no, for now or for good (RFC 5321 §4.2.1)."""
    return code // 100 in (4, 5)


def refusal(code: int, reply: bytes) -> Refusal:
    """A reply that says no."""
    return read_refusal(code, words(reply))


def said(error: Exception) -> str:
    """Why a connection came to nothing."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good ({error.verify_message}); a relay on this machine can do with ?starttls=off"
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        return f"{error.smtp_code} {words(text)}"
    return words(str(error).encode()) or type(error).__name__
