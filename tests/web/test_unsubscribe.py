"""RFC 8058, point by point: U1 to U8 of the list that a mail to Gmail and Yahoo is held against."""

import pytest

from nurture.adapters.tokens import MailLink, Tokens
from tests.web.conftest import Web, new_client

ONE_CLICK = "List-Unsubscribe=One-Click"


@pytest.fixture
def address(web: Web) -> str:
    return f"/u/{web.tokens.unsubscribe(MailLink(11, 7))}"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (ONE_CLICK, "application/x-www-form-urlencoded"),
        ('--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--', "multipart/form-data; boundary=x"),
        ("", "application/x-www-form-urlencoded"),
        ("", None),
        (b"\xff\x00" * 50_000, "multipart/form-data"),
    ],
    ids=["U1 urlencoded", "U2 multipart", "U3 empty", "U3 nothing", "nonsense"],
)  # fmt: skip
def test_post_acts_whatever_the_body(web: Web, address: str, content: str | bytes, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = web.client.post(address, content=content, headers=headers)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    event = web.event()
    assert (event.name, event.person, event.message) == ("unsubscribed", 7, 11)


@pytest.mark.parametrize("agent", [None, "", "Googlebot/2.1", "python-requests/2.32", "Mozilla/5.0"])
def test_post_acts_whoever_asks(web: Web, address: str, agent: str | None) -> None:
    """U4: and nothing of who asked is kept, so that no robot that asks for a person is taken for a machine."""
    request = web.client.build_request("POST", address)
    del request.headers["user-agent"]
    if agent is not None:
        request.headers["user-agent"] = agent
    assert web.client.send(request).status_code == 200
    assert web.event().context == {}


def test_post_acts_once_however_often_it_comes(web: Web, address: str) -> None:
    """U5."""
    assert [web.client.post(address).status_code for _ in range(3)] == [200, 200, 200]
    assert len({event.key for event in web.events()}) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_nothing_but_post_changes_anything(web: Web, address: str, method: str) -> None:
    """U6: mail scanners follow every link."""
    web.client.request(method, address)
    assert web.events() == []


@pytest.mark.parametrize(("accepted", "button"), [("fr-FR", "Me désabonner"), ("de", "Unsubscribe me"), ("", "Unsubscribe me")])
def test_get_shows_a_button(web: Web, address: str, accepted: str, button: str) -> None:
    page = web.client.get(address, headers={"Accept-Language": accepted})
    assert page.status_code == 200
    assert f'<form method="post"><button>{button}</button></form>' in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"


def test_a_forged_token_changes_nothing(web: Web) -> None:
    """U7."""
    forged = Tokens("another secret").unsubscribe(MailLink(11, 7))
    for token in (forged, "nonsense", "x" * 3000):
        assert web.client.get(f"/u/{token}").status_code == 404
        assert web.client.post(f"/u/{token}", content=ONE_CLICK).status_code == 404
    assert web.events() == []


def test_whom_we_do_not_know_is_told_the_same(web: Web) -> None:
    """U7: signed by us for somebody who is gone."""
    assert web.client.post(f"/u/{web.tokens.unsubscribe(MailLink(-1, 2**62))}").status_code == 200


def test_the_token_needs_nothing_besides(web: Web, address: str) -> None:
    """U10: no cookie, no login, no header, and no limit to how often."""
    with new_client(web.base) as stranger:
        stranger.headers.clear()
        assert {stranger.post(address).status_code for _ in range(50)} == {200}
