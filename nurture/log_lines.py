"""Log lines read back: of the engine's own files, of journald, of containers, of whoever put something before them.

A line is JSON as `nurture.observability` writes it, the same in its text form, or anything else, which is passed on as it is. What
people typed may be quoted in any of them, so nothing that is told here may move a cursor or change a terminal.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

#: Levels, the least first.
LEVELS: Final = ("debug", "info", "warning", "error", "critical")

_SGR: Final = re.compile(r"\x1b\[[0-9;]*m")
_BEFORE: Final = re.compile(r"^(?P<before>[^{]{0,200}?)(?P<json>\{.*\})\s*$", re.DOTALL)
_NAME_BEFORE: Final = re.compile(r"(?P<name>[\w.@+-]+)(?:\[\d+\])?\s*[|:]\s*$")
_TEXT: Final = re.compile(
    r"^(?:(?P<name>[\w.@+-]+)\s*\|\s)?(?P<at>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]*Z?)\s+\[(?P<level>[a-z]+)\s*\]\s+(?P<rest>.*)$"
)
_FIRST_FIELD: Final = re.compile(r"\s[A-Za-z_]\w*=")
_FIELD: Final = re.compile(r"([A-Za-z_]\w*)=('(?:[^'\\]|\\.)*'|\S*)")
_OWN: Final = frozenset({"timestamp", "level", "event", "logger", "process", "exception", "stack"})


class LogLine(NamedTuple):
    """A line that was read. One that is none of ours has no event, and all of it in `text`; `text` of others is a traceback, if any."""

    process: str = ""
    at: datetime | None = None
    level: str = "info"
    event: str | None = None
    logger: str = ""
    fields: Mapping[str, Any] = {}
    text: str = ""

    @property
    def weight(self) -> int:
        """The rank of its level; what is unknown counts as info."""
        return LEVELS.index(self.level) if self.level in LEVELS else 1


def read_line(written: str, process: str = "") -> LogLine:
    """A line as it was written; `process` is who wrote it, where that is known otherwise."""
    plain = _SGR.sub("", written.rstrip("\r\n"))
    found = _BEFORE.match(plain)
    if found:
        with suppress(ValueError, RecursionError):
            told = json.loads(found["json"])
            named = _NAME_BEFORE.search(found["before"])
            line = _read(told, process or (named["name"] if named else ""))
            if line is not None:
                return line
    text = _TEXT.match(plain)
    if text:
        return _read_text(text, process)
    return LogLine(process=process, text=plain)


def _read(told: Mapping[str, Any], process: str) -> LogLine | None:
    """A line of JSON: ours, or ours inside journald's or a container's."""
    for inside, at, name in (("MESSAGE", "__REALTIME_TIMESTAMP", "SYSLOG_IDENTIFIER"), ("log", "time", "attrs")):
        if isinstance(told.get(inside), str):
            named = told.get(name) if isinstance(told.get(name), str) else None
            line = read_line(str(told[inside]), process or str(named or told.get("_SYSTEMD_UNIT") or ""))
            return line if line.at is not None else line._replace(at=_instant(told.get(at)))
    if not isinstance(told.get("event"), str):
        return None
    if told.get("raw") is True:
        return LogLine(process or str(told.get("process") or ""), _instant(told.get("timestamp")), text=told["event"])
    return LogLine(
        process=process or str(told.get("process") or ""),
        at=_instant(told.get("timestamp")),
        level=str(told.get("level") or "info").lower(),
        event=told["event"],
        logger=str(told.get("logger") or ""),
        fields={name: value for name, value in told.items() if name not in _OWN},
        text="\n".join(str(told[each]) for each in ("exception", "stack") if told.get(each)),
    )


def _read_text(found: re.Match[str], process: str) -> LogLine:
    """A line in the form for people."""
    rest = found["rest"]
    first = _FIRST_FIELD.search(rest)
    head = rest[: first.start()].rstrip() if first else rest.rstrip()
    fields = {name: value[1:-1] if value.startswith("'") else value for name, value in _FIELD.findall(rest[len(head) :])}
    event, bracket, logger = head.rpartition(" [")
    named = bool(bracket) and logger.endswith("]")
    return LogLine(
        process or found["name"] or "", _instant(found["at"]), found["level"], event.rstrip() if named else head,
        logger[:-1] if named else "", fields,
    )  # fmt: skip


def _instant(told: Any) -> datetime | None:
    """An ISO instant, or journald's microseconds since 1970; None for what is neither."""
    with suppress(ValueError, OverflowError, OSError):
        if isinstance(told, str) and told.isascii() and told.isdigit():
            return datetime.fromtimestamp(int(told) / 1e6, UTC)
        if isinstance(told, str):
            found = datetime.fromisoformat(told)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


