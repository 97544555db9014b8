"""What a landing page must have for the script to work there."""

import pytest

from nurture.keys import WriteKey
from nurture.reports.doctor.page_area import allows, directives, judged, page_of
from nurture.settings import Settings

SETTINGS = Settings(
    public_url="https://events.acme-widgets.fr",
    write_keys={
        "website": WriteKey(key="wk_website"),
        "bound": WriteKey(key="wk_bound", origins=frozenset({"https://shop.acme-widgets.fr"})),
    },
)
PAGE = "https://www.acme-widgets.fr/guide"
SCRIPT = '<script src="https://events.acme-widgets.fr/n.js" data-key="wk_website" defer></script>'


def codes(text: str, *policies: str, url: str = PAGE, cookies: tuple[str, ...] = (), consent: bool = False) -> list[str]:
    return [each.code for each in judged(page_of(url, text, policies, cookies), SETTINGS, consent=consent)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SCRIPT, []),
        (SCRIPT.upper().replace("WK_WEBSITE", "wk_website").replace("N.JS", "n.js").replace("HTTPS", "https"), []),
        ("<p>nothing</p>", ["script-missing"]),
        (f"<!-- {SCRIPT} -->", ["script-missing"]),
        (SCRIPT.replace("events.acme", "old.acme"), ["script-of-another"]),
        (SCRIPT.replace('data-key="wk_website"', ""), ["script-without-key"]),
        (SCRIPT.replace("wk_website", "wk_nobodys"), ["script-key-unknown"]),
        (SCRIPT.replace("wk_website", "sk_secret"), ["script-secret"]),
        (SCRIPT.replace("wk_website", "wk_bound"), ["script-key-elsewhere"]),
        (f"<meta http-equiv='Content-Security-Policy' content=\"script-src 'self'\">{SCRIPT}", ["csp-blocks-script"]),
    ],
)
def test_the_script(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_consent_is_asked_for_where_nothing_is_kept_without() -> None:
    assert codes(SCRIPT, consent=True) == ["consent-not-asked"]
    assert codes(SCRIPT.replace("defer", 'data-consent="required"'), consent=True) == []


def test_the_page_itself() -> None:
    assert codes(SCRIPT, url="http://www.acme-widgets.fr/") == ["page-unencrypted"]
    assert codes(SCRIPT, url="https://acme-widgets-landing.fr/") == ["cookie-not-ours"]


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        ("nurture_id=x; Secure; SameSite=Lax", []),
        ("nurture_id=x; SameSite=Lax", ["cookie-unsafe"]),
        ("nurture_id=x; Secure; SameSite=Strict", ["cookie-unsafe"]),
        ("session=x", []),
    ],
)
def test_cookies(cookie: str, expected: list[str]) -> None:
    assert codes(SCRIPT, cookies=(cookie,)) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("default-src https:", []),
        ("default-src 'none'", ["csp-blocks-script", "csp-blocks-sending"]),
        ("default-src 'none'; script-src events.acme-widgets.fr; connect-src *.acme-widgets.fr", []),
        ("script-src 'self' https://events.acme-widgets.fr/n.js; connect-src 'self'", ["csp-blocks-sending"]),
        ("script-src-elem 'self'; script-src *", ["csp-blocks-script"]),
        ("img-src 'self'", []),
        ("script-src https://events.acme-widgets.fr:8443", ["csp-blocks-script"]),
        ("script-src", ["csp-blocks-script"]),
        ("script-src 'nonce-abc'", []),
        ("default-src *, script-src 'self'", ["csp-blocks-script"]),
    ],
)
def test_policies(policy: str, expected: list[str]) -> None:
    assert codes(SCRIPT, policy) == expected


def test_sources_as_csp_matches_them() -> None:
    page = "https://a.fr/"
    assert allows(["*.a.fr"], "https://x.y.a.fr/n.js", page)
    assert not allows(["*.a.fr"], "https://a.fr/n.js", page)
    assert allows(["http://b.fr"], "https://b.fr/n.js", page)
    assert allows(["b.fr/js/"], "https://b.fr/js/n.js", page)
    assert not allows(["b.fr/js"], "https://b.fr/js/n.js", page)
    assert allows(["b.fr:*"], "https://b.fr:8443/n.js", page)
    assert directives("a b; A c;; d") == {"a": ["b"], "d": []}
