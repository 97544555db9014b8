"""Child processes that end with their parent, even if it is killed with -9 and cannot say goodbye.

Linux ends them itself (prctl(2), PR_SET_PDEATHSIG). Elsewhere a child whose parent is killed lives on until it is stopped by
hand; `nurture up` finds and stops a Redis left so.

The kernel means the parent *thread*: start children from a thread that lives at least as long as they shall.

This file is also a program, `python tether.py PARENT SIGNAL COMMAND…`, that ties itself to its parent and becomes COMMAND. It
does in a fresh process what `preexec_fn` would do after a fork of a program with threads, where it may deadlock. It must
import nothing but the standard library's lightest parts, for it runs without site-packages.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def tie_to_parent(parent: int, number: int) -> None:
    """Have this process receive signal `number` when process `parent`, its parent, ends; at once if it has ended already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def tethered(command: Sequence[str], number: int = signal.SIGKILL) -> list[str]:
    """The command line that runs `command` as a child which gets signal `number` when this process ends."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(number)), *command]


if __name__ == "__main__":
    tie_to_parent(int(sys.argv[1]), int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606  # that is the purpose: become the command, keep the pid
