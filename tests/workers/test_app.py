"""The Celery application: what it promises, setting by setting where a wrong one would lose or repeat work."""

import pytest
from celery import Celery

from nurture.adapters.broker import QUEUES, ROUTES, TRANSPORT, VISIBILITY_SECONDS, configuration, task_name
from nurture.adapters.nudge import CeleryNudge
from nurture.settings import Settings
from workers.app import HARD_LIMIT, SOFT_LIMIT, _behaviour, make_app


@pytest.fixture
def app() -> Celery:
    return make_app(Settings.model_validate({"redis_url": "redis://127.0.0.1:1/0"}))


#: Every setting that decides whether work is lost, repeated or held up, and what it must be; the reasons stand in the code.
SETTINGS = {
    "accept_content": ["json"],
    "task_serializer": "json",
    "result_serializer": "json",
    "event_serializer": "json",
    "result_backend": None,
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_retry_on_worker_lost": True,
    "task_reject_on_worker_lost": False,
    "task_annotations": {"*": {"max_retries": 5, "default_retry_delay": 1}},
    "task_acks_on_failure": True,
    "task_acks_on_timeout": True,
    "task_soft_time_limit": 90,
    "task_time_limit": 120,
    "task_create_missing_queues": False,
    "task_queue_max_priority": None,
    "worker_prefetch_multiplier": 1,
    "worker_eta_task_limit": 1_000,
    "worker_pool": "prefork",
    "worker_max_tasks_per_child": 5_000,
    "worker_max_memory_per_child": 400_000,
    "worker_proc_alive_timeout": 30,
    "worker_soft_shutdown_timeout": 0,
    "worker_enable_soft_shutdown_on_idle": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_deduplicate_successful_tasks": False,
    "worker_send_task_events": True,
    "task_send_sent_event": False,
    "event_queue_ttl": 5,
    "event_queue_expires": 60,
    "worker_enable_remote_control": True,
    "control_queue_ttl": 10,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_channel_error_retry": True,
    "broker_pool_acquire_timeout": 5,
    "visibility_timeout": 600,
    "result_backend_transport_options": {"visibility_timeout": 600},
    "broker_transport_options": {
        "global_keyprefix": "nurture:celery:",
        "visibility_timeout": 600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_restore_limit": 100,
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "enable_utc": True,
    "timezone": "UTC",
}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_celery_is_set_as_it_must_be(app: Celery, name: str) -> None:
    assert app.conf[name] == SETTINGS[name]


def test_every_setting_we_make_is_in_the_table() -> None:
    told_below = {"task_queues", "task_default_queue", "task_routes"}
    assert _behaviour().keys() | configuration().keys() <= SETTINGS.keys() | told_below


def test_making_the_application_connects_to_nothing(app: Celery) -> None:
    assert app.conf.broker_url == "redis://127.0.0.1:1/0"


def test_nothing_but_json_is_read_or_written(app: Celery) -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"


def test_no_task_outlasts_the_time_after_which_its_message_is_handed_out_again(app: Celery) -> None:
    assert SOFT_LIMIT < HARD_LIMIT < VISIBILITY_SECONDS / 2
    assert app.conf.visibility_timeout == app.conf.broker_transport_options["visibility_timeout"] == VISIBILITY_SECONDS


def test_results_are_kept_nowhere(app: Celery) -> None:
    assert app.conf["result_backend"] is None
    assert app.conf.task_ignore_result


def test_every_task_has_a_queue_and_every_queue_exists(app: Celery) -> None:
    assert set(app.amqp.queues) == set(QUEUES)
    for task, queue in ROUTES.items():
        assert app.amqp.router.route({}, task_name(task))["queue"].name == queue


def test_publisher_and_worker_agree_on_how_redis_is_used(app: Celery) -> None:
    publisher = CeleryNudge("redis://127.0.0.1:1/0")._celery
    for name in ("global_keyprefix", "visibility_timeout", "health_check_interval"):
        assert publisher.conf.broker_transport_options[name] == app.conf.broker_transport_options[name] == TRANSPORT[name]
    assert publisher.conf.task_routes == app.conf.task_routes


def test_every_task_that_is_registered_has_a_route() -> None:
    import workers.tasks

    app = make_app(Settings.model_validate({"redis_url": "redis://127.0.0.1:1/0"}))
    app.finalize()
    registered = {name for name in app.tasks if not name.startswith("celery.")}
    assert registered
    assert registered <= {task_name(task) for task in ROUTES}
    assert workers.tasks.__doc__


def test_everything_beat_wakes_is_registered() -> None:
    import workers.tasks

    app = make_app(Settings.model_validate({"redis_url": "redis://127.0.0.1:1/0"}))
    app.finalize()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
    assert workers.tasks.__doc__
