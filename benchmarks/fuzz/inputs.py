"""One input: a request as its parts, or bytes that are no request."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

Header = tuple[bytes, bytes]

JSON: Final = (b"Content-Type", b"application/json")


@dataclass(frozen=True)
class Input:
    """What is sent. `raw` takes the place of everything else: what comes of it nobody can say, but what may not.

    `chunks` sends the body in pieces of such a size; `times` is how often the same is sent. `note` is `refused` where whoever made it
    knows that it must be.
    """

    kind: str
    method: bytes = b"POST"
    target: bytes = b"/v1/track"
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    chunks: int | None = None
    raw: bytes | None = None
    times: int = 1
    note: str = field(default="", compare=False)

    def wire(self) -> bytes:
        """The bytes of the request."""
        if self.raw is not None:
            return self.raw
        lines = [b"%b %b HTTP/1.1" % (self.method, self.target), b"Host: fuzz"]
        lines += [b"%b: %b" % header for header in self.headers]
        if self.chunks is not None:
            pieces = [self.body[at : at + self.chunks] for at in range(0, len(self.body), self.chunks)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            lines.append(b"Transfer-Encoding: chunked")
        else:
            body = self.body
            if body or self.method in (b"POST", b"PUT", b"PATCH"):
                lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join([*lines, b"", body])

    def header(self, name: bytes) -> bytes | None:
        """The last header of a name, as the web process reads it."""
        found = [value for key, value in self.headers if key.lower() == name]
        return found[-1] if found else None


def bytes_changed(data: bytes, rng: Random) -> bytes:
    """Some bytes flipped, cut, doubled, moved or put in."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed) + 1)
        match rng.randrange(6):
            case 0 if place < len(changed):
                changed[place] ^= 1 << rng.randrange(8)
            case 1:
                del changed[place : place + rng.randint(1, 12)]
            case 2:
                changed[place:place] = rng.choice(
                    [b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"\r\n", b"%00"]
                )
            case 3:
                changed[place:place] = changed[place : place + rng.randint(1, 30)]
            case 4:
                changed[place : place + 1] = bytes([rng.randrange(256)])
            case _:
                changed = changed[:place]
    return bytes(changed)
