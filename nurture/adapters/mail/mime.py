"""The body: text and HTML of one mail as multipart/alternative (RFC 2046 §5.1.4), 7-bit, in lines of at most 76 characters."""

import binascii
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple


class Part(NamedTuple):
    """One of the alternatives: `plain` or `html`."""

    subtype: str
    text: str


def assemble(head: Sequence[str], parts: Sequence[Part], mark: str) -> bytes:
    """A whole mail: header fields, then the parts from the plainest to the richest, with CRLF lines.

    `mark` makes the boundary. It cannot occur in a part: neither quoted-printable nor base64 ever contains `=_`.
    """
    boundary = f"=_{mark}"
    fields = [*head, "MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"']
    pieces = ["\r\n".join(fields).encode("ascii"), b""]
    for part in parts:
        encoding, body = encode(part.text)
        pieces += [
            f"--{boundary}".encode(),
            f"Content-Type: text/{part.subtype}; charset=utf-8".encode(),
            f"Content-Transfer-Encoding: {encoding}".encode(),
            b"",
            body,
        ]
    return b"\r\n".join([*pieces, f"--{boundary}--".encode(), b""])


def encode(text: str) -> tuple[str, bytes]:
    """The text in the shorter of the two safe encodings, with its name."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.encode("utf-8").split(b"\n")
    raw, printable = b"\r\n".join(lines), b"\r\n".join(map(_printable, lines))
    if len(printable) <= len(raw) * 4 / 3 * 78 / 76:
        return "quoted-printable", printable
    return "base64", b"\r\n".join(binascii.b2a_base64(raw[at : at + 57], newline=False) for at in range(0, len(raw), 57))


@lru_cache(maxsize=1_024)  # most lines are the same in everybody's mail
def _printable(line: bytes) -> bytes:
    """A line in quoted-printable, broken softly where it is too long."""
    return binascii.b2a_qp(line, istext=True).replace(b"\n", b"\r\n")
