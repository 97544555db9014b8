"""The traps of header fields, each of which the standard library or a provider falls into."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.mail.headers import address_field, domain_of, field, text_field, wire_address

PRINTABLE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=300)


def read(*fields: str) -> EmailMessage:
    return message_from_bytes("\r\n".join([*fields, "", ""]).encode("ascii"), policy=policy.default)


def test_a_long_address_in_a_structured_field_is_neither_folded_nor_encoded() -> None:
    url = f"<https://{'very-long-name.' * 20}example.com/u/{'t' * 200}>"
    assert field("List-Unsubscribe", url) == f"List-Unsubscribe: {url}"


def test_a_field_longer_than_a_line_may_be_is_refused() -> None:
    with pytest.raises(ValueError, match="998"):
        field("List-Unsubscribe", f"<https://example.com/{'x' * 1000}>")


@pytest.mark.parametrize("value", ["a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\x00b", "a\x7fb", "\t"])
def test_no_field_takes_a_line_break_or_another_control_character(value: str) -> None:
    for write in (field, text_field):
        with pytest.raises(ValueError, match="control character"):
            write("Subject", value)
    with pytest.raises(ValueError, match="control character"):
        address_field("From", value, "ada@example.com")


def test_a_structured_field_takes_ascii_only() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        field("List-Id", "<café.example.com>")


@pytest.mark.parametrize(
    "subject",
    [
        "Short and plain",
        "A subject in plain ASCII that goes on for much longer than the seventy-eight characters of one single line of a header",
        "Un sujet très long, plein d’accents : où l’été s’achève, l’élève rêvait déjà à la forêt, près du château de l’évêque",
        "=?utf-8?q?=0D=0ABcc:_eve=40example.com?=",
        "日本語の件名" * 20,
        "👩‍👩‍👧" * 30,
        "x" * 500,
        "two  spaces and  more",
    ],
)
def test_a_subject_comes_back_as_it_was(subject: str) -> None:
    written = text_field("Subject", subject)
    assert read(written)["Subject"] == subject
    assert all(len(line) <= 78 for line in written.split("\r\n"))


@given(PRINTABLE)
def test_any_subject_comes_back_in_words_and_lines_of_legal_length(subject: str) -> None:
    subject = subject.strip()
    written = text_field("Subject", subject)
    assert " ".join(read(written)["Subject"].split()) == " ".join(subject.split())
    assert all(len(word) <= 75 for word in re.findall(r"=\?\S*\?=", written)) or subject.isascii()
    for line in written.split("\r\n"):
        assert len(line) <= 78
        assert line.strip()
        assert line.isascii()


@given(PRINTABLE.map(str.strip).filter(bool), st.sampled_from(["ada@example.com", f"{'long' * 15}@{'sub.' * 40}example.com"]))
def test_any_display_name_leaves_the_address_alone(name: str, address: str) -> None:
    written = address_field("From", name[:80].strip() or "x", address)
    (found,) = read(written)["From"].addresses
    assert found.addr_spec == address
    assert all(len(word) <= 75 for word in re.findall(r"=\?\S*\?=", written)) or name.isascii()
    assert all(line.strip() for line in written.split("\r\n"))


@pytest.mark.parametrize(
    "name", ["Camille Durand", "Durand, Camille", 'Camille "La" Durand', "Zoé Œrsted", "a\\b", "J. (Ed) <x@y.z>", "@"]
)
def test_a_display_name_comes_back_as_it_was(name: str) -> None:
    (found,) = read(address_field("From", name, "camille@example.com"))["From"].addresses
    assert (found.display_name, found.addr_spec) == (name, "camille@example.com")


def test_without_a_name_an_address_stands_alone() -> None:
    assert address_field("Reply-To", "", "camille@example.com") == "Reply-To: camille@example.com"


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("Ada.L+x@Example.com", "Ada.L+x@Example.com"),
        ("ada@straße.de", "ada@xn--strae-oqa.de"),
        ("ada@münchen.de", "ada@xn--mnchen-3ya.de"),
    ],
)
def test_an_address_for_the_wire_is_ascii(address: str, wire: str) -> None:
    assert wire_address(address) == wire


@pytest.mark.parametrize(
    "address",
    ["", "ada", "@example.com", "ada@", "zoé@example.com", "a b@example.com", "a@b@example.com", "<ada@example.com>",
     "ada@example.com>", "ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@example.com,eve@example.com", "ada@ex\u2028ample.com",
     "ada@-bad-ü-.de"],
)  # fmt: skip
def test_what_is_no_address_for_the_wire_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        wire_address(address)
    assert "example" not in str(caught.value)


def test_the_domain_of_an_address_is_in_small_letters() -> None:
    assert domain_of("Camille@News.Example.COM") == "news.example.com"
