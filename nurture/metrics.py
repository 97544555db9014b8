"""Every figure that `/metrics` gives, once: its name, its labels and what it means. The list in docs/watching.md is written from here.

Inside the engine a sample is kept under a short key, which is a Prometheus name without `nurture_` and `_total`, with labels if
need be: `messages_sent`, `task_runs{task="absorb"}`. What has no row here is no metric: it is never told, and counting it is an
error in the tests.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge"]

#: Whose figure it is: the whole installation's, which every web process tells alike, or that of the machine or process asked.
Scope = Literal["installation", "machine", "process"]

_WHOSE: Final[Mapping[Scope, str]] = {
    "installation": "",
    "machine": " (of the machine asked)",
    "process": " (of the web process asked, since its start)",
}


class Metric(NamedTuple):
    """One metric. `name` is short; `unit` is that of its value, empty for a plain count, and ends the name as Prometheus advises."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    scope: Scope = "installation"

    @property
    def full_name(self) -> str:
        """As Prometheus knows it."""
        return f"nurture_{self.name}_total" if self.kind == "counter" else f"nurture_{self.name}"


def _count(name: str, help_: str, *labels: str, unit: str = "") -> Metric:
    return Metric(name, "counter", help_, labels, unit)


def _of_web(name: str, help_: str, *labels: str) -> Metric:
    return Metric(name, "counter", help_, labels, scope="process")


def _gauge(name: str, help_: str, *labels: str, unit: str = "") -> Metric:
    return Metric(name, "gauge", help_, labels, unit)


METRICS: Final = (
    # What the workers have done. Kept in Redis, so it begins anew when Redis is emptied.
    _count("events_stored", "Events of the stream that were absorbed into the database, each once"),
    _count("events_parked", "Events that could not be absorbed and became dead letters"),
    _count("events_dropped", "Events by links of people who were forgotten"),
    _count("runs_advanced", "Enrollments that took a step"),
    _count("messages_queued", "E-mails that steps have queued"),
    _count("messages_sent", "E-mails that a mail server has taken"),
    _count("messages_failed", "E-mails that were refused for good, or could not be written"),
    _count("messages_uncertain", "E-mails of which nobody knows whether the mail server took them"),
    _count("messages_deferred", "Times that an e-mail was put off to a later instant"),
    _count("messages_skipped", "E-mails that were not to go, each for a reason that `nurture person why-not` tells"),
    _count("handoffs_delivered", "Webhooks to other systems that were taken"),
    _count("handoffs_failed", "Webhooks to other systems that were given up"),
    _count("people_recycled", "People who went down a stage because their engagement faded"),
    _count("task_runs", "Runs of a task that have ended; one of absorb may go on as one of advance", "task"),
    _count("task_seconds", "Time that runs of a task have taken, all together", "task", unit="seconds"),
    _count("task_failures", "Runs of a Celery task that ended in an error that nobody expected, or in the time limit", "task"),
    _count("sweeps_without_beat", "Sweeps that a worker made by itself because beat was silent"),
    # What one web process has taken since it started.
    _of_web("web_events", "Events accepted"),
    _of_web("web_refused", "Requests or events refused, by the code of the answer", "code"),
    _of_web("web_unavailable", "Requests answered 503 because nothing could take their events"),
    _of_web("web_quarantined", "Form posts set aside as spam"),
    _of_web("web_journalled", "Events, and marks of use, kept in the journal while Redis was away"),
    _of_web("web_replayed", "Of what the journal kept, what was passed on to Redis"),
    _of_web("web_shed", "Requests that were turned away, or cut off, because the process had enough to do"),
    _of_web("web_made_room", "Idle or slow connections that were closed to make room for others"),
    _of_web("web_unrecorded", "Opens and clicks that were answered but could not be kept", "event"),
    _of_web("web_hooks", "What came of the webhooks of mail providers", "source", "came_to"),
    # How things stand.
    Metric("journal_events", "gauge", "Events in the journals of this machine that wait for Redis", scope="machine"),
    Metric("journal_bytes", "gauge", "What the journals of this machine take on disk", unit="bytes", scope="machine"),
    Metric("journal_bound_bytes", "gauge", "What the journals of this machine may take", unit="bytes", scope="machine"),
    Metric("journal_oldest_seconds", "gauge", "Age of the oldest event in them; 0 where none waits", unit="seconds", scope="machine"),
    _gauge("redis_up", "1 while Redis answers"),
    _gauge("database_up", "1 while the database answers"),
    _gauge("look_age_seconds", "How long ago the gauges were looked up", unit="seconds"),
    _gauge("stream_backlog", "Events in the stream that are not absorbed yet", "partition"),
    _gauge("stream_oldest_seconds", "Age of the oldest event that is not absorbed yet; 0 where none waits", "partition", unit="seconds"),
    _gauge("dead_letters", "Events that could not be absorbed and wait for somebody (`nurture dead list`)"),
    _gauge("quarantined", "Form posts that wait for somebody to judge them"),
    _gauge("redis_memory_bytes", "What Redis keeps in memory", unit="bytes"),
    _gauge("redis_memory_bound_bytes", "What it may keep; 0 where nothing bounds it", unit="bytes"),
    _gauge("workers", "Workers that show signs of life, by queue they serve", "queue"),
    _gauge("beat_age_seconds", "How long ago beat last ticked", unit="seconds"),
    _gauge("mailbox_fails_seconds", "For how long the mailbox of bounces and replies could not be read; 0 while it can", unit="seconds"),
    _gauge("people", "People, by stage", "stage"),
    _gauge("enrollments", "Enrollments, by status", "status"),
    _gauge("messages", "Messages, by status", "status"),
    _gauge("handoffs", "Webhooks to other systems, by status", "status"),
    _gauge("due", "What should happen now: steps, mails, hand-offs", "what"),
    _gauge("overdue", "Of what is due, how much should have happened over a minute ago", "what"),
    _gauge("overdue_oldest_seconds", "How late the latest of what is overdue is; 0 where nothing is", "what", unit="seconds"),
    _gauge("uncertain_lately", "Mails of the last 7 days of which nobody knows whether they went"),
    _gauge("alarms", "Alarms that nobody has seen"),
    _gauge("holds", "What an operator holds just now, by kind (`nurture resume` lets it go on)", "kind"),
    _gauge("brakes", "Ways of mail that are stopped just now, by kind", "kind"),
    _gauge("schema_fits", "1 while this version can work with the schema that the database stands at"),
)  # fmt: skip

