"""Texts that a spreadsheet would run: a cell that begins with one of a few characters is taken for a formula.

OWASP, "CSV Injection": put a single quote before such a cell. Here a cell that looks as if it had been treated so gets one
more, so that `unguarded` gives back exactly what `guarded` was given, whatever it was.
"""

import re
from typing import Final

#: = + - @, tab and carriage return, line feed, and the full-width forms that some locales take for the same.
_STARTS_A_FORMULA: Final = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"

_RUNS: Final = re.compile(f"'*{_STARTS_A_FORMULA}")
_GUARDED: Final = re.compile(f"'+{_STARTS_A_FORMULA}")


def guarded(cell: str) -> str:
    """The cell as a text that no spreadsheet runs."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def unguarded(cell: str) -> str:
    """The inverse of `guarded`; other tools guard their exports alike."""
    return cell[1:] if _GUARDED.match(cell) else cell
