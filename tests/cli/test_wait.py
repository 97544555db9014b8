"""`nurture wait` goes on when the engine is healthy, and says what it waits for until then."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from nurture.cli.wait import LONGEST, until
from nurture.reports.problems import problem
from nurture.reports.status import Status, Verdict
from tests.cli.conftest import Command
from tests.reports.test_status import sign
from tests.support.installation import Installation


def told(verdict: Verdict, *codes: str) -> Status:
    problems = tuple(problem(code, f"about {code}") for code in codes)
    return Status(verdict=verdict, problems=problems, at=datetime(2026, 3, 2, tzinfo=UTC), stream=None, store=None)


HEALTHY, DOWN, DEGRADED = told("healthy"), told("down", "no-worker", "beat-silent"), told("degraded", "beat-silent")


class Waiting:
    """Time that passes only while somebody sleeps, and the statuses that are found one after the other."""

    def __init__(self, statuses: Sequence[Status]) -> None:
        self.statuses = list(statuses)
        self.passed = 0.0
        self.pauses: list[float] = []

    def __call__(self, seconds: int = 60, *, allow_degraded: bool = False) -> Status:
        return until(
            self._ask, timedelta(seconds=seconds), allow_degraded=allow_degraded, now=lambda: self.passed, sleep=self._sleep
        )

    def _ask(self) -> Status:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.passed += seconds


def test_it_goes_on_at_once_where_nothing_is_wrong() -> None:
    waiting = Waiting([HEALTHY])
    assert waiting() is HEALTHY
    assert waiting.pauses == []


def test_it_says_once_each_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = Waiting([DOWN, DOWN, DEGRADED, DEGRADED, HEALTHY])
    assert waiting() is HEALTHY
    assert capsys.readouterr().err == "down: about no-worker; waiting\ndegraded: about beat-silent; waiting\n"


def test_pauses_grow_up_to_a_bound_and_end_with_the_time() -> None:
    waiting = Waiting([DOWN])
    assert waiting(30) is DOWN
    assert waiting.passed == pytest.approx(30)
    *grown, last = waiting.pauses
    assert grown == sorted(grown)
    assert max(grown) == LONGEST
    assert last <= LONGEST


def test_degraded_may_be_enough() -> None:
    assert Waiting([DOWN, DEGRADED, HEALTHY])(allow_degraded=True) is DEGRADED
    assert Waiting([DOWN, DEGRADED, HEALTHY])() is HEALTHY


def test_no_time_at_all_is_one_look() -> None:
    waiting = Waiting([DOWN, HEALTHY])
    assert waiting(0) is DOWN
    assert waiting.pauses == []


def test_the_exit_code_is_that_of_status(nurture: Command, installation: Installation) -> None:
    assert nurture("wait", "--healthy", "--timeout", "0s").exit_code == 2
    sign(installation.redis, "all@h", ",".join(QUEUES))
    degraded = nurture("wait", "--healthy", "--timeout", "0s")
    assert degraded.exit_code == 1
    assert degraded.stdout.startswith("degraded after 0s\n  beat has never ticked\n")
    assert nurture("wait", "--allow-degraded", "--timeout", "0s").exit_code == 0
    installation.redis.set(redis_keys.BEAT, f"{time.time():.3f}")
    healthy = nurture("wait", "--healthy")
    assert (healthy.exit_code, healthy.stdout) == (0, "healthy\n")
    assert nurture("wait").exit_code == 2
    assert nurture("wait", "--healthy", "--timeout", "soon").exit_code == 2
