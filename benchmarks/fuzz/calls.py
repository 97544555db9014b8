"""Calls in Segment's wire format: right ones, and ones with something wrong in them."""

from base64 import b64encode, urlsafe_b64encode
from random import Random
from typing import Any, Final
from urllib.parse import quote, urlencode

from benchmarks.fuzz.inputs import JSON, Header, Input, bytes_changed
from benchmarks.fuzz.values import dumped, spoilt, text, value
from benchmarks.fuzz.world import SECRET_KEY, WRITE_KEY

KINDS: Final = {
    "track": "track", "identify": "identify", "page": "page", "screen": "screen", "group": "group", "alias": "alias",
    "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias",
}  # fmt: skip
_FIELDS: Final = (
    "type", "event", "messageId", "anonymousId", "userId", "previousId", "groupId", "name", "category", "timestamp", "originalTimestamp",
    "sentAt", "properties", "traits", "context", "writeKey", "unknown",
)  # fmt: skip


def call(rng: Random, number: str, kind: str) -> dict[str, Any]:
    """A right call; `number` makes it one of its own."""
    made: dict[str, Any] = {
        "messageId": f"m-{number}",
        "anonymousId": f"a-{number}",
        "properties": {"plan": "team", "price": 12.5},
    }
    if rng.random() < 0.5:
        made["userId"] = f"u-{number}"
    match kind:
        case "track":
            made["event"] = rng.choice(("pricing_viewed", "demo_requested", " spaced ", "Événement", "x" * 128))
        case "group":
            made["groupId"] = rng.choice((f"g-{number}", 7))
            made["traits"] = {"size": 5}
        case "identify":
            made["traits"] = {"first_name": "Ada", "email": rng.choice((f"e{number}@example.com", None, ""))}
        case "alias":
            made |= {"userId": f"u-{number}", "previousId": f"a-{number}"}
        case _:
            made |= {"name": "Pricing", "properties": {"url": f"https://www.example.com/pricing?utm_source=x&n={number}"}}
    if rng.random() < 0.4:
        made["timestamp"] = f"2026-03-0{rng.randint(1, 9)}T0{rng.randint(0, 9)}:00:00{rng.choice(('Z', '.123Z', '.123456Z'))}"
    if rng.random() < 0.3:
        made["context"] = {
            "locale": "fr-FR",
            "userAgent": "Mozilla/5.0 x",
            "page": {"path": "/x"},
            "library": {"name": "l", "version": "1"},
        }
    return made


def wrong(made: dict[str, Any], rng: Random) -> dict[str, Any]:
    """A call with one to three fields changed, left out or put in."""
    changed = dict(made)
    for _ in range(rng.randint(1, 3)):
        name = rng.choice(_FIELDS)
        match rng.randrange(8):
            case 0:
                changed.pop(name, None)
            case 1 if isinstance(changed.get(name), dict):
                changed[name] = {**changed[name], text(rng)[:30]: value(rng)}
            case 2:
                changed["properties"] = {text(rng)[:30]: value(rng) for _ in range(rng.randint(1, 5))}
            case 3:
                changed[name] = rng.choice(
                    (None, "", f"{rng.randint(0, 3000):04}-01-01T00:00:00Z", 12, "12", "now", "2026-13-01T00:00:00Z")
                )
            case 4:
                changed["event"] = rng.choice(
                    ("email_clicked", "form_submitted", "unsubscribed", "asset_downloaded", " ", "x" * 129)
                )
            case _:
                changed[name] = value(rng)
    return changed


def keyed(made: Any, rng: Random, *, right: float = 0.95) -> tuple[Any, tuple[Header, ...], bytes]:
    """The call with its key in one of the places for it: the call, headers, and what the query says."""
    key = WRITE_KEY if rng.random() < 0.8 else SECRET_KEY
    if rng.random() > right:
        key = rng.choice((key[:-1], key + "x", "", "é", key.upper(), "x" * 5_000))
    match rng.randrange(5):
        case 0:
            return made, (JSON, (b"Authorization", b"Basic " + b64encode(f"{key}:".encode()))), b""
        case 1:
            return made, (JSON, (b"authorization", b"Bearer " + key.encode())), b""
        case 2:
            return made, ((b"Content-Type", b"text/plain"),), b"?writeKey=" + quote(key).encode()
        case _ if isinstance(made, dict):
            return {**made, "writeKey": key}, (JSON,), b""
        case _:
            return made, (JSON, (b"Authorization", b"bearer  " + key.encode())), b""


