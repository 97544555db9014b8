"""Values that programs, people and attackers have sent, and texts that are nearly JSON."""

import json
from random import Random
from typing import Any, Final

#: Right-to-left marks, joiners, confusables, combining marks, characters beyond the BMP, separators of lines, a private character.
STRANGE: Final = (
    "\u202eevil\u202c", "a\u200db", "\u0430dmin", "e\u0301", "\U0001f469\u200d\U0001f680", "\u2028x\u2029", "\ue000", "\ufeffx", "\ufffe", "İ",
    "ß", "x\ty", "a\r\nBcc: b@example.com", "<script>alert(1)</script>", "{{7*7}}", "=1+1", "%00", "../../etc/passwd", "' OR 1=1 --", "\x1b[31m",
)  # fmt: skip
LIMITS: Final = (0, 1, 127, 128, 129, 255, 256, 257, 500, 501, 511, 512, 513, 4_000, 10_000, 10_001)
NUMBERS: Final = (
    0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**30, 1e308, 5e-324, -0.0, 1.5, 0.1,
)  # fmt: skip
JUNK_IDS: Final = ("", " ", "null", "undefined", "0", "000-000", "NaN", "'guest'", "[object Object]")


def text(rng: Random) -> str:
    """A text, long at a limit or strange."""
    match rng.randrange(5):
        case 0:
            return rng.choice(STRANGE)
        case 1:
            return rng.choice("aé\u0430") * rng.choice(LIMITS)
        case 2:
            return rng.choice(JUNK_IDS)
        case 3:
            return "".join(
                chr(rng.choice((rng.randrange(32, 127), rng.randrange(160, 0x800)))) for _ in range(rng.randint(1, 20))
            )
        case _:
            return rng.choice(("a\0b", "\0", "x", "2026-03-02", "true"))


def value(rng: Random, deep: int = 3) -> Any:
    """Any JSON value."""
    match rng.randrange(9):
        case 0:
            return rng.choice((None, True, False))
        case 1 | 2:
            return rng.choice(NUMBERS)
        case 3 | 4 | 5:
            return text(rng)
        case 6 if deep:
            return [value(rng, deep - 1) for _ in range(rng.randint(0, 4))]
        case 7 if deep:
            return {text(rng)[:40]: value(rng, deep - 1) for _ in range(rng.randint(0, 4))}
        case _:
            return rng.choice((wide(rng), nested(rng))) if rng.random() < 0.2 else {}


def wide(rng: Random) -> list[int]:
    """Around the bound on values."""
    return list(range(rng.choice((990, 999, 1_000, 1_001, 1_500))))


def nested(rng: Random) -> Any:
    """Around the bound on depth, and far above it."""
    inner: Any = 1
    for number in range(rng.choice((29, 30, 31, 32, 33, 60))):
        inner = [inner] if number % 2 else {"a": inner}
    return inner


def dumped(raw: Any, rng: Random) -> bytes:
    """JSON in one of its forms."""
    separators = rng.choice(((",", ":"), (", ", ": "), (" ,\n", " :\t")))
    return json.dumps(raw, ensure_ascii=rng.random() < 0.5, separators=separators).encode("utf-8", "surrogatepass")


_INTO: Final = (
    b"NaN", b"Infinity", b"-Infinity", b'"\\ud800"', b'"\\udc00\\ud800"', b"1e999", b"-1e999", b"01", b"1.", b".5", b"+1", b"0x10", b"1" * 400,
    b"9" * 5_000, b"'a'", b"[" * 300 + b"]" * 300, b"undefined", b'"a\nb"', b'"\\x"', b"\xff", b"tru", b"[1,]", b'{"a":1,}', b'{"a":1 "b":2}',
    b"/* x */ 1", b'{"a":1,"a":2}', b'"\\u0000"', b"1e-400", b"-0", b"1E+2", b'"\xed\xa0\x80"', b'"\\ud83d\\ude00"',
)  # fmt: skip


def spoilt(body: bytes, rng: Random) -> bytes:
    """JSON with something in it that no encoder makes: in the place of a value, or twice under one name."""
    if rng.random() < 0.3 and b"{" in body:
        place = body.index(b"{") + 1
        return (
            body[:place]
            + rng.choice((b'"event":"twice",', b'"anonymousId":"twice",', b'"x":{"y":1},"x":2,', b'"":0,'))
            + body[place:]
        )
    colons = [at for at, byte in enumerate(body) if byte == 0x3A]
    if not colons:
        return rng.choice(_INTO)
    start = rng.choice(colons) + 1
    end = min((found for found in (body.find(mark, start) for mark in (b",", b"}")) if found > 0), default=len(body))
    return body[:start] + rng.choice(_INTO) + body[end:]
