"""The Celery application. A task carries no business payload: it is a nudge to look for work, and losing one costs latency only."""

from typing import Any, Final

from celery import Celery, signals

from nurture.adapters.broker import TRANSPORT, configuration
from nurture.settings import Settings
from workers.life import SignOfLife
from workers.schedule import schedule
from workers.transport import use as use_mended_transport

#: Seconds that a task may take: at the soft limit it is interrupted, at the hard one its process is killed. Far below the
#: visibility timeout, after which another worker would be handed the same message.
SOFT_LIMIT: Final = 90
HARD_LIMIT: Final = 120


class App(Celery):
    """Celery, with the settings it was made from."""

    settings: Settings


def make_app(settings: Settings) -> App:
    """The application; nothing connects before it is used."""
    use_mended_transport()
    app = App("nurture", broker=settings.redis, include=["workers.tasks"])
    app.settings = settings
    app.conf.update(
        configuration(),
        **_behaviour(),
        broker_transport_options=TRANSPORT,
        beat_schedule=schedule(settings.sweep_seconds),
        # Beat wakes at least so often, and says each time that it is alive.
        beat_max_loop_interval=settings.sweep_seconds,
    )
    app.steps["worker"].add(SignOfLife)
    # A receiver of this signal is how Celery is told that logging is set up already (see nurture.observability).
    signals.setup_logging.connect(_leave_logging_alone)
    return app


def _leave_logging_alone(**_told: Any) -> None:
    pass


def _behaviour() -> dict[str, Any]:
    return {
        # A message is acknowledged when its task has ended, so the crash of a process hands it out again.
        "task_acks_late": True,
        # Acknowledging late alone still loses the message when only the pool process dies (killed, out of memory). Unlike
        # task_reject_on_worker_lost this counts, so a task that kills its process does not come back for ever.
        "task_retry_on_worker_lost": True,
        # It waits before the next try; the default of three minutes would lie in a worker's memory.
        "task_annotations": {"*": {"max_retries": 5, "default_retry_delay": 1}},
        "task_soft_time_limit": SOFT_LIMIT,
        "task_time_limit": HARD_LIMIT,
        # A worker holds no message back that an idle one could run.
        "worker_prefetch_multiplier": 1,
        # When the connection breaks, what runs may finish: it works on rows it has claimed. Cancelling it would cut off a
        # mail in the middle and leave it uncertain.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Redis may start after us and may be away for as long as it likes; the default gives up after 100 tries.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # What Redis refuses (its memory is full, it is a replica just now) is waited for like a lost connection; by default the
        # worker ends, again and again, until whoever supervises it gives up.
        "broker_channel_error_retry": True,
        # Signs of life are our own (workers.life); nobody reads Celery's remote control or events.
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        # Lines are written by nurture.observability, which masks them.
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        # A busy machine takes its time to fork; the default of 4 s kills a child that is merely slow.
        "worker_proc_alive_timeout": 30.0,
        # Whatever leaks in a library ends with the process. KiB.
        "worker_max_tasks_per_child": 5_000,
        "worker_max_memory_per_child": 400_000,
        "enable_utc": True,
        "timezone": "UTC",
    }
