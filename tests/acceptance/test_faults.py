"""Each fault is done once to the whole engine, which must be well again by itself, with every event counted once and no mail twice.

This is the quick form of `make faults`, which writes docs/faults.md. That the account can fail is shown in tests/benchmarks.
"""

from pathlib import Path

import pytest

from benchmarks.faults.account import lines
from benchmarks.faults.page import page
from benchmarks.faults.run import Plan, run
from benchmarks.faults.table import FAULTS

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1_200)]


def test_the_engine_survives_each_fault_and_its_account_balances(tmp_path: Path) -> None:
    said: list[str] = []
    came = run(Plan(len(FAULTS), seed=20_261), said.append, tmp_path / "run")
    assert came.mistakes == [], "\n".join([*said, *lines(came.account, len(came.happened))])
    assert len(came.happened) == len(FAULTS) - len(came.setting.left_out)
    assert came.account.planted > 0
    assert came.account.sent > 0
    text = page(came.facts, came.account, came.happened, came.side, came.setting, came.mistakes)
    assert all(each.fault.name in text for each in came.happened)
