"""Plain text: lines of at most 78 columns, except where an address is longer."""

import re
from functools import cache, lru_cache
from typing import Final

from nurture.adapters.mail.blocks import Blocks, whole

WIDTH: Final = 78

#: What a line may begin with: the marks of quotations, then one mark of a list. The lines that follow are indented alike.
_LEAD: Final = re.compile(r"(?P<quote>\s*(?:> ?)*)(?P<item>(?:[-•*] +|\d+[.)] +)?)")
_GAP: Final = re.compile(r"\n{3,}")


def wrap(text: str) -> str:
    """The text with long lines broken at spaces, and never more than one empty line in a row; ends with a newline.

    Only ordinary spaces break a line: French puts unbreakable ones before its marks.
    """
    return whole(wrapped(text))


def wrapped(text: str) -> Blocks:
    """The same, a block for each paragraph."""
    return tuple(filter(None, map(_paragraph, text.split("\n\n")))) or ("\n",)


@lru_cache(maxsize=4_096)  # most readers of a mail read the same paragraphs
def _paragraph(text: str) -> str:
    """A paragraph, its last line ended; nothing where there are no words."""
    lines: list[str] = []
    for line in map(str.rstrip, text.splitlines()):
        if len(line) <= WIDTH or " " not in line:
            lines.append(line)
        else:
            lines += _broken(line)
    words = _GAP.sub("\n\n", "\n".join(lines)).strip("\n")
    return words and f"{words}\n"


def _broken(line: str) -> tuple[str, ...]:
    """A long line in pieces, each as long as may be; a word that is too long for any line has one for itself."""
    lead = _LEAD.match(line)
    if lead is None or len(lead[0]) >= WIDTH:
        return (line,)
    # The last thing found is the nothing at the end of the line.
    first, *others, _ = _as_long_as(WIDTH - len(lead[0])).findall(line, lead.end())
    indent = lead["quote"] + " " * len(lead["item"])
    return (lead[0] + first, *(indent + piece for piece in others))


@cache
def _as_long_as(width: int) -> re.Pattern[str]:
    return re.compile(rf"(.{{0,{width}}}(?= |$)|[^ ]+)(?: |$)")
