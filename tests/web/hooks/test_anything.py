"""Whatever somebody posts, a hook says yes or no; it never breaks."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.hooks.base import Access, HookRefused, Post
from nurture.adapters.hooks.taking import ADAPTERS, Told, read_post
from nurture.adapters.tokens import Tokens
from nurture.domain.mail.hooks import Provider
from tests.web.hooks.conftest import HOOKS, PROVIDERS
from tests.web.hooks.signing import CERTIFICATE_URL, SECRETS, TOPIC, certificate

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKENS = Tokens("a secret for tests")

#: What providers' requests are made of, put together in any way.
WORDS = st.sampled_from([
    "Type", "Notification", "TopicArn", TOPIC, "Message", '{"eventType": "Bounce", "bounce": {"bouncedRecipients": [5, {}]}}', "[]", "{",
    "Signature", "SignatureVersion", "1", "2", "SigningCertURL", CERTIFICATE_URL, "Timestamp", "2026-03-02T09:00:00Z", "AAAA",
    "SubscribeURL", "Token", "signature", "timestamp", "token", "event-data", "event", "failed", "severity", "permanent", "delivery-status",
    "bounce", "Bounce", "delivered", "RecordType", "Email", "ana@example.com", "msys", "message_event", "type", "email.bounced", "data",
    "to", "events", "1772442000", "\x00", "é", "",
])  # fmt: skip
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
DOCUMENTS = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6), max_leaves=20
)
HEADERS = st.dictionaries(
    st.sampled_from([
        "authorization", "svix-id", "svix-timestamp", "svix-signature", "x-signature", "x-timestamp",
        "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp",
    ]),
    st.sampled_from(["Basic", "Basic AAAA", "Bearer x", "1772442000", "v1,AAAA", "sha256=00", "AAAA", "\xe9", "", " ", "%"]),
)  # fmt: skip


@given(st.sampled_from(PROVIDERS), DOCUMENTS, HEADERS)
def test_whoever_is_not_the_provider_is_refused(provider: Provider, document: Any, headers: dict[str, str]) -> None:
    access = Access(HOOKS.sources[provider], (SECRETS.get(provider, ""),), lambda _: certificate(), lambda _: b"")
    with pytest.raises(HookRefused) as refused:
        ADAPTERS[provider].check(Post(headers, b"body", document, NOW), access)
    assert refused.value.status in (400, 401, 403)


@given(st.sampled_from(PROVIDERS), DOCUMENTS)
def test_what_a_provider_tells_is_taken_or_named(provider: Provider, document: Any) -> None:
    if provider == "ses":  # its check has looked at the outer shape
        document = {"Type": "Notification", "Message": document if isinstance(document, str) else "{}"}
    post = Post({}, b"", document, NOW)
    told = told_by(provider, post)
    assert told == told_by(provider, post)
    if isinstance(told, Told):
        assert all(each.at <= NOW and each.recipient for each in told.heard)
    else:
        assert told == 400


def told_by(provider: Provider, post: Post) -> Told | int:
    """What a request tells, or the status that it is refused with."""
    try:
        return read_post(provider, HOOKS.sources[provider], post, TOKENS)
    except HookRefused as refused:
        return refused.status
