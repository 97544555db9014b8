"""What this process has counted since it started, for /metrics."""

from collections import Counter
from collections.abc import Mapping


class Counters:
    """Counts by Prometheus name, with labels if need be: `web_refused{code="too_large"}`.

    They begin at nothing with the process, as Prometheus expects of counters; those that all processes share lie in Redis.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, n: int = 1) -> None:
        self._counts[name] += n

    def read(self) -> Mapping[str, int]:
        return dict(self._counts)
