"""The inbox of development over HTTP."""

import os
from email.message import EmailMessage

import pytest

from tests.web.conftest import Web


def keep(web: Web, name: str, *, subject: str = "Your guide", html: str | None = None, age: int = 0) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "news@example.com", "ada@example.com", subject
    mail["Date"] = "Mon, 02 Mar 2026 09:00:00 +0000"
    mail["List-Unsubscribe"] = "<https://www.example.com/u/x>"
    mail.set_content("Bonjour,\nvoici le guide – à bientôt.")
    if html is not None:
        mail.add_alternative(html, subtype="html")
    file = web.folder / "mail" / name
    file.write_bytes(mail.as_bytes())
    os.utime(file, (1_000_000 - age, 1_000_000 - age))


def test_an_empty_inbox_says_so(web: Web) -> None:
    assert "No mail yet" in web.client.get("/inbox").text


def test_mails_are_listed_newest_first(web: Web) -> None:
    keep(web, "a.eml", subject="Older", age=10)
    keep(web, "b.eml", subject="Newer")
    page = web.client.get("/inbox").text
    assert page.index("Newer") < page.index("Older")
    assert 'href="/inbox/a.eml"' in page
    assert "2 mails" in page
    assert "2026-03-02 09:00" in page


def test_a_mail_shows_its_headers_and_both_parts(web: Web) -> None:
    keep(web, "a.eml", html="<html><head><title>x</title></head><body><p>Bonjour</p></body></html>")
    page = web.client.get("/inbox/a.eml")
    assert "voici le guide – à bientôt" in page.text
    assert "List-Unsubscribe" in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    part = web.client.get("/inbox/a.eml/html")
    assert part.text.strip() == '<html><head><base target="_blank"><title>x</title></head><body><p>Bonjour</p></body></html>'
    assert "sandbox" in part.headers["content-security-policy"]
    assert "script-src" not in part.headers["content-security-policy"]
    raw = web.client.get("/inbox/a.eml/raw")
    assert raw.content == (web.folder / "mail/a.eml").read_bytes()
    assert raw.headers["content-type"].startswith("message/rfc822")


def test_nothing_in_a_mail_becomes_part_of_the_page(web: Web) -> None:
    evil = "<script>alert(1)</script>"
    keep(web, "a.eml", subject=evil)
    assert evil not in web.client.get("/inbox").text
    assert evil not in web.client.get("/inbox/a.eml").text


def test_a_mail_without_html_has_no_frame(web: Web) -> None:
    keep(web, "a.eml")
    assert "<iframe" not in web.client.get("/inbox/a.eml").text
    assert web.client.get("/inbox/a.eml/html").status_code == 404


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"Subject: =?utf-8?q?=ff?=\nContent-Type: text/html; charset=nonsense\n\n\xff",
                                     b"Content-Type: multipart/mixed; boundary=x\n\n--x\n"])  # fmt: skip
def test_a_broken_file_is_no_fault(web: Web, content: bytes) -> None:
    (web.folder / "mail/a.eml").write_bytes(content)
    for path in ("/inbox", "/inbox/a.eml", "/inbox/a.eml/html", "/inbox/a.eml/raw"):
        assert web.client.get(path).status_code in (200, 404)


@pytest.mark.parametrize(
    "name", ["..%2fsecret.txt", "%2e%2e%2fsecret.txt", "secret.txt", "b.eml", "a.eml%00", ".eml", "%2fetc%2fpasswd"]
)
def test_only_mails_are_shown(web: Web, name: str) -> None:
    for path in ("", "/html", "/raw"):
        assert web.client.get(f"/inbox/{name}{path}").status_code == 404
