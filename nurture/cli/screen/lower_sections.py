"""The lower parts of a frame: how mail fares, what is held, what there is, and what processes warned of."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from nurture.cli.screen.lines import Line, Style, beside, fit, left, listed, right, wrapped
from nurture.cli.screen.view import Block, View, head
from nurture.cli.screen.words import age, grouped, many, memory, percent, share

if TYPE_CHECKING:
    from nurture.reports.mailing import Fares, Mailing
    from nurture.reports.watching import Facts, LogLine

#: The width of the block of mail by family.
_FAMILIES: Final = 36

#: Beat ticks every second or so; it is worth a word when it is late. Seconds.
_SILENT: Final = 5.0

_STATUSES: Final = ("queued", "sending", "sent", "delivered", "skipped", "failed", "bounced", "complained", "uncertain")


def mail(facts: "Facts", view: View) -> Block:
    """With whom mail lies, and what came of it beside the limits at which it stops."""
    found = facts.mailing
    if found is None:
        return Block("mail", [head(f" {left('MAIL', 10)}", ("how it fares is not known", "dim"))], 1)
    families, fares = _families(found), _fares(found)
    if view.narrow:
        return Block("mail", [*families, *fares], len(families) + 2)
    return Block("mail", beside(families, fares, _FAMILIES + 1), 3)


def _families(found: "Mailing") -> list[Line]:
    lines = [head(f" {left('MAIL, 1 day', 13)}{right('queued', 7)}{right('sent', 7)}{right('bounced', 8)}")]
    for each in found.families:
        figures = f"{right(many(each.queued), 7)}{right(many(each.sent), 7)}{right(share(each.bounced, each.sent), 8)}"
        lines.append(((f" {left(each.family, 12)} {figures}", ""),))
    if not found.families:
        lines.append(((" none", "dim"),))
    return lines


def _fares(found: "Mailing") -> list[Line]:
    days = age(found.within.total_seconds())
    limits = f"{right(percent(found.bounces_limit), 9)}{right(percent(found.complaints_limit), 8)}"
    return [
        head(f"{left(f'SEQUENCES, {days}', 18)}{right('sent', 7)}{right('bounces', 9)}{right('spam', 8)}"),
        ((f"{left('  are stopped at', 25)}{limits}", "dim"),),
        *(_fare(each, found) for each in found.sequences),
    ]


def _fare(each: "Fares", found: "Mailing") -> Line:
    return (
        (f"{left(each.sequence, 17)} {right(many(each.sent), 7)}", ""),
        (right(share(each.bounced, each.sent), 9), _near(each.bounced, each.sent, found.bounces_limit, found.least)),
        (right(share(each.complained, each.sent), 8), _near(each.complained, each.sent, found.complaints_limit, found.least)),
    )


def _near(cases: int, sent: int, limit: float, least: int) -> Style:
    """How a share looks: what stops a sequence, half of that, or less."""
    if cases < least:
        return ""
    return "bad" if cases >= limit * sent else "warn" if cases >= limit * sent / 2 else ""


def held(facts: "Facts", view: View) -> Block | None:
    """What is paused, draining, or held back by a brake, and what is being warmed up; nothing where nothing is."""
    told = [
        f"{each.what}, {each.how} for {age((facts.at - each.since).total_seconds())}: {each.reason or 'no reason given'}"
        for each in facts.held
    ]
    store = facts.status.store
    ramps = store.warm_ups if store is not None else ()
    told += [f"{ramp.transport} is being warmed up: {ramp.sent} of {ramp.quota} mails today" for ramp in ramps]
    lines: list[Line] = []
    for each in told:
        lines += _labelled("" if lines else "HELD", wrapped(each, view.width - 12), "warn")
    return Block("held", lines, 1) if lines else None


def counts(facts: "Facts", view: View) -> Block:
    """What there is, counted: messages by status, dead letters, alarms."""
    store, stream = facts.status.store, facts.stream
    mails = [f"{name} {grouped(count)}" for name, count in _in_order(store.messages if store is not None else {}) if count]
    other = []
    if stream is not None:
        other += [f"dead letters {grouped(stream.dead_letters)}", f"quarantined {grouped(stream.quarantined)}"]
    if store is not None:
        other += [f"people {grouped(sum(store.people.values()))}", *([f"alarms {len(store.alarms)}"] if store.alarms else [])]
    if stream is not None:
        if stream.memory is not None:
            limit = f" of {memory(stream.memory.limit)}" if stream.memory.limit else ""
            other.append(f"Redis {memory(stream.memory.used)}{limit}")
        if stream.beat_seconds is None or stream.beat_seconds >= _SILENT:
            other.append("beat never" if stream.beat_seconds is None else f"beat {age(stream.beat_seconds)} ago")
    room = view.width - 12
    lines = [*_labelled("MESSAGES", listed(mails or ["none" if store is not None else "unknown"], room))]
    lines += _labelled("BESIDES", listed(other or ["unknown"], room))
    return Block("counts", lines, len(lines))


def _labelled(label: str, lines: Sequence[str], style: Style = "") -> Iterator[Line]:
    for number, text in enumerate(lines):
        yield head(f" {left('' if number else label, 10)}", (text, style))


def _in_order(found: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda each: _STATUSES.index(each[0]) if each[0] in _STATUSES else len(_STATUSES))


def warnings(facts: "Facts", view: View) -> Block:
    """What processes warned of lately; the same words again and again are told once, where they came last."""
    lines = [head(f" {left('WARNINGS', 10)}", ("the latest first" if facts.warnings else "none", "dim"))]
    for each, times in _gathered(facts.warnings):
        again = f"  ×{times}" if times > 1 else ""
        begin = f" {each.at:%H:%M:%S}  {left(_short(each.process), 6)}  "
        room = view.width - len(begin) - len(again)
        lines.append(((begin, "dim"), (fit(each.text, room), "bad" if each.level != "warning" else ""), (again, "dim")))
    return Block("warnings", lines, min(len(lines), 2))


def _gathered(found: Sequence["LogLine"]) -> list[tuple["LogLine", int]]:
    times = Counter((each.process, each.text) for each in found)
    latest: dict[tuple[str, str], LogLine] = {}
    for each in found:
        latest.setdefault((each.process, each.text), each)
    return [(each, times[key]) for key, each in latest.items()]


def _short(process: str) -> str:
    """`worker mail,handoff` is `mail`: the first queue that it serves."""
    return process.removeprefix("worker ").partition(",")[0]
