"""A small request makes no large amount of work."""

import gzip
import io
import json
import time
import tracemalloc
import zlib
from typing import Any

import httpx
import pytest

from nurture.web.bodies import _unpacked
from nurture.web.refusals import Refusal
from tests.web.conftest import KEY, Web

JSON = {"Content-Type": "application/json", "Accept": "application/json", "Authorization": f"Bearer {KEY}"}
PATHS = ["/v1/track", "/v1/batch", "/f/contact"]


def packed(size: int, turns: int = 1) -> bytes:
    """So many zeros, packed once or again."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9) as writing:
        for _ in range(size // 2**20):
            writing.write(bytes(2**20))
    body = file.getvalue()
    for _ in range(turns - 1):
        body = gzip.compress(body, 9)
    return body


DEEP = b'{"email": "a@example.com", "a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
BOMBS = {
    "a gigabyte in a megabyte": (packed(256 * 2**20), {"Content-Encoding": "gzip"}),
    "packed twice": (packed(64 * 2**20, 2), {"Content-Encoding": "gzip"}),
    "two encodings": (packed(2**20), {"Content-Encoding": "gzip, gzip"}),
    "deflate": (zlib.compress(bytes(2**20)), {"Content-Encoding": "deflate"}),
    "brotli": (b"\x8b\xff\xff", {"Content-Encoding": "br"}),
    "many members": (gzip.compress(b"{}") * 1_000, {"Content-Encoding": "gzip"}),
    "rubbish behind the end": (gzip.compress(b'{"a":') + b"x" * 1_000, {"Content-Encoding": "gzip"}),
    "deep lists": (DEEP, {}),
    "deep objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, {}),
    "a number of 30,000 digits": (b'{"email": "a@example.com", "a": ' + b"9" * 30_000 + b"}", {}),
    "an exponent": (b'{"email": "a@example.com", "event": "e", "userId": "u", "properties": {"a": 1e400}, "b": 1e400}', {}),
    "a small exponent": (b'{"email": 1, "a": 1e-999999999}', {}),
    "many keys": (json.dumps({"event": "e", "userId": "u", "properties": {f"k{n}": n for n in range(2_000)}}).encode(), {}),
    "one key many times": (b'{"email": "x", ' + b",".join(b'"a": 1' for _ in range(4_000)) + b"}", {}),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("body", "headers"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_and_leaves_nothing(web: Web, path: str, body: bytes, headers: dict[str, str]) -> None:
    answer = web.client.post(path, content=body, headers={**JSON, **headers})
    assert 400 <= answer.status_code < 500
    assert web.events() == []
    assert web.quarantined() == []
    assert web.track().status_code == 200


def test_unpacking_takes_no_more_memory_than_is_let_in() -> None:
    body, limit = packed(256 * 2**20), 64 * 1024
    tracemalloc.start()
    try:
        with pytest.raises(Refusal) as refused:
            _unpacked(body, limit)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.status == 413
    assert peak < 20 * limit


@pytest.mark.parametrize("parts", [201, 3_000])
def test_a_form_of_thousands_of_parts_is_refused(web: Web, parts: int) -> None:
    files = {f"f{n}": (None, "") for n in range(parts)}
    answer = web.client.post("/f/contact", files=files, headers={"Accept": "application/json"})
    assert (answer.status_code, web.events()) == (413, [])


def test_a_part_without_an_end_is_refused(web: Web) -> None:
    for body in (
        b"--x\r\n" * 5_000,
        b'--x\r\nContent-Disposition: form-data; name="' + b"a" * 60_000,
        b"\r\n" * 30_000,
        b"--x\r\n" + b"A: b\r\n" * 9_000,
    ):
        answer = web.client.post(
            "/f/contact", content=body, headers={"Content-Type": "multipart/form-data; boundary=x", "Accept": "application/json"}
        )
        assert 400 <= answer.status_code < 500
    assert web.events() == []


def test_what_lies_deep_costs_a_moment(web: Web) -> None:
    """Ten of the worst bodies together take less than a few seconds, also on a busy machine."""
    began = time.monotonic()
    answers: list[httpx.Response] = [web.client.post("/v1/track", content=DEEP[:30_000], headers=JSON) for _ in range(10)]
    assert {answer.status_code for answer in answers} <= {400, 413, 422}
    assert time.monotonic() - began < 20


def test_a_batch_of_small_bombs_is_judged_item_by_item(web: Web) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = {"a": deep}
    items = [{"type": "track", "event": "e", "userId": "u", "properties": deep}, {"type": "track", "event": "e", "userId": "u"}]
    told = web.client.post("/v1/batch", content=json.dumps({"batch": items}), headers=JSON).json()
    assert (told["accepted"], [each["code"] for each in told["rejected"]]) == (1, ["too_deep"])
