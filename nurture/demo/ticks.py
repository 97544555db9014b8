"""The instants at which the demo's clock stops: one in each hour, at odd minutes, as life has it."""

from datetime import datetime, timedelta
from typing import Final

_HOUR: Final = timedelta(hours=1)


class Ticks:
    """All ticks from `begins` on. What the engine stamps with its own clock in one tick happens at that instant."""

    def __init__(self, begins: datetime) -> None:
        self._begins = begins

    def __getitem__(self, number: int) -> datetime:
        return self._begins + number * _HOUR + timedelta(minutes=number * 37 % 50, seconds=number * 23 % 60)

    def from_on(self, at: datetime) -> datetime:
        """The first tick at an instant or after it."""
        number = max(0, (at - self._begins) // _HOUR)
        return self[number] if self[number] >= at else self[number + 1]
