"""Inputs by hypothesis, which finds corners of JSON, and by schemathesis, which reads the description of the interface."""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from requests import Request
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from benchmarks.fuzz.calls import KINDS
from benchmarks.fuzz.inputs import JSON, Input
from benchmarks.fuzz.world import WRITE_KEY
from nurture.web.openapi import description

#: Takes an input and a name by which it is known.
Sender = Callable[[Input, str], None]

_FIELDS: Final = (
    "event", "messageId", "anonymousId", "userId", "groupId", "previousId", "name", "category", "timestamp", "properties", "traits", "context",
)  # fmt: skip
_BASE: Final = "http://fuzz"
_KEY: Final = (b"Authorization", b"Bearer " + WRITE_KEY.encode())

_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12,
)  # fmt: skip
_CALLS: Final = st.dictionaries(st.sampled_from(_FIELDS) | st.text(max_size=6), _VALUES, max_size=7)
_RIGHT: Final = st.fixed_dictionaries(
    {"event": st.text(min_size=1, max_size=128), "anonymousId": st.text(min_size=1, max_size=20)},
    optional={
        "properties": st.dictionaries(st.text(max_size=8), _VALUES, max_size=5),
        "messageId": st.text(min_size=1, max_size=30),
    },
)


def random_json(send: Sender, number: int, draw: int) -> None:
    """Send calls made of any JSON, `number` of them."""
    count = 0

    @seed(draw)
    @given(path=st.sampled_from(sorted(KINDS)), call=_RIGHT | _CALLS, plain=st.booleans())
    @settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def run(path: str, call: dict[str, Any], *, plain: bool) -> None:
        nonlocal count
        count += 1
        body = json.dumps(call, ensure_ascii=not plain).encode("utf-8", "surrogatepass")
        send(Input("random JSON", b"POST", f"/v1/{path}".encode(), (JSON, _KEY), body), f"random JSON {draw}-{count}")

    run()


def described(send: Sender, number: int, draw: int) -> None:
    """Send what the description asks for, and what it forbids, over all of its operations; about `number` requests."""
    found = [each.ok() for each in schemathesis.openapi.from_dict(description()).get_all_operations() if isinstance(each, Ok)]
    ways = [
        (each, mode)
        for each in found
        for mode in GenerationMode
        if mode == GenerationMode.POSITIVE or each.query or _takes_json(each)
    ]
    for index, (operation, mode) in enumerate(ways):
        _ask(operation, mode, max(1, number // len(ways)), draw + index, send)


def _ask(operation: Any, mode: GenerationMode, number: int, draw: int, send: Sender) -> None:
    @seed(draw)
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def run(case: Case[Any]) -> None:
        send(_input(case), f"described {operation.label} {draw}")

    run()


def _takes_json(operation: Any) -> bool:
    return bool(operation.body) and "hooks" not in operation.path


def _input(case: Case[Any]) -> Input:
    asked = case.as_transport_kwargs(base_url=_BASE)
    headers = {name: value for name, value in (asked.pop("headers", None) or {}).items() if value is not None}
    known = {
        name: asked[name]
        for name in ("method", "url", "params", "data", "json", "files", "cookies")
        if asked.get(name) is not None
    }
    prepared = Request(headers={**headers, "Authorization": f"Bearer {WRITE_KEY}"}, **known).prepare()
    body: Any = prepared.body or b""
    target = (prepared.url or _BASE).removeprefix(_BASE) or "/"
    kept = tuple(
        (_plain(name), _plain(value))
        for name, value in prepared.headers.items()
        if name.lower() not in ("content-length", "transfer-encoding", "host")
    )
    return Input(
        "described",
        (prepared.method or "GET").encode(),
        quote(target, safe="%/?&=:+,;@!$'()*~[]-._").encode(),
        kept,
        body.encode() if isinstance(body, str) else body,
    )


def _plain(text: str | bytes) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode("latin-1", "replace")
    return raw.replace(b"\r", b"").replace(b"\n", b"")
