"""Calls to a real HTTP receiver, checked with the library that receivers use."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from time import monotonic

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from nurture.adapters.webhook import WebhookCaller, retry_after
from nurture.domain.outward import LOOPBACK
from nurture.domain.telling.calls import Answer, Call
from tests.support.receiver import DRIP, HANG, Receiver

SECRET = "whsec_" + "c2VjcmV0" * 4
OTHER = "whsec_" + "b3RoZXIh" * 4


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def now() -> datetime:
    """The present: the library refuses a call that is older than five minutes."""
    return datetime.now(UTC)


def call(url: str, number: int = 2**62 + 1, secret: str = "crm") -> Call:
    return Call(number, url, secret, '{"type":"stage.changed","data":{"company":"Caf\\u00e9"}}')


@cache  # each reads all certificates of the system
def caller(timeout: float = 5.0) -> WebhookCaller:
    return WebhookCaller({"crm": [SECRET], "chat": [OTHER]}, timeout, allowed=LOOPBACK)


def test_the_receiver_can_verify_who_called_and_when(receiver: Receiver, now: datetime) -> None:
    assert caller().call([call(receiver.url)], now) == [Answer(2**62 + 1, 204, "HTTP 204")]
    [taken] = receiver.taken
    assert taken.path == "/hooks"
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["webhook-id"] == "4611686018427387905"
    assert taken.headers["webhook-timestamp"] == str(int(now.timestamp()))
    assert Webhook(SECRET).verify(taken.body, taken.headers)["data"] == {"company": "Café"}


def test_nobody_else_can_have_signed_it_and_nothing_was_changed(receiver: Receiver, now: datetime) -> None:
    caller().call([call(receiver.url)], now)
    [taken] = receiver.taken
    for key, body, headers in (
        (OTHER, taken.body, taken.headers),
        (SECRET, taken.body.replace(b"stage", b"stags"), taken.headers),
        (SECRET, taken.body, taken.headers | {"webhook-id": "1"}),
        (SECRET, taken.body, taken.headers | {"webhook-timestamp": str(int(now.timestamp()) - 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, headers)


def test_each_endpoint_has_its_own_secret(receiver: Receiver, now: datetime) -> None:
    caller().call([call(receiver.url, 1, "crm"), call(receiver.url, 2, "chat")], now)
    for taken in receiver.taken:
        Webhook({"1": SECRET, "2": OTHER}[taken.id]).verify(taken.body, taken.headers)
    assert sorted(receiver.ids) == ["1", "2"]


@pytest.mark.parametrize("status", [200, 202, 400, 401, 410, 429, 500, 503])
def test_the_status_is_told_as_it_came(receiver: Receiver, status: int, now: datetime) -> None:
    receiver.answers.append(status)
    assert caller().call([call(receiver.url)], now) == [Answer(2**62 + 1, status, f"HTTP {status}")]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int, now: datetime) -> None:
    receiver.answers.append(status)
    [answer] = caller().call([call(receiver.url)], now)
    assert answer.status == status
    assert [taken.path for taken in receiver.taken] == ["/hooks"]


@pytest.mark.parametrize("trick", [HANG, DRIP])
def test_one_that_never_ends_its_answer_has_a_bounded_time(receiver: Receiver, trick: int, now: datetime) -> None:
    receiver.answers.append(trick)
    began = monotonic()
    assert caller(0.3).call([call(receiver.url)], now) == [Answer(2**62 + 1, None, "no answer within 0.3 s")]
    assert monotonic() - began < 5


def test_one_that_hangs_does_not_hold_up_the_others(receiver: Receiver, now: datetime) -> None:
    receiver.answers.extend([HANG] * 3)
    answers = caller(2.0).call([call(receiver.url, number) for number in range(20)], now)
    assert [answer.delivery for answer in answers] == list(range(20))
    assert sorted(answer.status or 0 for answer in answers) == [0] * 3 + [204] * 17
    assert len(receiver.taken) == 20


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("http://127.0.0.1:1/", "ConnectError: "),
        ("http://nowhere.invalid/", "ConnectError: "),
        ("http://xn--\udcff.example/", "InvalidURL: "),
    ],
)
def test_one_that_cannot_be_reached_costs_only_itself(receiver: Receiver, url: str, detail: str, now: datetime) -> None:
    lost, reached = caller().call([call(url, 1), call(receiver.url, 2)], now)
    assert (lost.status, reached.status) == (None, 204)
    assert lost.detail.startswith(detail)


def test_a_plain_server_where_tls_is_expected_gets_nothing(receiver: Receiver, now: datetime) -> None:
    [answer] = caller().call([call(receiver.url.replace("http:", "https:"))], now)
    assert answer.status is None
    assert receiver.taken == []


def test_without_its_secret_nobody_is_called(receiver: Receiver, now: datetime) -> None:
    [answer] = caller().call([call(receiver.url, secret="erp")], now)
    assert answer.status is None
    assert answer.detail == "there is no secret 'erp'; add it to NURTURE_HANDOFF_SECRETS"
    assert receiver.taken == []


def test_no_call_is_no_work(now: datetime) -> None:
    assert caller().call([], now) == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Mon, 02 Mar 2026 09:10:00 GMT", 600),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0),  # it is over already
        (None, None),
        ("soon", None),
        ("-5", None),
        ("12.5", None),
        ("Mon, 02 Mar 2026 09:10:00", None),
        ("9" * 40, None),
    ],
)
def test_how_long_an_endpoint_asks_to_be_left_alone(said: str | None, seconds: float | None) -> None:
    found = retry_after(said, datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_the_time_that_an_endpoint_asks_for_is_told(receiver: Receiver, now: datetime) -> None:
    receiver.answers.append(429)
    receiver.headers["retry-after"] = "30"
    [answer] = caller().call([call(receiver.url)], now)
    assert (answer.status, answer.wait) == (429, timedelta(seconds=30))


def test_while_one_secret_takes_the_place_of_another_a_receiver_may_know_either(receiver: Receiver, now: datetime) -> None:
    WebhookCaller({"crm": [SECRET, OTHER]}, 5.0, allowed=LOOPBACK).call([call(receiver.url)], now)
    [taken] = receiver.taken
    assert len(taken.headers["webhook-signature"].split(" ")) == 2
    for known in (SECRET, OTHER):
        assert Webhook(known).verify(taken.body, taken.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "dGhpcmQhIQ" * 4).verify(taken.body, taken.headers)


def test_a_token_signs_nothing(receiver: Receiver, now: datetime) -> None:
    [answer] = WebhookCaller({"crm": ["pat-eu1-12345678"]}, 5.0, allowed=LOOPBACK).call([call(receiver.url)], now)
    assert (answer.status, answer.detail) == (None, "the secret 'crm' signs nothing; one that does begins with whsec_")
    assert receiver.taken == []
