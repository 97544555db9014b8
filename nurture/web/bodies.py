"""Request bodies, read up to a bound, unpacked up to the same bound."""

import re
import zlib
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json
from starlette.types import Receive, Scope

from nurture.web.admission import size_said, ticket_of
from nurture.web.refusals import Refusal

Headers = Mapping[bytes, bytes]

#: zlib: a gzip header is expected (16) and the window may be as large as it gets (15).
_GZIP: Final = 31

_PLACE: Final = re.compile(r" at (line \d+ column \d+)$")


async def read_body(scope: Scope, headers: Headers, receive: Receive, limit: int) -> bytes:
    """The whole body, unpacked if it is gzip.

    Raises Refusal: 413 above `limit` bytes (packed or unpacked), 415 for an encoding other than gzip, 400 for a body that is
    cut off, 408 for one that does not come in time, 503 if there is no room for it any more. `scope` holds the request's ticket.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(limit)
    ticket, encoding = ticket_of(scope), headers.get(b"content-encoding")
    admission, plain = ticket.admission, encoding is None or encoding == b"identity"
    size = 0 if not declared and b"transfer-encoding" not in headers else min(size_said(declared, packed=not plain), limit)
    body = await admission.wait_for(_received(receive, limit), ticket, size)
    if not plain:
        body = _unpacked_as(encoding or b"", body, limit)
    admission.take(ticket, len(body))
    return body


def _unpacked_as(encoding: bytes, body: bytes, limit: int) -> bytes:
    if encoding.strip().lower() not in (b"gzip", b"x-gzip"):
        raise Refusal(415, "encoding", "this Content-Encoding is not understood; send the body plain or as gzip")
    return _unpacked(body, limit)


async def _received(receive: Receive, limit: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        chunks, size = [body], len(body)
        while message.get("more_body") and size <= limit:
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        body = b"".join(chunks)
    if message["type"] == "http.disconnect":
        raise Refusal(400, "cut_off", "the connection was closed before the body was complete")
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error:
        raise Refusal(400, "gzip", "the body says that it is gzip and is not") from None
    if len(plain) > limit:
        raise _too_large(limit)
    if not unpacking.eof:
        raise Refusal(400, "gzip", "the gzip body is cut off")
    return plain


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too_large", f"at most {limit:,} bytes are taken at once; send less, or send more often")


def parse_json(body: bytes) -> Any:
    """The JSON value of a body; raises Refusal (400) that names line and column. NaN and Infinity are not JSON."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        place = _PLACE.search(str(error))
        what = str(error)[: place.start()] if place else str(error)
        raise Refusal(400, "malformed", f"this is no JSON: {what}", place[1] if place else None) from None
