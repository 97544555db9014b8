"""The Celery application: what it promises, setting by setting where a wrong one would lose or repeat work."""

import pytest
from celery import Celery

from nurture.adapters.broker import QUEUES, ROUTES, TRANSPORT, VISIBILITY_SECONDS, task_name
from nurture.adapters.nudge import CeleryNudge
from nurture.settings import Settings
from workers.app import HARD_LIMIT, SOFT_LIMIT, make_app


@pytest.fixture
def app() -> Celery:
    return make_app(Settings.model_validate({"redis_url": "redis://127.0.0.1:1/0"}))


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
