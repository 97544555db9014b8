"""The list of metrics, and the text in which they are told."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from nurture import metrics
from nurture.adapters import redis_keys
from nurture.adapters.counters import Counters, Tally
from nurture.metrics import METRICS, UnknownMetric, sample_key, text
from nurture.web.counters import Counters as OwnCounters
from tests.support.exposition import read

ROOT = Path(__file__).parents[1]


def test_every_metric_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert len({metric.full_name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"nurture_[a-z][a-z0-9_]*", metric.full_name)
        assert metric.help
        assert "\n" not in metric.help
        assert not metric.unit or metric.name.endswith(f"_{metric.unit}"), "a unit ends the name"
        assert not metric.help.endswith("."), "it is read in a table"
        assert "le" not in metric.labels


def test_metrics_stand_in_the_text_format() -> None:
    samples = {sample_key("web_refused", code="b"): 2, "events_stored": 7, 'web_refused{code="a"}': 1, "beat_age_seconds": 1.5}
    assert text(samples) == (
        "# HELP nurture_events_stored_total Events of the stream that were absorbed into the database, each once\n"
        "# TYPE nurture_events_stored_total counter\n"
        "nurture_events_stored_total 7\n"
        "# HELP nurture_web_refused_total Requests or events refused, by the code of the answer\n"
        "# TYPE nurture_web_refused_total counter\n"
        'nurture_web_refused_total{code="a"} 1\n'
        'nurture_web_refused_total{code="b"} 2\n'
        "# HELP nurture_beat_age_seconds How long ago beat last ticked\n"
        "# TYPE nurture_beat_age_seconds gauge\n"
        "nurture_beat_age_seconds 1.5\n"
    )
    assert text({}) == ""


@given(st.text(), st.text(), st.floats(min_value=0, max_value=1e12, allow_nan=False))
def test_whatever_a_label_holds_it_can_be_read(source: str, came_to: str, worth: float) -> None:
    told = text({sample_key("web_hooks", came_to=came_to, source=source): worth, "due" + '{what="steps"}': 1})
    found = read(told)
    assert found["nurture_web_hooks_total"].samples == {
        (("came_to", came_to), ("source", source)): pytest.approx(worth, abs=1e-6)
    }
    assert found["nurture_due"].samples == {(("what", "steps"),): 1}


@given(st.dictionaries(st.text() | st.sampled_from([metric.name for metric in METRICS]), st.integers(0)))
def test_what_another_version_left_in_redis_spoils_nothing(samples: dict[str, float]) -> None:
    told = text(samples)
    if told:
        assert read(told).keys() <= {metric.full_name for metric in METRICS}


@pytest.mark.parametrize(
    "key",
    [
        "emails_sent", "web_refused", 'web_refused{code="a",more="b"}', 'web_refused{colour="a"}', 'events_stored{what="x"}', "",
        'web_hooks{source="a"}', 'web_refused{code="a"} ', "web_refused{}", 'web_refused{code="a",code="b"}',
    ],
)  # fmt: skip
def test_to_count_what_is_no_metric_is_an_error_in_the_tests(key: str) -> None:
    with pytest.raises(UnknownMetric):
        OwnCounters().add(key)
    with redis.Redis.from_url("redis://127.0.0.1:1", retry=None) as nowhere, pytest.raises(UnknownMetric):
        Counters(nowhere).add(key)


def test_in_production_it_is_not(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "strict", False)
    with redis.Redis.from_url(redis_url) as client:
        Counters(client).add("colour")
        OwnCounters().add("colour")
        assert text(Counters(client).read()) == ""


def counted_in_source() -> Iterator[tuple[str, str]]:
    """Every place of the source in which something is counted by a name that stands there."""
    for folder in ("nurture", "workers"):
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text()
            for found in re.finditer(r"counters\.add\(\s*f?[\"']([a-z_]+)", source):
                yield path.name, found[1]
            for call in re.finditer(r"tally\.add\(([^()]*)\)", source):
                yield from ((path.name, name) for name in re.findall(r"(\w+)=", call[1]))


def test_every_name_counted_in_the_source_is_a_counter_and_every_counter_is_counted() -> None:
    places = set(counted_in_source())
    names = {name for _, name in places}
    counters = {metric.name for metric in METRICS if metric.kind == "counter"}
    assert names <= counters, places
    sources = "".join(path.read_text() for folder in ("nurture", "workers") for path in (ROOT / folder).rglob("*.py"))
    assert [name for name in counters if len(re.findall(rf"\b{name}\b", sources)) < 2] == [], "nobody counts these"


def test_counters_are_read_by_any_process(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as here, redis.Redis.from_url(redis_url, decode_responses=True) as there:
        Counters(here).add("events_stored")
        Counters(there).add("events_stored", 4)
        Counters(there).add_all({"messages_sent": 2, sample_key("task_seconds", task="absorb"): 0.25})
        expected = {"events_stored": 5, "messages_sent": 2, 'task_seconds{task="absorb"}': 0.25}
        assert Counters(here).read() == Counters(there).read() == expected


def test_counting_without_redis_disturbs_nobody() -> None:
    with redis.Redis.from_url("redis://127.0.0.1:1", retry=None) as nowhere:
        Counters(nowhere).add("events_stored")
        with pytest.raises(redis.ConnectionError):
            Counters(nowhere).read()


def test_a_tally_is_written_at_most_once_a_second_and_when_told_to(redis_url: str) -> None:
    now = [0.0]
    with redis.Redis.from_url(redis_url) as client:
        tally = Tally(Counters(client), monotonic=lambda: now[0])
        tally.add(events_stored=3, events_parked=0)
        assert not client.exists(redis_keys.COUNTERS)
        now[0] = 1.0
        tally.add(events_stored=2)
        assert Counters(client).read() == {"events_stored": 5}
        tally.add(messages_sent=1)
        assert Counters(client).read() == {"events_stored": 5}
        tally.flush()
        tally.flush()
        assert Counters(client).read() == {"events_stored": 5, "messages_sent": 1}
