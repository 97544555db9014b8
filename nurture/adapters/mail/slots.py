"""Jinja2 constructs lifted out of a text and put back later.

Markdown runs once per template, before Jinja2, so that what people typed into a form is never read as Markdown. For that,
each `{{ … }}`, `{% … %}` and `{# … #}` is replaced by a mark that Markdown takes for a word: a number between two
characters of Unicode's private use area.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from jinja2 import Environment

_EXPRESSION: Final = "\ue000"
_STATEMENT: Final = "\ue002"
_END: Final = "\ue001"
_PRIVATE: Final = re.compile(f"[{_EXPRESSION}{_END}{_STATEMENT}]")

#: Finds marks; group 1 is the number of the slot.
MARK: Final = re.compile(f"[{_EXPRESSION}{_STATEMENT}](\\d+){_END}")

#: A line that holds statements and nothing else: it stands between blocks and is not a paragraph.
STATEMENTS_ONLY: Final = re.compile(rf"\s*(?:{_STATEMENT}\d+{_END}\s*)+$")


class Slot(NamedTuple):
    """One construct as written, and its line in the file."""

    construct: str
    line: int

    @property
    def expression(self) -> str | None:
        """What stands inside `{{ … }}`; None for a statement or a comment."""
        if not self.construct.startswith("{{"):
            return None
        return self.construct.strip()[2:-2].strip("+-").strip()


class Source(NamedTuple):
    """Jinja2 source, and which line of the file each of its lines comes from (pairs, ascending)."""

    text: str
    origins: tuple[tuple[int, int], ...]

    def line_in_file(self, line: int) -> int:
        """The file's line for a line of the source: that of the last construct up to it."""
        if not self.origins:
            return 1
        return self.origins[max(bisect_right(self.origins, (line, 1 << 31)) - 1, 0)][1]


class Slots:
    """The constructs of one file."""

    def __init__(self) -> None:
        self._slots: list[Slot] = []

    def __getitem__(self, number: str) -> Slot:
        return self._slots[int(number)]

    def lift(self, source: str, environment: Environment) -> str:
        """The source with a mark in place of each construct; raises jinja2.TemplateSyntaxError."""
        marked: list[str] = []
        for construct, line, is_data in _pieces(_PRIVATE.sub("", source), environment):
            marked.append(construct if is_data else self.add(construct, line))
        return "".join(marked)

    def add(self, construct: str, line: int) -> str:
        """The mark of a new slot."""
        self._slots.append(Slot(construct, line))
        opening = _EXPRESSION if construct.startswith("{{") else _STATEMENT
        return f"{opening}{len(self._slots) - 1}{_END}"

    def put_back(self, text: str) -> Source:
        """Every mark turned into its construct again."""
        pieces: list[str] = []
        origins: dict[int, int] = {}
        line = 1
        for literal, slot in _alternating(text, self):
            pieces.append(literal)
            line += literal.count("\n")
            if slot is not None:
                origins.setdefault(line, slot.line)
                pieces.append(slot.construct)
                line += slot.construct.count("\n")
        return Source("".join(pieces), tuple(origins.items()))

    def map(self, text: str, literal: Callable[[str], str], slot: Callable[[Slot], str]) -> Iterator[str]:
        """The text piece by piece, each literal piece and each slot turned into something else."""
        for piece, found in _alternating(text, self):
            if piece:
                yield literal(piece)
            if found is not None:
                yield slot(found)


def _alternating(text: str, slots: Slots) -> Iterator[tuple[str, Slot | None]]:
    end = 0
    for mark in MARK.finditer(text):
        yield text[end : mark.start()], slots[mark[1]]
        end = mark.end()
    yield text[end:], None


def _pieces(source: str, environment: Environment) -> Iterator[tuple[str, int, bool]]:
    """Data and constructs in turn, as (text, line, is data)."""
    construct: list[str] = []
    started = 1
    for line, kind, value in environment.lex(source):
        if kind == "data":
            yield value, line, True
            continue
        if not construct:
            started = line
        construct.append(value)
        if kind.endswith("_end") or kind == "raw_begin":
            yield "".join(construct), started, False
            construct = []
