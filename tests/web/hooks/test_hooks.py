"""Hooks over HTTP: who is believed, what is written, and what is answered."""

import gzip
import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from nurture.adapters.hooks.taking import key_of
from nurture.adapters.tokens import Tokens
from nurture.domain.event import EMAIL_BOUNCED, EMAIL_COMPLAINED, EMAIL_DELIVERED, UNSUBSCRIBED
from nurture.domain.mail.hooks import Hook, Hooks, tolerance_of
from nurture.web.hooks import HOOK_BYTES
from tests.support.servers import RedisServer
from tests.web.conftest import serving
from tests.web.hooks.conftest import HOOKS, MAIL, PROVIDERS, Hooked, hook
from tests.web.hooks.signing import SECRETS, Signed, post_of, shape

#: A shape of each provider that tells one thing of our mail, and the event that comes of it.
ONE = {
    "ses": ("ses-bounce", EMAIL_BOUNCED),
    "sendgrid": ("sendgrid-batch", EMAIL_DELIVERED),
    "postmark": ("postmark-hard", EMAIL_BOUNCED),
    "mailgun": ("mailgun-complained", EMAIL_COMPLAINED),
    "mailjet": ("mailjet-batch", EMAIL_DELIVERED),
    "brevo": ("brevo-unsubscribed", UNSUBSCRIBED),
    "resend": ("resend-bounced", EMAIL_BOUNCED),
    "sparkpost": ("sparkpost-batch", EMAIL_DELIVERED),
    "custom": (None, EMAIL_BOUNCED),
}
SIGNING = ("ses", "sendgrid", "mailgun", "resend", "custom")
SHOWING = ("postmark", "mailjet", "brevo", "sparkpost")


def relayed(mail: str, **said: Any) -> dict[str, Any]:
    event = {
        "type": "failed", "severity": "permanent", "id": "r-1", "time": "2026-03-02T08:59:00Z", "to": "ana@example.com",
        "reply": "550 5.1.1 unknown", "metadata": {"mail": mail}, **said,
    }  # fmt: skip
    return {"events": [event]}


def told(provider: str, hooked: Hooked, name: str | None = None) -> Any:
    """What a provider has to tell."""
    name = name or ONE[provider][0]
    return relayed(hooked.mail) if name is None else shape(name, hooked.mail)


