"""Batches as spans that link to where their events came from; nothing at all where there is nowhere to send them."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from nurture.adapters.tracing import MOST_LINKS, NO_TRACES, Batch, SentTraces, context_of, traceparent_of, traces_for
from nurture.domain.event import EVENT
from nurture.ports import Entry
from tests.support.events import page

ROOT = Path(__file__).parents[2]
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def traceparent(number: int = 0) -> str:
    return f"00-{int(TRACE, 16) + number:032x}-{SPAN}-01"


class Memory:
    """Traces that are kept in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.traces = SentTraces(provider)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()


class Given:
    """A partition that gives what it was given."""

    def __init__(self, *bodies: bytes) -> None:
        self._entries = [Entry(f"{number}-0", body, 1) for number, body in enumerate(bodies)]
        self.gone: list[str] = []

    def read(self, limit: int) -> Sequence[Entry]:
        return self._entries[:limit]

    def done(self, ids: Iterable[str]) -> None:
        self.gone += ids

    def park(self, entry: Entry, reason: str, at: datetime) -> None:
        self.gone.append(entry.id)


def body(traceparent: str | None) -> bytes:
    told = page("/a")
    context = told.context if traceparent is None else {**told.context, "traceparent": traceparent}
    return EVENT.dump_json(told.model_copy(update={"context": context}))


def test_a_batch_links_to_the_requests_of_its_events_and_to_who_woke_it() -> None:
    memory = Memory()
    memory.traces.woken_by(traceparent(9))
    with memory.traces.batch("absorb", partition=3) as batch:
        batch.watching(Given(body(traceparent(1)), body(traceparent(1)), body(None), body(traceparent(2)))).read(500)
        batch.came_to(read=4, stored=3)
    [span] = memory.spans
    assert span.name == "absorb"
    assert [link.context.trace_id - int(TRACE, 16) for link in span.links] == [9, 1, 2]
    assert {link.context.span_id for link in span.links} == {int(SPAN, 16)}
    assert span.attributes == {"nurture.partition": 3, "nurture.read": 4, "nurture.stored": 3}
    assert span.status.status_code == StatusCode.UNSET


def test_a_large_batch_has_as_many_links_as_are_kept() -> None:
    memory = Memory()
    with memory.traces.batch("absorb") as batch:
        batch.watching(Given(*[body(traceparent(number)) for number in range(500)])).read(500)
        batch.came_to(read=500)
    assert len(memory.spans[0].links) == MOST_LINKS


def test_a_watched_partition_is_the_partition() -> None:
    given = Given(b"{}", b"not even that")
    watched = Memory().traces.batch("absorb").watching(given)
    first, second = watched.read(500)
    watched.done([first.id])
    watched.park(second, "why", page("/").occurred_at)
    assert given.gone == ["0-0", "1-0"]


def test_what_found_nothing_to_do_is_no_span_and_what_failed_is_one_without_its_text() -> None:
    memory = Memory()
    with memory.traces.batch("advance") as batch:
        batch.came_to(moved=0)
    assert not memory.spans
    with pytest.raises(RuntimeError), memory.traces.batch("advance"):
        raise RuntimeError("anna@example.com cannot be advanced")
    [span] = memory.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "RuntimeError")
    assert "anna" not in span.to_json()


def test_a_nudge_carries_the_batch_that_sends_it() -> None:
    memory = Memory()
    assert memory.traces.carried() == {}
    with memory.traces.batch("absorb") as batch:
        batch.came_to(read=1)
    carried = memory.traces.carried()["traceparent"]
    context = context_of(carried)
    assert context is not None
    assert memory.spans[0].context is not None
    assert (context.trace_id, context.span_id) == (memory.spans[0].context.trace_id, memory.spans[0].context.span_id)
    memory.traces.woken_by(None)
    assert memory.traces.carried() == {}, "the next task has woken nobody yet"


def test_what_is_not_sampled_is_named_to_nobody() -> None:
    span = TracerProvider(sampler=ALWAYS_OFF).get_tracer("x").start_span("x")
    assert traceparent_of(span) is None


@pytest.mark.parametrize("text", ["", "00-x", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"01-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01\n"])  # fmt: skip
def test_what_is_no_traceparent_is_passed_over(text: str) -> None:
    assert context_of(text) is None


@pytest.mark.parametrize(
    "environ", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}]
)
def test_without_an_endpoint_there_are_no_traces(environ: dict[str, str]) -> None:
    traces = traces_for("worker", environ)
    assert traces is NO_TRACES
    given = Given()
    traces.woken_by(traceparent())
    with traces.batch("absorb", partition=1) as batch:
        assert type(batch) is Batch
        assert batch.watching(given) is given
        batch.came_to(read=3)
    assert traces.carried() == {}
    traces.flush()


def test_where_they_are_off_nothing_that_sends_them_is_loaded() -> None:
    # The rest may be: redis-py loads it by itself where it is installed.
    program = (
        "import sys, nurture.web.process, nurture.web.server, workers.run, workers.tasks\n"
        "from nurture.adapters.tracing import traces_for\n"
        "with traces_for('web', {}).batch('absorb') as batch: batch.came_to(read=1)\n"
        "sys.exit(any(name.startswith('opentelemetry.exporter') for name in sys.modules))"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, check=False).returncode == 0


def test_without_the_extra_it_is_said_once_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert traces_for("web", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}) is NO_TRACES
    assert "nurture[otel]" in capsys.readouterr().out
