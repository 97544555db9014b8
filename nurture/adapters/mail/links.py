"""Addresses of links: each becomes `{{ _link(…) }}`, so that what a link of a mail is gets decided in one place, when it is written."""

import json
import re
from html import unescape
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, meta

from nurture.adapters.mail.slots import MARK, Slot, Slots

#: An `href` of any element but `<link>` and `<base>`, which are no links for readers.
_HREF: Final = re.compile(
    r"""(?P<before><(?!link\b|base\b)[a-z][^<>]*?\shref\s*=\s*)(?P<quote>["'])(?P<address>.*?)(?P=quote)""",
    re.IGNORECASE | re.DOTALL,
)

#: An address written out in plain text; a mark at its end is a sentence's.
_WRITTEN_OUT: Final = re.compile(r"https?://[^\s<>()\"]*[^\s<>()\".,;:!?]")

#: The name of the function that gives the link for an address. It is not for authors: they could sign links to anywhere.
LINK: Final = "_link"

_KINDS: Final = ("http://", "https://", "mailto:", "tel:")


class Links:
    """The links of one file."""

    def __init__(self, slots: Slots, environment: Environment) -> None:
        self._slots = slots
        self._environment = environment

    def mark(self, address: str, line: int) -> str:
        """The mark of a slot that gives the link for an address, which may hold marks itself.

        Raises jinja2.TemplateSyntaxError for an address that is not absolute, or whose host a person could choose: such a
        mail would sign links to anywhere.
        """
        self._check(address, line)
        parts = self._slots.map(address, json.dumps, lambda slot: self._parenthesised(slot, line))
        return self._slots.add(f"{{{{ {LINK}(" + " ~ ".join(parts) + ") }}", line)

    def in_html(self, marked: str) -> str:
        """HTML with every `href` as a link."""

        def routed(found: re.Match[str]) -> str:
            return f'{found["before"]}"{self.mark(unescape(found["address"]).strip(), _line(marked, found.start()))}"'

        return _HREF.sub(routed, marked)

    def in_text(self, marked: str) -> str:
        """Plain text with every address written out in it as a link."""
        return _WRITTEN_OUT.sub(lambda found: self.mark(found[0], _line(marked, found.start())), marked)

    def _check(self, address: str, line: int) -> None:
        origin = _origin(address)
        slots = [self._slots[mark[1]] for mark in MARK.finditer(origin)]
        if not address.startswith(_KINDS) and not (slots and MARK.match(address)):
            shown = "".join(self._slots.map(address, str, lambda slot: slot.construct))
            raise TemplateSyntaxError(f"the link {shown!r} leads nowhere from a mail; write https://… in full", line)
        if any("person" in self._names(slot) for slot in slots):
            raise TemplateSyntaxError("where a link leads must not depend on a person; only what follows the host may", line)

    def _names(self, slot: Slot) -> set[str]:
        return meta.find_undeclared_variables(self._environment.parse(slot.construct))

    def _parenthesised(self, slot: Slot, line: int) -> str:
        if slot.expression is None:
            raise TemplateSyntaxError("the address of a link can hold {{ … }} but no {% … %}; put the whole link inside", line)
        return f"({slot.expression})"


def _origin(address: str) -> str:
    """Scheme and host; everything, where neither can be told."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    return scheme + separator + re.split(r"[/?#]", rest, maxsplit=1)[0]


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
