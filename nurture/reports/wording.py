"""Counts and lengths of time in words."""

from datetime import timedelta


def counted(count: int, what: str, several: str | None = None) -> str:
    """`1 mail`, `2 mails`, `0 people`."""
    return f"{count} {what if count == 1 else several or f'{what}s'}"


def length(seconds: float) -> str:
    """`3 d 4 h`, `12 min`, `7 s`: the two greatest units that say something."""
    rest = timedelta(seconds=max(0, int(seconds)))
    hours, minutes = divmod(rest.seconds // 60, 60)
    if rest.days:
        return f"{rest.days} d {hours} h" if hours else f"{rest.days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{rest.seconds} s"


def size(count: float) -> str:
    """`512 bytes`, `1.5 MB`, `20 GB`: by powers of a thousand, as disks are sold."""
    units = ["byte", "kB", "MB", "GB", "TB"]
    while count >= 999.5 and len(units) > 1:  # noqa: PLR2004 - what rounds to a thousand
        count, units = count / 1000, units[1:]
    return counted(int(count), "byte") if units[0] == "byte" else f"{count:.3g} {units[0]}"
