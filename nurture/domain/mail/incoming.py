"""What a mail that comes back tells of a mail that left, before it is known which one."""

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from nurture.domain.mail.faults import Fault
from nurture.domain.mail.feedback import FeedbackKind


class Told(NamedTuple):
    """What a mail tells: the kind of feedback, whose fault a refusal is, its code (RFC 3463), and the server's words."""

    kind: FeedbackKind
    fault: Fault | None = None
    code: str | None = None
    detail: str | None = None


class Unread(NamedTuple):
    """A mail that tells nothing, and why. `ours` if it came to us as a report all the same, so that no person waits for it."""

    reason: str
    ours: bool = False


#: Longer words are cut before they are looked at.
_LONGEST: Final = 600
_ADDRESS: Final = re.compile(r"[^\s<>()\[\]\"',;:=/]{1,128}(?:@|%40)[^\s<>()\[\]\"',;]{1,255}", re.IGNORECASE)
_UNPRINTABLE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")

#: A local part shorter than this stands in too many words to be taken out of them.
_SHORTEST_NAME: Final = 3


def without_addresses(text: str, addresses: Collection[str] = ()) -> str:
    """The words of a server on one line, with "…" for every address, and for the names of `addresses` that stand alone."""
    line = _UNPRINTABLE.sub(" ", text[:_LONGEST]).strip()
    line = _ADDRESS.sub("…", line)
    for name in {address.partition("@")[0] for address in addresses}:
        if len(name) >= _SHORTEST_NAME:
            line = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", line, flags=re.IGNORECASE)
    return line.replace("<…>", "…")
