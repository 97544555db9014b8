"""What the kernel tells of processes."""

from contextlib import suppress
from pathlib import Path

from tests.support.waiting import wait_until


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def members_of_session(leader: int) -> list[int]:
    """The processes of a child's session: its own and those it started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found


def command_of(pid: int) -> str:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().rstrip()


def ends(pid: int, timeout: float) -> bool:
    """Whether a process ends within `timeout` seconds."""
    with suppress(AssertionError):
        wait_until(lambda: not running(pid), timeout)
    return not running(pid)