def signed(provider: str, hooked: Hooked, name: str | None = None, *, ago: timedelta = timedelta(0)) -> Signed:
    return post_of(provider, told(provider, hooked, name), hooked.web.clock.now() - ago)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_told_is_written_down(provider: str, hooked: Hooked) -> None:
    answer = hooked.post(provider, signed(provider, hooked))
    assert (answer.status_code, answer.json()["success"], answer.json()["rejected"]) == (200, True, [])
    events = hooked.web.events()
    assert len(events) == answer.json()["taken"] > 0
    assert ONE[provider][1] in {event.name for event in events}
    assert {event.source for event in events} == {f"hook:{provider}"}
    assert MAIL in {(event.message, event.person) for event in events}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_again_is_the_same_event(provider: str, hooked: Hooked) -> None:
    post = signed(provider, hooked)
    answers = [hooked.post(provider, post).status_code for _ in range(2)]
    events = hooked.web.events()
    assert answers == [200, 200]
    assert len({event.key for event in events}) == len(events) // 2
    assert len({event.fingerprint for event in events}) == len(events) // 2


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("key", ["x", "wk_0123456789abcdef"])
def test_without_the_key_nobody_is_heard(provider: str, key: str, hooked: Hooked) -> None:
    post = signed(provider, hooked)
    answer = hooked.web.client.post(hooked.path(provider, key), content=post.body, headers=post.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_hook")
    assert hooked.web.events() == []


def test_a_hook_that_is_not_there_answers_as_one_whose_key_is_wrong(hooked: Hooked) -> None:
    post = signed("postmark", hooked)
    known = hooked.web.client.post(hooked.path("postmark", "x"), content=post.body, headers=post.headers)
    for key in ("x", key_of(hooked.web.tokens, "nobody", 1)):
        unknown = hooked.web.client.post(hooked.path("nobody", key), content=post.body, headers=post.headers)
        assert (unknown.status_code, unknown.json()) == (known.status_code, known.json())


@pytest.mark.parametrize("provider", SIGNING)
def test_a_signature_that_does_not_fit_is_refused(provider: str, hooked: Hooked) -> None:
    post = signed(provider, hooked)
    other = b"another body" if provider != "mailgun" else b""
    if provider in ("ses", "mailgun"):  # their signatures stand in the body
        document = json.loads(post.body)
        if provider == "ses":
            document["Message"] = document["Message"].replace("5.1.1", "5.2.2")
        else:
            document["signature"]["token"] = "0" * 50
        body = json.dumps(document).encode()
    else:
        body = post.body.replace(b"example.com", b"example.net")
    assert body not in (post.body, other)
    answer = hooked.post(provider, Signed(post.headers, body))
    assert (answer.status_code, answer.json()["code"]) == (403, "signature")
    assert hooked.web.events() == []


@pytest.mark.parametrize("provider", SIGNING)
def test_a_signature_that_is_missing_or_nonsense_is_refused(provider: str, hooked: Hooked) -> None:
    post = signed(provider, hooked)
    document = json.loads(post.body)
    document = {k: v for k, v in document.items() if k.lower() != "signature"} if isinstance(document, dict) else document
    missing = hooked.post(provider, Signed({}, json.dumps(document).encode()))
    assert (missing.status_code, missing.json()["code"]) == (403, "signature")
    garbled = {name: "%%%" if "signature" in name else value for name, value in post.headers.items()}
    nonsense = hooked.post(provider, Signed(garbled, json.dumps(document).encode()))
    assert (nonsense.status_code, nonsense.json()["code"]) == (403, "signature")


@pytest.mark.parametrize("provider", SIGNING)
@pytest.mark.parametrize("early", [False, True])
def test_what_was_signed_long_ago_or_is_yet_to_come_is_stale(provider: str, early: bool, hooked: Hooked) -> None:
    age = tolerance_of(HOOKS.sources[provider]) + timedelta(seconds=2)
    stale = hooked.post(provider, signed(provider, hooked, ago=-age if early else age))
    assert (stale.status_code, stale.json()["code"]) == (403, "stale")
    assert hooked.web.events() == []
    just = hooked.post(provider, signed(provider, hooked, ago=age - timedelta(seconds=4)))
    assert just.status_code == 200


@pytest.mark.parametrize("provider", SHOWING)
@pytest.mark.parametrize(
    "shown", ["", "Basic", "Basic !!!", "Bearer nurture", "Basic " + b64encode(b"nurture:wrong").decode(), SECRETS["postmark"]]
)
def test_without_the_secret_nobody_is_believed(provider: str, shown: str, hooked: Hooked) -> None:
    answer = hooked.post(provider, Signed({"authorization": shown} if shown else {}, signed(provider, hooked).body))
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert hooked.web.events() == []


@pytest.mark.parametrize("provider", SHOWING)
def test_the_secret_may_be_a_bearers(provider: str, hooked: Hooked) -> None:
    shown = Signed({"authorization": f"Bearer {SECRETS[provider]}"}, signed(provider, hooked).body)
    assert hooked.post(provider, shown).status_code == 200


def test_mailguns_signature_is_not_taken_with_another_body(hooked: Hooked) -> None:
    """It covers only a token, so whoever has seen one post could write another."""
    opened = signed("mailgun", hooked, "mailgun-opened")
    assert hooked.post("mailgun", opened).status_code == 200
    assert hooked.post("mailgun", opened).status_code == 200, "a repetition does no harm"
    seen = json.loads(opened.body)["signature"]
    forged = {**told("mailgun", hooked, "mailgun-complained"), "signature": seen}
    answer = hooked.post("mailgun", Signed({}, json.dumps(forged).encode()))
    assert (answer.status_code, answer.json()["code"]) == (403, "replayed")
    assert hooked.web.events() == []


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b"\xff\xfe"])
def test_what_is_no_json_is_told_with_its_place(provider: str, body: bytes, hooked: Hooked) -> None:
    answer = hooked.post(provider, Signed(signed(provider, hooked).headers, body))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["message"].startswith("this is no JSON")


@pytest.mark.parametrize("provider", SHOWING)
@pytest.mark.parametrize("document", [None, 5, "text", [5], [[]]])
def test_what_is_no_event_is_told_with_its_place(provider: str, document: Any, hooked: Hooked) -> None:
    answer = hooked.post(provider, Signed(signed(provider, hooked).headers, json.dumps(document).encode()))
    assert answer.status_code == 400
    assert answer.json().get("rejected", [{"number": 0}])[0]["number"] == 0


def test_of_a_batch_what_can_be_read_is_taken_and_the_rest_is_named(hooked: Hooked) -> None:
    batch = [5, *shape("mailjet-batch", hooked.mail), {"event": "bounce"}]
    answer = hooked.post("mailjet", post_of("mailjet", batch, hooked.web.clock.now()))
    assert answer.status_code == 200
    assert [each["number"] for each in answer.json()["rejected"]] == [0, len(batch) - 1]
    assert len(hooked.web.events()) == answer.json()["taken"] == 8


def test_new_words_are_accepted_and_counted(hooked: Hooked) -> None:
    answer = hooked.post("sendgrid", signed("sendgrid", hooked))
    assert answer.json()["unknown"] == ["levitated"]
    alone = hooked.post("brevo", post_of("brevo", {"event": "teleported"}, hooked.web.clock.now()))
    assert (alone.status_code, alone.json()["taken"], alone.json()["unknown"]) == (200, 0, ["teleported"])
    counted = hooked.web.client.get("/metrics").text
    assert 'nurture_web_hooks_total{source="brevo",came_to="unknown_word"}' in counted


