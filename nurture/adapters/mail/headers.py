"""Header fields that mailbox providers can read.

The standard library wraps a long List-Unsubscribe address into RFC 2047 words, which makes it worthless, or else leaves a
long accented subject in one word far over the 75 characters allowed. So: what has a structure is never encoded nor folded,
and text is encoded in words of at most 75 characters (RFC 2047 §2). No field takes a line break or another control
character from a value (RFC 5322 §2.2): that would be the beginning of a header of somebody else's choosing.
"""

import re
from collections.abc import Sequence
from email.header import Header
from typing import Final

from email_validator import EmailNotValidError, validate_email

#: The longest line a mail may have, without its CRLF, and the longest one it should have (RFC 5322 §2.1.1).
LONGEST: Final = 998
PREFERRED: Final = 78

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_ADDRESS: Final = re.compile(r"[^\s<>()\[\],;:\\\"@]+@[^\s<>()\[\],;:\\\"@]+")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]*")


def field(name: str, value: str) -> str:
    """A field that goes out as it is, on one line; raises ValueError for what cannot."""
    line = f"{name}: {_single_line(name, value)}"
    if not line.isascii():
        raise ValueError(f"{name} holds characters outside ASCII")
    if len(line) > LONGEST:
        raise ValueError(f"{name} is {len(line)} characters long; a line of a mail has at most {LONGEST}")
    return line


def addresses_field(name: str, urls: Sequence[str]) -> str:
    """A field of URLs (RFC 2369 §2), each whole on a line of its own; raises ValueError for what cannot be sent."""
    first, *others = (field(name, f"<{url}>") for url in urls)
    return ",\r\n".join([first, *(f" {line.removeprefix(f'{name}: ')}" for line in others)])


def text_field(name: str, text: str) -> str:
    """A field of free text, folded at its spaces where it can be; raises ValueError for control characters."""
    text = _single_line(name, text)
    words = text.split(" ")
    if not text.isascii() or "=?" in text or not all(words) or max(map(len, words)) >= PREFERRED:
        return f"{name}: {_encoded(text, len(name) + 2)}"
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > PREFERRED and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)


def address_field(name: str, display: str, address: str) -> str:
    """A field of one address with the name shown for it, which may be empty; raises ValueError for what cannot be sent."""
    display, wire = _single_line(name, display).strip(), wire_address(address)
    if not display:
        return field(name, wire)
    if not display.isascii() or "=?" in display:
        phrase = _encoded(display, len(name) + 2)
    elif _ATOMS.fullmatch(display):
        phrase = display
    else:
        phrase = '"' + display.replace("\\", r"\\").replace('"', r"\"") + '"'
    last = f"{name}: {phrase}".rpartition("\r\n")[2]
    fold = " " if len(last) + len(wire) + 3 <= PREFERRED else "\r\n "
    if len(last) > LONGEST:
        raise ValueError(f"{name} shows a name of {len(display)} characters; shorten it")
    return f"{name}: {phrase}{fold}<{wire}>"


def wire_address(address: str) -> str:
    """An address as servers take it: the domain in its ASCII form; raises ValueError for one that has none.

    The message never contains the address.
    """
    if not _ADDRESS.fullmatch(address) or _CONTROLS.search(address):
        raise ValueError("the address is not written like name@host")
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise ValueError("the part of the address before the @ holds characters outside ASCII, which few servers accept")
    if domain.isascii():
        return address
    try:
        return f"{local}@{validate_email(address, check_deliverability=False).ascii_domain}"
    except EmailNotValidError:
        raise ValueError("the host of the address cannot be written in ASCII") from None


def domain_of(address: str) -> str:
    """The host of an address, in ASCII."""
    return wire_address(address).rpartition("@")[2].lower()


def _single_line(name: str, value: str) -> str:
    if _CONTROLS.search(value):
        raise ValueError(f"{name} holds a line break or another control character")
    return value


def _encoded(text: str, taken: int) -> str:
    """RFC 2047 words on lines of at most 76 characters; `taken` are used already on the first."""
    return Header(text, "utf-8", maxlinelen=76, header_name="x" * (taken - 2)).encode(linesep="\r\n")
