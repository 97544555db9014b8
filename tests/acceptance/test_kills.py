"""At each point in the life of a mail the worker is killed, or the database goes away: nothing goes twice, nothing is lost.

This is the quick form of `make kills`, which writes docs/kills.md.
"""

from collections.abc import Iterator

import pytest

from benchmarks.kills.points import Event, Point, Trap
from benchmarks.kills.runs import BATCH, MAILS, Kind, Row, at_point, storm
from benchmarks.kills.scene import Came, Stages
from benchmarks.laboratory import Laboratory

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

#: Points at which it is known of every mail whether it has begun.
NOTHING_IS_UNKNOWN = {Point.BEFORE_CLAIM, Point.AFTER_CLAIM, Point.BETWEEN}

#: Points at which the mail of a worker that is killed is with the server, and that is not yet noted.
ARRIVED = {Point.AFTER_DOT, Point.AFTER_REPLY, Point.BEFORE_COMMIT}


@pytest.fixture(scope="module")
def stages() -> Iterator[Stages]:
    with Laboratory() as laboratory:
        yield Stages(laboratory)


def check(came: Came) -> None:
    assert (came.broken, came.duplicates, came.lost) == (0, 0, 0), came


@pytest.mark.parametrize("point", Point)
def test_a_worker_is_killed_at_a_point(stages: Stages, point: Point) -> None:
    came = at_point(stages, Row("PostgreSQL", 1, Event.WORKER, point), 1)
    check(came)
    assert came.kills == 1
    if point != Point.AFTER_NOTE:  # where the next mail may have begun, or may have had no permit yet
        assert came.uncertain == (0 if point in NOTHING_IS_UNKNOWN else 1)
    assert came.arrived == (1 if point in ARRIVED else 0)


@pytest.mark.parametrize("point", Point)
def test_the_database_goes_away_at_a_point(stages: Stages, point: Point) -> None:
    check(at_point(stages, Row("PostgreSQL", 4, Event.DATABASE, point), 1))


def test_redis_goes_away_while_a_mail_is_on_its_way(stages: Stages) -> None:
    came = at_point(stages, Row("PostgreSQL", 4, Event.REDIS, Point.AFTER_DOT), 1)
    check(came)
    assert came.uncertain == 0


@pytest.mark.parametrize("point", [Point.AFTER_REPLY, Point.BEFORE_COMMIT])
def test_a_worker_on_a_file_is_killed_at_a_point(stages: Stages, point: Point) -> None:
    check(at_point(stages, Row("SQLite", 4, Event.WORKER, point), 1))


def test_workers_are_killed_at_random_moments(stages: Stages) -> None:
    came = storm(stages, Kind("PostgreSQL", 4), kills=15, seed=11)
    check(came)
    assert came.kills >= 15


def test_who_sends_an_uncertain_mail_again_is_found_out(stages: Stages) -> None:
    """The harness sees what it is there to see: a sender that takes every silence for a no mails a reader twice."""
    with stages.scene("PostgreSQL", MAILS, BATCH, connections=1) as scene:
        worker = scene.start(Trap(Point.AFTER_REPLY, 1, dies=True))
        worker.await_death()
        scene.gone(worker)
        scene.send_uncertain_again()
        scene.start()
        came = scene.finish()
    assert (came.duplicates, came.lost, came.uncertain) == (1, 0, 0)
    assert came.broken == 1
