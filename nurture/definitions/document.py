"""A YAML document as a tree that knows where each of its parts stands.

ruamel.yaml scans and parses (YAML 1.2: `on`, `no` and `12:30` are texts), and nothing but plain values is made of what it
finds: no tag can name a type, an alias cannot contain itself, and a document cannot swell beyond a bound.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from typing import Any, Final, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as ParsedNode
from ruamel.yaml.reader import ReaderError

from nurture.definitions.mistakes import Flaw, Spot, flaw
from nurture.definitions.syntax import explain, lines_of
from nurture.domain.model import Place

#: Validation uses these in its places, beside the keys of a document: the shape chosen there, and a key itself.
IN_KEY: Final = "[key]"
RESERVED_KEY: Final = re.compile(r"<\w+>|\[key\]")

#: Parts a document may have, aliases counted as often as they are used, and how deep they may nest.
_MOST_PARTS: Final = 100_000
_DEEPEST: Final = 40

_TAG: Final = "tag:yaml.org,2002:"
_TRUE: Final = frozenset({"true", "yes", "on", "y"})

Scalar = str | int | float | bool | None


@dataclass(slots=True)
class Node:
    """A part of a document. `spot` is where it begins, `key` where the key before it does (in a list: the part itself)."""

    content: "Scalar | list[Node] | dict[str, Node]"
    spot: Spot
    key: Spot

    def plain(self) -> Any:
        """The same as plain values, ready for JSON."""
        match self.content:
            case dict():
                return {key: child.plain() for key, child in self.content.items()}
            case list():
                return [child.plain() for child in self.content]
            case scalar:
                return scalar

    def child(self, step: str | int) -> "Node | None":
        """The part one step further, if there is one."""
        if isinstance(self.content, dict):
            return self.content.get(str(step))
        if isinstance(self.content, list) and isinstance(step, int) and 0 <= step < len(self.content):
            return self.content[step]
        return None

    def at(self, place: Place) -> "Node":
        """The part at a place, or the last one on the way that exists."""
        node = self
        for step in place:
            following = node.child(step)
            if following is None:
                break
            node = following
        return node

    def has(self, place: Place) -> bool:
        """Whether something stands at exactly this place."""
        node: Node | None = self
        for step in place:
            node = node.child(step) if node else None
        return node is not None

    def copy(self) -> "Node":
        """A tree that can lose parts without this one losing them."""
        twin = copy(self)
        match self.content:
            case dict():
                twin.content = {key: child.copy() for key, child in self.content.items()}
            case list():
                twin.content = [child.copy() for child in self.content]
        return twin

    def remove(self, place: Place) -> None:
        """Take away the part at a place that exists."""
        parent = self.at(place[:-1]).content
        if isinstance(parent, dict | list):
            del parent[place[-1]]  # type: ignore[arg-type]  # a key for a mapping, an index for a list


def read(content: bytes) -> tuple[Node | None, list[Flaw]]:
    """The document in a file's content, and what is wrong with it as YAML; never raises."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, [_not_utf8(content, error)]
    try:
        parsed = _compose(text)
    except MarkedYAMLError as error:
        return None, [explain(error, text)]
    except ReaderError as error:
        spot = _spot_of(text, int(error.position))
        return None, [Flaw(spot, f"the character {ord(text[error.position]):#06x} cannot stand in YAML", "delete it")]
    except RecursionError:
        return None, [Flaw(Spot(), "this file nests too deeply", f"stay within {_DEEPEST} levels")]
    except Exception as error:  # noqa: BLE001 - on some broken files the parser itself breaks, in ways that have no end
        return None, [
            Flaw(Spot(), f"this file cannot be read as YAML ({type(error).__name__})", "look for a bracket or a quote left open")
        ]
    if parsed is None:
        return Node({}, Spot(), Spot()), []
    builder = _Builder()
    root = builder.build(parsed, _spot(parsed))
    if not isinstance(root.content, dict) and not builder.flaws:
        builder.flaws.append(Flaw(root.spot, "keys are missing here", "write the file as lines of 'key: value'"))
    return (root if isinstance(root.content, dict) else None), builder.flaws


def _compose(text: str) -> ParsedNode | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReusedAnchorWarning)  # an anchor may be set again; the last one counts
        return YAML(typ="safe", pure=True).compose(StringIO(text))  # type: ignore[no-any-return]  # untyped upstream


def _not_utf8(content: bytes, error: UnicodeDecodeError) -> Flaw:
    before = content[: error.start].decode("utf-8", "replace")
    what = f"the byte {content[error.start]:#04x} is no UTF-8"
    return Flaw(_spot_of(before, len(before)), what, "save the file in the encoding UTF-8")


def _spot_of(text: str, position: int) -> Spot:
    lines = lines_of(text[:position])
    return Spot(len(lines), len(lines[-1]) + 1)


def _spot(node: ParsedNode) -> Spot:
    return Spot(node.start_mark.line + 1, node.start_mark.column + 1)


class _Unreadable(Exception):
    """A part that no value can be made of; its flaw is noted."""


