"""A simulated story as text, for people who look at a terminal, and as plain values."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from nurture.cli.printing import aligned, clean, instant
from nurture.domain.mail.sending import MessageStatus
from nurture.reports.wording import counted
from nurture.simulation.calendar import Day
from nurture.simulation.difference import Count, Difference
from nurture.simulation.story import Line, MessageRow, Story, What

#: Up to so many people each has a timeline; of more there is a summary.
_FEW: Final = 3

#: Of a difference, so many people are named; the rest is counted.
_NAMED: Final = 50

_HEAT: Final = "▁▂▃▄▅▆▇█"

#: Characters of the longest bar of a calendar.
_BAR: Final = 40


def story_lines(story: Story) -> Iterator[str]:
    """A story, a line at a time: the timeline of few people, figures of all."""
    people = [row for row in story.people() if not row.person.isdecimal()] or list(story.people())
    span = f"{instant(story.start)} to {instant(story.until)}"
    yield f"simulated: {counted(len(people), 'person', 'people')}, {span} (times are UTC; nothing was mailed)"
    if len(people) <= _FEW:
        ids = {row.id: row.person for row in story.people()}
        for id_, name in ids.items():
            yield from _timeline(clean(name), [line for line in story.lines if line.person == id_])
    yield from _summary(story)
    for failure in story.failures:
        yield f"\ncould not be decided: {clean(failure)}"


def _timeline(name: str, lines: Sequence[Line]) -> Iterator[str]:
    if lines:
        yield f"\n{name}"
        yield from aligned(
            (instant(line.at), line.what.value, line.sequence or "", line.step or "", _words(line)) for line in lines
        )


def _words(line: Line) -> str:
    """What a line tells, beside what happened to whom and where."""
    told = line.told
    match line.what:
        case What.EVENT:
            by = f" ({told['verdict']}: {', '.join(told.get('reasons', ()))})" if told["verdict"] != "human" else ""
            return f"{told['event']}{by}"
        case What.SCORED:
            hits = f" × {told['hits']}" if told["hits"] > 1 else ""
            return f"{told['rule']}: {told['points']:+d} points{hits}"
        case What.STAGE:
            return f"{told['from']} → {told['to']} by {told['rule']} ({told['cause']})"
        case What.ENTERED:
            return f"{told['why']}{', held' if told.get('held') else ''}"
        case What.WAITS:
            return f"until {instant(told['until'])}"
        case What.ALERT:
            return f"to {told['endpoint']}{': ' + told['text'] if told['text'] else ''}"
        case What.ENDED:
            return f"{told['status']}: {told['reason']}"
        case What.QUEUED | What.DEFERRED | What.SKIPPED | What.SENT | What.FAILED:
            return _mail_words(told)
        case _:
            return ", ".join(str(value) for value in told.values())


def _mail_words(told: Mapping[str, Any]) -> str:
    parts = [str(told["template"])]
    parts += [f"variant {told['variant']}"] if told.get("variant") else []
    parts += [str(told["reason"])] if told.get("reason") else []
    parts += [f"until {instant(told['until'])}"] if told.get("until") else []
    parts += [f"{told['subject']!r} ({told['language']})"] if told.get("subject") else []
    parts += [str(told["detail"])] if told.get("detail") else []
    return ", ".join(parts)


def _summary(story: Story) -> Iterator[str]:
    by_mail = Counter[tuple[str, ...]](
        (row.sequence, row.template) for row in story.messages() if row.status == MessageStatus.SENT
    )
    by_skip = Counter[tuple[str, ...]]((_why(row), row.sequence) for row in story.messages() if row.status != MessageStatus.SENT)
    by_end = Counter[tuple[str, ...]]((run.sequence, run.status, run.reason or "") for run in story.runs())
    by_stage = Counter[tuple[str, ...]]((move.from_stage, move.to_stage, move.rule) for move in story.stage_changes())
    yield from _table("mails", by_mail)
    yield from _table("not mailed", by_skip)
    yield from _table("runs", by_end)
    yield from _table("stages", by_stage)


def _why(row: MessageRow) -> str:
    return f"{row.status}: {row.reason}" if row.reason else row.status


def _table(title: str, counts: Mapping[tuple[str, ...], int]) -> Iterator[str]:
    if counts:
        yield f"\n{title}"
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        yield from aligned([(str(count), *name) for name, count in ordered], figures_first=True)


def calendar_lines(days: Sequence[Day], zone: str) -> Iterator[str]:
    """Mails per day: a bar, the warmer and the longer the more there are."""
    most = max((day.total for day in days), default=0)
    yield f"\nmails per day ({zone})" if days else "\nno mail on any day"
    for day in days:
        if day.total:
            bar = _HEAT[(day.total * len(_HEAT) - 1) // most] * max(1, round(_BAR * day.total / most))
            yield f"  {day.day:%a %Y-%m-%d}  {day.total:>6,}  {bar}"
        else:
            yield f"  {day.day:%a %Y-%m-%d}       ·"


def difference_lines(changed: Difference) -> Iterator[str]:
    """What is not the same: mails, runs and stages with both counts, then who is concerned."""
    if not any(changed):
        yield "nobody gets anything more or less"
        return
    for title, counts in (("mails", changed.mails), ("runs", changed.runs), ("stages", changed.stages)):
        if counts:
            yield f"{title} (before → now)"
            yield from aligned(
                [(_sign(count), *count.what, f"{count.before} → {count.now}") for count in counts], figures_first=True
            )
    if changed.people:
        yield f"\n{counted(len(changed.people), 'person is', 'people are')} concerned"
        yield from aligned(
            (change.person, *(f"+ {each}" for each in change.more), *(f"- {each}" for each in change.less))
            for change in changed.people[:_NAMED]
        )
    if len(changed.people) > _NAMED:
        yield f"  … and {len(changed.people) - _NAMED} more; --json names all"


def _sign(count: Count) -> str:
    return f"{count.now - count.before:+d}"


def as_values(story: Story, changed: Difference | None, days: Sequence[Day]) -> dict[str, Any]:
    """A story as plain values."""
    named = {row.id: row.person for row in story.people()}
    told: dict[str, Any] = {
        "start": story.start,
        "until": story.until,
        "people": [row._asdict() for row in story.people()],
        "messages": [row._asdict() for row in story.messages()],
        "runs": [row._asdict() for row in story.runs()],
        "stage_changes": [row._asdict() for row in story.stage_changes()],
        "timeline": [line._asdict() | {"person": named.get(line.person, str(line.person))} for line in story.lines],
        "mails_per_day": [{"day": day.day, "mails": dict(day.mails)} for day in days],
        "failures": list(story.failures),
    }
    if changed is not None:
        told["difference"] = {
            name: [each._asdict() for each in part] for name, part in changed._asdict().items()
        }  # fmt: skip
    return told
