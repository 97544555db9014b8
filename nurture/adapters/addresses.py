"""E-mail addresses as people type them."""

from typing import Final

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

#: RFC 5321 §4.5.3.1.3, less the angle brackets.
LONGEST: Final = 254

#: RFC 5321 §4.5.3.1.1.
LONGEST_LOCAL: Final = 64


def parse_address(text: str) -> str:
    """The address in lower case with an ASCII domain; raises ValueError with what is wrong. Nothing is looked up in the DNS.

    Letters beyond ASCII before the @ are refused: hardly any server takes them (RFC 6531), and nearly always it is an
    accent too much.
    """
    if len(text) > LONGEST:
        raise ValueError(f"An e-mail address has at most {LONGEST} characters.")
    if len(text.rpartition("@")[0]) > LONGEST_LOCAL:
        raise ValueError(f"An e-mail address has at most {LONGEST_LOCAL} characters before the @.")
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return (found.ascii_email or found.normalized).lower()


def is_disposable(address: str) -> bool:
    """Whether an address is at one of the known providers of throw-away mailboxes."""
    labels = address.rpartition("@")[2].split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))
