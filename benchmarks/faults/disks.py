"""Small disks that can be filled: a tmpfs on a folder, where we may mount one."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

_CHUNK: Final = 1 << 16


class Disk(NamedTuple):
    """A file system of its own in `folder`."""

    folder: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left on it."""
        ballast = self.folder / "ballast"
        descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            _fill(descriptor)
            yield
        finally:
            os.close(descriptor)
            ballast.unlink(missing_ok=True)


def _fill(descriptor: int) -> None:
    size = _CHUNK
    while size:
        try:
            os.write(descriptor, bytes(size))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            size //= 2


@contextmanager
def small_disk(folder: Path, megabytes: int, owner: int) -> Iterator[Disk | None]:
    """A disk of so many megabytes in an empty folder; None where nobody lets us mount one."""
    options = f"size={megabytes}m,uid={owner},gid={owner},mode=0700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
