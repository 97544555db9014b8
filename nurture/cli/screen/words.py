"""Figures in few characters, always as wide as a column is, so that nothing moves from one frame to the next."""

from typing import Final

NOTHING: Final = "–"

_SPANS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_POWERS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def many(count: float | None) -> str:
    """A count in at most five characters: `0`, `9999`, `12.3k`, `123k`, `4.5M`."""
    if count is None:
        return NOTHING
    if count < 9_999.5:  # noqa: PLR2004  # as far as four digits go
        return f"{count:.0f}"
    power, unit = next((power, unit) for power, unit in _POWERS if count >= 0.9995 * power)
    scaled = count / power
    return f"{scaled:.0f}{unit}" if scaled >= 99.95 else f"{scaled:.1f}{unit}"  # noqa: PLR2004  # three figures tell enough


def speed(rate: float | None) -> str:
    """How many a second, in at most six characters: `0`, `0.02`, `12.3`, `1234`, `12.3k`."""
    if rate is None:
        return NOTHING
    if rate == 0:
        return "0"
    if rate < 9.995:  # noqa: PLR2004  # two figures behind the point tell something only of what is small
        return f"{rate:.2f}" if rate >= 0.005 else "<0.01"  # noqa: PLR2004  # what would be printed as nothing is not nothing
    return f"{rate:.1f}" if rate < 999.95 else many(rate)  # noqa: PLR2004  # as above


def age(seconds: float | None) -> str:
    """A length of time by its greatest unit, in at most six characters: `7 s`, `12 min`, `3 h`, `400 d`."""
    if seconds is None:
        return NOTHING
    for length, unit in _SPANS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "0 s"


def brief(seconds: float | None) -> str:
    """As `age`, in at most five characters: `12min`."""
    return age(seconds).replace(" ", "")


def share(part: int, whole: int) -> str:
    """A share of a whole in at most six characters: `0 %`, `0.04 %`, `5.0 %`, `100 %`."""
    if not whole:
        return NOTHING
    return percent(part / whole)


def percent(value: float) -> str:
    """A share as a percentage, as exact as limits of a tenth of a percent want it."""
    hundredths = 100 * value
    if hundredths == 0:
        return "0 %"
    if hundredths < 0.995:  # noqa: PLR2004  # below one, two figures behind the point
        return f"{max(hundredths, 0.01):.2f} %"
    return f"{hundredths:.1f} %" if hundredths < 99.95 else f"{hundredths:.0f} %"  # noqa: PLR2004  # all of it


def memory(count: int | None) -> str:
    """Bytes in at most five characters, by powers of 1,024: `310M`, `1.2G`."""
    if count is None:
        return NOTHING
    megabytes = count / 2**20
    return f"{megabytes:.0f}M" if megabytes < 999.5 else f"{megabytes / 1024:.1f}G"  # noqa: PLR2004  # three figures


def grouped(count: int) -> str:
    """A count with its thousands apart: `1,203`."""
    return f"{count:,}"
