"""Traces (OpenTelemetry), for installations that have somewhere to send them: the extra `nurture[otel]`, see docs/watching.md.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) is set; nothing of OpenTelemetry is imported here before.
A request is a trace. What works in batches serves many requests at once, so a batch is a trace of its own, with links to the
requests whose events it took and to the batch that woke it. No attribute names a person, an address or a link.
"""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import structlog

from nurture import __version__
from nurture.domain.event import TRACEPARENT
from nurture.ports import Entry, Partition

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanContext

#: Where traces go; either is enough (OpenTelemetry's specification of OTLP exporters).
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

#: W3C Trace Context, version 00: https://www.w3.org/TR/trace-context/#traceparent-header
_FORM: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_IN_BODY: Final = re.compile(rb'"' + TRACEPARENT.encode() + rb'":"(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})"')

#: As many links as the SDK keeps of a span.
MOST_LINKS: Final = 128


class Batch:
    """A batch under way, where there is nowhere to send traces: nothing is noted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def watching(self, partition: Partition) -> Partition:
        """The partition; of the events that it gives it is noted from which requests they came."""
        return partition

    def came_to(self, **counts: int) -> None:
        """What it came to. A batch of which all counts are zero, and that did not fail, is not told of."""


class Traces:
    """Where spans go: here, nowhere, at no cost. Belongs to one thread."""

    def batch(self, name: str, **about: int) -> Batch:  # noqa: ARG002  # said for those that tell it
        """A batch of the task `name`, for a `with`."""
        return _NOTHING

    def woken_by(self, traceparent: str | None) -> None:
        """A task begins, woken by whoever is named; batches link to it."""

    def carried(self) -> Mapping[str, str]:
        """What a nudge carries along, so that what it wakes can link to the batch that woke it."""
        return {}

    def flush(self) -> None:
        """Send what waits, before the process ends."""


_NOTHING: Final = Batch()

#: Where there is nowhere to send traces.
NO_TRACES: Final = Traces()


class SentTraces(Traces):
    """Spans of OpenTelemetry."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self.tracer = provider.get_tracer("nurture", __version__)
        self._woken_by: str | None = None
        self.latest: str | None = None

    def batch(self, name: str, **about: int) -> Batch:
        return _SentBatch(self, name, about)

    def woken_by(self, traceparent: str | None) -> None:
        self._woken_by, self.latest = traceparent, None

    def carried(self) -> Mapping[str, str]:
        return {} if self.latest is None else {TRACEPARENT: self.latest}

    def origins(self) -> Sequence[str]:
        """What a batch links to beside the requests of its events."""
        return () if self._woken_by is None else (self._woken_by,)

    def flush(self) -> None:
        self._provider.force_flush(2_000)


class _SentBatch(Batch):
    """Noted while it runs, and told when it is over: most batches find nothing to do, and are not worth a span."""

    def __init__(self, traces: SentTraces, name: str, about: Mapping[str, int]) -> None:
        self._traces, self._name, self._about = traces, name, about
        self._began = time.time_ns()
        self._counts: Mapping[str, int] = {}
        self._requests: dict[str, None] = {}

    def watching(self, partition: Partition) -> Partition:
        return _Watched(partition, self._requests)

    def came_to(self, **counts: int) -> None:
        self._counts = counts

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None and not any(self._counts.values()):
            return
        from opentelemetry.trace import Link, SpanKind, Status, StatusCode

        origins = [*self._traces.origins(), *self._requests][:MOST_LINKS]
        span = self._traces.tracer.start_span(
            self._name, kind=SpanKind.CONSUMER, start_time=self._began,
            links=[Link(context) for origin in origins if (context := context_of(origin)) is not None],
            attributes={f"nurture.{name}": count for name, count in {**self._about, **self._counts}.items()},
        )  # fmt: skip
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))  # its text may name an address
        self._traces.latest = traceparent_of(span)
        span.end()


class _Watched:
    """A partition whose events' requests are noted; fulfils `ports.Partition`."""

    def __init__(self, partition: Partition, requests: dict[str, None]) -> None:
        self._partition, self._requests = partition, requests

    def read(self, limit: int) -> Sequence[Entry]:
        found = self._partition.read(limit)
        for entry in found:
            if len(self._requests) < MOST_LINKS and (told := _IN_BODY.search(entry.body)):
                self._requests[told[1].decode()] = None
        return found

    def done(self, ids: Iterable[str]) -> None:
        self._partition.done(ids)

    def park(self, entry: Entry, reason: str, at: datetime) -> None:
        self._partition.park(entry, reason, at)


def context_of(traceparent: str) -> "SpanContext | None":
    """The span that a traceparent names; None if it is none."""
    from opentelemetry.trace import SpanContext, TraceFlags

    found = _FORM.fullmatch(traceparent)
    if found is None:
        return None
    return SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(int(found[3], 16)))


def traceparent_of(span: "Span") -> str | None:
    """The name of a span for others; None if it is not sent, so that nobody links to what is nowhere."""
    context = span.get_span_context()
    if not context.trace_flags.sampled:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def traces_for(process: str, environ: Mapping[str, str]) -> Traces:
    """Where this process sends its spans, by the standard variables of OpenTelemetry; nowhere unless they name an endpoint."""
    if not any(environ.get(name) for name in ENDPOINTS) or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return NO_TRACES
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        remedy = "install the extra nurture[otel], or unset it"
        structlog.get_logger(__name__).warning("an OTLP endpoint is set, but traces cannot be sent", remedy=remedy)
        return NO_TRACES
    about = {"service.version": __version__, "nurture.process": process}
    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "nurture"}
    provider = TracerProvider(resource=Resource.create({**about, **named}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return SentTraces(provider)
