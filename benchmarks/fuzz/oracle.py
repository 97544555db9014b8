"""What must come of an input, told anew from docs/http.md, with nothing of the web process's own code but its list of junk ids.

It answers *taken* with what must be stored, *refused* with nothing stored, or *unclear*, where it does not know the rules (a date in
words, a mistake in a multipart body): then whatever is stored must be sound, and a refusal must say why.
"""

import json
import re
import zlib
from base64 import b64decode
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from benchmarks.fuzz.calls import KINDS
from benchmarks.fuzz.forms import WRONG_ADDRESSES
from benchmarks.fuzz.inputs import Input
from benchmarks.fuzz.world import FORMS, SECRET_KEY, WRITE_KEY
from nurture.domain.event import NAME_OF_KIND, RESERVED_NAMES
from nurture.domain.junk import is_junk

EVENT_BYTES: Final = 32 * 1024
BATCH_BYTES: Final = 500 * 1024


class Verdict(NamedTuple):
    """`says` is `taken`, `refused` or `unclear`; `events` what must be stored then, as far as it is known; `rejected` the items of a batch."""

    says: str
    events: tuple[dict[str, Any], ...] = ()
    rejected: tuple[int, ...] = ()
    statuses: frozenset[int] = frozenset()


REFUSED: Final = Verdict("refused")
UNCLEAR: Final = Verdict("unclear")


class Wrong(Exception):
    """The input must be refused."""


class Unsure(Exception):
    """The oracle does not know."""


def verdict(sent: Input) -> Verdict:
    """What must come of an input."""
    if sent.note == "refused":
        return REFUSED
    if sent.raw is not None or sent.kind.startswith(("hook", "tokens", "methods", "pixel", "described")):
        return UNCLEAR
    path = unquote_to_bytes(sent.target.partition(b"?")[0]).decode("latin-1")
    if sent.kind == "headers" and _steers(sent):
        return UNCLEAR
    try:
        if path.startswith("/f/"):
            return _form(path, sent)
        limit = BATCH_BYTES if path.endswith(("b", "batch")) else EVENT_BYTES
        raw = _parsed(_body(sent, limit))
        source = _source(raw, sent)
        if limit == BATCH_BYTES:
            return _batch(raw, source)
        return Verdict("taken", (_event(raw, KINDS[path.removeprefix("/v1/")], source),))
    except Wrong:
        return REFUSED
    except (Unsure, RecursionError):
        return UNCLEAR


def _steers(sent: Input) -> bool:
    """Whether a header changes what a request means in a way that the oracle does not follow."""
    steering = (b"content-type", b"origin", b"sec-fetch-site", b"sec-fetch-dest", b"authorization", b"content-encoding", b"expect", b"upgrade", b"connection", b"x-debug", b"content-length", b"te", b"accept", b"sec-gpc", b"dnt", b"cookie", b"x-forwarded-for")  # fmt: skip
    return any(name.lower() in steering for name, _ in sent.headers[1:]) or len(sent.headers) > 100


def _body(sent: Input, limit: int) -> bytes:
    body, encoding = sent.body, sent.header(b"content-encoding")
    if len(body) > limit:
        raise Wrong
    if encoding is None or encoding == b"identity":
        return body
    if encoding.lower() not in (b"gzip", b"x-gzip"):
        raise Wrong
    unpacking = zlib.decompressobj(31)
    try:
        plain = unpacking.decompress(body, limit + 1)
    except zlib.error:
        raise Wrong from None
    if len(plain) > limit or not unpacking.eof:
        raise Wrong
    return plain


def _parsed(body: bytes) -> Any:
    def no_number(_: str) -> None:
        raise Wrong

    try:
        raw = json.loads(body.decode(), parse_constant=no_number)
    except (ValueError, RecursionError):
        raise Wrong from None
    if _depth(raw) > _DEEPEST_JSON:
        raise Wrong
    if any("\ud800" <= letter <= "\udfff" for letter in json.dumps(raw, ensure_ascii=False)):
        raise Wrong
    return raw


#: What is nested deeper is not read as JSON at all.
_DEEPEST_JSON: Final = 195


