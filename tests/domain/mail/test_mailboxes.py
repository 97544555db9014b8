import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.mail.mailboxes import is_named_too_often, mailbox_of


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("ana@example.com", "ana@example.com"),
        ("Ana@Example.com", "ana@example.com"),
        ("ana+news@example.com", "ana@example.com"),
        ("ana+a+b@example.com", "ana@example.com"),
        ("+ana@example.com", "+ana@example.com"),
        ("a.n.a@example.com", "a.n.a@example.com"),
        ("a.n.a+x@gmail.com", "ana@gmail.com"),
        ("ana@googlemail.com", "ana@gmail.com"),
        ('"a@b"@example.com', '"a@b"@example.com'),
    ],
)
def test_addresses_of_one_mailbox_are_one(address: str, mailbox: str) -> None:
    assert mailbox_of(address) == mailbox


@given(st.emails())
def test_a_mailbox_leads_to_itself(address: str) -> None:
    assert mailbox_of(mailbox_of(address)) == mailbox_of(address)
    assert "@" in mailbox_of(address)


def test_the_last_that_is_allowed_is_allowed() -> None:
    assert not is_named_too_often(10, 10)
    assert is_named_too_often(11, 10)
    assert not is_named_too_often(10_000, None)
