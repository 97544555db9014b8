"""How much one sender may ask: by address, by network, by key; and that honest senders beside them notice nothing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.web.limits import Limiter, holder_of
from tests.support.servers import RedisServer
from tests.web.conftest import KEY, SECRET_KEY, Web, serving


@pytest.mark.parametrize(
    ("address", "holder"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("", None),
        ("no address", None),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_an_address_counts_for_its_subscriber(address: str, holder: str | None) -> None:
    assert holder_of(address) == holder


@given(st.floats(0.1, 1000), st.floats(0.1, 100), st.lists(st.floats(0, 5), max_size=300))
def test_no_more_than_the_rate_and_the_burst_ever_pass(rate: float, burst: float, pauses: list[float]) -> None:
    """Over any time: at most what the burst holds and what the rate gives meanwhile."""
    limiter, at, passed = Limiter(rate, burst), 0.0, 0
    for pause in pauses:
        at += pause
        passed += not limiter.take("a", at)
        assert passed <= rate * (burst + at) + 1.001
    assert not pauses or passed


def test_what_is_told_to_wait_for_is_enough() -> None:
    limiter = Limiter(rate=2, burst=3)
    assert [limiter.take("a", 0) for _ in range(6)] == [0] * 6
    wait = limiter.take("a", 0)
    assert wait == pytest.approx(0.5)
    assert limiter.take("b", 0) == 0
    assert limiter.take("a", wait) == 0
    assert limiter.take("a", wait) > 0


def test_a_flood_of_addresses_takes_no_more_memory_than_allowed() -> None:
    limiter = Limiter(rate=1, burst=1, most=100)
    for number in range(10_000):
        limiter.take(str(number), 0)
        limiter.take("busy", number)
    assert len(limiter) == 100
    assert limiter.take("busy", 9_999) > 0, "who asks all the time is not forgotten"


def test_a_clock_that_is_put_back_shuts_nobody_out() -> None:
    limiter = Limiter(rate=1, burst=10)
    assert limiter.take("a", 1_000_000) == 0
    assert limiter.take("a", 0) == 0
    assert limiter.take("a", 1) == 0


def test_no_rate_limits_nobody() -> None:
    limiter = Limiter(rate=0, burst=10)
    assert not any(limiter.take("a", 0) for _ in range(10_000))
    assert len(limiter) == 0


@pytest.fixture
def limited(redis_server: RedisServer, tmp_path: Path) -> Iterator[Web]:
    """Twenty events at once from one address and then two a second; three forms; forty for a server."""
    redis_server.flush()
    with serving(redis_server.url, tmp_path, rate_events=2, rate_forms=0.05, rate_servers=4) as served:
        yield served


def ask(web: Web, address: str, key: str = KEY, path: str = "/v1/track") -> httpx.Response:
    body = {"writeKey": key, "userId": "u", "event": "x", "batch": [{"type": "track", "userId": "u", "event": "x"}]}
    return web.client.post(path, json=body, headers={"X-Forwarded-For": address})


def test_who_sends_too_many_events_is_told_when_to_come_again(limited: Web) -> None:
    first = [ask(limited, "203.0.113.7").status_code for _ in range(25)]
    assert first == [200] * 20 + [429] * 5
    refused = ask(limited, "203.0.113.7", path="/v1/batch")
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "too_many_requests", "1")
    pixel = f"/v1/pixel.gif?writeKey={KEY}&event=x"
    assert limited.client.get(pixel, headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 429
    assert ask(limited, "203.0.113.8").status_code == 200, "a neighbour is served"
    assert len(limited.events()) == 21, "what is refused is not kept"
    limited.clock.advance(timedelta(seconds=1))
    assert [ask(limited, "203.0.113.7").status_code for _ in range(3)] == [200, 200, 429]


def test_an_ipv6_subscriber_is_one_sender(limited: Web) -> None:
    answers = [ask(limited, f"2001:db8:0:1::{number:x}").status_code for number in range(1, 23)]
    assert answers == [200] * 20 + [429] * 2
    assert ask(limited, "2001:db8:0:2::1").status_code == 200


def test_a_server_with_a_secret_key_has_a_limit_of_its_own(limited: Web) -> None:
    assert [ask(limited, "203.0.113.7", SECRET_KEY).status_code for _ in range(42)] == [200] * 40 + [429] * 2
    assert ask(limited, "203.0.113.7", SECRET_KEY).headers["retry-after"] == "1"
    assert ask(limited, "203.0.113.9").status_code == 200
    assert ask(limited, "203.0.113.9", SECRET_KEY).status_code == 429, "wherever the key comes from"


def test_a_script_and_a_browser_hear_that_a_form_was_posted_too_often(limited: Web) -> None:
    def post(**headers: str) -> httpx.Response:
        return limited.client.post(
            "/f/contact", data={"email": "a@example.com"}, headers={"X-Forwarded-For": "203.0.113.7", **headers}
        )

    assert [post().status_code for _ in range(3)] == [303] * 3
    script = post(Accept="application/json")
    assert (script.status_code, script.headers["retry-after"]) == (429, "20")
    assert script.json()["errors"][0]["code"] == "too_many_requests"
    browser = post(**{"Accept-Language": "fr"})
    assert (browser.status_code, browser.headers["retry-after"]) == (429, "20")
    assert "Merci de réessayer" in browser.text


def test_unsubscribing_and_what_people_do_in_mails_have_no_limit(limited: Web) -> None:
    for _ in range(30):
        for path in ("/u/x", "/confirm/x", "/c/x", "/a/x", "/preferences/x"):
            assert limited.client.get(path, headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 404


def test_only_proxies_are_believed_about_addresses(redis_server: RedisServer, tmp_path: Path) -> None:
    """A client that writes X-Forwarded-For itself counts for where it really is; here that is nobody."""
    redis_server.flush()
    with serving(redis_server.url, tmp_path, rate_events=0.1, trusted_proxies="192.0.2.1") as web:
        assert [ask(web, "203.0.113.7").status_code for _ in range(5)] == [200] * 5


def test_the_last_address_that_no_proxy_of_ours_added_counts(redis_server: RedisServer, tmp_path: Path) -> None:
    """What stands further left was written by the client."""
    redis_server.flush()
    with serving(redis_server.url, tmp_path, rate_events=0.2, trusted_proxies="127.0.0.1,10.0.0.0/8") as web:
        answers = [ask(web, f"198.51.100.{number}, 203.0.113.7, 10.0.0.4").status_code for number in range(4)]
    assert answers == [200, 200, 429, 429]
