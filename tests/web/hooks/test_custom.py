"""Anybody else's hooks, by what config/hooks.yaml says of them."""

import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from nurture.adapters.hooks.base import Access, HookRefused, Post
from nurture.adapters.hooks.custom import check
from nurture.adapters.hooks.taking import read_post
from nurture.adapters.tokens import Tokens
from nurture.domain.mail.hooks import Hook
from tests.web.hooks.conftest import READING

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = "a secret of the relay"
BODY = json.dumps({"id": "e-1", "sent": {"at": int(NOW.timestamp())}, "note": "{body} {id}"}).encode()


def hook(**said: Any) -> Hook:
    return Hook.model_validate({"provider": "custom", "secret": "relay", "reading": READING, **said})


def ask(own: Hook, headers: dict[str, str], body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,)) -> None:
    """Whether a request is believed; raises HookRefused if not."""
    nowhere = Access(own, secrets, lambda _: b"", lambda _: b"")
    check(Post(headers, body, json.loads(body), NOW), nowhere)


def mac(text: bytes, digest: str = "sha256", key: bytes = SECRET.encode()) -> bytes:
    return hmac.digest(key, text, digest)


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "v1,"])
def test_each_way_to_write_a_signature(digest: str, encoding: str, prefix: str) -> None:
    own = hook(signature={"header": "X-Sig", "algorithm": f"hmac-{digest}", "encoding": encoding, "prefix": prefix})
    right = mac(BODY, digest)
    written = prefix + (right.hex() if encoding == "hex" else b64encode(right).decode())
    ask(own, {"x-sig": written})
    ask(own, {"x-sig": f"nonsense {written}"})
    for wrong in (written[:-4], "", "é", prefix, mac(BODY + b" ", digest).hex()):
        with pytest.raises(HookRefused) as refused:
            ask(own, {"x-sig": wrong})
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{body}", BODY),
        ("{header:X-Id}.{body}", b"n-1." + BODY),
        ("{sent.at}:{id}", f"{int(NOW.timestamp())}:e-1".encode()),
        ("v0:{note}", b"v0:{body} {id}"),  # what is put in is not filled in again
        ("{} { } {{id}", b"{} { } {e-1"),
    ],
)
def test_what_is_signed_is_put_together_as_it_is_written(template: str, text: bytes) -> None:
    ask(hook(signature={"header": "X-Sig", "signed": template}), {"x-sig": mac(text).hex(), "x-id": "n-1"})


@pytest.mark.parametrize("template", ["{nothing}", "{sent}", "{header:X-Lost}", "{sent.at.deeper}"])
def test_what_is_to_be_signed_must_be_there(template: str) -> None:
    with pytest.raises(HookRefused) as refused:
        ask(hook(signature={"header": "X-Sig", "signed": template}), {"x-sig": mac(b"").hex()})
    assert refused.value.status == 403
    assert str(refused.value.field) in template


def test_standard_webhooks_as_the_documentation_writes_them() -> None:
    secret = "whsec_" + b64encode(b"a secret of twenty-four b").decode()
    signature = {
        "header": "webhook-signature", "encoding": "base64", "prefix": "v1,",
        "signed": "{header:webhook-id}.{header:webhook-timestamp}.{body}", "timestamp": "header:webhook-timestamp",
    }  # fmt: skip
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(NOW.timestamp()))}
    headers["webhook-signature"] = Webhook(secret).sign("msg_1", NOW, BODY.decode())
    ask(hook(signature=signature), headers, secrets=("whsec_bm90IHRoaXMgb25lLCBub3QgdGhpcyBvbmU=", secret))


@pytest.mark.parametrize(
    ("ago", "tolerance", "fresh"), [(299, None, True), (301, None, False), (301, "10m", True), (-301, None, False)]
)
def test_a_time_stamp_may_stand_in_the_body(ago: int, tolerance: str | None, fresh: bool) -> None:
    body = json.dumps({"at": (NOW - timedelta(seconds=ago)).isoformat()}).encode()
    own = hook(signature={"header": "X-Sig", "timestamp": "at"}, **({"tolerance": tolerance} if tolerance else {}))
    if fresh:
        ask(own, {"x-sig": mac(body).hex()}, body)
    else:
        with pytest.raises(HookRefused, match="too long ago"):
            ask(own, {"x-sig": mac(body).hex()}, body)


@pytest.mark.parametrize("stamp", ["soon", "9" * 400, "-1", "nan", "1e400"])
def test_a_time_stamp_that_is_none_is_refused(stamp: str) -> None:
    body = json.dumps({"at": stamp}).encode()
    with pytest.raises(HookRefused):
        ask(hook(signature={"header": "X-Sig", "timestamp": "at"}), {"x-sig": mac(body).hex()}, body)


def test_without_a_signature_the_secret_is_shown() -> None:
    ask(hook(), {"authorization": f"Bearer {SECRET}"})
    ask(hook(header="X-Key"), {"x-key": SECRET})
    for own, headers in [(hook(), {"x-key": SECRET}), (hook(header="X-Key"), {"authorization": f"Bearer {SECRET}"})]:
        with pytest.raises(HookRefused) as refused:
            ask(own, headers)
        assert refused.value.status == 401


def test_without_any_secret_nobody_is_believed() -> None:
    for own in (hook(), hook(signature={"header": "X-Sig"})):
        with pytest.raises(HookRefused):
            ask(own, {"authorization": "Bearer ", "x-sig": mac(BODY, key=b"").hex()}, secrets=())


def test_a_list_that_is_not_there_is_malformed() -> None:
    post = Post({}, b"", {"events": {}}, NOW)
    with pytest.raises(HookRefused) as refused:
        read_post("relay", hook(), post, Tokens("x" * 16))
    assert (refused.value.status, refused.value.field) == (400, "events")