_COLOURS: Final = {"debug": 2, "warning": 33, "error": 31, "critical": 31}
_PROCESS_WIDTH: Final = 13
_EVENT_WIDTH: Final = 22


def readable(line: LogLine, *, colours: bool = False, with_process: bool = True) -> Iterator[str]:
    """A line for people, in columns; a traceback stands below it. What is none of ours is passed on, without what moves a cursor."""
    if line.event is None:
        yield _clean(f"{line.process:<{_PROCESS_WIDTH}} | {line.text}" if with_process and line.process else line.text)
        return
    at = f"{line.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if line.at else " " * 19
    process = f"{_clean(line.process):<{_PROCESS_WIDTH}} " if with_process else ""
    fields = " ".join(f"{_clean(name)}={_value(value)}" for name, value in line.fields.items())
    level = f"{_clean(line.level):<8}"
    colour = _COLOURS.get(line.level)
    if colours and colour is not None:
        level = f"\x1b[{colour}m{level}\x1b[0m"
    yield f"{at} {process}{level} {_clean(line.event):<{_EVENT_WIDTH}} {fields}".rstrip()
    for each in line.text.splitlines():
        yield f"    {_clean(each)}"


def as_json(line: LogLine) -> str:
    """A line as one line of JSON, whatever form it came in; nothing in it moves a cursor either."""
    told: dict[str, Any] = {
        "timestamp": line.at.astimezone(UTC).isoformat().replace("+00:00", "Z") if line.at else None,
        "level": line.level, "event": line.text if line.event is None else line.event, "logger": line.logger, "process": line.process,
        **line.fields,
    }  # fmt: skip
    if line.event is None:
        told["raw"] = True
    elif line.text:
        told["exception"] = line.text
    kept = {name: value for name, value in told.items() if value not in (None, "")}
    return _escaped(json.dumps(kept, ensure_ascii=False, default=str))


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(_clean(value), ensure_ascii=False) if " " in value or not value else _clean(value)
    return _clean(json.dumps(value, ensure_ascii=False, default=str))


def _clean(text: str) -> str:
    """Text without what would move a cursor or turn text around."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text.expandtabs(4))


def _escaped(text: str) -> str:
    """JSON in which what is no printable character is written as an escape."""
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1]


class Wanted(NamedTuple):
    """Which lines are asked for; without anything, all of them."""

    level: str = "debug"
    process: str | None = None
    event: str | None = None
    since: datetime | None = None

    @property
    def everything(self) -> bool:
        return self == Wanted()


def chosen(lines: Iterable[LogLine], wanted: Wanted) -> Iterator[LogLine]:
    """The lines asked for. What is none of ours says neither level nor time: it goes with the line of its process before it, as a
    traceback does, and is passed on where there was none.
    """
    before: dict[str, tuple[bool, bool]] = {}
    for line in lines:
        told, recent = before.get(line.process, (True, True))
        if line.event is not None:
            told = line.weight >= LEVELS.index(wanted.level) and (
                wanted.event is None or wanted.event.lower() in line.event.lower()
            )
        if line.at is not None:
            recent = wanted.since is None or line.at >= wanted.since
        before[line.process] = told, recent
        if told and recent and (wanted.process is None or wanted.process in (line.process, line.process.partition("-")[0])):
            yield line
