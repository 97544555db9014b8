"""Four processes that share a rate never go over it, and use nearly all of it."""

import pytest

from benchmarks.limiter import measure
from tests.support.servers import RedisServer

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("rate", [50, 1000])
def test_four_processes_share_a_rate(rate: int, redis_server: RedisServer) -> None:
    redis_server.flush()
    fullest_second, share = measure(redis_server.url, rate, seconds=4)
    assert fullest_second <= rate
    assert share > 0.5, "a busy machine costs some of it; `make bench-limiter` measures on a quiet one"
