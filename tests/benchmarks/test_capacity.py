"""The model says what was measured, and the page says what the model says; WRITE_DOCS=1 writes its table anew."""

import os
import subprocess
import sys
from dataclasses import fields, replace

import pytest

from benchmarks.capacity import Absorbed, Business, Costs, absorb_seconds, ceilings, database_bytes, need, read, size, table
from benchmarks.costs import CITED, CROWDED, FAITHFUL, POINTS, Season, split
from benchmarks.laboratory import ROOT
from nurture.adapters.database.engine import make_engine
from nurture.settings import Settings

PAGE = ROOT / "docs" / "capacity.md"
BEGIN, END = "<!-- capacity: begin -->\n", "<!-- capacity: end -->\n"

TOLD = read()
COSTS = Costs.load(TOLD)


@pytest.mark.parametrize("point", TOLD["points"], ids=lambda point: f"{point['events']} events")
def test_the_model_says_what_was_measured(point: dict[str, float]) -> None:
    engine, postgres = absorb_seconds(COSTS, Absorbed(int(point["events"]), int(point["people_in_batches"])))
    assert engine == pytest.approx(point["engine_seconds"], rel=0.25)
    assert postgres == pytest.approx(point["postgres_seconds"], rel=0.25)
    assert database_bytes(COSTS, point["events"], point["people"]) == pytest.approx(point["database_bytes"], rel=0.25)


def test_the_points_are_not_what_the_costs_come_from() -> None:
    assert len(TOLD["points"]) == len(POINTS)
    for point, (events, people) in zip(TOLD["points"], POINTS, strict=True):
        assert point["events"] == pytest.approx(events, rel=0.1)
        sources = [each_events / each_people for each_events, each_people in (CROWDED, FAITHFUL)]
        assert all(abs(events / people - each) > 2 for each in sources), "another mix"
        assert events not in (CROWDED[0], FAITHFUL[0]), "another size"


def test_every_cost_says_where_it_comes_from() -> None:
    assert set(TOLD["costs"]) == {each.name for each in fields(Costs)}
    assert all(each["from"] and each["unit"] for each in TOLD["costs"].values())
    assert TOLD["commit"]
    assert TOLD["measured"]
    assert {name: TOLD["costs"][name]["value"] for name in CITED} == {name: value for name, (value, _, _) in CITED.items()}


def test_the_connections_are_those_that_the_engine_opens_at_most() -> None:
    pool = make_engine("postgresql://nobody@127.0.0.1:1/none").pool
    assert pool.size() + pool._max_overflow == COSTS.connections_process  # type: ignore[attr-defined]  # of a QueuePool


def test_an_event_and_a_person_are_told_apart() -> None:
    def taken(events: int, people: int) -> Season:
        return Season(events, people_in_batches=people, redis_cpu=3.0 * events + 40.0 * people)

    event, person = split(taken(1_000, 900), taken(1_000, 50), lambda each: each.redis_cpu, lambda each: each.people_in_batches)
    assert event == pytest.approx(3)
    assert person == pytest.approx(40)


def test_twice_as_much_needs_twice_as_much() -> None:
    once, twice = (
        need(COSTS, Business(people=people, events_per_second=rate)) for people, rate in ((10**7, 1e3), (2 * 10**7, 2e3))
    )
    for name in ("web", "absorb", "advance", "send", "redis", "postgres", "disk", "people_disk", "wal", "backlog"):
        assert getattr(twice, name) == pytest.approx(2 * getattr(once, name)), name
    assert twice.cores == pytest.approx(2 * once.cores)


def test_what_stops_first_stands_first() -> None:
    found = ceilings(COSTS, Business())
    assert [each.events_per_second for each in found] == sorted(each.events_per_second for each in found)
    slow = ceilings(replace(COSTS, redis_event=1e6), Business())
    assert (slow[0].part, slow[0].events_per_second) == ("Redis (one core)", 1)


@pytest.mark.parametrize(("many", "told"), [(2.5e12, "2.5 TB"), (2.5e9, "2.5 GB"), (7e6, "7.0 MB"), (12, "12 B")])
def test_sizes_are_told(many: float, told: str) -> None:
    assert size(many) == told


def test_the_program_prints_the_table() -> None:
    words = [sys.executable, "-m", "benchmarks.capacity", "--people", "20000", "--events-per-second", "10", "--mailed", "0.5"]
    printed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed == table(COSTS, Business(people=20_000, events_per_second=10, mailed=0.5))


def test_the_page_has_what_the_program_prints() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    listed, _, after = rest.partition(END)
    expected = table(COSTS, Business())
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(before + BEGIN + expected + END + after, encoding="utf-8")
        return
    assert listed == expected, "write it anew: WRITE_DOCS=1 .venv/bin/python -m pytest tests/benchmarks/test_capacity.py"


def test_the_page_names_the_settings_as_they_are() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    for name in ("partitions", "max_backlog", "silence_seconds"):
        assert f"`NURTURE_{name.upper()}` ({Settings.model_fields[name].default:,.0f})" in page
