"""Whether and when a process that has died is started again."""

from typing import Final

#: Who ended by itself this soon after its start, in seconds, has probably not come up.
QUICK: Final = 30.0

#: So many quick ends in a row, and it is not started again.
LIMIT: Final = 5

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


class Deaths:
    """The deaths of one process."""

    def __init__(self) -> None:
        self._quick = 0
        self._failures = 0

    def pause_after(self, lived: float, *, killed: bool) -> float | None:
        """Seconds until the next start, None to give up; each quick death doubles the pause.

        Being killed from outside (-9: an operator, a test, the kernel short of memory) says nothing about whether the process
        can start, so it never leads to giving up.
        """
        quick = lived < QUICK
        self._quick = self._quick + 1 if quick else 0
        self._failures = self._failures + (not killed) if quick else 0
        if self._failures >= LIMIT:
            return None
        return min(_FIRST_PAUSE * 2.0 ** max(0, self._quick - 1), _LONGEST_PAUSE)
