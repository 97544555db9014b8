"""One frame: a title and the blocks that fit. It is never wider or higher than it may be."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from nurture.cli.screen import lower_sections, sections
from nurture.cli.screen.lines import Line, Style, cut, in_ascii, spread, width_of
from nurture.cli.screen.view import Block, View
from nurture.cli.screen.words import age
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.reports.watching import Facts

_STYLES: Final[dict[str, Style]] = {"healthy": "good", "degraded": "warn", "down": "bad"}

#: Blocks of running text, of which a line is no thing by itself.
_WHOLE_LINES: Final = ("problem", "held")

#: What the database told so many seconds ago is said to be old.
_STALE: Final = 5.0

#: Which blocks get their room first: of each name, in the order of the frame.
_FIRST: Final = ("problem", "problems", "flow", "queues", "workers", "due", "held", "counts", "mail", "warnings")


def title(facts: "Facts", view: View, remark: str = "") -> Line:
    """The verdict, what it rests on, and when."""
    found = facts.status
    style = _STYLES[found.verdict]
    words = [f"Redis silent for {age(facts.since_redis)}"] if facts.since_redis is not None else []
    if facts.status_age >= _STALE:
        words.append(f"database read {age(facts.status_age)} ago")
    if found.problems and not words:  # else there would be no room for the time
        words.append(counted(len(found.problems), "problem"))
    told = f"   {', '.join(words)}" if words else ""
    begin: Line = (
        (" nurture ", "title"),
        (f" {found.verdict.upper()}", style),
        (told, ""),
        (f"   {remark}" if remark else "", "warn"),
    )
    end = cut(((f"{facts.at:%Y-%m-%d %H:%M:%S} UTC ", "dim"),), view.width)
    return spread(cut(begin, view.width), end, view.width)


def blocks(facts: "Facts", view: View, *, brief_problems: bool) -> list[Block]:
    """All that a frame may show, from top to bottom."""
    held = lower_sections.held(facts, view)
    return [
        *sections.problems(facts, view, brief_ones=brief_problems),
        sections.flow(facts, view),
        *sections.queues(facts, view),
        sections.workers(facts, view),
        lower_sections.mail(facts, view),
        *([held] if held is not None else []),
        lower_sections.counts(facts, view),
        lower_sections.warnings(facts, view),
    ]


def whole(facts: "Facts", view: View, remark: str = "") -> list[Line]:
    """Everything, as many lines as it takes, with room between the blocks."""
    lines: list[Line] = [title(facts, view, remark)]
    before = ""
    for block in blocks(facts, view, brief_problems=False):
        if not before == block.name == "problem" and {before, block.name} != {"held", "counts"}:
            lines.append(())
        lines += block.lines
        before = block.name
    return [_shown(line, view) for line in lines]


def fitted(facts: "Facts", view: View, height: int, remark: str = "") -> list[Line]:
    """What fits: exactly `height` lines. The most important blocks get their room first."""
    found = blocks(facts, view, brief_problems=True)
    room = _shared(found, max(0, height - 1))
    shown = [_short(block, lines, view.width) for block, lines in zip(found, room, strict=True) if lines]
    # Air between the blocks where there is room for all of it, and else none of it: a part of it would jump about.
    gaps = [other.name != "problems" for _, other in pairwise(shown)]
    airy = 2 + sum(len(block.lines) for block in shown) + sum(gaps) <= height
    lines: list[Line] = [title(facts, view, remark), *([()] if airy else [])]
    for number, block in enumerate(shown):
        if airy and number and gaps[number - 1]:
            lines.append(())
        lines += block.lines
    lines += [()] * (height - len(lines))
    return [_shown(line, view) for line in lines[:height]]


def _shown(line: Line, view: View) -> Line:
    return cut(in_ascii(line) if view.ascii_only else line, view.width)


def _shared(found: Sequence[Block], height: int) -> list[int]:
    """How many lines each block gets: first the least of each, the most important before the others, then the rest."""
    order = sorted(range(len(found)), key=lambda index: (_FIRST.index(found[index].name), index))
    room = [0] * len(found)
    left = height
    for index in order:
        least = min(found[index].least, len(found[index].lines))
        if least <= left:
            room[index] = least
            left -= least
    for index in order:
        if room[index]:
            more = min(left, len(found[index].lines) - room[index])
            room[index] += more
            left -= more
    return room


def _short(block: Block, lines: int, width: int) -> Block:
    """A block of so many lines; that something is left out is said in the last of them."""
    missing = len(block.lines) - lines
    if not missing:
        return block
    kept = block.lines[:lines]
    if block.name in _WHOLE_LINES:
        last = kept[-1]
        return block._replace(lines=[*kept[:-1], (*last, (" …", "dim")) if width_of(last) + 2 <= width else cut(last, width - 2)])
    if lines < 3:  # noqa: PLR2004  # a head, a line, and how many more
        return block._replace(lines=kept)
    return block._replace(lines=[*kept[:-1], ((f"   {missing + 1} more: press a", "dim"),)])
