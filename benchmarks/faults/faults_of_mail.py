"""The mail server is slow, rude, full, or gone."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import IN_DOUBT, Scene

_TURNED_AWAY = 3


@contextmanager
def _drops(scene: Scene, _chance: random.Random, *, phase: Literal["body", "dot"]) -> Iterator[None]:
    """Hangs up inside some mails, or behind the final dot of some, which it has then taken."""
    if phase == "dot":
        scene.doubt(_TURNED_AWAY)
    scene.sink.drop(phase, times=_TURNED_AWAY)
    scene.load.lead()
    try:
        yield
    finally:
        scene.sink.forgive()


@contextmanager
def _hangs(scene: Scene, _chance: random.Random) -> Iterator[None]:
    """Takes everything and answers nothing, then hangs up: what it took by then nobody can know."""
    scene.doubt(IN_DOUBT)
    scene.load.lead()
    with scene.sink.hanging():
        yield


@contextmanager
def _is_away(scene: Scene, _chance: random.Random, *, how: Literal["gone", "full_house"]) -> Iterator[None]:
    """No connection is taken, or each is sent away with 421. Letters that were just taken and not answered for are in doubt."""
    scene.doubt(IN_DOUBT)
    scene.load.lead()
    with scene.sink.gone() if how == "gone" else scene.sink.full_house():
        yield


@contextmanager
def _puts_off(scene: Scene, _chance: random.Random) -> Iterator[None]:
    scene.sink.refuse("", "451 4.2.0 greylisted, come back later", phase="rcpt")
    scene.load.lead()
    try:
        yield
    finally:
        scene.sink.forgive()


@contextmanager
def _ends_in_between(scene: Scene, _chance: random.Random) -> Iterator[None]:
    """421 in the middle of a session: the server shuts down."""
    scene.sink.refuse("", "421 4.3.0 going down", phase="mail")
    scene.load.lead()
    try:
        yield
    finally:
        scene.sink.forgive()


FAULTS = (
    Fault("mail server hangs, then hangs up", _hangs, shortest=0.5, longest=3),
    Fault("mail server hangs up inside a mail", partial(_drops, phase="body")),
    Fault("mail server hangs up behind the final dot", partial(_drops, phase="dot")),
    Fault("mail server puts everybody off (451, greylisting)", _puts_off),
    Fault("mail server cannot be reached", partial(_is_away, how="gone"), frozenset({"transport-resting"}), 1.5, 2.5),
    Fault("mail server lets nobody in (421)", partial(_is_away, how="full_house"), frozenset({"transport-resting"}), 1.5, 2.5),
    Fault("mail server ends sessions (421)", _ends_in_between),
)
