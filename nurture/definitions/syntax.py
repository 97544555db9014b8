"""What a YAML parser says, said so that it helps: where the slip is and what to do about it."""

import re
from typing import Any, Final, NamedTuple

from ruamel.yaml.error import MarkedYAMLError

from nurture.definitions.mistakes import Flaw, Spot, flaw


class _Explanation(NamedTuple):
    """A pattern of what the parser says, how we say it (`what; what to do`), and whether the slip is where the part began."""

    said: str
    text: str
    at_beginning: bool = False


_MISALIGNED: Final = re.compile(r"parsing a block (mapping|collection|sequence)|'<document start>'")

_EXPLANATIONS: Final = (
    _Explanation(r"character '\\t'", "a tab stands where YAML wants spaces; indent with spaces"),
    _Explanation(r"character '([%@`])' that cannot start", "a text cannot begin with {0}; put quotes around it"),
    _Explanation(
        r"mapping values are not allowed",
        "this ':' makes no sense here; put quotes around a text that holds ': ', or indent this line like the one it belongs with",
    ),
    _Explanation(
        r"could not find expected ':'",
        "a ':' is missing behind this key; write 'key: value', with a space behind the ':'",
        at_beginning=True,
    ),
    _Explanation(r"quoted scalar.*unexpected end", "this quote is never closed; add the closing quote", at_beginning=True),
    _Explanation(
        r"quoted scalar.*document separator",
        "this quote is not closed before the line '---'; add the closing quote",
        at_beginning=True,
    ),
    _Explanation(
        r"while scanning a double-quoted scalar",
        "a \\ begins no known escape here; write \\\\ for a backslash, or use single quotes",
    ),
    _Explanation(r"but found '([\]}}])'", "this '{0}' closes nothing; delete it, or open it first"),
    _Explanation(
        r"parsing a block (mapping|collection).*'<scalar>'",
        "a text goes on behind its closing quote; write '' for a quote inside single quotes, or use double quotes outside",
    ),
    _Explanation(
        _MISALIGNED.pattern,
        "this line does not line up with the lines before it; indent the keys, or the '-', of one list alike",
    ),
    _Explanation(
        r"undefined alias '?([^' ]+)'?",
        "'*{0}' refers to an anchor that is not set; mark it with '&{0}' above, or put quotes around a text that begins with '*'",
    ),
    _Explanation(
        r"(scanning|parsing) an? (alias|anchor)", "a '*' or '&' begins no name here; put quotes around a text that begins with it"
    ),
    _Explanation(r"(scanning|parsing) a tag", "a '!' begins no tag here; put quotes around a text that begins with it"),
    _Explanation(
        r"expected a single document", "a second document begins here; delete the line '---', as one file holds one document"
    ),
    _Explanation(r"scanning a block scalar", "behind '|' or '>' the line must end; write the text on the next line, indented"),
    _Explanation(r"node content.*<stream end>", "the file ends before all is closed; add the ']' or '}}' that is missing"),
    _Explanation(r"expected the node content", "a value is missing here; close what is open only after its last value"),
    _Explanation(r"directive|incompatible YAML", "a line that begins with '%' means nothing here; delete it"),
)

_FLOW: Final = re.compile(r"while parsing a flow (sequence|mapping)")
_DASH_WITHOUT_SPACE: Final = re.compile(r"\s*-[^\s-]")
_WORDS_ALONE: Final = re.compile(r"\s*[A-Za-z_]\w*( [^:#]*)?$")


def lines_of(text: str) -> list[str]:
    """The lines of a text as YAML 1.2 and editors count them; at least one."""
    return re.split(r"\r\n|\r|\n", text)


def explain(error: MarkedYAMLError, text: str) -> Flaw:
    """The parser's error as a flaw with its place."""
    said = f"{error.context or ''} {error.problem or ''}"
    lines = lines_of(text)
    if error.context_mark is not None and _FLOW.search(said) and not re.search(r"<(block end|document)", said):
        return _about_brackets(error, said, lines)
    dash = _dash_without_space(error, lines)
    if "mapping values" in said and dash is not None:
        return flaw(dash, "a space is missing behind this '-'; write '- key: value'")
    colon = _line_without_colon(error, lines)
    if colon is not None and (_MISALIGNED.search(said) or ("mapping values" in said and _is_first_colon(error, lines))):
        return flaw(colon, "a ':' is missing on this line; write 'key: value'")
    for each in _EXPLANATIONS:
        found = re.search(each.said, said, re.DOTALL)
        if found:
            mark = error.context_mark if each.at_beginning and error.context_mark else error.problem_mark
            return flaw(_spot(mark, lines), each.text.format(*found.groups()))
    mark = error.problem_mark or error.context_mark
    return flaw(
        _spot(mark, lines), f"this is no YAML ({error.problem or error.context or 'it cannot be read'}); correct or quote it"
    )


def _about_brackets(error: MarkedYAMLError, said: str, lines: list[str]) -> Flaw:
    """On one line a comma is missing; an error on a later line means that the bracket was never closed."""
    opening, closing = "[]" if "sequence" in said else "{}"
    if error.problem_mark is not None and error.problem_mark.line == error.context_mark.line and "stream end" not in said:
        return flaw(_spot(error.problem_mark, lines), f"a ',' or '{closing}' is missing before this; add it")
    return flaw(_spot(error.context_mark, lines), f"this '{opening}' is never closed; add the '{closing}'")


def _dash_without_space(error: MarkedYAMLError, lines: list[str]) -> Spot | None:
    """`-key: value` begins a text, not an item; the parser notices only on the next line."""
    if error.problem_mark is None:
        return None
    for line in range(error.problem_mark.line, max(error.problem_mark.line - 2, -1), -1):
        found = _DASH_WITHOUT_SPACE.match(lines[line]) if line < len(lines) else None
        if found:
            return Spot(line + 1, found.end() - 1)
    return None


def _line_without_colon(error: MarkedYAMLError, lines: list[str]) -> Spot | None:
    """The line before the one that does not fit, if it is no `key: value` itself."""
    before = lines[: error.problem_mark.line] if error.problem_mark is not None else []
    for index in range(len(before) - 1, -1, -1):
        if before[index].strip() and not before[index].lstrip().startswith("#"):
            indent = len(before[index]) - len(before[index].lstrip())
            return Spot(index + 1, indent + 1) if _WORDS_ALONE.match(before[index]) else None
    return None


def _is_first_colon(error: MarkedYAMLError, lines: list[str]) -> bool:
    """Whether the ':' complained of is the one behind its line's key, so that the slip is on the line before."""
    mark = error.problem_mark
    return mark is not None and mark.line < len(lines) and ":" not in lines[mark.line][: mark.column]


def _spot(mark: Any, lines: list[str]) -> Spot:
    """A mark as a place that exists: an error at the end of the file belongs to the last line that says something."""
    if mark is None:
        return Spot()
    if mark.line < len(lines) and lines[mark.line].strip():
        return Spot(mark.line + 1, mark.column + 1)
    last = max((index for index, line in enumerate(lines[: mark.line + 1]) if line.strip()), default=0)
    return Spot(last + 1, len(lines[last].rstrip()) + 1)
