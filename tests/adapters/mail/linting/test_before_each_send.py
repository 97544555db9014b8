"""The last look at each mail keeps back what is broken, and nothing that only has an unusual reader."""

from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nurture.adapters.mail.linting.context import Envelope, is_inside
from nurture.adapters.mail.linting.expected import context_of
from nurture.adapters.mail.linting.leftovers import Odd, oddities
from nurture.adapters.mail.linting.linter import lint_at_once
from nurture.errors import TemplateError
from tests.adapters.mail.letters import AT, PUBLIC_URL, TOKENS, definitions, letter, writer

DEFINITIONS = definitions(
    bounce_domain="bounces.example.com",
    unsubscribe_mailto="bye@example.com",
    providers=["postmark", "sendgrid", "ses", "mailgun"],
)

#: Words that stand in our own headers and links: a reader may be called so, or work there.
OURS = ["Example", "nurture", "case", "Case", "study", "case-study", "guide-nurture", "mail", "example.com", "https", "Camille",
        "unique_args", "AutoReply", "en", "{{", "{% if %}", ", ", "=?utf-8?q?x?=", '"', "\\\\", "a\r\nb"]  # fmt: skip
TYPED = st.one_of(st.text(max_size=40), st.sampled_from(OURS))


def found(address: str = "ada@example.org", language: str = "en", **facts: Any) -> set[str]:
    """The ids of what would keep a mail back."""
    to = letter("book-a-demo", language=language, **facts)._replace(address=address)
    written, _ = writer().draft(to, DEFINITIONS, AT)
    context = context_of(to, written.language, DEFINITIONS, PUBLIC_URL, TOKENS, AT)
    return {finding.id for finding in lint_at_once(written.raw, Envelope(written.mail_from, (address,)), context)}


@settings(deadline=None)
@given(first=TYPED, last=TYPED, company=TYPED, other=TYPED, language=st.sampled_from(["en", "fr"]))
def test_whatever_somebody_is_called_keeps_no_mail_back_but_for_what_says_nothing(
    first: str, last: str, company: str, other: str, language: str
) -> None:
    says_nothing = any(word in value for word in ("nan", "undefined", "None", "[object") for value in (first, company))
    assert found(language=language, first_name=first, last_name=last, company=company, topic=other) <= (
        {"B5"} if says_nothing else set()
    )


@pytest.mark.parametrize(
    "address",
    ["ada@straße.example", "ada@bücher.example", "A.B+c@Example.ORG", "o'neil@example.org", "ada@xn--bcher-kva.example"],
)
def test_no_address_that_can_be_written_to_keeps_its_mail_back(address: str) -> None:
    assert found(address) == set()


@pytest.mark.parametrize("value", ["None", "undefined"])
def test_a_value_that_says_nothing_keeps_the_mail_back(value: str) -> None:
    assert found(first_name=value) == {"B5"}


#: What templates leave behind, what is near to it, and what makes the writer cut, wrap or encode otherwise.
_LEFT = [
    "nan",
    "None",
    "undefined",
    "[object",
    "{{",
    "{%",
    "\ue000",
    '""',
    "''",
    '" "',
    " ",
    "\n",
    "\n\n",
    ".",
    "=",
    ">",
    "x",
    ", ",
    " of",
    "é",
]


@given(st.lists(st.sampled_from(_LEFT), max_size=12))
def test_a_text_in_blocks_is_as_odd_as_in_one(pieces: list[str]) -> None:
    text = "".join(pieces)
    together, apart = oddities([text]), oddities(text.split("\n"))
    for about in range(len(Odd._fields)):
        assert any(each[about] for each in together) == any(each[about] for each in apart)


@settings(deadline=None)
@given(first=st.one_of(TYPED, st.lists(st.sampled_from(_LEFT), max_size=6).map("".join)))
@example(first="None")
@example(first="Ada")
def test_a_mail_is_kept_back_by_what_its_bytes_show(first: str) -> None:
    """The writer looks at the words that it knows, block by block; whoever has the bytes alone sees the same."""
    to = letter("book-a-demo", language="en", first_name=first)._replace(address="ada@example.org")
    ids = found(first_name=first)
    with pytest.raises(TemplateError, match="|".join(ids)) if ids else nullcontext():
        writer().write(to, DEFINITIONS, AT)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "10.0.0.7", "mailer", "nurture.test", "box.local", "fd00::1"])
def test_hosts_that_only_neighbours_reach(host: str) -> None:
    assert is_inside(host)


@pytest.mark.parametrize("host", ["", "example.com", "93.184.216.34", "2606:4700::1111", "local.example.com"])
def test_hosts_that_anybody_reaches(host: str) -> None:
    assert not is_inside(host)
