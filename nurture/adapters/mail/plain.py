"""Plain text: lines of at most 78 columns, except where an address is longer."""

import re
from collections.abc import Iterator
from typing import Final

WIDTH: Final = 78

#: What a line may begin with: the marks of quotations, then one mark of a list. The lines that follow are indented alike.
_LEAD: Final = re.compile(r"(?P<quote>\s*(?:> ?)*)(?P<item>(?:[-•*] +|\d+[.)] +)?)")
_GAP: Final = re.compile(r"\n{3,}")


def wrap(text: str) -> str:
    """The text with long lines broken at spaces, and never more than one empty line in a row; ends with a newline.

    Only ordinary spaces break a line: French puts unbreakable ones before its marks.
    """
    lines = (broken for line in text.splitlines() for broken in _broken(line.rstrip()))
    return _GAP.sub("\n\n", "\n".join(lines)).strip("\n") + "\n"


def _broken(line: str) -> Iterator[str]:
    if len(line) <= WIDTH or not (lead := _LEAD.match(line)):
        yield line
        return
    indent = lead["quote"] + " " * len(lead["item"])
    start, words = lead.end(), line[lead.end() :].split(" ")
    taken, length = [words[0]], start + len(words[0])
    begin = line[:start]
    for word in words[1:]:
        length += 1 + len(word)
        if length > WIDTH:
            yield begin + " ".join(taken)
            begin, taken, length = indent, [word], len(indent) + len(word)
        else:
            taken.append(word)
    yield begin + " ".join(taken)
