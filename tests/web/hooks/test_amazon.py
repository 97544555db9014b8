"""Amazon SES by SNS: whose certificate counts, and which subscriptions are confirmed."""

import json
from datetime import datetime
from typing import Any

import httpx
import pytest

from nurture.adapters.hooks.base import Access, HookRefused, Post
from nurture.adapters.hooks.sns import certificates, check, is_amazons
from nurture.errors import Unavailable
from tests.web.hooks.conftest import HOOKS, Hooked
from tests.web.hooks.signing import SUBSCRIBE_URL, Signed, certificate, notification, shape, sns, subscription


def send(hooked: Hooked, message: dict[str, Any]) -> httpx.Response:
    return hooked.post("ses", Signed({}, json.dumps(message).encode()))


def bounce(hooked: Hooked, **changed: Any) -> dict[str, Any]:
    return notification(shape("ses-bounce", hooked.mail), hooked.web.clock.now(), **changed)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "Amazon SES Email Event Notification"}])
def test_both_versions_of_the_signature_are_known(version: str, subject: dict[str, str], hooked: Hooked) -> None:
    assert send(hooked, sns(bounce(hooked, **subject), version=version)).status_code == 200
    assert len(hooked.web.events()) == 1


def test_a_certificate_is_fetched_once(hooked: Hooked) -> None:
    for _ in range(3):
        assert send(hooked, sns(bounce(hooked))).status_code == 200
    assert len(hooked.amazon.asked) <= 1


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://s3.eu-west-1.amazonaws.com/sns/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/?Action=x/SimpleNotificationService-1.pem",
        "https://[::1",
        "",
    ],
)
def test_a_certificate_from_anywhere_else_is_not_even_fetched(url: str, hooked: Hooked) -> None:
    answer = send(hooked, {**sns(bounce(hooked)), "SigningCertURL": url})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (403, "signature", "SigningCertURL")
    assert hooked.amazon.asked == []


@pytest.mark.parametrize(("region", "right"), [("eu-west-1", True), ("us-gov-west-1", True), ("EU", False), ("a.b", False)])
@pytest.mark.parametrize("end", ["", ".cn"])
def test_hosts_of_every_region_are_amazons(region: str, right: bool, end: str) -> None:
    assert is_amazons(f"https://sns.{region}.amazonaws.com{end}/") is right


def test_another_topic_says_nothing(hooked: Hooked) -> None:
    answer = send(hooked, sns(bounce(hooked, TopicArn="arn:aws:sns:eu-west-1:999999999999:mail")))
    assert (answer.status_code, answer.json()["code"]) == (403, "topic")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"SignatureVersion": "3"}, "SignatureVersion"),
        ({"Signature": "AAAA"}, "Signature"),
        ({"Signature": "é"}, "Signature"),
        ({"Subject": "added"}, "Signature"),
    ],
)
def test_what_is_not_signed_so_is_refused(changed: dict[str, str], field: str, hooked: Hooked) -> None:
    answer = send(hooked, {**sns(bounce(hooked)), **changed})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (403, "signature", field)


def test_an_expired_certificate_vouches_for_nothing(hooked: Hooked) -> None:
    message = sns(bounce(hooked))
    post = Post({}, b"", message, hooked.web.clock.now())
    access = Access(HOOKS.sources["ses"], (), lambda _: certificate(expired=True), lambda _: b"")
    with pytest.raises(HookRefused, match="not valid now"):
        check(post, access)


@pytest.mark.parametrize("message", [{}, [], {"Type": "Other"}, {"eventType": "Bounce"}, {"Type": []}])
def test_what_is_no_message_of_sns_is_malformed(message: Any, hooked: Hooked) -> None:
    answer = hooked.post("ses", Signed({}, json.dumps(message).encode()))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_notification_that_is_not_of_ses_is_malformed(hooked: Hooked) -> None:
    answer = send(hooked, sns(notification("hello", hooked.web.clock.now())))
    assert (answer.status_code, answer.json()["field"]) == (400, "Message")


def test_a_subscription_is_confirmed(hooked: Hooked) -> None:
    answer = send(hooked, sns(subscription(hooked.web.clock.now())))
    assert (answer.status_code, answer.json()["taken"]) == (200, 0)
    assert hooked.amazon.asked[-1].startswith("/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?Action=ConfirmSubscription&TopicArn=x",
        SUBSCRIBE_URL.replace("https", "http"),
        SUBSCRIBE_URL.replace("ConfirmSubscription", "Unsubscribe"),
        SUBSCRIBE_URL.replace("123456789012", "999999999999"),
        "",
    ],
)
def test_nothing_else_is_visited(url: str, hooked: Hooked) -> None:
    answer = send(hooked, sns(subscription(hooked.web.clock.now(), SubscribeURL=url)))
    assert (answer.status_code, answer.json()["field"]) == (403, "SubscribeURL")
    assert not [path for path in hooked.amazon.asked if not path.endswith(".pem")]


def test_a_subscription_that_cannot_be_confirmed_comes_again(hooked: Hooked) -> None:
    at: datetime = hooked.web.clock.now()
    send(hooked, sns(bounce(hooked)))  # the certificate is here
    hooked.amazon.answers.append(500)
    assert send(hooked, sns(subscription(at))).status_code == 503
    assert send(hooked, sns(subscription(at))).status_code == 200


def test_that_a_subscription_ends_is_taken_note_of(hooked: Hooked) -> None:
    ended = subscription(hooked.web.clock.now(), Type="UnsubscribeConfirmation")
    assert send(hooked, sns(ended)).status_code == 200
    assert not [path for path in hooked.amazon.asked if not path.endswith(".pem")]


def test_what_is_no_certificate_is_not_kept() -> None:
    answers = iter([b"<html>Sorry</html>", certificate(), b"never asked"])
    fetch = certificates(lambda _: next(answers))
    with pytest.raises(Unavailable, match="no certificate"):
        fetch("https://x")
    assert fetch("https://x") == fetch("https://x") == certificate()
