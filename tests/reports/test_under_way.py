"""A worker's word about what it runs counts when it was given after it heeded the hold."""

import pytest

from nurture.reports.under_way import HEEDED, Running, Sign, Watch, _sign

MAIL = frozenset({"mail"})


def sign(seen: float, *running: Running, worker: str = "a", queues: frozenset[str] = MAIL) -> Sign:
    return Sign(worker, queues, f"{seen:.3f}", running)


def test_a_word_from_before_the_hold_is_no_word() -> None:
    watch = Watch({"mail"}, 100.0)
    assert watch.look([sign(5.0)], 100.1).unheard == ("a",)
    assert watch.look([sign(5.0)], 104.0).unheard == ("a",)
    # Given since the last look, at which a second had passed already.
    assert watch.look([sign(9.9)], 104.5).nothing
    assert watch.look([sign(9.9)], 105.0).nothing, "it holds for the next looks as well"


def test_a_word_that_may_be_from_within_the_second_is_no_word() -> None:
    watch = Watch({"mail"}, 100.0)
    watch.look([sign(5.0)], 100.1)
    assert watch.look([sign(6.0)], 101.2).unheard == ("a",)
    assert watch.look([sign(6.5)], 100 + HEEDED + 0.1).unheard == ("a",)
    assert watch.look([sign(7.0)], 102.5).nothing


def heeded() -> Watch:
    watch = Watch({"mail"}, 100.0)
    watch.look([sign(5.0)], 103.0)
    return watch


def test_what_was_begun_before_is_waited_for() -> None:
    assert heeded().look([sign(6.0, Running("send", 50.0))], 103.5).tasks == ("send of a",)
    assert heeded().look([sign(6.0, Running("send", None))], 103.5).tasks == ("send of a",)


def test_a_task_that_came_later_finds_its_queue_held() -> None:
    assert heeded().look([sign(6.0, Running("send", 0.2))], 103.5).nothing


def test_other_queues_are_nobodys_business() -> None:
    assert heeded().look([sign(6.0, Running("absorb", 50.0))], 103.5).nothing
    events = Sign("b", frozenset({"events"}), "1", None)
    assert Watch({"mail"}, 100.0).look([events], 110.0).nothing


def test_who_never_tells_is_told_apart() -> None:
    assert Watch({"mail"}, 100.0).look([Sign("old", MAIL, "1", None)], 110.0).mute == ("old",)


def test_a_worker_that_is_gone_is_waited_for_no_longer() -> None:
    watch = Watch({"mail"}, 100.0)
    assert watch.look([sign(5.0)], 110.0).unheard == ("a",)
    assert watch.look([], 111.0).nothing


@pytest.mark.parametrize(
    ("tasks", "running"),
    [
        (b'[{"task": "nurture.send", "since": 990.5, "batch": 100}]', (Running("send", 9.5),)),
        (b'[{"task": "send", "since": "1970-01-01T00:16:30+00:00"}]', (Running("send", 10.0),)),
        (b'[{"task": "send", "since": null}]', (Running("send", None),)),
        (b"[]", ()),
        (b"[3]", None),
        (b"{}", None),
        (b"garbage", None),
    ],
)
def test_signs_are_read_whatever_they_hold(tasks: bytes, running: tuple[Running, ...] | None) -> None:
    found = _sign("a", {b"queues": b"mail,handoff", b"seen": b"1000.0", b"tasks": tasks})
    assert found == Sign("a", frozenset({"mail", "handoff"}), "1000.0", running)


def test_an_older_worker_says_nothing() -> None:
    assert _sign("a", {b"queues": b"mail", b"seen": b"1"}).running is None
