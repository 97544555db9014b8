"""Who is held out of a sequence, so that one sees what it brings: a share of those who enter, who are not mailed.

Whether somebody is held out follows from the person and the sequence alone: it is the same whenever and however they come, the
simulator foretells it, and a larger share holds out the same people and some more.
"""

import re
from typing import Annotated, Any, Final, NamedTuple

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from nurture.domain.ids import stable_id

#: The reason of an enrollment that ended as it began, because its person is held out.
HELD_OUT: Final = "held_out"

#: What an event that puts somebody on a sequence by name says, if that shall be so even though they are held out.
DESPITE_HOLDOUT: Final = "despite_holdout"

#: A share is a number of so many.
_WHOLE: Final = 10_000

_LARGEST: Final = 50
_WRITTEN: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?\s*%", re.ASCII)


class Holdout(NamedTuple):
    """The share of those who enter that is held out, in hundredths of a percent."""

    parts: int

    @property
    def share(self) -> float:
        return self.parts / _WHOLE

    def written(self) -> str:
        """As in YAML."""
        return f"{self.parts / 100:.4g}%"

    def holds_out(self, person: int, sequence: str) -> bool:
        """Whether this person is one of them."""
        return stable_id("holdout", person, sequence) * _WHOLE >> 63 < self.parts


def parse_holdout(value: Any) -> Any:
    """`10%` or `2.5%`; raises ValueError with the accepted form."""
    if isinstance(value, Holdout):
        return value
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        shown = repr(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else "this"
        raise ValueError(f"{shown} is no share; write one like 10% or 2.5%")
    parts = int(written[1]) * 100 + int((written[2] or "").ljust(2, "0"))
    if not 0 < parts <= _LARGEST * 100:
        raise ValueError(f"{value} cannot be held out; write more than 0% and at most {_LARGEST}%, or delete 'holdout'")
    return Holdout(parts)


HoldoutField = Annotated[
    Holdout,
    PlainValidator(parse_holdout),
    PlainSerializer(Holdout.written),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}(\.\d{1,2})?%$", "examples": ["10%"]}),
]
