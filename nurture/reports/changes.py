"""What differs between two sets of definitions, in the words of the files that hold them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from nurture.domain.definitions import Definitions
from nurture.reports.figures import Figures

#: What one of the things is called that a part holds by name; every other part is one thing.
_NAMED: Final = {"assets": "asset", "forms": "form", "sequences": "sequence"}


class Change(Figures):
    """One difference: a file as a whole, or one asset, form or sequence."""

    what: str
    name: str | None
    change: Literal["added", "changed", "removed"]

    def __str__(self) -> str:
        return f"{self.what} {self.name}: {self.change}" if self.name else f"{self.what}: {self.change}"


def changes(before: Definitions | None, after: Definitions) -> list[Change]:
    """What `after` changes; everything is added when there was nothing before."""
    return [*_in_parts(before, after)]


def _in_parts(before: Definitions | None, after: Definitions) -> Iterator[Change]:
    for part, field in Definitions.model_fields.items():
        former = getattr(before, part) if before is not None else field.get_default(call_default_factory=True)
        present = getattr(after, part)
        if part in _NAMED:
            yield from _in_named(_NAMED[part], former, present)
        elif former != present:
            yield Change(what=part, name=None, change="changed" if before is not None else "added")


def _in_named(what: str, former: Mapping[str, Any], present: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(former.keys() | present.keys()):
        if name not in former:
            yield Change(what=what, name=name, change="added")
        elif name not in present:
            yield Change(what=what, name=name, change="removed")
        elif former[name] != present[name]:
            yield Change(what=what, name=name, change="changed")
