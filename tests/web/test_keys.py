"""Keys: public ones that are bound to pages, and secret ones that are for servers."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from json import dumps

import httpx
import pytest

from nurture.errors import SettingsError
from nurture.keys import WriteKey
from nurture.web.keys import Keys, Sender
from nurture.web.refusals import Refusal
from tests.web.conftest import BOUND_KEY, KEY, SECRET_KEY, Web

OURS = "https://www.example.com"


def track(web: Web, key: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return web.client.post("/v1/track", json={"writeKey": key, "anonymousId": "visitor-1", "event": "x"}, headers=headers)


def packed(key: str) -> str:
    call = {"writeKey": key, "type": "track", "event": "x", "anonymousId": "visitor-1"}
    return urlsafe_b64encode(dumps(call).encode()).decode().rstrip("=")


class TestBoundToPages:
    """A public key that names the origins of its pages."""

    @pytest.mark.parametrize("origin", [OURS, "http://localhost:3000", "HTTPS://WWW.EXAMPLE.COM"])
    def test_its_own_pages_may_use_it(self, web: Web, origin: str) -> None:
        assert track(web, BOUND_KEY, {"Origin": origin}).status_code == 200
        assert (web.event().source, web.event().assurance) == ("shop", "observed")

    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "http://www.example.com", "https://www.example.com:8443", "https://www.example.com.evil.example",
         "https://example.com", "null", "", "https://www.example.com/", "x" * 5_000],
    )  # fmt: skip
    def test_a_page_of_a_foreign_origin_may_not(self, web: Web, origin: str) -> None:
        answer = track(web, BOUND_KEY, {"Origin": origin})
        told = answer.json()
        assert (answer.status_code, told["code"], told["field"]) == (403, "wrong_origin", "writeKey")
        assert f"pages of {origin[:200]}:" in told["message"]
        assert "NURTURE_WRITE_KEYS" in told["message"]
        assert answer.headers["access-control-allow-origin"] == "*", "the page's console shows what is wrong"
        assert web.events() == []

    def test_nor_with_a_batch(self, web: Web) -> None:
        body = {"writeKey": BOUND_KEY, "batch": [{"type": "track", "event": "x", "userId": "u1"}]}
        answer = web.client.post("/v1/batch", json=body, headers={"Origin": "https://evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")
        assert web.events() == []

    def test_nor_by_an_address(self, web: Web) -> None:
        call = {"anonymousId": "a", "event": "x"}
        answer = web.client.post(f"/v1/track?writeKey={BOUND_KEY}", json=call, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403

    def test_an_app_or_a_server_may_and_is_believed_no_more(self, web: Web) -> None:
        assert track(web, BOUND_KEY).status_code == 200
        assert web.event().assurance == "observed"

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Referer": f"{OURS}/guide"}, 200),
            ({}, 200),
            ({"Referer": "http://["}, 200),
            ({"Referer": "https://evil.example/x"}, 403),
            ({"Referer": f"{OURS}/guide", "Origin": "https://evil.example"}, 403),
            ({"Referer": "https://evil.example/x", "Origin": OURS}, 200),
        ],
    )
    def test_an_image_is_judged_by_the_page_that_holds_it(self, web: Web, headers: dict[str, str], status: int) -> None:
        assert web.client.get(f"/v1/pixel.gif?d={packed(BOUND_KEY)}", headers=headers).status_code == status
        assert web.client.get(f"/v1/pixel.gif?writeKey={BOUND_KEY}", headers=headers).status_code == status
        assert len(web.events()) == (2 if status == 200 else 0)

    def test_a_key_for_all_may_be_used_anywhere(self, web: Web) -> None:
        assert track(web, KEY, {"Origin": "https://evil.example"}).status_code == 200

    def test_a_referrer_binds_nobody_but_the_pixel(self, web: Web) -> None:
        """Servers pass their visitors' headers on; a browser's calls have an Origin."""
        assert track(web, BOUND_KEY, {"Referer": "https://evil.example/"}).status_code == 200


class TestForServers:
    """Secret keys."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": f"Bearer {SECRET_KEY}"},
            {"Authorization": "Basic " + b64encode(f"{SECRET_KEY}:".encode()).decode()},
            # Node.js says so of itself, and is a server.
            {"Authorization": f"Bearer {SECRET_KEY}", "Sec-Fetch-Mode": "cors", "User-Agent": "node"},
        ],
        ids=["bearer", "basic", "node"],
    )
    def test_what_a_server_says_is_verified(self, web: Web, headers: dict[str, str]) -> None:
        body = {"userId": "u1", "traits": {"email": "ada@example.com"}}
        assert web.client.post("/v1/identify", json=body, headers=headers).status_code == 200
        assert (web.event().source, web.event().assurance, web.event().email) == ("crm", "verified", "ada@example.com")

    def test_a_batch_is_verified_as_well(self, web: Web) -> None:
        web.client.post("/v1/batch", json={"writeKey": SECRET_KEY, "batch": [{"type": "track", "event": "x", "userId": "u1"}]})
        assert web.event().assurance == "verified"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://www.example.com"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Dest": "empty"},
        ],
    )
    def test_a_browser_that_shows_one_is_refused_and_told_that_it_leaked(self, web: Web, headers: dict[str, str]) -> None:
        answer = track(web, SECRET_KEY, headers)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (403, "secret_key_in_browser")
        assert "'crm'" in told["message"]
        assert "replace it" in told["message"]
        assert SECRET_KEY not in answer.text
        assert web.events() == []

    def test_so_is_one_in_an_address(self, web: Web) -> None:
        call = {"userId": "u1", "event": "x"}
        escaped = SECRET_KEY.replace("_", "%5F")
        answers = [
            web.client.post(f"/v1/track?writeKey={SECRET_KEY}", json=call),
            web.client.post(f"/v1/track?writeKey={escaped}", json=call),
            web.client.get(f"/v1/pixel.gif?writeKey={SECRET_KEY}&event=x"),
            web.client.get(f"/v1/pixel.gif?d={packed(SECRET_KEY)}"),
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "secret_key_in_browser")] * 4
        assert web.events() == []

    def test_one_that_is_not_known_is_no_key(self, web: Web) -> None:
        assert track(web, SECRET_KEY + "x").json()["code"] == "unknown_key"
        assert track(web, SECRET_KEY[:-1]).json()["code"] == "unknown_key"

    def test_refusals_are_counted(self, web: Web) -> None:
        track(web, SECRET_KEY, {"Origin": OURS})
        assert 'nurture_web_refused_total{code="secret_key_in_browser"}' in web.client.get("/metrics").text


