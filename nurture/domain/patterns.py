"""Regular expressions over what strangers send, in time that grows with the length of the text and with nothing else.

Python's `re` goes back and tries again, and `(a+)+$` on thirty letters takes it minutes. Pydantic brings another engine, Rust's
`regex`, which follows all ways at once (R. Cox, "Regular Expression Matching Can Be Simple And Fast", 2007; docs.rs/regex,
"Untrusted input"). What cannot be found in this way it refuses: look-around and references back.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

#: A pattern that says more is several patterns. Characters.
LONGEST_PATTERN: Final = 1_000

#: What the engine says of a pattern that it does not take, and what its author should do instead.
_REMEDIES: Final = (
    ("look-around", "look-around needs unbounded time and is not known; write a second condition instead, with `all` or `not`"),
    ("backreferences", "references back need unbounded time and are not known; write out what is meant, with | between"),
    ("exceeds size limit", "its repetitions are too large; shorten the numbers in { }"),
)
_USUAL: Final = "put a \\ before a character meant literally"


class UnfitPattern(ValueError):
    """A pattern that cannot be searched for; says why, and what to write."""


@lru_cache(1024)
def searcher(pattern: str) -> Callable[[object], bool]:
    """Tells whether a value is a text in which the pattern is found. Raises UnfitPattern for one that cannot be searched for."""
    if len(pattern) > LONGEST_PATTERN:
        raise UnfitPattern(f"it has more than {LONGEST_PATTERN:,} characters; write several, and `any` around them")
    if any("\ud800" <= letter <= "\udfff" for letter in pattern):  # the engine would take it for no pattern at all
        raise UnfitPattern("it holds half a character; write the whole")
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, strict=True)).isinstance_python
    except SchemaError as error:
        raise UnfitPattern(_explained(str(error))) from None


def _explained(said: str) -> str:
    known = next((remedy for sign, remedy in _REMEDIES if sign in said), None)
    if known is not None:
        return known
    _, _, why = said.rpartition("error: ")
    return f"{' '.join(why.split())}; {_USUAL}"
