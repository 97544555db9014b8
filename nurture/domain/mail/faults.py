"""Whose fault it is that a mail was not taken: what a reply code says, in five words (RFC 3463, RFC 5321).

Only a fault of the address may ever suppress somebody. What a server holds against us, or against this one mail, says nothing
about its reader.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple


class Fault(StrEnum):
    """Whose fault a refusal is.

    `ADDRESS`: nobody is there, and nobody will be. `MAILBOX`: full, switched off for now, or busy. `MESSAGE`: this mail is too
    big or malformed. `POLICY`: the server holds something against the sender (reputation, authentication, rate). `UNKNOWN`: the
    reply does not say.
    """

    ADDRESS = "address"
    MAILBOX = "mailbox"
    MESSAGE = "message"
    POLICY = "policy"
    UNKNOWN = "unknown"


class Refusal(NamedTuple):
    """What a server said no with: the basic code (RFC 5321), the enhanced one (RFC 3463) if it gave one, and its words."""

    code: int
    enhanced: str | None
    text: str

    @property
    def permanent(self) -> bool:
        """Whether trying again is of no use, as far as the server says."""
        return (self.enhanced or str(self.code)).startswith("5")

    @property
    def fault(self) -> Fault:
        """Whose fault it is."""
        return fault_of(self.enhanced or "")


#: Three numbers, and no part of four, which are somebody's address on the network.
_ENHANCED: Final = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\w)")


def read_refusal(code: int, text: str) -> Refusal:
    """A refusal from a basic code and the words of a reply; the enhanced code is the first one whose class fits the code."""
    found = (each[0] for each in _ENHANCED.finditer(text) if not code or each[1] == str(code)[0])
    return Refusal(code, next(found, None), text)


#: By subject and detail, without the class. What is not here is looked up by its subject alone.
_BY_DETAIL: Final = {
    "1.0": Fault.ADDRESS, "1.1": Fault.ADDRESS, "1.2": Fault.ADDRESS, "1.3": Fault.ADDRESS, "1.6": Fault.ADDRESS,
    "1.10": Fault.ADDRESS, "2.1": Fault.ADDRESS, "2.2": Fault.MAILBOX, "2.3": Fault.MESSAGE, "3.4": Fault.MESSAGE,
    "1.7": Fault.POLICY, "1.8": Fault.POLICY, "4.1": Fault.MAILBOX, "4.4": Fault.ADDRESS, "4.7": Fault.MAILBOX,
}  # fmt: skip
_BY_SUBJECT: Final = {
    "1": Fault.UNKNOWN, "2": Fault.MAILBOX, "3": Fault.MAILBOX, "4": Fault.MAILBOX, "6": Fault.MESSAGE, "7": Fault.POLICY,
}  # fmt: skip


def fault_of(enhanced: str) -> Fault:
    """Whose fault a refusal is, by its enhanced code."""
    _, _, detail = enhanced.partition(".")
    return _BY_DETAIL.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0], Fault.UNKNOWN)