class _Builder:
    """Makes the tree, and notes what is wrong on the way."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self._open: list[ParsedNode] = []
        self._parts = 0

    def build(self, parsed: ParsedNode, key: Spot) -> Node:
        # The parser puts an empty value before whatever comes next; its key is where its author looks for it.
        empty = parsed.start_mark.index == parsed.end_mark.index
        node = Node(None, key if empty else _spot(parsed), key)
        try:
            with self._inside(parsed):
                node.content = self._content(parsed)
        except _Unreadable:
            pass  # an empty part stands in, so that the rest of the file is looked at, too
        return node

    @contextmanager
    def _inside(self, parsed: ParsedNode) -> Iterator[None]:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            self._refuse(parsed, "this file grows too large through its aliases", "write fewer '*' references", once=True)
        if any(parsed is outer for outer in self._open):
            self._refuse(parsed, "this anchor contains itself", "take the '*' reference out of what it refers to")
        if len(self._open) >= _DEEPEST:
            self._refuse(parsed, f"this is nested more than {_DEEPEST} levels deep", "bring it further out", once=True)
        self._open.append(parsed)
        try:
            yield
        finally:
            self._open.pop()

    def _refuse(self, parsed: ParsedNode, what: str, fix: str, *, once: bool = False) -> NoReturn:
        if not once or all(each.what != what for each in self.flaws):
            self.flaws.append(Flaw(_spot(parsed), what, fix))
        raise _Unreadable

    def _content(self, parsed: ParsedNode) -> Any:
        match parsed:
            case MappingNode():
                return self._mapping(parsed)
            case SequenceNode():
                return [self.build(item, _spot(item)) for item in parsed.value]
            case ScalarNode():
                return self._scalar(parsed)
        raise _Unreadable  # the parser knows no fourth kind

    def _mapping(self, parsed: MappingNode) -> dict[str, Node]:
        children: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in parsed.value:
            if not isinstance(key, ScalarNode):
                self.flaws.append(
                    Flaw(_spot(key), "a list or mapping cannot be a key", "put quotes around a text that begins with [ or {")
                )
            elif key.tag == f"{_TAG}merge":
                merged |= self._merged(value, _spot(key))
            elif key.value in children:
                before = children[key.value].key
                self.flaws.append(
                    Flaw(_spot(key), f"{key.value!r} stands here twice, first on line {before.line}", "keep one of them")
                )
            elif self._is_fit_for_a_key(key):
                children[key.value] = self.build(value, _spot(key))
        return {**merged, **children}

    def _is_fit_for_a_key(self, key: ScalarNode) -> bool:
        try:
            _storable(key.value)
        except ValueError as error:
            self.flaws.append(flaw(_spot(key), str(error)))
            return False
        if RESERVED_KEY.fullmatch(key.value):
            self.flaws.append(Flaw(_spot(key), f"{key.value!r} cannot be a key", "leave out the brackets"))
            return False
        return True

    def _merged(self, value: ParsedNode, key: Spot) -> dict[str, Node]:
        """What `<<: *anchor` brings in; of several anchors the first wins."""
        sources = value.value if isinstance(value, SequenceNode) else [value]
        brought: dict[str, Node] = {}
        for source in reversed(sources):
            node = self.build(source, key)
            if isinstance(node.content, dict):
                brought |= node.content
            else:
                self.flaws.append(
                    Flaw(key, "'<<' takes over the keys of a mapping", "write '<<: *name' after '&name' has marked one")
                )
        return brought

    def _scalar(self, parsed: ScalarNode) -> Scalar:
        tag = str(parsed.tag)
        reader = _READERS.get(tag)
        if reader is None:
            written = tag.replace(_TAG, "!!")
            self._refuse(parsed, f"the tag {written!r} means nothing here", "delete it; a text that begins with '!' needs quotes")
        try:
            return reader(str(parsed.value))
        except ValueError as error:
            self.flaws.append(flaw(_spot(parsed), str(error)))
            raise _Unreadable from None


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits.lstrip("+-")[:2].lower(), 10)
    if len(digits) > 18:  # noqa: PLR2004 - more digits do not fit the 64 bits that every number ends in
        raise ValueError("this number is too long; write one with at most 18 digits")
    return int(digits, base)


def _finite(text: str) -> float:
    number = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    if not isfinite(number):
        raise ValueError(f"{text} is no number to reckon with; write a finite one")
    return number


def _storable(text: str) -> str:
    broken = next((letter for letter in text if (letter < " " and letter not in "\n\t") or "\ud800" <= letter <= "\udfff"), None)
    if broken is not None:
        fix = "in double quotes write \\\\ for a backslash, or use single quotes"
        raise ValueError(f"this text holds the character {ord(broken):#06x}, which cannot be stored; {fix}")
    return text


#: What is made of a scalar, by its tag. A date stays the text it is written as: conditions and JSON know no other.
_READERS: Final[Mapping[str, Callable[[str], Scalar]]] = {
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": lambda text: text.lower() in _TRUE,
    f"{_TAG}int": _integer,
    f"{_TAG}float": _finite,
    f"{_TAG}str": _storable,
    f"{_TAG}timestamp": _storable,
    f"{_TAG}value": _storable,
    f"{_TAG}merge": _storable,
}
