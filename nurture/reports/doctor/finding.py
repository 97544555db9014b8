"""What the doctor finds, each with its remedy, and the order in which it is told: the worst first, causes before consequences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from pydantic import Field

from nurture.reports.figures import Figures
from nurture.reports.problems import KINDS, Problem

Level = Literal["ok", "note", "warning", "error"]

Area = Literal[
    "settings", "disk", "redis", "database", "clock", "versions", "beat", "work", "definitions", "smtp", "imap", "dns",
    "certificates", "page",
]  # fmt: skip

#: The areas in the order in which they are told of: what others rest on first.
AREAS: Final[tuple[Area, ...]] = Area.__args__  # type: ignore[attr-defined]  # typing's own name for what a Literal lists

_SEVERITY: Final[Sequence[Level]] = ("error", "warning", "note", "ok")


class Finding(Figures):
    """One thing that was looked at, and how it was found."""

    area: Area
    code: str = Field(description="A stable word, for scripts; docs/operating.md lists them all.")
    level: Level
    what: str = Field(description="How it was found, with its figures.")
    remedy: str = Field("", description="What to do about it; empty where nothing need be done.")
    command: str | None = Field(None, description="The next command to type.")
    follows: str | None = Field(None, description="The code of the finding that this one is explained by.")


class Code(NamedTuple):
    """A kind of finding: how bad it is, what it means, what to do, and the next command. `{about}` stands for the one it is about."""

    level: Level
    means: str
    remedy: str
    command: str | None = None


class Book:
    """The codes of an area. Called with one of them, it gives the finding."""

    def __init__(self, area: Area, codes: Mapping[str, Code]) -> None:
        self.area: Final[Area] = area
        self.codes: Final = codes

    def __call__(self, code: str, what: str, about: str = "", *, level: Level | None = None) -> Finding:
        kind = self.codes[code]
        return Finding(
            area=self.area, code=code, level=level or kind.level, what=what, remedy=kind.remedy.replace("{about}", about),
            command=kind.command.replace("{about}", about) if kind.command else None,
        )  # fmt: skip

    def fine(self, what: str) -> Finding:
        """Something that is as it should be."""
        return Finding(area=self.area, code="fine", level="ok", what=what)

    def unknown(self, what: str, why: str) -> Finding:
        """Something that could not be looked at. It is no fault by itself: whatever is the cause is found elsewhere."""
        return Finding(
            area=self.area, code="not-looked-at", level="note", what=f"{what} could not be looked at: {why}",
            remedy="mend what stands above, then ask again",
        )  # fmt: skip


#: Which area each problem of `nurture status` belongs to; whatever is not named is work left undone.
AREA_OF: Final[Mapping[str, Area]] = {
    "disk-full": "disk",
    "journal-full": "disk",
    "journal-waiting": "disk",
    **{code: "redis" for code in KINDS if code.startswith("redis-")},
    **dict.fromkeys(("database-away", "schema-missing", "schema-behind", "schema-ahead", "database-odd"), "database"),
    "clock-skew": "clock",
    "no-definitions": "definitions",
    "beat-silent": "beat",
    "transport-resting": "smtp",
    "mailbox-unreadable": "imap",
}


def of_problem(problem: Problem) -> Finding:
    """A problem of `nurture status` as a finding; that the doctor be asked need not be said here."""
    command = None if (problem.command or "").startswith("nurture doctor") else problem.command
    return Finding(
        area=AREA_OF.get(problem.code, "work"), code=problem.code, level="error" if problem.down else "warning",
        what=problem.what, remedy=problem.remedy, command=command, follows=problem.follows,
    )  # fmt: skip


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first. What causes something is as bad as that, and stands before it; else areas in their order.

    What was found twice, by status and in depth, is told once.
    """
    found = list(_once(findings))
    worst: dict[str, int] = {}
    for each in found:
        if each.follows is not None:
            worst[each.follows] = min(worst.get(each.follows, len(_SEVERITY)), _SEVERITY.index(each.level))
    raised = [_raised(each, worst.get(each.code)) for each in found]
    return tuple(sorted(raised, key=_place))


def _place(each: Finding) -> tuple[int, bool, int]:
    return _SEVERITY.index(each.level), each.follows is not None, AREAS.index(each.area)


def _raised(each: Finding, severity: int | None) -> Finding:
    if severity is None or severity >= _SEVERITY.index(each.level):
        return each
    return each.model_copy(update={"level": _SEVERITY[severity]})


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    seen = set()
    for each in findings:
        if each.level == "ok" or (each.code, each.what) not in seen:
            seen.add((each.code, each.what))
            yield each


def exit_code(findings: Iterable[Finding]) -> int:
    """0 where nothing is wrong, 1 where something wants a human, 2 where something does not work."""
    levels = {each.level for each in findings}
    return 2 if "error" in levels else 1 if "warning" in levels else 0
