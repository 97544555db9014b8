"""A mistake in the configuration, as a compiler would report it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]


class Spot(NamedTuple):
    """A place in a text; the first line and the first column are 1."""

    line: int = 1
    column: int = 1


class Flaw(NamedTuple):
    """A mistake in a file whose name the caller knows."""

    spot: Spot
    what: str
    fix: str = ""
    severity: Severity = "error"


@dataclass(frozen=True, order=True, slots=True)
class Mistake:
    """What is wrong, where, and what to do about it. An error keeps definitions from taking effect; a warning does not."""

    file: str
    line: int
    column: int
    what: str
    fix: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        mark = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}:{self.column}: {mark}{'; '.join(filter(None, (self.what, self.fix)))}"


def flaw(spot: Spot, text: str, severity: Severity = "error") -> Flaw:
    """The flaw that a text of the form `what; what to do` tells of."""
    what, _, fix = text.partition("; ")
    return Flaw(spot, what, fix, severity)
