"""Log lines are read in whatever clothes they come, chosen, and told without anything that moves a cursor."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from nurture.log_lines import LogLine, Wanted, as_json, chosen, read_line, readable
from nurture.observability import configure_logging

AT = datetime(2026, 3, 2, 9, 0, 1, tzinfo=UTC)
OURS = '{"partition": 3, "event": "absorbed", "level": "info", "logger": "nurture.tasks", "timestamp": "2026-03-02T09:00:01Z"}'
LINE = LogLine("", AT, "info", "absorbed", "nurture.tasks", {"partition": 3})


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (OURS, LINE),
        (f"web-1  | {OURS}", LINE._replace(process="web-1")),
        (f"Mar 02 09:00:01 host nurture[123]: {OURS}", LINE._replace(process="nurture")),
        (json.dumps({"MESSAGE": OURS, "__REALTIME_TIMESTAMP": "1", "SYSLOG_IDENTIFIER": "web"}), LINE._replace(process="web")),
        (json.dumps({"MESSAGE": OURS, "_SYSTEMD_UNIT": "nurture-web.service"}), LINE._replace(process="nurture-web.service")),
        (json.dumps({"log": OURS + "\n", "stream": "stdout", "time": "2026-03-02T10:00:00Z"}), LINE),
        (
            json.dumps({"MESSAGE": "a word", "__REALTIME_TIMESTAMP": "1772442001000000", "SYSLOG_IDENTIFIER": "web"}),
            LogLine("web", AT, text="a word"),
        ),
        (
            "\x1b[2m2026-03-02T09:00:01Z\x1b[0m [\x1b[32minfo     \x1b[0m] absorbed [nurture.tasks] partition=3",
            LINE._replace(fields={"partition": "3"}),
        ),
        (
            "worker        | 2026-03-02 09:00:01 [warning  ] absorb stopped why='it is ''off' x=1",
            LogLine("worker", AT, "warning", "absorb stopped", "", {"why": "it is ", "x": "1"}),
        ),
        ('{"event": "x", "exception": "Traceback"}', LogLine("", None, "info", "x", "", {}, "Traceback")),
        (
            '{"event": "a word", "raw": true, "process": "web", "timestamp": "2026-03-02T09:00:01Z"}',
            LogLine("web", AT, text="a word"),
        ),
        ("Traceback (most recent call last):", LogLine(text="Traceback (most recent call last):")),
        ('{"event": 3}', LogLine(text='{"event": 3}')),
        ("{not json}", LogLine(text="{not json}")),
        ("[" * 100_000, LogLine(text="[" * 100_000)),
        ('{"a":' * 100_000 + "}", LogLine(text='{"a":' * 100_000 + "}")),
    ],
)
def test_a_line_is_read_in_whatever_clothes_it_comes(written: str, line: LogLine) -> None:
    assert read_line(written + "\n") == line


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    yield stream
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_the_engine_writes_is_read_back(said: io.StringIO, form: str) -> None:
    configure_logging(form, "info", stream=said)
    structlog.get_logger("nurture.tasks").warning("absorb stopped", why="the database is away; wait", partition=3)
    line = read_line(said.getvalue())
    assert (line.level, line.event, line.logger) == ("warning", "absorb stopped", "nurture.tasks")
    assert {name: str(value) for name, value in line.fields.items()} == {"why": "the database is away; wait", "partition": "3"}
    assert line.at is not None


def test_a_line_is_told_in_columns() -> None:
    line = LINE._replace(process="web", level="warning", fields={"why": "a b", "n": 3, "e": ""}, text="Traceback\n  File")
    assert list(readable(line)) == [
        '2026-03-02 09:00:01 web           warning  absorbed               why="a b" n=3 e=""', "    Traceback", "      File",
    ]  # fmt: skip
    assert "\x1b[33mwarning \x1b[0m" in next(iter(readable(line, colours=True)))
    assert list(readable(LogLine("web", text="a word"))) == ["web           | a word"]


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_nothing_that_is_told_moves_a_cursor(text: str, fields: dict[str, str]) -> None:
    told = {"event": text, "level": text, "timestamp": text, "logger": text, "process": text, "exception": text, **fields}
    for written in (json.dumps(told), json.dumps({"event": "x", **fields}), text):
        line = read_line(written)
        assert all(each.isprintable() for each in readable(line)), written
        assert as_json(line).isprintable()
        assert json.loads(as_json(line))


@given(st.text(), st.dictionaries(st.text(min_size=1).filter(lambda name: name != "raw"), st.integers(), max_size=3))
def test_json_is_read_back_as_it_was(event: str, fields: dict[str, int]) -> None:
    line = LogLine("web", AT, "error", event or "x", "nurture", {name: n for name, n in fields.items() if name not in OWN})
    assert read_line(as_json(line)) == line


OWN = {"timestamp", "level", "event", "logger", "process", "exception", "stack", "MESSAGE", "log"}


def line(event: str | None, level: str = "info", process: str = "web", minute: int | None = 0) -> LogLine:
    at = None if minute is None else datetime(2026, 3, 2, 9, minute, tzinfo=UTC)
    return LogLine(process, at, level, event, text="" if event else "garbage")


LINES = [
    line(None, minute=None), line("absorbed"), line(None, minute=None), line("stopped", "error", minute=5), line(None, minute=None),
    line("sent", process="worker-mail", minute=9),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (Wanted(), [0, 1, 2, 3, 4, 5]),
        (Wanted(level="warning"), [0, 3, 4]),  # a traceback goes with its line; what came before any is passed on
        (Wanted(event="ABSORB"), [0, 1, 2]),
        (Wanted(process="worker"), [5]),
        (Wanted(process="worker-mail"), [5]),
        (Wanted(since=datetime(2026, 3, 2, 9, 5, tzinfo=UTC)), [0, 3, 4, 5]),
    ],
)
def test_lines_are_chosen(wanted: Wanted, kept: list[int]) -> None:
    assert list(chosen(LINES, wanted)) == [LINES[number] for number in kept]
