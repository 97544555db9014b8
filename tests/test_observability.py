"""Logs hold no personal data and no secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from nurture.observability import Mask, configure_logging

WORDS = st.text("abcdefgh ", max_size=10)
SECRET = "correct-horse-battery"


def mask(event: dict[str, Any]) -> str:
    return json.dumps(Mask([SECRET])(None, "info", event), ensure_ascii=False, default=str)


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A leaf inside lists, tuples, mappings and objects that print themselves, however deep."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=2),
            st.tuples(WORDS, inner),
            st.dictionaries(st.sampled_from(["a", "b"]), inner, min_size=1),
            inner.map(ValueError),
        ),
        max_leaves=3,
    )


@given(st.data(), st.emails(), WORDS, WORDS)
def test_no_address_gets_through_however_deep_it_lies(data: st.DataObject, address: str, before: str, after: str) -> None:
    value = data.draw(nested(st.just(f"{before} {address} {after}")))
    masked = mask({"event": f"about {address}", "detail": value})
    assert address not in masked
    assert address.partition("@")[2] not in masked


@pytest.mark.parametrize(
    "text",
    [
        "anna@example.com",
        "<anna@example.com>",
        "mailto:anna@example.com?x",
        "Anna.O'Neill+tag@mail.example.co.uk",
        "anna%40example.com",
        '"anna of york"@example.com'.replace(" ", "\\ "),
        "änna@exämple.fr",
        "anna@[192.0.2.1]",
        "RCPT TO:<anna@example.com> refused; anna@example.com,anna@example.com",
        "{'email': 'anna@example.com'}",
        "x=anna@example.com&y",
        "ANNA@EXAMPLE.COM",
    ],
)
def test_addresses_are_seen_in_every_dress(text: str) -> None:
    masked = Mask().text(text).lower()
    assert "nna" not in masked
    assert "xample" not in masked
    assert "[e-mail]" in masked


@pytest.mark.parametrize("text", ["events+sequences.17@host ready", "3 @ 4", "at 12:30", "a.b.c", "ratio 1.5", "user@localhost"])
def test_what_is_no_address_stays(text: str) -> None:
    assert Mask().text(text) == text


@given(st.data(), WORDS)
def test_no_secret_of_the_installation_gets_through(data: st.DataObject, word: str) -> None:
    value = data.draw(nested(st.just(f"{word}{SECRET}{word}")))
    assert SECRET not in mask({"event": f"key {SECRET}", "detail": value})


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("redis://:pa-ss@127.0.0.1:6379/0", "pa-ss"),
        ("cannot reach postgresql+psycopg://engine:p%40ss@db/x", "p%40ss"),
        ("smtp://user:p@ss@mail.example.com:587", "p@ss"),
    ],
)
def test_passwords_in_urls_are_hidden_and_the_host_is_not(text: str, password: str) -> None:
    masked = Mask().text(text)
    assert password not in masked
    assert text.rpartition("@")[2] in masked


@pytest.mark.parametrize("name", ["password", "api_key", "Authorization", "download_token", "email", "recipient", "address"])
def test_fields_whose_name_says_so_are_hidden_whatever_they_hold(name: str) -> None:
    assert "plain" not in mask({"event": "x", name: "plain", "inner": {name: "plain"}})


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where this process's log lines go during the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    yield written
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_json_lines_hold_the_fields_and_no_address(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream=stream)
    structlog.get_logger("nurture.test").info("absorbed", stored=3, who="anna@example.com")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["stored"], line["who"], line["level"]) == ("absorbed", 3, "[e-mail]", "info")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_of_libraries_are_masked_too_with_their_tracebacks(form: str, stream: io.StringIO) -> None:
    configure_logging(form, "info", secrets=[SECRET], stream=stream)
    try:
        int(f"no {SECRET} for anna@example.com")
    except ValueError:
        logging.getLogger("sqlalchemy.engine").exception("failed for %s", "anna@example.com")
    written = stream.getvalue()
    assert "failed for [e-mail]" in written
    assert "no [secret] for [e-mail]" in written
    assert "anna" not in written


def test_the_level_and_the_chatter_of_libraries_are_held_down(stream: io.StringIO) -> None:
    configure_logging("text", "info", stream=stream)
    structlog.get_logger("nurture.test").debug("details")
    logging.getLogger("celery.app.trace").info("Task nurture.sweep succeeded")
    assert stream.getvalue() == ""
    logging.getLogger("celery.app.trace").warning("odd")
    assert "odd" in stream.getvalue()
