"""The warnings of all processes as they are kept (see `adapters.warnings`, which writes them), for whoever shows them."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple


class Warned(NamedTuple):
    """A warning: when (seconds since 1970), the kind of process that warned and where it runs, how grave, and what it said."""

    at: float
    process: str
    host: str
    pid: int
    level: str
    text: str


def warnings_in(lines: Sequence[bytes]) -> list[Warned]:
    """The warnings that were kept, the newest first; what another version wrote otherwise is passed over."""
    found = []
    for line in lines:
        with suppress(ValueError, TypeError, KeyError, OverflowError, OSError):
            told = json.loads(line)
            at, pid = float(told["at"]), int(told["pid"])
            datetime.fromtimestamp(at, UTC)  # a time that nobody can show is none
            found.append(Warned(at, str(told["process"]), str(told["host"]), pid, str(told["level"]), str(told["text"])))
    return found
