"""Rules of the body (B9) that are about the page around the words: language, title, preheader, tables, contrast."""

import re
from collections.abc import Iterator
from math import inf
from typing import Final

from nurture.adapters.mail.linting.colours import contrast
from nurture.adapters.mail.linting.context import Context, Envelope
from nurture.adapters.mail.linting.mail import Mail
from nurture.adapters.mail.linting.page import Look, Page
from nurture.adapters.mail.linting.rules import rule

_CHARSET: Final = re.compile(r"<meta\s[^>]*charset\s*=\s*[\"']?utf-8", re.IGNORECASE)
#: Where programs look for the encoding (HTML, "determining the character encoding").
_FIRST_BYTES: Final = 1024
_SHORTEST: Final = 30
_LONGEST: Final = 140
_READABLE: Final = 4.5


@rule("B9", "E", "`<html lang>` in the reader's language, a title, the charset within the first 1,024 bytes")
def _frame(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    if mail.rich is None:
        return
    language = next((element.attributes.get("lang", "") for element in mail.page.all("html")), "")
    if language.lower().partition("-")[0] != context.language.lower().partition("-")[0]:
        yield f'<html> has lang={language[:12]!r}; write lang="{{{{ language }}}}" for programs that read aloud'
    if not mail.page.title.strip():
        yield "the HTML has no title; write <title>{{ subject }}</title>"
    if not _CHARSET.search(mail.html.encode()[:_FIRST_BYTES].decode("utf-8", "ignore")):
        yield 'the HTML does not say its encoding in time; write <meta charset="utf-8"> first in <head>'


@rule(
    "B9",
    "W",
    "a hidden preheader of 30 to 140 characters; role=presentation on tables; text that can be read on its ground (4.5:1)",
)
def _for_everybody(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    if mail.rich is None:
        return
    length = len(mail.page.preheader or "")
    if not _SHORTEST <= length <= _LONGEST:
        yield f"the preheader has {length} characters; write {_SHORTEST} to {_LONGEST} that go on from the subject"
    if any(table.attributes.get("role") != "presentation" for table in mail.page.all("table")):
        yield 'a table has no role="presentation"; add it, else the layout is read aloud as a table'
    if pale := _pale(mail.page):
        yield f"{pale[:40]!r} can hardly be read on its background; take colours with a contrast of {_READABLE}"


def _pale(page: Page) -> str | None:
    """The first words whose colour is too near to their background's."""
    for text, look in page.runs:
        if text.strip() and look.shown and _contrast(look) < _READABLE:
            return " ".join(text.split())
    return None


def _contrast(look: Look) -> float:
    """That of a text with its background; infinite where a colour is not known."""
    return contrast(look.colour, look.background) if look.colour and look.background else inf
