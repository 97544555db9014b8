"""Rules of style put into the elements that they are for, as mail programs want it: worked out once for mails of one shape.

To parse a page, match its rules and write it out again takes longer than to render it, and readers of one mail differ in a few words.
So a page comes in the pieces that its template yields. Pieces of plain words are *values*; all the others together are its *shape*.
A shape is inlined with marks in place of the values, and what comes of it is kept: for the next reader the values are put in.

That is right as long as a value cannot change what is around it. One that holds anything a parser reads or a serialiser writes
otherwise counts as a part of the shape, and where a value stands in a place that rules may look at, nothing is kept.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from css_inline import CSSInliner

from nurture.adapters.mail.blocks import Blocks

_OPENING, _CLOSING = "\ue000", "\ue001"
_MARK: Final = re.compile(f"{_OPENING}(\\d+){_CLOSING}")

#: What goes through a parser and a serialiser of HTML as it is, in text and in a quoted attribute (HTML Standard §13.3).
_UNCHANGED: Final = re.compile(r'[^\s&<>"\0\ue000-\ue002](?:[^&<>"\0\r\xa0\ue000-\ue002]*[^\s&<>"\0\ue000-\ue002])?')

#: A tag whose end so far is inside the quotes of an attribute, but not of one that rules look at.
_IN_ATTRIBUTE: Final = re.compile(
    r"""<[^\s<>]+(?:\s+[\w:-]+(?:="[^"]*")?)*\s+(?!(?:class|id|style)=)[\w:-]+="[^"]*\Z""", re.IGNORECASE
)

#: Rules that look at other attributes.
_STYLE: Final = re.compile(r"<style.*?</style", re.IGNORECASE | re.DOTALL)
_SELECTS_BY_ATTRIBUTE: Final = re.compile(r"\[|:lang|:dir")

#: The beginning of a character reference that a value could go on with.
_REFERENCE: Final = re.compile(r"&[#\w]*\Z")

#: How many shapes are kept, each about as large as a mail.
_KEPT: Final = 256


class _Line(NamedTuple):
    """A line of a page that differs from reader to reader: its pieces, of which every other one is one of the values."""

    pieces: tuple[str, ...]
    values: tuple[int, ...]

    def filled(self, values: Sequence[str]) -> str:
        line = [*self.pieces]
        line[1::2] = [values[which] for which in self.values]
        return "".join(line)


#: A page with its styles in place: blocks of lines that are the same for everybody, and each line that is not.
_Page = tuple[str | _Line, ...]


class Inliner:
    """Puts styles in place. Rules for narrow and for dark screens cannot be inlined: they stay in the head."""

    def __init__(self) -> None:
        self._inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
        self._kept = lru_cache(maxsize=_KEPT)(self._inlined)

    def inline(self, pieces: Iterable[str]) -> Blocks:
        """The page that the pieces make, with its rules of style in the elements that they are for."""
        told = [*pieces]
        shape = tuple(None if _UNCHANGED.fullmatch(piece) else piece for piece in told)
        kept = self._kept(shape)
        if kept is None:
            return tuple(self._page("".join(told)).split("\n"))
        values = [piece for piece, fixed in zip(told, shape, strict=True) if fixed is None]
        return tuple(block if isinstance(block, str) else block.filled(values) for block in kept)

    def _inlined(self, shape: tuple[str | None, ...]) -> _Page | None:
        """What comes of a shape; None where it depends on the values."""
        page, values = "", 0
        for piece in shape:
            if piece is not None:
                page = f"{page}{piece}"  # `+` would escape what is before a piece that Jinja2 has marked as safe
            elif _may_stand_after(page):
                page, values = f"{page}{_OPENING}{values}{_CLOSING}", values + 1
            else:
                return None
        if any(_SELECTS_BY_ATTRIBUTE.search(style) for style in _STYLE.findall(page)):
            return None
        page = self._page(page)
        return tuple(_cut(page)) if sorted(map(int, _MARK.findall(page))) == [*range(values)] else None

    def _page(self, html: str) -> str:
        return _charset_first(self._inliner.inline(html.strip()))


def _cut(page: str) -> Iterator[str | _Line]:
    """A page with marks, cut between lines."""
    for fixed, lines in groupby(page.split("\n"), lambda line: _MARK.search(line) is None):
        if fixed:
            yield "\n".join(lines)
        else:
            yield from (_Line(tuple(pieces), tuple(map(int, pieces[1::2]))) for pieces in map(_MARK.split, lines))


def _may_stand_after(page: str) -> bool:
    """Whether what is around a value at the end of a page stays the same, whatever the value is."""
    tag = page.rfind("<")
    if page.rfind("<style") > page.rfind("</style") or _REFERENCE.search(page, max(tag, 0)):
        return False
    return page.rfind(">") > tag or _IN_ATTRIBUTE.match(page, tag) is not None


def _charset_first(html: str) -> str:
    """The inliner puts the rules that it keeps at the head's very beginning; the encoding is looked for in the first 1024 bytes."""
    before, charset, after = html.partition('<meta charset="utf-8">')
    start, head, rules = before.partition("<head>")
    return f"{start}{head}{charset}{rules}{after}"
