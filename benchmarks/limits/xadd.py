"""The most that one client can put on a Redis stream: `python -m benchmarks.limits.xadd REDIS_URL NUMBER`."""

import json
import sys
import time
from datetime import UTC, datetime

import redis

from benchmarks.crowd import accepted, wire_events
from nurture.domain.event import EVENT

_PIPELINE = 500


def main() -> None:
    url, number = sys.argv[1], int(sys.argv[2])
    now = datetime.now(UTC)
    bodies = [
        EVENT.dump_json(accepted(wire, now), exclude_defaults=True) for wire in wire_events(_PIPELINE, prefix="limit", now=now)
    ]
    with redis.Redis.from_url(url) as client:
        started = time.perf_counter()
        for start in range(0, number, _PIPELINE):
            pipeline = client.pipeline(transaction=False)
            for body in bodies[: number - start]:
                pipeline.xadd("events", {"e": body})
            pipeline.execute()
        print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
