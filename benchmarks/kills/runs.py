"""The runs: something is killed exactly at a point, and workers are killed at random moments."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.kills.points import HELD_BY_SINK, Event, Point, Trap
from benchmarks.kills.scene import Backend, Came, Scene, Stages, Worker
from benchmarks.laboratory import Laboratory, WrongResultError
from tests.support.waiting import wait_until

#: Mails of a run at a point, and how many a worker claims at a time: the queue holds several batches.
MAILS, BATCH = 24, 8

#: How long a worker may take to notice that what it needs is gone. Seconds.
_NOTICE = 0.5

#: Kills of one storm.
_STORM = 20


#: Of each worker to the mail server.
CONNECTIONS = (1, 4)

BACKENDS: tuple[Backend, ...] = ("PostgreSQL", "SQLite")


class Kind(NamedTuple):
    """A kind of storm."""

    backend: Backend
    connections: int


class Row(NamedTuple):
    """One kind of run: what happens where, on which database, to a worker with so many connections."""

    backend: Backend
    connections: int
    event: Event
    point: Point


def at_point(stages: Stages, row: Row, passing: int) -> Came:
    """Kill something when a mail is at a point for the `passing`-th time; what came of all mails."""
    point, event = row.point, row.event
    with stages.scene(row.backend, MAILS, BATCH, row.connections) as scene:
        held = HELD_BY_SINK.get(point)
        if held:
            scene.hold(held, passing)
            worker = scene.start()
            scene.await_hold()
        else:
            worker = scene.start(Trap(point, passing, dies=event == Event.WORKER))
        if event == Event.WORKER:
            _kill(scene, worker, at_once=held is not None)
            scene.start()
        else:
            if not held:
                worker.await_word(str(point))
            _take_away(stages.laboratory, event, lambda: _go_on(scene, worker, at_sink=held is not None))
            if event == Event.DATABASE:
                scene.was_without_database()
            else:
                scene.was_without_redis()
        return scene.finish()


def _kill(scene: Scene, worker: Worker, *, at_once: bool) -> None:
    """The worker dies: by our hand while the server holds its reply, or by its own at its trap."""
    if at_once:
        worker.kill()
        scene.let_go()
    else:
        worker.await_death()
    scene.gone(worker)


def _go_on(scene: Scene, worker: Worker, *, at_sink: bool) -> None:
    if at_sink:
        scene.let_go()
    else:
        worker.tell("go")
    worker.await_failure(_NOTICE)


def _take_away(laboratory: Laboratory, event: Event, meanwhile: Callable[[], None]) -> None:
    """End a server as a crash does, let others notice, and start it again on what it kept."""
    server = laboratory.postgres if event == Event.DATABASE else laboratory.redis
    if event == Event.DATABASE:
        laboratory.postgres.crash()
    else:
        laboratory.redis.kill9()
    meanwhile()
    server.start()


def storm(stages: Stages, kind: Kind, kills: int, seed: int, crew: int = 2) -> Came:
    """Kill workers at random moments while mail flows, sometimes all at once; each is replaced at once."""
    chance = random.Random(seed)
    with stages.scene(kind.backend, kills * (BATCH + 16), BATCH, kind.connections) as scene:
        workers = [scene.start() for _ in range(crew)]
        while scene.kills < kills:
            if not _mail_flows(scene, scene.arrived + chance.randrange(20)):
                break
            time.sleep(chance.random() * 0.02)
            for index in [*range(crew)] if chance.random() < 0.25 else [chance.randrange(crew)]:
                workers[index].kill()
                scene.gone(workers[index])
                workers[index] = scene.start()
        return scene.finish()


def _mail_flows(scene: Scene, until: int) -> bool:
    """Whether so many mails arrived; not if all that is left is held by workers that died."""
    try:
        return bool(wait_until(lambda: scene.arrived >= until, 5, every=0.002))
    except AssertionError:
        return False


def exact(stages: Stages, passings: int, say: Callable[[str], None]) -> dict[Row, Came]:
    """Every point with everything that may happen there, so many times each."""
    came: dict[Row, Came] = {}
    for row in rows():
        came[row] = Came()
        for passing in range(1, passings + 1):
            came[row] = came[row].plus(at_point(stages, row, passing))
        say(f"{row.backend}, {row.connections} connections, {row.event}, {row.point}: {_in_short(came[row])}")
    return came


def rows() -> list[Row]:
    """Everything that may happen; a file has no server that could be gone."""
    return [
        Row(backend, connections, event, point)
        for backend in BACKENDS for connections in CONNECTIONS for event in Event for point in Point
        if (backend, event) != ("SQLite", Event.DATABASE)
    ]  # fmt: skip


def storms(stages: Stages, kills: int, seed: int, say: Callable[[str], None]) -> dict[Kind, Came]:
    """Storms until there were so many kills, two thirds of them on PostgreSQL."""
    came: dict[Kind, Came] = {}
    for kind in (Kind(backend, connections) for backend in BACKENDS for connections in CONNECTIONS):
        share = kills // 3 if kind.backend == "PostgreSQL" else kills // 6
        came[kind] = Came()
        while came[kind].kills < share:
            if came[kind].runs > share:
                raise WrongResultError("no mail flows")
            came[kind] = came[kind].plus(storm(stages, kind, min(_STORM, share - came[kind].kills), seed + came[kind].runs))
            say(f"{kind.backend}, {kind.connections} connections, at random: {_in_short(came[kind])}")
    return came


def _in_short(came: Came) -> str:
    return f"{came.kills} kills, {came.mails} mails, {came.duplicates} twice, {came.lost} lost, {came.uncertain} uncertain"
