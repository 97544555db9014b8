"""The revisions of the schema that this version knows, and whether it can work with what a database stands at.

A rolling upgrade has three phases (docs/upgrades.md): an *expand* migration only adds, so that the version before goes on working
beside the new one; then the processes are replaced; what nobody uses any more is dropped by a *contract* migration, which says so in
its file (`phase = "contract"`) and is run by `nurture db upgrade --contract`.

Read from the files themselves: to load Alembic takes a second, and every process asks.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"

_CONTRACT: Final = re.compile(r'^phase = "contract"$', re.MULTILINE)


class Revision(NamedTuple):
    """A migration: its number (four digits), and whether it takes away what older versions use."""

    id: str
    contract: bool


@cache
def known(folder: Path = VERSIONS) -> tuple[Revision, ...]:
    """The revisions, oldest first."""
    paths = sorted(folder.glob("[0-9]*.py"))
    return tuple(
        Revision(path.name.partition("_")[0], bool(_CONTRACT.search(path.read_text(encoding="utf-8")))) for path in paths
    )


def newest(revisions: Sequence[Revision]) -> str:
    """The last revision."""
    return revisions[-1].id


def needed(revisions: Sequence[Revision]) -> str:
    """The revision that a database must stand at, at least: the last that adds something."""
    return max(revision.id for revision in revisions if not revision.contract)


def wanted(revisions: Sequence[Revision], current: str | None) -> str:
    """The revision that this version would have a database stand at: where it stands if only contract migrations are left, which wait
    for the end of a rollout; else the last that it needs.
    """
    return current if current is not None and needed(revisions) <= current <= newest(revisions) else needed(revisions)


def next_contract(revisions: Sequence[Revision], current: str | None) -> str | None:
    """The first contract migration that a database has still to come through; None if there is none."""
    return next((each.id for each in revisions if each.contract and each.id > (current or "")), None)


def expandable(revisions: Sequence[Revision], current: str | None) -> str | None:
    """The revision up to which a database can be upgraded without taking anything away; None if it stands there already.

    A database without tables has nothing that anybody could use, so it takes all of them.
    """
    if current is None:
        return newest(revisions)
    stop = next_contract(revisions, current)
    ahead = [each.id for each in revisions if each.id > current and (stop is None or each.id < stop)]
    return ahead[-1] if ahead else None


def why_not(revisions: Sequence[Revision], current: str | None) -> str | None:
    """Why processes of this version cannot work with a database that stands at `current`; None if they can.

    They work with what they need and with exactly one revision more than they know: the next version's, while that is rolled out.
    """
    if current is None or not current.isdigit():
        return "the database has no schema yet; run `nurture db upgrade`"
    if current < needed(revisions):
        wanted = needed(revisions)
        return (
            f"the database stands at schema {current} and this version needs {wanted}; run `nurture db upgrade` with this version"
        )
    if int(current) > int(newest(revisions)) + 1:
        return (
            f"the database stands at schema {current}, more than one beyond {newest(revisions)}, the newest that this version knows; "
            "install the version that upgraded it"
        )
    return None
