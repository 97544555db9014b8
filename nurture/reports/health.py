"""What machines ask the web process: is it ready, and its figures."""

from redis import Redis
from redis.exceptions import RedisError

from nurture.adapters.redis_keys import DEAD, events
from nurture.observability import Counters, metrics_text


def reasons_not_ready(redis: Redis) -> list[str]:
    """Why the web process cannot take events just now; nothing when it can."""
    try:
        redis.ping()
    except RedisError as error:
        return [f"Redis does not answer ({type(error).__name__}); start it or correct NURTURE_REDIS_URL"]
    return []


def prometheus(redis: Redis, partitions: int) -> str:
    """All counters, and the backlog of each partition, in the Prometheus text format; raises RedisError."""
    pipeline = redis.pipeline(transaction=False)
    for partition in range(partitions):
        pipeline.xlen(events(partition))
    pipeline.xlen(DEAD)
    *backlog, dead = pipeline.execute()
    gauges = {f'stream_backlog{{partition="{number}"}}': waiting for number, waiting in enumerate(backlog)}
    return metrics_text(Counters(redis).read(), {**gauges, "dead_letters": dead})
