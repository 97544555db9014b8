"""Downloads over HTTP: counted, limited, told before the first byte."""

from datetime import timedelta

import pytest

from nurture.adapters.tokens import Download, Tokens
from tests.web.conftest import PDF, Web


def link(
    web: Web, asset: str = "guide", *, person: int | None = 7, submission: str | None = None, tokens: Tokens | None = None
) -> str:
    grant = Download(asset, submission, person, 6, web.clock.now() + timedelta(days=7))
    return f"/a/{(tokens or web.tokens).download(grant)}"


def test_a_download_is_told(web: Web) -> None:
    answer = web.client.get(link(web, submission="s1"), headers={"User-Agent": "Mozilla/5.0 X"})
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-disposition"] == 'attachment; filename="guide.pdf"'
    assert answer.headers["cache-control"] == "private, no-store"
    (event,) = web.partition(6 % 4)
    assert (event.name, event.source, event.person, event.submission) == ("asset_downloaded", "engine", 7, "s1")
    assert event.properties == {"asset": "guide", "gated": True}
    assert event.context == {"userAgent": "Mozilla/5.0 X", "method": "GET"}


def test_looking_is_not_downloading(web: Web) -> None:
    answer = web.client.head(link(web))
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(PDF)), b"")
    assert web.events() == []
    assert [web.client.get(link(web)).status_code for _ in range(2)] == [200, 200]


def test_a_link_works_so_many_times(web: Web) -> None:
    """Twice here; what is fetched again within the minute is the same use."""
    address = link(web)
    statuses = []
    for minutes in (0, 0, 1, 1, 1):
        web.clock.advance(timedelta(minutes=minutes))
        statuses.append(web.client.get(address).status_code)
    assert statuses == [200, 200, 200, 410, 410]
    assert len({event.key for event in web.events()}) == 2


def test_a_longer_token_for_the_same_link_gives_no_more_downloads(web: Web) -> None:
    """The last character of a signature has spare bits: several spellings are the same link."""
    address = link(web)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    statuses = []
    for letter in alphabet:
        web.clock.advance(timedelta(minutes=1))
        statuses.append(web.client.get(address[:-1] + letter).status_code)
    assert statuses.count(200) == 2


def test_a_link_expires(web: Web) -> None:
    address = link(web)
    web.clock.advance(timedelta(days=7))
    answer = web.client.get(address, headers={"Accept-Language": "fr"})
    assert (answer.status_code, "Ce lien a expiré" in answer.text) == (410, True)
    assert web.events() == []


def test_a_forged_link_is_not_found(web: Web) -> None:
    assert web.client.get(link(web, tokens=Tokens("another secret"))).status_code == 404
    assert web.client.get(link(web)[:-3]).status_code == 404
    assert web.client.get("/a/nonsense").status_code == 404
    assert web.events() == []


@pytest.mark.parametrize(("asset", "status"), [("gone", 410), ("lost", 404), ("escape", 404)])
def test_what_is_not_there_is_not_served(web: Web, asset: str, status: int) -> None:
    """An asset no longer defined, one without its file, and one whose file lies outside the configuration folder."""
    answer = web.client.get(link(web, asset))
    assert (answer.status_code, "secret" in answer.text) == (status, False)
    assert web.events() == []


def test_parts_belong_to_the_download_that_began(web: Web) -> None:
    """A viewer that fetches piece by piece makes one download."""
    address = link(web)
    first = web.client.get(address, headers={"Range": "bytes=0-99"})
    rest = web.client.get(address, headers={"Range": "bytes=100-"})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.content + rest.content == PDF
    assert len(web.events()) == 1


def test_a_part_alone_is_a_download_too(web: Web) -> None:
    assert web.client.get(link(web), headers={"Range": "bytes=1-"}).status_code == 206
    assert len(web.events()) == 1


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=9-1", "pages=1", "bytes=", "bytes=0-1," * 200])
def test_a_nonsense_range_is_no_fault(web: Web, asked: str) -> None:
    assert web.client.get(link(web), headers={"Range": asked}).status_code in (200, 400, 416)


def test_nobody_is_told_of_when_the_link_belongs_to_nobody(web: Web) -> None:
    assert web.client.get(link(web, person=None)).status_code == 200
    assert web.events() == []


def test_post_is_not_allowed(web: Web) -> None:
    assert web.client.post(link(web)).status_code == 405
