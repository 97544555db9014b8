"""Ids that name nobody: what programs send when they meant to send an id and had none.

Taken for real, one of them joins everybody who ever logged out into one person (PostHog/posthog#5527).
"""

import re
from typing import Final

#: The lists of PostHog (`person-merge-service.ts`) and of Segment Unify, compared without regard to case.
JUNK: Final = frozenset({
    "-1", "[object object]", "anonymous", "distinct_id", "distinctid", "email", "false", "guest", "id", "nan", "nil", "none",
    "not_authenticated", "null", "true", "undefined", "unknown",
})  # fmt: skip

_ZEROS: Final = re.compile(r"[0-]*")


def is_junk(identifier: str) -> bool:
    """Whether an id names nobody; quotes around it change nothing."""
    bare = identifier.strip().strip("'\"").strip()
    return bare.lower() in JUNK or _ZEROS.fullmatch(bare) is not None


def naming(identifier: str | None, field: str, warnings: list[str]) -> str | None:
    """The id, without surrounding space; None, and a warning that names the field, for one that names nobody."""
    if identifier is None:
        return None
    if is_junk(identifier):
        warnings.append(f"{field}: {identifier[:32]!r} names nobody and was left out")
        return None
    return identifier.strip()
