"""What this process has counted since it started, for /metrics."""

from collections import Counter
from collections.abc import Mapping

from nurture import metrics


class Counters:
    """Counts by name and labels, as in `nurture.metrics`.

    They begin at nothing with the process, as Prometheus expects of counters; those that all processes share lie in Redis.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, n: int = 1, **labels: str) -> None:
        counted = metrics.sample_key(name, **labels)
        if counted not in self._counts:
            metrics.check(counted)
        self._counts[counted] += n

    def read(self) -> Mapping[str, int]:
        return dict(self._counts)
