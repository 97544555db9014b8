"""A good mail, and copies of it with one thing broken."""

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from nurture.adapters.mail.linting.context import Context, Envelope
from nurture.adapters.mail.linting.expected import context_of
from nurture.adapters.mail.linting.linter import lint
from nurture.adapters.mail.linting.rules import Finding
from nurture.adapters.mail.mime import Part, assemble
from tests.adapters.mail.letters import AT, PUBLIC_URL, TOKENS, definitions, letter, parts, writer

Swap = tuple[str, str]


@dataclass(frozen=True)
class Draft:
    """A mail whose parts are still text."""

    head: tuple[str, ...]
    text: str
    html: str
    envelope: Envelope
    context: Context

    @property
    def raw(self) -> bytes:
        return assemble(self.head, (Part("plain", (self.text,)), Part("html", (self.html,))), "mark")


@dataclass(frozen=True)
class Fault:
    """What is broken: each swap replaces something that must be there."""

    head: tuple[Swap, ...] = ()
    more: tuple[str, ...] = ()
    text: tuple[Swap, ...] = ()
    html: tuple[Swap, ...] = ()
    raw: tuple[tuple[bytes, bytes], ...] = ()
    envelope: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)


@cache
def good() -> Draft:
    """A mail of the examples to somebody of whom everything is known."""
    to = letter(first_name="Ada", last_name="Lovelace", company="Analytical Engines", engagement=41.5, language="en")
    written = writer().write(to, definitions(), AT)
    text, html = parts(written)
    lines = written.raw.partition(b"\r\n\r\n")[0].decode().replace("\r\n ", "\n ").split("\r\n")
    head = tuple(line.replace("\n ", "\r\n ") for line in lines if not line.startswith(("MIME-Version", "Content-Type")))
    context = context_of(to, written.language, definitions(), PUBLIC_URL, TOKENS, AT)
    return Draft(head, text, html, Envelope(written.mail_from, (to.address,)), context)


def found_in(fault: Fault) -> list[Finding]:
    """What the linter says of the good mail with a fault put into it."""
    start = good()
    head = _swapped("\r\n".join(start.head), fault.head).split("\r\n")
    draft = replace(
        start,
        head=(*head, *fault.more),
        text=_swapped(start.text, fault.text),
        html=_swapped(start.html, fault.html),
        context=replace(start.context, **fault.context),
        envelope=start.envelope._replace(**fault.envelope),
    )
    raw = draft.raw
    for old, new in fault.raw:
        assert old in raw, old
        raw = raw.replace(old, new)
    return lint(raw, draft.envelope, draft.context)


def _swapped(text: str, swaps: tuple[Swap, ...]) -> str:
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new)
    return text
