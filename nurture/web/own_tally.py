"""Counting without Redis: what this process alone has seen while nobody else could count."""

from collections import OrderedDict
from typing import Final

#: Keys and members of a key that are remembered; beyond that the key that was used longest ago is forgotten, and no more members.
MOST_KEYS: Final = 10_000
MOST_MEMBERS: Final = 100


class OwnTally:
    """Stands in for `EventWriter.tally` where a count that is too low does little harm. Keys name the span they count in."""

    def __init__(self) -> None:
        self._members: OrderedDict[str, set[str]] = OrderedDict()

    def add(self, key: str, member: str) -> int:
        """How many different members `key` has with this one."""
        members = self._members.setdefault(key, set())
        self._members.move_to_end(key)
        if len(self._members) > MOST_KEYS:
            self._members.popitem(last=False)
        if len(members) < MOST_MEMBERS:
            members.add(member)
        return len(members)
