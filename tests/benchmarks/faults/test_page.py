"""The page of the faults tells what happened, by kind, and what is wrong."""

from collections import Counter

from benchmarks.faults.drill import Happened
from benchmarks.faults.page import Setting, Side, beside, page
from benchmarks.faults.table import FAULTS
from tests.benchmarks.faults.test_account import account

FACTS = {
    "measured": "2026-11-29T08:00+00:00", "commit": "abc", "python": "3.11.7", "servers": {"Valkey": "9.1.2", "PostgreSQL": "15.18"},
    "machine": {"cores": 2, "processor": "a processor", "system": "Linux 6"},
}  # fmt: skip
SETTING = Setting(seed=7, appendfsync="everysec", in_doubt=4, seconds=1_200, left_out=())
SIDE = Side(
    Counter({"200": 1_500, "503": 3}), Counter({"200": 70, "429": 30}), [(90 << 20, 120 << 20, 95 << 20)], {"deadlocks": 2}
)
REDIS = next(each for each in FAULTS if each.name.startswith("Redis killed"))
BEAT = next(each for each in FAULTS if each.name.startswith("beat"))


def written(*happened: Happened) -> str:
    return page(FACTS, account(), happened, SIDE, SETTING, account(differences=1).mistakes)


def test_each_kind_is_a_row_with_its_median_and_its_worst() -> None:
    told = [Happened(REDIS, ("redis-away",), True, seconds) for seconds in (1.0, 2.0, 9.0)]
    text = written(*told, Happened(BEAT, (), True, 3.0))
    assert f"| {REDIS.name} * | 3 | 2.0 s | 9.0 s | `redis-away` 3 |" in text
    assert f"| {BEAT.name} | 1 | 3.0 s | 3.0 s | nothing |" in text


def test_what_did_not_recover_is_not_hidden_behind_what_did() -> None:
    text = written(Happened(REDIS, (), True, 1.0), Happened(REDIS, (), True, None, ("no-worker",)))
    assert f"| {REDIS.name} * | 2 | 1.0 s | never | nothing |" in text


def test_what_does_not_balance_is_told() -> None:
    assert "**Wrong: 1 people differ from what the event log says of them.**" in written(Happened(BEAT, (), True, 3.0))


def test_memory_and_answers_under_overload_are_told() -> None:
    told = "\n".join(beside(SIDE))
    assert "200: 1,500, 503: 3" in told
    assert "at most 120 MiB" in told
    assert "200: 70, 429: 30" in told