def test_too_much_at_once_is_refused(hooked: Hooked) -> None:
    packed = gzip.compress(b'{"a": "' + b"x" * HOOK_BYTES + b'"}')
    answer = hooked.post("postmark", Signed(signed("postmark", hooked).headers, packed), **{"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_batch_may_be_packed(hooked: Hooked) -> None:
    post = signed("sparkpost", hooked)
    answer = hooked.post("sparkpost", Signed(post.headers, gzip.compress(post.body)), **{"content-encoding": "gzip"})
    assert answer.json()["taken"] == 10


def test_without_its_secret_a_hook_asks_to_come_again(hooked: Hooked) -> None:
    answer = hooked.post("lost", signed("postmark", hooked))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_a_get_does_nothing(hooked: Hooked) -> None:
    assert hooked.web.client.get(hooked.path("postmark")).status_code == 405


def test_another_edition_has_another_address(hooked: Hooked) -> None:
    old, definitions = hooked.path("postmark"), hooked.web.in_force[0]
    changed = Hooks(sources={**HOOKS.sources, "postmark": hook("postmark", edition=2)})
    hooked.web.in_force[0] = definitions.model_copy(update={"hooks": changed})
    try:
        post = signed("postmark", hooked)
        assert hooked.web.client.post(old, content=post.body, headers=post.headers).status_code == 403
        new = hooked.path("postmark", key_of(hooked.web.tokens, "postmark", 2))
        assert hooked.web.client.post(new, content=post.body, headers=post.headers).status_code == 200
    finally:
        hooked.web.in_force[0] = definitions


def test_what_one_person_hears_of_goes_one_way(hooked: Hooked) -> None:
    """So that it is absorbed in its order, whatever batch it came in."""
    for provider in ("sendgrid", "mailjet"):
        hooked.post(provider, signed(provider, hooked))
    ways = [{event.person for event in hooked.web.partition(each)} for each in range(4)]
    assert [77 in way for way in ways].count(True) == 1


def test_a_secret_may_take_the_place_of_another_and_stand_in_a_header(redis_url: str, tmp_path: Any) -> None:
    own = Hook(provider="postmark", secret="postmark", header="X-Hook-Secret")
    definitions = _with(own)
    secrets = {"postmark": ("the old secret", "the new secret")}
    from nurture.settings import Settings

    parsed = Settings.model_validate({"hook_secrets": secrets}).hook_secrets
    with serving(redis_url, tmp_path / "web", definitions=definitions, hook_secrets=parsed) as web:
        body = json.dumps(shape("postmark-hard", web.tokens.mail_name(MAIL))).encode()
        path = f"/hooks/postmark/{key_of(web.tokens, 'postmark', 1)}"
        tried = ["the old secret", "the new secret", "the secret"]
        answers = [web.client.post(path, content=body, headers={"X-Hook-Secret": each}).status_code for each in tried]
    assert answers == [200, 200, 401]


def test_while_redis_is_down_the_provider_comes_again(own_redis: RedisServer, tmp_path: Any) -> None:
    from nurture.settings import Settings

    parsed = Settings.model_validate({"hook_secrets": SECRETS}).hook_secrets
    with serving(own_redis.url, tmp_path / "web", definitions=_with(hook("postmark")), hook_secrets=parsed) as web:
        post = post_of("postmark", shape("postmark-hard", web.tokens.mail_name(MAIL)), web.clock.now())
        path = f"/hooks/postmark/{key_of(web.tokens, 'postmark', 1)}"
        own_redis.stop()
        down = web.client.post(path, content=post.body, headers=post.headers)
        own_redis.start()
        up = web.client.post(path, content=post.body, headers=post.headers)
        assert (down.status_code, up.status_code) == (503, 200)
        assert down.headers["retry-after"]
        assert {event.name for event in web.events()} == {EMAIL_BOUNCED}


def _with(own: Hook) -> Any:
    from tests.web.conftest import make_definitions

    return make_definitions().model_copy(update={"hooks": Hooks(sources={"postmark": own})})


def test_addresses_and_names_of_mails_outlive_a_secret_key(redis_url: str, tmp_path: Any) -> None:
    """A provider that was given an address keeps it, and a bounce may come after the key that named the mail was replaced."""
    from nurture.settings import Settings

    old, parsed = Tokens("the old key"), Settings.model_validate({"hook_secrets": SECRETS}).hook_secrets
    tokens = Tokens("the new key", ["the old key"])
    with serving(redis_url, tmp_path / "web", definitions=_with(hook("postmark")), tokens=tokens, hook_secrets=parsed) as web:
        post = post_of("postmark", shape("postmark-hard", old.mail_name(MAIL)), web.clock.now())
        for each in (old, tokens):
            path = f"/hooks/postmark/{key_of(each, 'postmark', 1)}"
            assert web.client.post(path, content=post.body, headers=post.headers).status_code == 200
        assert {(event.message, event.person) for event in web.events()} == {MAIL}
