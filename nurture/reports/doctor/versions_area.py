"""Versions: of Python, of the packages against those that this engine was tested with, and of the processes."""

import platform
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

import nurture
from nurture.adapters.presence import alive
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.reports.wording import counted

_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)

#: So many packages are named; of the others only how many.
_NAMED: Final = 5

BOOK: Final = Book(
    "versions",
    {
        "packages-differ": Code(
            "note",
            "Installed packages are of other versions than those that this engine was tested with.",
            "install what the lock file names",
            "pip install --no-deps --require-hashes -r requirements.lock",
        ),
        "processes-differ": Code(
            "note",
            "Processes run different versions. That is as it should be in the middle of an upgrade, and not for long.",
            "restart those of the older version",
        ),
        "processes-other-version": Code(
            "note", "The processes run another version than this command.", "update this machine, or restart the processes"
        ),
    },
)


def look_at_packages(_patient: Patient) -> Iterator[Finding]:
    """The installed packages against the lock file, where there is one beside the engine."""
    lock = Path(nurture.__file__).parents[1] / "requirements.lock"
    python = f"Python {platform.python_version()}"
    if not lock.is_file():
        yield BOOK.fine(python)
        return
    yield from compared(dict(_PIN.findall(lock.read_text(encoding="utf-8"))), _installed(), python)


def _installed() -> dict[str, str]:
    return {_plain(each.metadata["Name"]): each.version for each in metadata.distributions() if each.metadata["Name"]}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def compared(pinned: Mapping[str, str], installed: Mapping[str, str], python: str) -> Iterator[Finding]:
    """Packages that are installed in another version than the one pinned; those that this system does not need are not there."""
    other = [
        f"{name} {installed[_plain(name)]} instead of {version}"
        for name, version in sorted(pinned.items())
        if installed.get(_plain(name), version) != version
    ]
    if other:
        more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
        yield BOOK("packages-differ", f"{', '.join(other[:_NAMED])}{more}")
    else:
        yield BOOK.fine(f"{python}, {counted(len(pinned), 'package')} as tested")


def look_at_processes(patient: Patient) -> Iterator[Finding]:
    """What the processes say that they run."""
    with patient.redis(decoded=False) as redis:
        told = {each.version for each in alive(redis) if each.version}
    yield from judged(told, nurture.__version__)


def judged(told: set[str], own: str) -> Iterator[Finding]:
    """Versions of processes, against each other and against this command's."""
    if len(told) > 1:
        yield BOOK("processes-differ", f"processes run {' and '.join(sorted(told))}")
    elif told and own not in told:
        yield BOOK("processes-other-version", f"processes run {min(told)}, this command is {own}")
    elif told:
        yield BOOK.fine(f"all processes run {min(told)}")


CHECKS: Final = (
    Check("versions", "the packages", look_at_packages),
    Check("versions", "the processes' versions", look_at_processes),
)