class TestNames:
    """The name of a key becomes a source."""

    def test_is_one_source(self) -> None:
        with pytest.raises(SettingsError, match="website is the name of a write key, too"):
            Keys({"website": WriteKey(key=KEY)}, {"website": SECRET_KEY})

    @pytest.mark.parametrize("name", ["engine", "form:guide"])
    def test_of_a_secret_key_is_not_the_engines_own(self, name: str) -> None:
        with pytest.raises(SettingsError, match="the engine's own name"):
            Keys({}, {name: SECRET_KEY})

    def test_without_any_key_nobody_is_let_in(self) -> None:
        with pytest.raises(Refusal) as refused:
            Keys({}, {}).sender({"writeKey": ""}, {}, b"")
        assert refused.value.status == 401


def test_only_a_secret_key_vouches() -> None:
    assert [Sender("a", assurance).vouches for assurance in ("observed", "claimed", "verified")] == [False, False, True]


@pytest.mark.parametrize("query", ["%C3%A9", "é", "%ff", "%ED%A0%80", "%00", "x&writeKey=%F0%9F%9A%80", "%"])
def test_a_key_of_any_bytes_in_the_address_is_unknown(web: Web, query: str) -> None:
    """Found by fuzzing: what is beyond ASCII was an error of the server's."""
    for path in ("/v1/track", "/v1/batch"):
        answer = web.client.post(f"{path}?writeKey={query}", json={"batch": [], "userId": "u", "event": "x"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")
