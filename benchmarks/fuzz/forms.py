"""Posts of forms in all their encodings: right ones, and ones with something wrong in them."""

from random import Random
from typing import Any, Final
from urllib.parse import quote_plus

from benchmarks.fuzz.inputs import JSON, Header, Input, bytes_changed
from benchmarks.fuzz.values import dumped, spoilt, text, value

_URLENCODED: Final = (b"Content-Type", b"application/x-www-form-urlencoded")
_SCRIPT: Final = (b"Accept", b"application/json")
_NAMES: Final = (
    "email", "first_name", "message", "company", "consent", "_gotcha", "_next", "_redirect", "_timestamp", "_id", "_anonymous_id", "_language",
    "form-name", "botcheck", "subject", "a b", "", " ", "é", "x" * 300, "__proto__", "email ", "fields[]",
)  # fmt: skip
WRONG_ADDRESSES: Final = (
    "nobody", "@example.com", "a@", "a@b", "a b@example.com", "a@example.com\r\nBcc: b@example.com", "a@example..com", "é@example.com",
    "a@example.com,b@example.com", "<a@example.com>", "a\0@example.com", "a" * 65 + "@example.com", "a@" + "b" * 250 + ".com", "a@[127.0.0.1]",
    "a@localhost", "\u202ea@example.com", ".a@example.com", "a..b@example.com",
)  # fmt: skip

Pairs = list[tuple[str, str]]


def pairs(rng: Random, number: str) -> Pairs:
    """The fields of a post; most are right."""
    address = (
        f"f{number}@example.com"
        if rng.random() < 0.8
        else rng.choice((*WRONG_ADDRESSES, "", f"F{number}@Example.COM", f" f{number}@example.com "))
    )
    made = [("email", address)]
    made += [(rng.choice(_NAMES), text(rng)) for _ in range(rng.randint(0, 4))]
    if rng.random() < 0.05:
        made *= rng.choice((2, 101, 201))
    if rng.random() < 0.02:
        made += [(f"n{each}", "x") for each in range(rng.choice((198, 199, 200, 201, 10_000)))]
    rng.shuffle(made)
    return made


def urlencoded(rng: Random, number: str) -> Input:
    """As browsers post."""
    made = pairs(rng, number)
    body = "&".join(f"{quote_plus(name, errors='replace')}={quote_plus(said, errors='replace')}" for name, said in made).encode()
    how = rng.random()
    if how < 0.15:
        body = bytes_changed(body, rng)
    elif how < 0.2:
        body = rng.choice(
            (
                body.replace(b"=", b""),
                b"&&&" + body,
                body.replace(b"&", b";"),
                body + b"&%zz=%",
                body + b"&a=%ff",
                body.replace(b"%", b"%25"),
            )
        )
    return Input("form: urlencoded", b"POST", _path(rng), (_URLENCODED, *_reader(rng)), body)


def multipart(rng: Random, number: str) -> Input:
    """As browsers post, with and without files, broken in their boundaries and heads."""
    boundary = rng.choice(("x", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "a" * 70))
    parts = []
    for name, said in pairs(rng, number)[:220]:
        safe = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = f'Content-Disposition: form-data; name="{safe}"'
        if rng.random() < 0.03:
            head = rng.choice(
                (
                    f'{head}; filename="a.txt"\r\nContent-Type: text/plain',
                    "Content-Disposition: form-data",
                    "X: y",
                    f"{head}; filename*=UTF-8''x",
                    "",
                )
            )
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n{said}\r\n")
    body = ("".join(parts) + f"--{boundary}--\r\n").encode("utf-8", "surrogatepass")
    kind = f"multipart/form-data; boundary={boundary}"
    if rng.random() < 0.25:
        body = bytes_changed(body, rng)
    if rng.random() < 0.1:
        kind = rng.choice(
            (
                "multipart/form-data",
                "multipart/form-data; boundary=",
                f"{kind}y",
                f'multipart/form-data; boundary="{boundary}',
                "multipart/form-data; boundary=" + "x" * 300,
            )
        )
    return Input(
        "form: multipart", b"POST", _path(rng), ((b"Content-Type", kind.encode("latin-1", "replace")), *_reader(rng)), body
    )


def from_script(rng: Random, number: str) -> Input:
    """JSON, also as text."""
    made: dict[str, Any] = dict(pairs(rng, number)[:60])
    if rng.random() < 0.4:
        made[rng.choice(_NAMES)] = value(rng)
    if rng.random() < 0.1:
        made["message"] = rng.choice((["a", "b"], [1, None, True], [["a"]], [], "x" * 10_001))
    body = dumped(made, rng)
    if rng.random() < 0.2:
        body = rng.choice((spoilt, bytes_changed))(body, rng)
    kind = (
        JSON
        if rng.random() < 0.7
        else (
            b"Content-Type",
            rng.choice((b"text/plain;charset=UTF-8", b"application/json; charset=utf-8", b"text/html", b"APPLICATION/JSON", b"")),
        )
    )
    return Input("form: JSON", b"POST", _path(rng), (kind, *_reader(rng)), body)


def _path(rng: Random) -> bytes:
    return rng.choices((b"/f/contact", b"/f/guide", b"/f/nowhere", b"/f/contact/", b"/f/%63ontact"), (70, 20, 4, 3, 3))[0]


def _reader(rng: Random) -> tuple[Header, ...]:
    return rng.choice(
        (
            (_SCRIPT,),
            (),
            ((b"Accept-Language", b"fr;q=0.8, en;q=0"),),
            ((b"Cookie", b"nurture_id=" + rng.choice((b"abcdefgh12", b"\xff\xfe", b"a" * 200))),),
        )
    )
