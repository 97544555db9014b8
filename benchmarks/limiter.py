"""How exact the limiter is, and how much of a rate it lets through: four processes share one Redis and use every permit they get.

`python -m benchmarks.limiter [--seconds 20]` prints, for each rate, how full the fullest window of one second was, wherever it
began, and which share of the rate was used. Exit code 1 if a window was over its rate or less than 97 % of it was used.

Each process waits for the beginning of its slots, notes the instant at which it goes on, and gives back what it was too late for.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from subprocess import PIPE

from redis import Redis

from nurture.adapters.limiter import RedisLimiter
from nurture.domain.mail.rates import Permit, Rate, Slot, lane_of
from tests.support.servers import RedisServer
from tests.support.windows import fullest

PROCESSES = 4
RATES = (50, 1000)
GOAL = 0.97

_SECOND = timedelta(seconds=1)


def used_by_one(url: str, rate: int, seconds: float) -> Iterator[datetime]:
    """The instants at which one process used its permits. As one that sends does, it has some in hand before it needs them."""
    limiter, lane = RedisLimiter(Redis.from_url(url)), lane_of("benchmark", Rate(mails=rate))
    limiter.take([[[lane]]], datetime(2000, 1, 1, tzinfo=UTC))  # connected, and the script is loaded
    ahead = max(4, rate // 40)
    permits: deque[Slot] = deque()
    begins = _told_when()
    while time.time() < begins + seconds:
        if len(permits) <= ahead // 2:
            answers = limiter.take([[[lane]]] * (ahead - len(permits)), _now())
            permits.extend(each for each in answers if isinstance(each, Slot))
        slot = permits.popleft()
        time.sleep(max(0.0, (slot.at - _now()).total_seconds()))
        now = _now()
        if now < slot.until and now.timestamp() < begins + seconds:
            yield now
        else:
            limiter.give_back([Permit([lane], slot.at)], now)


def _now() -> datetime:
    return datetime.now(UTC)


def _told_when() -> float:
    """Say that this process is ready, and wait until the instant that it is told."""
    print("ready", flush=True)
    begins = float(sys.stdin.readline())
    time.sleep(max(0.0, begins - time.time()))
    return begins


def measure(url: str, rate: int, seconds: float) -> tuple[int, float]:
    """The fullest window of a second, and the share of the rate that all processes together used."""
    command = [sys.executable, "-m", "benchmarks.limiter", "--process", url, str(rate), str(seconds)]
    with ExitStack() as stack:
        running = [stack.enter_context(subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True)) for _ in range(PROCESSES)]
        lines = [(each.stdin, each.stdout) for each in running if each.stdin and each.stdout]
        for _, told in lines:
            told.readline()
        begins = time.time() + 0.2
        for tell, _ in lines:
            tell.write(f"{begins}\n")
            tell.flush()
        used = sorted(datetime.fromtimestamp(instant, UTC) for _, told in lines for instant in json.loads(told.readline()))
    return fullest(used, _SECOND), _share(used, rate, seconds)


def _share(used: list[datetime], rate: int, seconds: float) -> float:
    """Over whole turns of the limiter's buckets, for a part of one has more or less than its share."""
    lane = lane_of("benchmark", Rate(mails=rate))
    turn = lane.span * lane.width / 1e6
    whole = seconds // turn * turn
    return sum(each < used[0] + whole * _SECOND for each in used) / (rate * whole)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limiter", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--process", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.process:
        url, rate, seconds = options.process
        instants = used_by_one(url, int(rate), float(seconds))
        print(json.dumps([each.timestamp() for each in instants]))
        return 0
    good = True
    with RedisServer() as redis:
        for rate in RATES:
            redis.flush()
            fullest_window, share = measure(redis.url, rate, options.seconds)
            good = good and fullest_window <= rate and share >= GOAL
            print(f"{rate}/s by {PROCESSES} processes: fullest second {fullest_window}, {share:.1%} of the rate used", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
