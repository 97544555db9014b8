"""The Celery application. A task carries no business payload: it is a nudge to look for work, and losing one costs latency only."""

from typing import Any, Final

from celery import Celery, signals

from nurture.adapters.broker import TRANSPORT, configuration
from nurture.adapters.database.leasing import LeaseKeeper
from nurture.settings import Settings
from workers.life import SignOfLife
from workers.schedule import schedule
from workers.standby import Standby
from workers.transport import use as use_mended_transport

#: Seconds that a task may take: at the soft limit it is interrupted, at the hard one its process is killed. Far below the
#: visibility timeout, after which another worker would be handed the same message.
SOFT_LIMIT: Final = 90
HARD_LIMIT: Final = 120


class App(Celery):
    """Celery, with the settings it was made from; for beat also with the lease by which it knows whether another ticks."""

    settings: Settings
    lease: LeaseKeeper | None = None


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
    app.steps["worker"].add(Standby)
    # A receiver of this signal is how Celery is told that logging is set up already (see nurture.observability).
    signals.setup_logging.connect(_leave_logging_alone)
    return app


def _leave_logging_alone(**_told: Any) -> None:
    pass


def _behaviour() -> dict[str, Any]:
    return {**_acknowledging(), **_connecting(), **_telling(), **_pool(), "enable_utc": True, "timezone": "UTC"}


def _acknowledging() -> dict[str, Any]:
    """No message is lost with the process that held it, and none comes back for ever."""
    return {
        # A message is acknowledged when its task has ended, so the crash of a process hands it out again.
        "task_acks_late": True,
        # Acknowledging late alone still loses the message when only the pool process dies (killed, out of memory). Unlike
        # task_reject_on_worker_lost this counts, so a task that kills its process does not come back for ever.
        "task_retry_on_worker_lost": True,
        "task_reject_on_worker_lost": False,
        # It waits before the next try; the default of three minutes would lie in a worker's memory.
        "task_annotations": {"*": {"max_retries": 5, "default_retry_delay": 1}},
        # A task that failed or ran out of time is over: its work stands in the stream and the tables, and beat wakes it again.
        # Handed back, it would come again at once, for ever, without anybody counting.
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        "task_soft_time_limit": SOFT_LIMIT,
        "task_time_limit": HARD_LIMIT,
        # A worker holds no message back that an idle one could run.
        "worker_prefetch_multiplier": 1,
        # Nobody here sends a task for later, but the retries of above wait in memory, where prefetch does not count them.
        "worker_eta_task_limit": 1_000,
    }


def _connecting() -> dict[str, Any]:
    """Redis may be away for as long as it likes."""
    return {
        # When the connection breaks, what runs may finish: it works on rows it has claimed. Cancelling it would cut off a
        # mail in the middle and leave it uncertain.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Redis may start after us; the default gives up after 100 tries.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # What Redis refuses (its memory is full, it is a replica just now) is waited for like a lost connection; by default the
        # worker ends, again and again, until whoever supervises it gives up.
        "broker_channel_error_retry": True,
        # Whoever sends waits for a connection of the pool no longer than this; the default is for ever.
        "broker_pool_acquire_timeout": 5.0,
        # A worker is stopped by SIGTERM and, when its turn is long over, SIGQUIT (nurture.supervisor.engine): Celery's soft
        # shutdown would sleep its whole time-out even if the tasks end at once.
        "worker_soft_shutdown_timeout": 0.0,
        "worker_enable_soft_shutdown_on_idle": False,
    }


def _telling() -> dict[str, Any]:
    """Celery's own events, for Flower and the like; our own signs of life (workers.life) need none of this.

    On Redis events and remote control go by publish and subscribe: what nobody listens to is nowhere, so nothing piles up.
    """
    return {
        "worker_send_task_events": True,
        # Whoever publishes a nudge, the web process above all, tells nothing: that a task was received is enough.
        "task_send_sent_event": False,
        # What bounds a listener's queue where the transport keeps one. Seconds.
        "event_queue_ttl": 5.0,
        "event_queue_expires": 60.0,
        # Flower asks workers what they are doing. It can also stop them; but whoever reaches Redis can do that anyway.
        "worker_enable_remote_control": True,
        "control_queue_ttl": 10.0,
        # Lines are written by nurture.observability, which masks them.
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def _pool() -> dict[str, Any]:
    return {
        # Threads and greenlets have stopped consuming after lost connections (celery#9054 and others); processes are killed one by one.
        "worker_pool": "prefork",
        # A busy machine takes its time to fork; the default of 4 s kills a child that is merely slow.
        "worker_proc_alive_timeout": 30.0,
        # Whatever leaks in a library ends with the process. KiB.
        "worker_max_tasks_per_child": 5_000,
        "worker_max_memory_per_child": 400_000,
    }
