"""What many failures have in common: their reasons without what is different in each."""

import re
from typing import Final

#: The longest cause told; what stands behind it is detail.
LONGEST: Final = 200

_VARIES: Final = (
    (re.compile(r"'[^']{0,500}'"), "'…'"),
    (re.compile(r'"[^"]{0,500}"'), '"…"'),
    (re.compile(r"[\w.%+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+|\[e-mail\]"), "…@…"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "…"),
    (re.compile(r"\b(?=[a-z]*\d)[0-9a-z]{16,}\b", re.IGNORECASE), "…"),
    (re.compile(r"\d+(?:[.:,-]\d+)*"), "N"),
)


def cause_of(reason: str) -> str:
    """A reason on one line, in which addresses, ids, figures and what stands in quotes are left out: `refused '…' at line N`."""
    cause = " ".join(reason[: 10 * LONGEST].split())
    for varies, instead in _VARIES:
        cause = varies.sub(instead, cause)
    return cause if len(cause) <= LONGEST else f"{cause[: LONGEST - 1]}…"
