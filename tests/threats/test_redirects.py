"""No address of ours sends anybody to where a stranger says."""

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.tokens import Click, Tokens
from nurture.web.redirects import allowed_redirect
from tests.web.conftest import Web

ALLOWED = frozenset({"https://www.example.com"})
OURS = "https://track.example.com/f/contact"

WANTED = [
    "//evil.example", "///evil.example", "////evil.example/", "/\\evil.example", "\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "/\n/evil.example", "\t//evil.example", " //evil.example", "/%09/evil.example/..", "https:evil.example", "https:/evil.example",
    "https:///evil.example", "https:\\\\evil.example", "http://evil.example", "HTTPS://EVIL.EXAMPLE", "https://www.example.com@evil.example",
    "https://www.example.com:x@evil.example", "https://www.example.com%40evil.example", "https://www.example.com\\@evil.example",
    "https://www.example.com#@evil.example", "https://www.example.com?@evil.example", "https://www.example.com.evil.example",
    "https://evil.example/https://www.example.com", "https://www.example.com:444/", "http://www.example.com/", "javascript:alert(1)",
    "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//%65vil.example",
    "%2f%2fevil.example", "/%2f%2fevil.example", "/%5cevil.example", "https://www。example.com", "https://www.example.com／evil",
    "https://www.example.com\u2028@evil.example", "https://[::1]/", "https://www.example.com\r\nSet-Cookie: a=b", "/x\r\nLocation: //evil",
    "/\u3000/evil.example", "//\u200bevil.example", "/.//evil.example", "/..//evil.example", "?//evil.example", "#//evil.example", "evil.example",
]  # fmt: skip


def where_a_browser_goes(location: str, base: str = OURS) -> tuple[str, str]:
    """Scheme and host, after the WHATWG URL standard: tabs and line breaks vanish, and a backslash is a slash."""
    read = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(33))))).replace("\\", "/")
    parts = urlsplit(urljoin(base, read))
    return parts.scheme, parts.netloc


@pytest.mark.parametrize("wanted", WANTED)
def test_a_form_sends_on_to_its_own_sites_only(web: Web, wanted: str) -> None:
    for control in ("_next", "_redirect", "redirect"):
        answer = web.client.post("/f/contact", data={"email": "a@example.com", control: wanted})
        assert answer.status_code == 303
        assert where_a_browser_goes(answer.headers["location"]) in {("https", "track.example.com"), ("https", "www.example.com")}
        assert "set-cookie" not in answer.headers or "a=b" not in answer.headers["set-cookie"]


@pytest.mark.parametrize("wanted", WANTED)
def test_so_does_the_answer_to_a_script(web: Web, wanted: str) -> None:
    told = web.client.post("/f/contact", json={"email": "a@example.com", "_next": wanted}, headers={"Accept": "application/json"})
    told_to = told.json()["redirect"]
    assert told_to is None or where_a_browser_goes(told_to) in {("http", "localhost:8000"), ("https", "www.example.com")}


@given(
    st.text(st.sampled_from("/\\:@?#%.\t\n evil.examplehttps://www.example.com"), max_size=40),
    st.sampled_from([None, "https://evil.example/x", "https://www.example.com/x"]),
)
def test_whatever_is_asked_for(wanted: str, referrer: str | None) -> None:
    found = allowed_redirect(wanted, ALLOWED, referrer)
    assert found is None or where_a_browser_goes(found) in {("https", "track.example.com"), ("https", "www.example.com")}


@pytest.mark.parametrize(
    "referrer",
    [
        "https://evil.example/a",
        "https://www.example.com@evil.example/",
        "//evil.example",
        "null",
        "https://www.example.com.evil.example/",
    ],
)
def test_a_path_is_joined_to_no_foreign_page(web: Web, referrer: str) -> None:
    answer = web.client.post("/f/contact", data={"email": "a@example.com", "_next": "/merci"}, headers={"Referer": referrer})
    assert answer.headers["location"] == "/merci"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_a_click_leads_only_where_we_signed(web: Web, target: str) -> None:
    forged = Tokens("another secret").click(Click(1, 2, target))
    for address in (
        f"/c/{forged}",
        f"/c/{quote(target, safe='')}",
        f"/c/{web.tokens.click(Click(1, 2, 'https://www.example.com'))}?url={target}",
    ):
        answer = web.client.get(address)
        assert answer.headers.get("location") in (None, "https://www.example.com")
        assert answer.status_code in (302, 404)


def test_paths_of_ours_are_joined_to_no_host(web: Web) -> None:
    """A slash more or less is no redirect to `//evil.example`."""
    for path in (
        "//evil.example/f/contact",
        "//evil.example",
        "/f/contact/",
        "/\\evil.example",
        "/u//evil.example/",
        "/demo//evil.example",
    ):
        answer = web.client.get(f"{web.base}{path}")
        location = answer.headers.get("location", "/")
        assert urlsplit(location).netloc in ("", urlsplit(web.base).netloc), (path, location)
