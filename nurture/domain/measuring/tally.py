"""A tally: how much is added to which roll-ups."""

from collections import Counter
from typing import Final, NamedTuple

#: Longer keys are cut.
LONGEST_KEY: Final = 256


class Place(NamedTuple):
    """Where something is counted: a figure, a day of the business's time zone (counted from 1970-01-01), and a key."""

    figure: str
    day: int
    key: str


#: What is added to each place; less than nothing where something is taken back.
Tally = Counter[Place]


def difference(before: Tally, after: Tally) -> Tally:
    """What must be added to come from one to the other; places where nothing changes are left out."""
    changed = Counter(after)
    changed.subtract(before)
    return Tally({place: n for place, n in changed.items() if n})
