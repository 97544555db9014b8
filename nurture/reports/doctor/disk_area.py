"""Disk: whether the data folder has room, and may be written to."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nurture.reports.diagnosis import LEAST_FILES, LEAST_ROOM
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.reports.facts import Disk
from nurture.reports.status import read_disk
from nurture.reports.wording import counted, size

#: A disk with less than both of these left is nearly full.
_SHARE: Final = 0.05
_ROOM: Final = 2 * 10**9

BOOK: Final = Book(
    "disk",
    {
        "disk-short": Code(
            "warning", "The disk of the data folder is nearly full.", "make room on the disk of NURTURE_DATA_DIR before it is"
        ),
        "files-short": Code(
            "warning",
            "The disk of the data folder takes few more files, however small.",
            "delete files on the disk of NURTURE_DATA_DIR",
        ),
        "folder-not-writable": Code(
            "error",
            "This user may not write into the data folder, so no process that it starts can.",
            "give the folder of NURTURE_DATA_DIR to the user that runs the engine",
        ),
    },
)


def look(patient: Patient) -> Iterator[Finding]:
    """The disk that the data folder lies on."""
    folder = patient.settings.data_dir
    disk = read_disk(folder)
    if disk is None:
        yield BOOK.unknown("the disk of the data folder", "this system does not tell")
        return
    yield from judged(disk, folder, writable=_may_write(folder))


def judged(disk: Disk, folder: Path, *, writable: bool) -> Iterator[Finding]:
    """What is wrong with a disk that is not full yet."""
    found = []
    if LEAST_ROOM <= disk.free < min(_ROOM, _SHARE * disk.total):
        found.append(BOOK("disk-short", f"{size(disk.free)} left of {size(disk.total)} where {folder} lies"))
    if disk.free_files is not None and LEAST_FILES <= disk.free_files < 10 * LEAST_FILES:
        found.append(BOOK("files-short", f"{counted(disk.free_files, 'more file', 'more files')} where {folder} lies"))
    if not writable:
        found.append(BOOK("folder-not-writable", f"{folder} may not be written to"))
    yield from found or [BOOK.fine(f"{size(disk.free)} left of {size(disk.total)} where {folder} lies")]


def _may_write(folder: Path) -> bool:
    there = next((each for each in (folder.absolute(), *folder.absolute().parents) if each.exists()), None)
    return there is not None and os.access(there, os.W_OK | os.X_OK)


CHECKS: Final = (Check("disk", "the disk of the data folder", look),)
