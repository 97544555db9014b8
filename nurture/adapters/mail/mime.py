"""The body: text and HTML of one mail as multipart/alternative (RFC 2046 §5.1.4), 7-bit, in lines of at most 76 characters."""

import binascii
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from nurture.adapters.mail.blocks import Blocks, whole

_BREAK: Final = b"\r\n"


class Part(NamedTuple):
    """One of the alternatives: `plain` or `html`."""

    subtype: str
    words: Blocks


def assemble(head: Sequence[str], parts: Sequence[Part], mark: str) -> bytes:
    """A whole mail: header fields, then the parts from the plainest to the richest, with CRLF lines.

    `mark` makes the boundary. It cannot occur in a part: neither quoted-printable nor base64 ever contains `=_`.
    """
    boundary = f"=_{mark}"
    fields = [*head, "MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"']
    pieces = ["\r\n".join(fields).encode("ascii"), b""]
    for part in parts:
        encoding, body = encode(part.words)
        pieces += [
            f"--{boundary}".encode(),
            f"Content-Type: text/{part.subtype}; charset=utf-8".encode(),
            f"Content-Transfer-Encoding: {encoding}".encode(),
            b"",
            body,
        ]
    return _BREAK.join([*pieces, f"--{boundary}--".encode(), b""])


def encode(words: Blocks) -> tuple[str, bytes]:
    """The words in the shorter of the two safe encodings, with its name."""
    blocks = [*map(_encoded, words)]
    size = sum(block.size for block in blocks) + len(_BREAK) * (len(blocks) - 1)
    printable = _BREAK.join(block.printable for block in blocks)
    if len(printable) <= size * 4 / 3 * 78 / 76:
        return "quoted-printable", printable
    raw = _BREAK.join(_lines(whole(words)))
    return "base64", _BREAK.join(binascii.b2a_base64(raw[at : at + 57], newline=False) for at in range(0, len(raw), 57))


class _Encoded(NamedTuple):
    """A block in quoted-printable, and how many bytes it has as it is."""

    printable: bytes
    size: int


@lru_cache(maxsize=1_024)  # most blocks are the same in everybody's mail
def _encoded(block: str) -> _Encoded:
    lines = _lines(block)
    # Given several lines at once, the library lets one that ends with a space grow too long.
    printable = (binascii.b2a_qp(line, istext=True).replace(b"\n", _BREAK) for line in lines)
    return _Encoded(_BREAK.join(printable), len(_BREAK.join(lines)))


def _lines(text: str) -> list[bytes]:
    return text.replace("\r\n", "\n").replace("\r", "\n").encode().split(b"\n")
