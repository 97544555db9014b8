"""What whoever wakes tasks and whoever runs them must agree on: queues, routes, and how Celery uses Redis."""

from typing import Any, Final

from nurture.adapters.redis_keys import CELERY_PREFIX

#: The queues, each for work that must not wait for the others'.
QUEUES: Final = ("events", "sequences", "mail", "handoff")

#: The queue of each task.
ROUTES: Final = {
    "absorb": "events",
    "sweep": "events",
    "recount": "events",
    "advance": "sequences",
    "cool": "sequences",
    "guard": "sequences",
    "survey": "sequences",
    "census": "sequences",
    "forget": "sequences",
    "send": "mail",
    "hand_off": "handoff",
    "follow_up": "handoff",
    "fetch": "handoff",  # other people's servers may be slow, and mail that leaves does not wait for them
}

#: Messages in a queue above which nobody adds another: they all wake the same work. Bounds what piles up without workers.
ENOUGH: Final = 1_000

#: Seconds without a tick after which beat counts as away: status says so, and a worker sweeps in its place.
BEAT_SILENT: Final = 30.0

#: Seconds after which a message that a killed worker held is handed out again.
VISIBILITY_SECONDS: Final = 600

#: How kombu uses Redis. `retry_on_timeout` stays unset: it turns off the safe batch publish and can write twice. So do priorities:
#: they are four lists for each queue, and prefetching defeats them; what must not wait has a queue of its own.
TRANSPORT: Final[dict[str, Any]] = {
    # Of several applications on one server the shortest visibility timeout would win for all.
    "global_keyprefix": CELERY_PREFIX,
    # By default an unacknowledged message hides for an hour, and the look for it comes every 100 s, ten at a time.
    "visibility_timeout": VISIBILITY_SECONDS,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_restore_limit": 100,
    # A half-open connection (paused machine, forgotten NAT entry) is noticed instead of waited on for ever.
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
}


def task_name(task: str) -> str:
    """The name a task is registered under."""
    return f"nurture.{task}"


def queue_key(queue: str) -> str:
    """The Redis list that holds a queue's messages."""
    return CELERY_PREFIX + queue


def configuration() -> dict[str, Any]:
    """The Celery settings that publishers and workers share."""
    from kombu import Queue  # here, for `nurture status` wants the names of the queues and nothing of Celery

    return {
        # JSON only: unpickling a message would run whatever somebody put into Redis.
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_serializer": "json",
        "event_serializer": "json",
        # Results are rows in the database; kept in Redis they would cost a write for each task and pile up.
        "task_ignore_result": True,
        "result_backend": None,
        "task_queues": [Queue(name) for name in QUEUES],
        "task_default_queue": QUEUES[0],
        "task_routes": {task_name(task): {"queue": queue} for task, queue in ROUTES.items()},
        # A mistyped queue is an error, not a queue that nobody reads.
        "task_create_missing_queues": False,
        # Read by Celery under three names; all must say the same.
        "visibility_timeout": VISIBILITY_SECONDS,
        "result_backend_transport_options": {"visibility_timeout": VISIBILITY_SECONDS},
    }
