"""UTM marks: on our own pages, beside what a link says itself, never over it."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.mail.utm import Utm, own_domains, with_marks

NAMED = {"sequence": "guide-nurture", "step": "case", "email": "case-study"}
OWN = own_domains(Utm(domains=("example.org",)), "camille@News.Example.com", "https://www.example.net/privacy")
MARKS = "utm_source=nurture&utm_medium=email&utm_campaign=guide-nurture&utm_content=case"


@pytest.mark.parametrize(
    ("url", "marked"),
    [
        ("https://www.example.net/p", f"https://www.example.net/p?{MARKS}"),
        ("https://example.net", f"https://example.net?{MARKS}"),
        ("https://news.example.com/p?a=1#top", f"https://news.example.com/p?a=1&{MARKS}#top"),
        ("https://shop.example.org:8443/?", f"https://shop.example.org:8443/?{MARKS}"),
        ("https://example.org/#a?b", f"https://example.org/?{MARKS}#a?b"),
        ("https://example.com/p", "https://example.com/p"),  # above the sender's domain, which somebody else may hold
        ("https://other.example/p", "https://other.example/p"),
        ("https://notexample.net/p", "https://notexample.net/p"),
        ("https://example.net.evil.example/p", "https://example.net.evil.example/p"),
        ("https://evil.example/@example.net", "https://evil.example/@example.net"),
        ("mailto:a@example.net", "mailto:a@example.net"),
    ],
)
def test_marks_stand_on_our_own_pages_only(url: str, marked: str) -> None:
    assert with_marks(url, Utm(), NAMED, OWN) == marked


def test_what_a_link_says_itself_stays() -> None:
    url = "https://example.net/?utm_campaign=spring&utm_content="
    assert with_marks(url, Utm(), NAMED, OWN) == f"{url}&utm_source=nurture&utm_medium=email"
    assert with_marks(f"https://example.net/?{MARKS}", Utm(), NAMED, OWN) == f"https://example.net/?{MARKS}"


def test_marks_name_what_the_mail_is_of() -> None:
    utm = Utm(source="News & more", campaign="{sequence}/{email}", content=None, term="{step}")
    marked = with_marks("https://example.net/", utm, NAMED, OWN)
    assert dict(parse_qsl(urlsplit(marked).query)) == {
        "utm_source": "News & more", "utm_medium": "email", "utm_campaign": "guide-nurture/case-study", "utm_term": "case",
    }  # fmt: skip


@pytest.mark.parametrize("mark", ["{person}", "{sequence.upper}", "{}", "{sequnce}"])
def test_a_mark_names_nothing_else(mark: str) -> None:
    with pytest.raises(ValidationError, match="names nothing of a mail"):
        Utm(campaign=mark)


QUERY = st.text(st.sampled_from("ab=&%2?/_+~"), max_size=20)


@given(
    path=st.text(st.sampled_from("abc/-_.~%2"), max_size=12), query=QUERY, fragment=st.text(st.sampled_from("ab?&=/"), max_size=8)
)
def test_marking_adds_to_the_query_and_changes_nothing_else(path: str, query: str, fragment: str) -> None:
    url = f"https://example.net/{path}" + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")
    before, after = urlsplit(url), urlsplit(with_marks(url, Utm(), NAMED, OWN))
    assert (after.scheme, after.netloc, after.path, after.fragment) == (
        before.scheme,
        before.netloc,
        before.path,
        before.fragment,
    )
    assert after.query.startswith(before.query)
    assert dict(parse_qsl(after.query))["utm_source"] == "nurture"
    assert with_marks(after.geturl(), Utm(), NAMED, OWN) == after.geturl()