def _depth(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


def _source(raw: Any, sent: Input) -> str:
    key: Any = raw.get("writeKey") if isinstance(raw, dict) else None
    if not (isinstance(key, str) and key):
        shown = sent.header(b"authorization")
        if shown:
            scheme, _, rest = shown.partition(b" ")
            try:
                key = rest.strip() if scheme.lower() == b"bearer" else b64decode(rest.strip(), validate=True).partition(b":")[0]
            except ValueError:
                raise Wrong from None
            key = key.decode("latin-1")
        else:
            query = sent.target.partition(b"?writeKey=")[2]
            key = unquote_to_bytes(query).decode("latin-1")
            if key == SECRET_KEY:
                raise Wrong
    known = {WRITE_KEY: "website", SECRET_KEY: "crm"}
    if key not in known:
        raise Wrong
    return known[key]


def _batch(raw: Any, source: str) -> Verdict:
    calls = raw.get("batch") if isinstance(raw, dict) else None
    if not isinstance(calls, list) or len(calls) > 2_500:
        raise Wrong
    events: list[dict[str, Any]] = []
    rejected: list[int] = []
    for index, each in enumerate(calls):
        try:
            events.append(_item(each, source))
        except Wrong:
            rejected.append(index)
    if not events:
        return REFUSED
    return Verdict("taken", tuple(events), tuple(rejected))


def _item(each: Any, source: str) -> dict[str, Any]:
    kind = each.get("type") if isinstance(each, dict) else None
    if not isinstance(kind, str) or kind not in KINDS.values():
        raise Wrong
    if len(json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode()) > EVENT_BYTES:
        raise Wrong
    return _event(each, kind, source)


_TEXTS: Final = {"type": 10**9, "event": 10**9, "name": 512, "category": 512}
_IDS: Final = ("messageId", "anonymousId", "userId", "previousId", "groupId")
_INSTANTS: Final = ("timestamp", "originalTimestamp", "sentAt")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def _event(raw: Any, kind: str, source: str) -> dict[str, Any]:
    """What a call must be stored as."""
    if not isinstance(raw, dict):
        raise Wrong
    if _count(raw, 32) > 1_000:
        raise Wrong
    _check_types(raw)
    ids = {name: _id(raw.get(name)) for name in _IDS}
    traits, properties = raw.get("traits") or {}, raw.get("properties") or {}
    email = _address(traits.get("email")) if kind == "identify" else None
    made: dict[str, Any] = {"source": source, "kind": kind, "name": _name(raw, kind)}
    if ids["messageId"]:
        made["message_id"] = ids["messageId"]
    people = {"anonymous_id": ids["anonymousId"], "user_id": ids["userId"]}
    named = {name: each.strip() for name, each in people.items() if each is not None and not is_junk(each)}
    previous = ids["previousId"] if ids["previousId"] is not None and not is_junk(ids["previousId"]) else None
    if not (named or email or (kind == "alias" and previous)):
        raise Wrong
    if kind != "alias":
        made |= {"anonymous_id": named.get("anonymous_id"), "user_id": named.get("user_id"), "email": email}
    if kind == "group":
        if not ids["groupId"]:
            raise Wrong
        made["properties"] = {**properties, "group_id": ids["groupId"], **({"traits": traits} if traits else {})}
    else:
        said = {part: raw[part] for part in ("name", "category") if kind in ("page", "screen") and raw.get(part)}
        made["properties"] = {**said, **properties}
        made["traits"] = {name: each for name, each in traits.items() if name != "email"}
    return made


def _check_types(raw: dict[str, Any]) -> None:
    for name, longest in _TEXTS.items():
        if not isinstance(raw.get(name), str | None) or len(raw.get(name) or "") > longest:
            raise Wrong
    for name in ("properties", "traits", "context"):
        if not isinstance(raw.get(name), dict | None):
            raise Wrong
    for name in _INSTANTS:
        # Of two stamps of when it happened the second is not looked at, but that it is one.
        _check_instant(raw.get(name), counts=name != "originalTimestamp" or raw.get("timestamp") is None)
    _check_context(raw.get("context") or {})


def _check_instant(said: Any, *, counts: bool) -> None:
    if said is None:
        return
    if isinstance(said, dict | list):
        raise Wrong
    if not (isinstance(said, str) and _ISO.fullmatch(said)):
        raise Unsure
    try:
        year = datetime.fromisoformat(said).year
    except ValueError:
        raise Wrong from None
    if counts and not 1970 <= year <= 2100:
        raise Wrong


def _check_context(context: dict[str, Any]) -> None:
    if context.get("consent") is not None:
        raise Unsure
    for name in ("page", "campaign", "library"):
        if not isinstance(context.get(name), dict | None):
            raise Wrong
    for name in ("locale", "timezone", "userAgent"):
        said = context.get(name)
        if not isinstance(said, str | None) or (name != "userAgent" and len(said or "") > 512):
            raise Wrong


def _id(said: Any) -> str | None:
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, str | int | float) or len(str(said)) > 256:
        raise Wrong
    if isinstance(said, float):
        raise Unsure  # in which form a fraction becomes a text
    return str(said)


