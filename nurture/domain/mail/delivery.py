"""What a mail server did with a mail, and what follows for the message: RFC 5321 §4.2.1 and the enhanced codes of RFC 3463.

Whose fault a refusal is decides. An address where nobody is costs the message and the address; a mail that is too big or malformed
costs only itself; what the server holds against the sender costs time: the message waits, for its reader has done nothing.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from nurture.domain.mail.faults import Fault, Refusal
from nurture.domain.mail.message import MessageStatus, Reason
from nurture.domain.mail.sending import GiveUp, Retry, RetryAt, after_failure

#: How long a message rests when its mail server cannot be reached; that is no attempt, for nobody was asked to take it.
REST: Final = timedelta(seconds=30)


class Accepted(NamedTuple):
    """The server has taken the mail, with these words."""

    reply: str


class Lost(NamedTuple):
    """The connection broke after the last byte: nobody can know whether the server has the mail."""

    why: str


class Unreached(NamedTuple):
    """Nothing was handed over: the server is away, or went away before the mail's end."""

    why: str


class Missed(NamedTuple):
    """Nothing was handed over: when the connection came to the mail, its permit had run out."""


Answer = Accepted | Refusal | Lost | Unreached | Missed


class Verdict(NamedTuple):
    """Where a message stands now. `due_at` is its next try, if there is one; `attempt` is set when the server was asked to take it."""

    status: MessageStatus
    detail: str
    reason: Reason | None = None
    due_at: datetime | None = None
    attempt: bool = True


def verdict(answer: Answer, attempt: int, retry: Retry, at: datetime) -> Verdict:
    """What follows from the answer to a message's `attempt`-th attempt, heard at instant `at`."""
    match answer:
        case Accepted(reply):
            return Verdict(MessageStatus.SENT, reply)
        case Lost(why):
            return Verdict(MessageStatus.UNCERTAIN, why)
        case Missed():
            return Verdict(MessageStatus.QUEUED, "its turn had passed; it gets another", Reason.RATE, at, attempt=False)
        case Unreached(why):
            return Verdict(MessageStatus.QUEUED, why, Reason.UNREACHABLE, at + REST, attempt=False)
        case Refusal():
            return _refused(answer, attempt, retry, at)


def _refused(refusal: Refusal, attempt: int, retry: Retry, at: datetime) -> Verdict:
    detail = f"the mail server refused the mail: {refusal.code} {refusal.text}"
    if refusal.permanent and refusal.fault == Fault.ADDRESS:
        return Verdict(MessageStatus.FAILED, detail, Reason.ADDRESS_REFUSED, at)
    held_against_us = refusal.fault == Fault.POLICY
    match after_failure(attempt, retry, at, permanent=refusal.permanent and not held_against_us):
        case RetryAt(due_at):
            reason = Reason.POLICY if held_against_us else Reason.TEMPORARY_FAILURE
            return Verdict(MessageStatus.QUEUED, detail, reason, due_at)
        case GiveUp():
            return Verdict(MessageStatus.FAILED, detail)


def domain_of(address: str) -> str:
    """The recipient's domain as rates and servers are asked for: ASCII where it has such a form, lower case."""
    domain = address.rpartition("@")[2].lower()
    try:
        return domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain
