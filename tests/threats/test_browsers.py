"""What our pages tell browsers to forbid, what cookies are for, and that no other page acts in a reader's name."""

from datetime import timedelta
from pathlib import Path

import pytest

import nurture.web
from nurture.adapters.tokens import Confirmation, Download, MailLink
from tests.web.conftest import Web

LINK = MailLink(1, 2)


def pages(web: Web) -> list[str]:
    """The address of every page, with good and with bad tokens."""
    tokens, later = web.tokens, web.clock.now() + timedelta(days=1)
    confirm = tokens.confirmation(Confirmation(1, 2, 3, later, "news"))
    return [
        f"/u/{tokens.unsubscribe(LINK)}", "/u/nonsense", f"/confirm/{confirm}", "/confirm/nonsense",
        f"/preferences/{tokens.preferences(LINK)}", "/preferences/nonsense", "/a/nonsense", "/c/nonsense", "/f/contact/thanks",
        "/f/nonsense/thanks", f"/a/{tokens.download(Download('gone', None, 1, 0, later))}", "/inbox",
    ]  # fmt: skip


def test_every_page_forbids_what_it_does_not_need(web: Web) -> None:
    """Nothing may be run, loaded, framed or sent elsewhere, and the address, which holds a token, is told to nobody."""
    for path in pages(web):
        answer = web.client.get(path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8", path
        policy = dict(each.strip().partition(" ")[::2] for each in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert "script-src" not in policy
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
        assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == ("'none'", "'none'", "'self'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex"
        assert "<script" not in answer.text
        assert " style=" not in answer.text


def test_an_address_with_a_token_is_told_to_no_other_site(web: Web) -> None:
    """By the header Referer, also where a redirect or a file is what is answered."""
    from nurture.adapters.tokens import Click

    click = web.client.get(f"/c/{web.tokens.click(Click(1, 2, 'https://www.example.com/'))}")
    assert click.headers["referrer-policy"] == "no-referrer"
    grant = Download("guide", None, 1, 0, web.clock.now() + timedelta(days=1))
    file = web.client.get(f"/a/{web.tokens.download(grant)}")
    assert file.headers["referrer-policy"] == "no-referrer"
    assert file.headers["content-disposition"].startswith("attachment;")
    assert file.headers["x-content-type-options"] == "nosniff"


def test_a_visitors_cookie_gives_no_right(web: Web) -> None:
    answer = web.client.post("/f/contact", data={"email": "a@example.com"})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("nurture_id=")
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "domain=" not in cookie
    readers = {file.name for file in Path(nurture.web.__file__).parent.glob("*.py") if ".cookies" in file.read_text()}
    # What is logged in by sessions.py is read, and posted to by our own pages alone: tests/web/test_reports.py.
    assert readers == {"visitor.py", "sessions.py"}, "a cookie that gives a right needs a defence against other pages (CSRF)"


def test_a_cookie_is_sent_over_tls_only_where_there_is_tls(redis_url: str, tmp_path: Path) -> None:
    from tests.web.conftest import serving

    with serving(redis_url, tmp_path, public_url="https://track.example.com") as web:
        assert "; secure" in web.client.post("/f/contact", data={"email": "a@example.com"}).headers["set-cookie"].lower()


@pytest.mark.parametrize("path", ["/u/{}", "/preferences/{}", "/confirm/{}"])
def test_another_page_acts_in_nobodys_name(web: Web, path: str) -> None:
    """Cross-site request forgery needs a right that a browser adds by itself: here all of it is in the address, which only the mail has."""
    evil = {"Origin": "https://evil.example", "Referer": "https://evil.example/", "Cookie": "nurture_id=somebody-0001"}
    for token in ("nonsense", "", "somebody-0001"):
        answer = web.client.post(path.format(token), headers=evil, data={"do": "unsubscribe"})
        assert answer.status_code == 404
    assert web.events() == []


def test_what_any_page_may_read_shows_no_secret(web: Web) -> None:
    """CORS is open for what takes events, without credentials; pages with rights may be read by no other."""
    for path in pages(web):
        answer = web.client.get(path, headers={"Origin": "https://evil.example"})
        if not path.startswith("/f/"):
            assert "access-control-allow-origin" not in answer.headers, path
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/u/{}", "/preferences/{}", "/confirm/{}"])
def test_looking_at_a_page_changes_nothing(web: Web, path: str) -> None:
    later = web.clock.now() + timedelta(days=1)
    tokens = web.tokens
    token = {
        "/u/{}": tokens.unsubscribe(LINK), "/preferences/{}": tokens.preferences(LINK),
        "/confirm/{}": tokens.confirmation(Confirmation(1, 2, 3, later, "news")),
    }[path]  # fmt: skip
    for method in ("GET", "HEAD", "OPTIONS"):
        web.client.request(method, path.format(token))
    assert web.events() == []