def _name(raw: dict[str, Any], kind: str) -> str:
    if kind != "track":
        return NAME_OF_KIND[kind]
    name = (raw.get("event") or "").strip()
    if not name or len(name) > 128 or name in RESERVED_NAMES:
        raise Wrong
    return name


def _address(said: Any) -> str | None:
    if said is None or said == "":
        return None
    if not isinstance(said, str):
        raise Unsure
    if re.fullmatch(r"\s*[EFef]\d[\w-]*@example\.com\s*", said, re.ASCII | re.IGNORECASE):
        return said.strip().lower()
    if said in WRONG_ADDRESSES:
        raise Wrong
    raise Unsure


def _count(container: Any, deeper: int) -> int:
    """Values in a container, which must hold no NUL, no endless number, and nothing too deep."""
    if not deeper:
        raise Wrong
    count = len(container)
    for name, each in container.items() if isinstance(container, dict) else enumerate(container):
        if isinstance(name, str) and "\0" in name:
            raise Wrong
        if isinstance(each, str) and "\0" in each:
            raise Wrong
        if isinstance(each, int) and not isinstance(each, bool) and not -(2**63) <= each < 2**63:
            raise Wrong
        if isinstance(each, float) and not -1.8e308 < each < 1.8e308:
            raise Wrong
        if isinstance(each, dict | list):
            count += _count(each, deeper - 1)
    return count


_SEVERAL_LINES: Final = ("message",)


def _form(path: str, sent: Input) -> Verdict:
    name = path.removeprefix("/f/")
    if name not in FORMS or sent.method != b"POST":
        return REFUSED
    body = _body(sent, 64 * 1024)
    kind = (sent.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind == b"application/x-www-form-urlencoded":
        pairs = _decoded(body)
    elif kind in (b"application/json", b"text/plain"):
        pairs = _told(_parsed(body))
    elif kind == b"multipart/form-data":
        raise Unsure
    else:
        raise Wrong
    if len(pairs) > 200:
        raise Wrong
    fields: dict[str, list[Any]] = {}
    for field, said in pairs:
        kept = said.strip() if isinstance(said, str) else said
        if field.strip() and kept not in ("", None):
            fields.setdefault(field.strip(), []).append(kept)
    _count({field: said if len(said) > 1 else said[0] for field, said in fields.items()}, 32)
    return Verdict("taken", (_posted(name, fields),))


def _decoded(body: bytes) -> list[tuple[str, Any]]:
    """WHATWG URL, "application/x-www-form-urlencoded parsing", but what is no UTF-8 is refused instead of replaced."""
    try:
        body.decode()
        made = []
        for part in body.split(b"&"):
            if part:
                name, _, said = part.replace(b"+", b" ").partition(b"=")
                made.append((unquote_to_bytes(name).decode(), unquote_to_bytes(said).decode()))
    except UnicodeDecodeError:
        raise Wrong from None
    return made


def _told(raw: Any) -> list[tuple[str, Any]]:
    if not isinstance(raw, dict):
        raise Wrong
    made = []
    for name, said in raw.items():
        for each in said if isinstance(said, list) else [said]:
            if isinstance(each, dict | list):
                raise Wrong
            made.append((name, each))
    if len(raw) <= 200 < len(made):
        raise Unsure  # the bound is on names
    return made


def _posted(form: str, fields: dict[str, list[Any]]) -> dict[str, Any]:
    """What a post must be stored as."""
    controls = ("botcheck", "form-name", "subject")
    for name, said in fields.items():
        if name.startswith("_") or name in controls:
            continue
        several = name in _SEVERAL_LINES
        known = name in ("email", "first_name", "message", "consent") if form == "contact" else name in ("email", "consent")
        longest = 10_000 if several or not known else 500
        if any(len(str(each)) > longest for each in said):
            raise Wrong
        if known and not several and any(isinstance(each, str) and len(each.splitlines()) > 1 for each in said):
            raise Wrong
    emails = fields.get("email", [])
    if not emails or len(emails) > 1 or not isinstance(emails[0], str):
        raise Wrong
    email = _address(emails[0])
    return {"source": f"form:{form}", "name": "form_submitted", "email": email}