def single(rng: Random, number: str) -> Input:
    """One call, right or with something wrong in it, or its bytes changed."""
    path, kind = rng.choice(list(KINDS.items()))
    made = call(rng, number, kind)
    how = rng.choices(("as it should be", "a field is wrong", "nearly JSON", "bytes changed"), (30, 40, 12, 18))[0]
    if how == "a field is wrong":
        made = wrong(made, rng)
    said, headers, query = keyed(made, rng)
    body = dumped(said, rng)
    if how == "nearly JSON":
        body = spoilt(body, rng)
    elif how == "bytes changed":
        body = bytes_changed(body, rng)
    if rng.random() < 0.1:
        headers = (*headers, (b"X-Debug", b"1"))
    return Input(f"call: {how}", b"POST", f"/v1/{path}".encode() + query, headers, body)


def repeated(rng: Random, number: str) -> Input:
    """The same right call two or three times."""
    said, headers, query = keyed(call(rng, number, "track"), rng, right=1)
    return Input("call: sent again", b"POST", b"/v1/track" + query, headers, dumped(said, rng), times=rng.randint(2, 3))


def batch(rng: Random, number: str) -> Input:
    """Several calls, some of them wrong or no calls; sometimes at a bound, or no batch at all."""
    items: list[Any] = []
    for index in range(rng.choice((0, 1, 2, 3, 5, 8))):
        kind = rng.choice(("track", "identify", "page", "screen", "group", "alias"))
        made: Any = {"type": kind, **call(rng, f"{number}-{index}", kind)}
        items.append(wrong(made, rng) if rng.random() < 0.4 else value(rng) if rng.random() < 0.1 else made)
    whole: Any = {"batch": items}
    match rng.randrange(40):
        case 0:
            whole = {"batch": value(rng)}
        case 1:
            whole = rng.choice((items, {"batch": None}, {"Batch": items}, {"batch": {"0": items}}))
        case 2 if rng.random() < 0.2:
            whole = {"batch": [{"type": "page", "anonymousId": f"b{number}-{n}"} for n in range(rng.choice((2_499, 2_501)))]}
        case 3:
            whole = {
                "batch": [
                    *items,
                    {"type": "track", "event": "x", "userId": "u", "properties": {"a": "x" * rng.choice((32_500, 40_000))}},
                ]
            }
    said, headers, query = keyed(whole, rng)
    body = dumped(said, rng)
    if rng.random() < 0.1:
        body = rng.choice((spoilt, bytes_changed))(body, rng)
    return Input("batch", b"POST", rng.choice((b"/v1/batch", b"/v1/b", b"/b")) + query, headers, body)


def pixel(rng: Random, number: str) -> Input:
    """A call in an address, spread out or packed, right or changed."""
    made = call(rng, number, rng.choice(("track", "page")))
    if rng.random() < 0.4:
        made = wrong(made, rng)
    if rng.random() < 0.5:
        packed = urlsafe_b64encode(dumped({**made, "writeKey": WRITE_KEY}, rng)).rstrip(b"=")
        query = b"d=" + (bytes_changed(packed, rng) if rng.random() < 0.3 else packed)
    else:
        flat = {name: each for name, each in made.items() if isinstance(each, str | int | float)}
        query = urlencode(
            {"writeKey": WRITE_KEY, **flat, rng.choice(("properties.a", "a.b", "traits.x.y", "plan")): text(rng)},
            errors="replace",
        ).encode()
        query = bytes_changed(query, rng) if rng.random() < 0.3 else query
    query = bytes(byte if 0x21 <= byte < 0x7F and byte != 0x23 else 0x2B for byte in query)
    return Input("pixel", b"GET", b"/v1/pixel.gif?" + query, ((b"Referer", b"https://www.example.com/x"),))
