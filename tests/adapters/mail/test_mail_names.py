"""What a mail is called where servers may change the case of letters."""

from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.tokens import MailLink, Tokens

TOKENS = Tokens("a secret of tests")
NUMBERS = st.integers(0, 2**63 - 1)
LINKS = st.builds(MailLink, NUMBERS, NUMBERS)


@given(link=LINKS, upper=st.booleans())
def test_a_name_is_read_wherever_it_stands_and_however_it_is_written(link: MailLink, *, upper: bool) -> None:
    name = TOKENS.mail_name(link)
    text = f"Final-Recipient: x\nX-Original-From: b-{name}@bounces.example.com (by way of ...)"
    written = text.upper() if upper else text
    assert list(TOKENS.mails_named(written)) == [link]
    assert TOKENS.names(written, link)
    assert not TOKENS.names(written, link._replace(message=link.message ^ 1))
    assert len(name) == 52


@given(link=LINKS, place=st.integers(0, 50))
def test_a_changed_name_names_nothing(link: MailLink, place: int) -> None:
    name = TOKENS.mail_name(link)
    other = "a" if name[place] != "a" else "b"
    changed = f"{name[:place]}{other}{name[place + 1 :]}"
    assert list(TOKENS.mails_named(changed)) == []
    assert not TOKENS.names(changed, link)
    assert not TOKENS.names(f"{name}a", link)
    assert list(Tokens("another secret").mails_named(name)) == []


def test_other_words_are_passed_over() -> None:
    assert list(TOKENS.mails_named("a" * 52 + " " + "b" * 60)) == []


def test_a_name_by_a_former_key_names_its_mail_still() -> None:
    link = MailLink(11, 7)
    name = Tokens("the key of last year").mail_name(link)
    assert list(Tokens("a secret of tests", ["another", "the key of last year"]).mails_named(name)) == [link]
