"""A command that was quick and did something else has no figure."""

import json
from functools import partial

import pytest

from benchmarks.laboratory import WrongResultError
from benchmarks.starting import says, seconds, tells_of_an_idle_engine


def test_the_whole_process_is_timed_and_what_it_said_is_looked_at() -> None:
    assert seconds(("-c", "print('done')"), {}, partial(says, "done"), runs=1) > 0
    with pytest.raises(WrongResultError, match="did not say 'done'"):
        seconds(("-c", "print('else')"), {}, partial(says, "done"), runs=1)
    with pytest.raises(WrongResultError, match="ended with 3"):
        seconds(("-c", "print('done'); raise SystemExit(3)"), {}, partial(says, "done"), runs=1)


def test_what_is_measured_does_not_inherit_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURTURE_MODE", "production")
    program = "import os; print(sorted(name for name in os.environ if name.startswith('NURTURE_')))"
    seconds(("-c", program), {"NURTURE_PORT": "1"}, partial(says, "['NURTURE_PORT']"), runs=1)


@pytest.mark.parametrize("missing", ["store", "stream"])
def test_a_status_that_did_not_ask_both_servers_has_no_figure(missing: str) -> None:
    told = {"verdict": "down", "store": {"people": {}}, "stream": {"workers": []}}
    tells_of_an_idle_engine(2, json.dumps(told))
    with pytest.raises(WrongResultError, match="both servers"):
        tells_of_an_idle_engine(2, json.dumps(told | {missing: None}))
    with pytest.raises(WrongResultError, match="ended with 1"):
        tells_of_an_idle_engine(1, "nonsense")
