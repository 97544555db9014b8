"""A mail taken apart, whatever its bytes: fields, parts, and the page that the HTML part is.

The standard library's parser is right and slow (1 ms and more for a mail of 20 KB) and raises for some fields. What is looked at
before each send has to be fast and must never raise, so the mail is split here; the library is asked for what only it knows.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from nurture.adapters.mail.blocks import Blocks, whole
from nurture.adapters.mail.linting.page import Page

#: Both begin with one character and nothing else, which is found fast: the CR before it is taken off afterwards.
_HEAD_ENDS: Final = re.compile(rb"\n\r?\n")
_NEXT_FIELD: Final = re.compile(r"\n(?![ \t])")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_PARAMETER: Final = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))')
_DEEPEST: Final = 8
#: How much of a line is looked at for what may follow a boundary: two hyphens and white space.
_DELIMITER_TAIL: Final = 80


class Field(NamedTuple):
    """A field of the header: its name as written, and its value with its folds."""

    name: str
    folded: str

    @property
    def value(self) -> str:
        return (_FOLD.sub("", self.folded) if "\n" in self.folded else self.folded).strip()


@dataclass
class Part:
    """A part of a mail: its fields, its bytes as encoded, and its parts if it is a multipart."""

    fields: list[Field]
    body: bytes
    depth: int = 0

    @cached_property
    def _taken_apart(self) -> tuple[list["Part"], bool]:
        boundary = self.parameter("boundary") if self.kind.startswith("multipart/") and self.depth < _DEEPEST else ""
        if not boundary:
            return [], True
        pieces, closed = _pieces(self.body, boundary.encode("latin-1"))
        return [_part(piece, self.depth + 1) for piece in pieces], closed

    @property
    def children(self) -> list["Part"]:
        """The parts of a multipart. They are looked for only when they are asked for: most rules ask for the header alone."""
        return self._taken_apart[0]

    @property
    def closed(self) -> bool:
        """Whether the boundary of a multipart ends it."""
        return self._taken_apart[1]

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for each in self.fields:
            values.setdefault(each.name.lower(), []).append(each.value)
        return values

    def named(self, name: str) -> list[str]:
        """The values of every field of a name."""
        return self._by_name.get(name.lower(), [])

    def first(self, name: str) -> str:
        """The value of the first field of a name, empty if there is none."""
        return next(iter(self.named(name)), "")

    @cached_property
    def kind(self) -> str:
        """The media type, in lower case."""
        return self.first("Content-Type").partition(";")[0].strip().lower() or "text/plain"

    def parameter(self, name: str) -> str:
        """A parameter of the media type, empty if there is none."""
        found = _PARAMETER.findall(self.first("Content-Type"))
        return next((quoted or bare for key, quoted, bare in found if key.lower() == name), "")

    @cached_property
    def encoding(self) -> str:
        return self.first("Content-Transfer-Encoding").lower() or "7bit"

    @cached_property
    def decoded(self) -> bytes | None:
        """The content; None if it is not encoded as it says."""
        try:
            match self.encoding:
                case "quoted-printable":
                    return binascii.a2b_qp(self.body)
                case "base64":
                    return binascii.a2b_base64(self.body)
        except (binascii.Error, ValueError):
            return None
        return self.body

    @cached_property
    def text(self) -> str:
        """The content as text, with what cannot be read as replacement characters."""
        return (self.decoded or b"").decode("utf-8", "replace").replace("\r\n", "\n")

    def walk(self) -> Iterator["Part"]:
        """The part and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


class Shown(NamedTuple):
    """What both parts of a mail say."""

    text: Blocks
    html: Blocks


