"""When a dead process is started again."""

import pytest

from nurture.supervisor.deaths import LIMIT, QUICK, Deaths

SOON, LATE = QUICK / 10, QUICK * 10


def pauses(*lives: float, killed: bool = False) -> list[float | None]:
    deaths = Deaths()
    return [deaths.pause_after(lived, killed=killed) for lived in lives]


def test_quick_deaths_double_the_pause_until_nobody_tries_again() -> None:
    assert pauses(*[SOON] * LIMIT) == [0.2, 0.4, 0.8, 1.6, None]


def test_a_long_life_forgives_what_was_before() -> None:
    assert pauses(SOON, SOON, LATE, SOON, SOON, SOON) == [0.2, 0.4, 0.2, 0.2, 0.4, 0.8]


def test_who_dies_now_and_then_is_started_for_ever() -> None:
    assert set(pauses(*[LATE] * 100)) == {0.2}


def test_being_killed_from_outside_never_leads_to_giving_up_and_the_pause_is_bounded() -> None:
    told = pauses(*[SOON] * 50, killed=True)
    assert None not in told
    assert told[-1] == 10.0


@pytest.mark.parametrize("killed_first", [True, False])
def test_only_ends_of_its_own_count_towards_giving_up(killed_first: bool) -> None:
    deaths = Deaths()
    kinds = [killed_first, not killed_first] * (LIMIT - 1)
    assert None not in [deaths.pause_after(SOON, killed=killed) for killed in kinds]
    assert deaths.pause_after(SOON, killed=True) is not None
    assert deaths.pause_after(SOON, killed=False) is None