_BY_NAME: Final[Mapping[str, Metric]] = {metric.name: metric for metric in METRICS}

_VALUE: Final = r'"((?:[^"\\\n]|\\["\\n])*)"'  # escaped as the text format wants it
_LABEL: Final = re.compile(r"([a-z_]+)=" + _VALUE)
_KEY: Final = re.compile(rf"(?P<name>[a-z][a-z0-9_]*)(?:\{{(?P<labels>{_LABEL.pattern}(?:,{_LABEL.pattern})*)\}})?")

#: Set by the tests: then to count what is no metric raises. Otherwise such a count is kept and never told.
strict = False


class UnknownMetric(ValueError):
    """Something was counted that is no metric: give it a row in nurture/metrics.py."""


def sample_key(name: str, **labels: str) -> str:
    """The key of a sample, its labels escaped as the text format wants them."""
    if not labels:
        return name
    told = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    return f"{name}{{{told}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


@lru_cache(4_096)
def _read(key_: str) -> tuple[Metric, tuple[tuple[str, str], ...]]:
    """The metric of a key, and its labels (still escaped) in the metric's order; raises UnknownMetric."""
    found = _KEY.fullmatch(key_)
    metric = _BY_NAME.get(found["name"]) if found else None
    if found is None or metric is None:
        raise UnknownMetric(f"{key_!r} is no metric; give it a row in nurture/metrics.py")
    pairs = _LABEL.findall(found["labels"] or "")
    values = dict(pairs)
    if len(pairs) != len(values) or values.keys() != set(metric.labels):
        raise UnknownMetric(f"{key_!r} should have the labels {metric.labels}")
    return metric, tuple((label, values[label]) for label in metric.labels)


def check(key_: str) -> None:
    """Raise UnknownMetric, in tests, for a key that is not of a metric with its labels."""
    if strict:
        _read(key_)


def text(samples: Mapping[str, float]) -> str:
    """Samples in the Prometheus text format 0.0.4, in the order of the list; what is no metric is left out."""
    found: dict[Metric, list[tuple[tuple[tuple[str, str], ...], float]]] = defaultdict(list)
    for key_, value in samples.items():
        try:
            metric, labels = _read(key_)
        except UnknownMetric:  # left in Redis by another version
            continue
        found[metric].append((labels, value))
    return "".join(line + "\n" for metric in METRICS if metric in found for line in _family(metric, sorted(found[metric])))


def _family(metric: Metric, samples: list[tuple[tuple[tuple[str, str], ...], float]]) -> Iterator[str]:
    name = metric.full_name
    yield f"# HELP {name} {metric.help.replace(chr(92), chr(92) * 2)}"
    yield f"# TYPE {name} {metric.kind}"
    for labels, value in samples:
        told = ",".join(f'{label}="{escaped}"' for label, escaped in labels)
        yield f"{name}{{{told}}} {_number(value)}" if told else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))


def table() -> str:
    """All metrics as a Markdown table, as it stands in docs/watching.md."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.full_name}` | {metric.kind} | {labels} | {metric.help}{_WHOSE[metric.scope]} |")
    return "\n".join(rows)
