"""The benchmarks compare like with like: the engine and the twin are given the same events and the same rules."""

import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from benchmarks.crowd import WRITE_KEY_NAME, accepted, points_by_visitor, wire_events
from benchmarks.figure import Figure, measure
from benchmarks.laboratory import HERE, ROOT, WrongResultError, same
from nurture import bootstrap
from nurture.domain.acting import LATEST_ENTRY
from nurture.domain.definitions import Definitions
from nurture.domain.event import ASSET_DOWNLOADED, RESERVED_NAMES
from nurture.domain.scoring import rules_hit
from nurture.settings import Settings
from nurture.web.keys import Sender
from nurture.web.wire import Arrival, normalise
from tests.support.waiting import free_port, wait_until

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    settings = Settings(config_dir=HERE / "config", templates_dir=HERE / "templates", data_dir=Path("unused"))
    loaded = bootstrap.load_definitions(settings)
    assert loaded.errors == []
    assert loaded.definitions is not None
    return loaded.definitions


def test_the_twins_rules_and_the_engines_give_the_same_points(definitions: Definitions) -> None:
    """Every rule is hit by some event, and the sums agree for every visitor."""
    wires = list(wire_events(3_000, prefix="x", now=NOW))
    points: Counter[str] = Counter()
    hit = set()
    for wire in wires:
        for rule in rules_hit(accepted(wire, NOW), definitions.rules_by_event):
            points[wire["anonymousId"]] += rule.points
            hit.add(rule.id)
    assert {visitor: points[visitor] for visitor in points_by_visitor(wires)} == points_by_visitor(wires)
    assert hit == set(definitions.rules_by_id)
    assert len(hit) == 10


def test_the_stream_is_laid_out_with_what_the_web_process_makes_of_the_same_calls() -> None:
    arrival = Arrival(Sender(WRITE_KEY_NAME), NOW)
    for wire in wire_events(500, prefix="x", now=NOW):
        if wire["event"] not in RESERVED_NAMES:
            assert accepted(wire, NOW) == normalise(wire, "track", arrival).event


def test_whoever_downloads_is_enrolled_by_both() -> None:
    """The twin enrols whoever downloads; the engine nobody who did it longer ago than this."""
    downloads = [wire for wire in wire_events(3_000, prefix="x", now=NOW) if wire["event"] == ASSET_DOWNLOADED]
    assert downloads
    assert all(NOW - datetime.fromisoformat(wire["timestamp"]) < LATEST_ENTRY - timedelta(hours=12) for wire in downloads)


def test_the_crowd_is_the_same_each_time_and_never_repeats_itself() -> None:
    once, again = (list(wire_events(1_000, prefix="x", now=NOW)) for _ in range(2))
    assert once == again
    assert len({wire["messageId"] for wire in once}) == 1_000


def test_the_load_generator_counts_what_the_server_answered() -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "benchmarks.limits.constant:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--no-access-log",
    ]
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until(lambda: _answers(port), 20, what="the server to answer")
        started = time.perf_counter()
        words = ["--url", f"http://127.0.0.1:{port}/v1/track", "--prefix", "x", "--seconds", "0.5", "--connections", "4"]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load", *words], cwd=ROOT, check=True, capture_output=True, text=True
        )
        took = time.perf_counter() - started
    finally:
        server.terminate()
        server.wait()
    answer = httpx.Response(200, text=done.stdout).json()
    assert answer["statuses"] == {"200": answer["accepted"]}
    assert answer["accepted"] > 4
    assert 0.5 <= answer["seconds"] < took


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
    except httpx.TransportError:
        return False


def test_columns_take_turns_and_show_medians() -> None:
    order: list[str] = []
    rates = iter([100.0, 10.0, 200.0, 300.0, 30.0, 600.0, 200.0, 20.0, 400.0])

    def run(column: str) -> float:
        order.append(column)
        return next(rates)

    figure = measure(Figure("f", "f"), 3, print, ours=lambda: run("o"), twin=lambda: run("t"), limit=lambda: run("l"))
    assert "".join(order) == "otl" * 3
    assert (figure.times_twin, figure.share_of_limit) == (10.0, 0.5)
    assert figure.as_json()["medians"] == {"ours": 200.0, "twin": 20.0, "limit": 400.0}


def test_a_run_that_lost_something_has_no_figure() -> None:
    with pytest.raises(WrongResultError, match="events stored: 9 instead of 10"):
        same("events stored", 9, 10)