class Mail:
    """A mail as rules see it."""

    def __init__(self, raw: bytes, shown: Shown | None = None) -> None:
        """What is `shown` is known and need not be decoded."""
        self.raw = raw
        self.root = _part(raw, 0)
        if shown is not None:
            self.shown, self.text, self.html = shown, whole(shown.text), whole(shown.html)

    @cached_property
    def head(self) -> bytes:
        """The header as bytes."""
        found = _HEAD_ENDS.search(self.raw)
        return self.raw[: found.start()].removesuffix(b"\r") if found else self.raw

    @property
    def fields(self) -> list[Field]:
        return self.root.fields

    def named(self, name: str) -> list[str]:
        return self.root.named(name)

    def first(self, name: str) -> str:
        return self.root.first(name)

    @cached_property
    def attachments(self) -> bool:
        return any(part.first("Content-Disposition").lower().startswith("attachment") for part in self.root.walk())

    @cached_property
    def plain(self) -> Part | None:
        return self._first_of("text/plain")

    @cached_property
    def rich(self) -> Part | None:
        return self._first_of("text/html")

    def _first_of(self, kind: str) -> Part | None:
        return next((part for part in self.root.walk() if part.kind == kind and not part.children), None)

    @cached_property
    def text(self) -> str:
        """The text part; empty if there is none."""
        return self.plain.text if self.plain else ""

    @cached_property
    def html(self) -> str:
        """The HTML part; empty if there is none."""
        return self.rich.text if self.rich else ""

    @cached_property
    def shown(self) -> Shown:
        """Both parts, cut between lines."""
        return Shown((self.text,), (self.html,))

    @cached_property
    def page(self) -> Page:
        return Page(self.html)

    @cached_property
    def parsed(self) -> Message:
        """The mail as the standard library sees it."""
        return message_from_bytes(self.raw)

    @cached_property
    def sender_domain(self) -> str:
        """The host of From, in lower case; empty if there is none."""
        return next((domain_of(address) for _, address in addresses(self.first("From"))), "")


def _part(raw: bytes, depth: int) -> Part:
    if raw.startswith((b"\r\n", b"\n")):
        return Part([], raw.removeprefix(b"\r\n").removeprefix(b"\n"))
    end = _HEAD_ENDS.search(raw)
    head, body = (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")
    return Part([*_fields(head.decode("latin-1"))], body, depth)


def _fields(head: str) -> Iterator[Field]:
    for line in _NEXT_FIELD.split(head):
        name, _, value = line.removesuffix("\r").partition(":")
        if line.strip():
            yield Field(name, value)


def _pieces(body: bytes, boundary: bytes) -> tuple[list[bytes], bool]:
    """What stands between the lines of a boundary, and whether the last of them closes it (RFC 2046 §5.1.1)."""
    delimiter = b"--" + boundary
    pieces, start, at = [], -1, body.find(delimiter)
    while at >= 0:
        after = at + len(delimiter)
        line, _, _ = body[after : after + _DELIMITER_TAIL].partition(b"\n")
        if (at == 0 or body[at - 1 : at] == b"\n") and line.strip() in {b"", b"--"}:
            if start >= 0:
                pieces.append(body[start:at].removesuffix(b"\n").removesuffix(b"\r"))
            if line.strip():
                return pieces, True
            start = after + len(line) + 1
        at = body.find(delimiter, after)
    if start >= 0:
        pieces.append(body[start:])
    return pieces, False


@lru_cache(maxsize=64)
def addresses(value: str) -> tuple[tuple[str, str], ...]:
    """The pairs (name as written, address) of a field. Several rules ask for the same ones."""
    return tuple((name, address) for name, address in getaddresses([value]) if name or address)


def domain_of(address: str) -> str:
    """The host of an address in lower case, empty if it has none."""
    return address.rpartition("@")[2].lower().rstrip(".") if "@" in address else ""


def spelt_out(value: str) -> str:
    """The text that encoded words stand for (RFC 2047); the value itself where they cannot be read."""
    try:
        pieces = decode_header(value)
        return "".join(
            piece if isinstance(piece, str) else piece.decode(charset or "latin-1", "replace") for piece, charset in pieces
        )
    except (HeaderParseError, LookupError, ValueError):
        return value
