"""The upper parts of a frame: what is wrong, what flows, what waits, and who works.

Columns have fixed widths and figures range right, so from one frame to the next only figures change.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from nurture.adapters.broker import QUEUES
from nurture.cli.screen.lines import Line, Part, Style, beside, fit, left, right, wrapped
from nurture.cli.screen.view import Block, View, head
from nurture.cli.screen.words import NOTHING, age, brief, many, memory, speed
from nurture.reports.pulse import ASCII_BARS, BARS, FLOW, sparkline

if TYPE_CHECKING:
    from nurture.reports.facts import Due, Running, Stream, Worker
    from nurture.reports.problems import Problem
    from nurture.reports.watching import Facts

#: What is older than this has waited too long. Seconds.
_LATE: Final = 60.0

#: So many partitions an installation has unless its settings say otherwise.
_USUAL: Final = 4

#: The width of the block of what is due, of what is between, and of what stands before the partitions.
_DUE: Final = 34
_GAP: Final = 5
_ALL: Final = 16


def problems(facts: "Facts", view: View, *, brief_ones: bool) -> list[Block]:
    """What is wrong, the cause first, each with what to type; where there is little room, all but the first in a line each."""
    found = facts.status.problems
    if not brief_ones:
        return [Block("problem", list(_problem(each, view)), 2) for each in found]
    first = [Block("problem", list(_problem(each, view)), 2) for each in found[:1]]
    others = [_in_a_line(each, view) for each in found[1:]]
    return [*first, Block("problems", others, min(2, len(others)))] if others else first


def _problem(each: "Problem", view: View) -> Iterator[Line]:
    style = _style(each)
    for number, text in enumerate(wrapped(each.what, view.width - 4)):
        yield ((f"{_mark(each) if not number else '  '} ", style), (text, style))
    told = f"`{each.command}`: {each.remedy}" if each.command else each.remedy
    for number, text in enumerate(wrapped(told, view.width - 7)):
        yield ((f"   {'→' if not number else '':2} ", "dim"), (text, ""))


def _in_a_line(each: "Problem", view: View) -> Line:
    command = f"  `{each.command}`" if each.command else ""
    what = fit(each.what, max(view.width - 3 - len(command), 10))
    return ((f"{_mark(each)} ", _style(each)), (what, _style(each)), (command, ""))


def _mark(each: "Problem") -> str:
    return "!!" if each.down else " !"


def _style(each: "Problem") -> Style:
    return "bad" if each.down else "warn"


def flow(facts: "Facts", view: View) -> Block:
    """How much comes in, is absorbed, taken as steps and sent, in a second."""
    bars = 60 if view.wide else 30 if view.width >= 60 else 10  # noqa: PLR2004  # what stands beside them takes 29, and 45 where there is room
    long = not view.narrow
    title = f" {left('FLOW', 10)}{right('/s now', 7)}{right('1 min', 8)}{right('10 min', 8) if long else ''}   "
    peak = f"{right('peak', 8)}" if long else ""
    lines = [head(title, (left("the last 10 minutes", bars), "dim"), (peak, "dim"))]
    for name in FLOW:
        told = facts.flow.get(name)
        now, minute, ten, line = (told.now, told.minute, told.ten_minutes, told.line) if told else (None, None, None, ())
        figures = f" {left(name, 10)}{right(speed(now), 7)}{right(speed(minute), 8)}{right(speed(ten), 8) if long else ''}   "
        rates = _joined(line, bars)
        drawn = left(sparkline(rates, ASCII_BARS if view.ascii_only else BARS), bars)
        highest = max((rate for rate in rates if rate is not None), default=None)
        lines.append(((figures, ""), (drawn, "good"), (right(speed(highest), 8) if long else "", "dim")))
    return Block("flow", lines, 5)


def _joined(line: Sequence[float | None], bars: int) -> list[float | None]:
    """The rates of fewer, longer spans."""
    size = max(1, len(line) // bars)
    groups = [[each for each in line[start : start + size] if each is not None] for start in range(0, len(line), size)]
    return [sum(group) / len(group) if group else None for group in groups]


def queues(facts: "Facts", view: View) -> list[Block]:
    """The stream by partitions, and what is due in the database."""
    due = _due(facts)
    if view.narrow:
        stream = _partitions(facts.stream, max(1, (view.width - _ALL) // 6))
        return [Block("queues", stream, 4), Block("due", due, 4)]
    shown = (view.width - _DUE - _GAP - _ALL) // 6
    # As wide whether Redis answers or not, so that the other block stands still.
    there = max(_USUAL, len(facts.stream.partitions) if facts.stream is not None else 0)
    return [Block("queues", beside(_partitions(facts.stream, shown), due, _ALL + 6 * min(shown, there) + _GAP), 4)]


def _partitions(stream: "Stream | None", shown: int) -> list[Line]:
    """The partitions side by side; of more than fit, those in which most lies, in their order."""
    found = stream.partitions if stream is not None else ()
    most = sorted(found, key=lambda each: (-each.waiting - each.handed_out, each.partition))[:shown]
    chosen = sorted(most, key=lambda each: each.partition)
    oldest = max((each.oldest_seconds or 0.0 for each in found), default=0.0)
    late: Style = "bad" if oldest > _LATE else ""
    rows: list[tuple[str, str, list[str], Style]] = [
        ("waiting", many(sum(each.waiting for each in found)), [many(each.waiting) for each in chosen], ""),
        ("in hand", many(sum(each.handed_out for each in found)), [many(each.handed_out) for each in chosen], ""),
        ("oldest", brief(oldest or None), [brief(each.oldest_seconds) for each in chosen], late),
    ]
    lines = [head(f" {left('STREAM', 9)}{right('all', 6)}" + "".join(right(f"p{each.partition}", 6) for each in chosen))]
    for name, total, values, style in rows:
        figures = "".join(right(value, 6) for value in values)
        lines.append(((f" {left(name, 9)}", ""), (right(total if found else NOTHING, 6), style), (figures, style)))
    return lines


def _due(facts: "Facts") -> list[Line]:
    store = facts.status.store
    rows: list[tuple[str, Due | None]] = [
        ("steps", store.steps if store else None),
        ("mails", store.mails if store else None),
        ("hand-offs", store.calls if store else None),
    ]
    lines = [head(f"{left('DUE', 10)}{right('now', 6)}{right('overdue', 9)}{right('next in', 9)}")]
    for name, due in rows:
        if due is None:
            lines.append(((f"{left(name, 10)}{right(NOTHING, 6)}{right(NOTHING, 9)}{right(NOTHING, 9)}", "dim"),))
            continue
        following = (due.next_due - facts.at).total_seconds() if due.next_due else None
        overdue: Part = (right(many(due.overdue), 9), "bad" if due.overdue else "")
        lines.append(((f"{left(name, 10)}{right(many(due.due), 6)}", ""), overdue, (right(age(following), 9), "")))
    return lines


def workers(facts: "Facts", view: View) -> Block:
    """Every worker: what it serves, how busy it is, what it runs."""
    found = sorted(facts.stream.workers if facts.stream is not None else (), key=lambda each: _rank(each, view.order))
    host = 20 if view.wide else 8 if view.narrow else 10
    fixed = 1 + host + 8 + 2 + 16 + 6 + (0 if view.narrow else 6 + 5 + 7) + 2
    more = "" if view.narrow else f"{right('mem', 6)}{right('died', 5)}{right('up', 7)}"
    label = f"WORKERS {len(found)}" if found else "WORKERS"
    lines = [
        head(
            f" {left(label if not view.narrow else 'WORKERS', host)}{right('pid', 8)}  {left('serves', 16)}{right('busy', 6)}{more}  runs"
        )
    ]
    for each in found:
        busy = NOTHING if each.busy is None else f"{100 * each.busy:.0f} %"
        line: list[Part] = [(f" {left(each.host, host)}{right(each.pid, 8)}  {left(_serves(each), 16)}{right(busy, 6)}", "")]
        if not view.narrow:
            line += [
                (right(memory(each.memory), 6), ""),
                (right(each.restarts, 5), "warn" if each.restarts else ""),
                (right(brief((each.seen - each.started).total_seconds()), 7), ""),
            ]
        line += [("  ", ""), (fit(_runs(each, wide=view.wide), max(view.width - fixed, 4)), "" if each.tasks else "dim")]
        lines.append(tuple(line))
    if not found:
        why = "no worker runs" if facts.stream is not None else "Redis does not answer, and only it knows them"
        lines.append(((f" {why}", "bad"),))
    return Block("workers", lines, 2)


def _rank(worker: "Worker", order: str) -> tuple[float, str, int]:
    ranks = {
        "busy": -(worker.busy or 0.0), "memory": -float(worker.memory or 0), "died": -float(worker.restarts),
        "age": worker.started.timestamp(),
    }  # fmt: skip
    return ranks.get(order, 0.0), worker.host, worker.pid


def _serves(worker: "Worker") -> str:
    if set(QUEUES) <= set(worker.queues):
        return "every queue"
    return "+".join(sorted(worker.queues, key=lambda queue: QUEUES.index(queue) if queue in QUEUES else len(QUEUES)))


def _runs(worker: "Worker", *, wide: bool) -> str:
    """What a worker runs: each task with what it is about, the number of the batch it works on, and for how long it runs."""
    told = [_task(task, worker, wide=wide) for task in sorted(worker.tasks, key=lambda task: task.since)]
    if wide or len(told) < 2:  # noqa: PLR2004  # several
        return "; ".join(told) or "idle"
    return f"{told[0]} +{len(told) - 1}"


def _task(task: "Running", worker: "Worker", *, wide: bool) -> str:
    words = [f"{task.task} {task.about}".strip()]
    if task.batch is not None:
        words.append(f"batch {task.batch}" if wide else f"#{task.batch}")
    if wide and task.rows:
        words.append(f"{many(task.rows)} rows")
    words.append(age(max(0.0, worker.seen.timestamp() - task.since)))
    return (", " if wide else " ").join(words)
