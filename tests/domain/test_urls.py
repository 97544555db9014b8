"""The parts of addresses, as a table of the strange ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.urls import host_of, parameters, path_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.com/a?b#c", "example.com"),
        ("//cdn.example.com/x", "cdn.example.com"),
        ("https://user:secret@example.com:8443/", "example.com"),
        ("https://example.com", "example.com"),
        ("https://example.com?x=//other.example", "example.com"),
        ("https://example.com\\@other.example/", "example.com"),
        (" https://example.com/ ", "example.com"),
        ("android-app://com.example.app/", "com.example.app"),
        ("https://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("www.example.com", "example.com"),
        ("example.com:80/x", "example.com"),
        ("localhost", None),
        ("http://localhost:3000/", "localhost"),
        ("https://", None),
        ("https://www.", "www"),
        ("https:/example.com", None),
        ("https://user@", None),
        ("https://a b.example/", None),
        ("https://[::1", None),
        ("mailto:anna@example.com", None),
        ("anna@example.com", None),
        ("data:text/html,x.y", None),
        ("about:blank", None),
        ("", None),
        ("https://" + "a." * 200 + "example", None),
    ],
)
def test_the_host_of_an_address(url: str, host: str | None) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.com/a/b?c#d", "/a/b"),
        ("https://example.com", "/"),
        ("https://example.com?x=/y", "/"),
        ("https://example.com:80/a", "/a"),
        ("/a/b", None),
        ("", None),
    ],
)
def test_the_path_of_an_address(url: str, path: str | None) -> None:
    assert path_of(url) == path


def test_the_parameters_of_an_address() -> None:
    url = "/x?A=1&a=2&amp;b=%C3%A9+%&c=&d#b=4"
    assert parameters(url, {"a", "b", "c", "d"}) == {"a": "1", "b": "é %"}
    assert parameters("a=1&b=2", {"a", "b"}, only_query=True) == {"a": "1", "b": "2"}
    assert parameters("?a=1&b=2", {"a", "b"}, only_query=True) == {"a": "1", "b": "2"}
    assert parameters("a=1&b=2", {"a", "b"}) == {"b": "2"}


@given(st.text())
def test_nothing_raises(text: str) -> None:
    host_of(text)
    path_of(text)
    parameters(text, {"a"})
