"""The parts of a mail that somebody else wrote, taken apart within limits: no bytes make it raise, and none make it slow.

The parser is the one of the standard library in its older, plainer manner (`compat32`): the newer one raises for some headers.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from html import unescape
from itertools import islice
from typing import Final

#: So many bytes of a mail are looked at: reports come before what they return, and of that the header is enough.
LARGEST: Final = 256 * 1024

#: A mail that speaks more often of boundaries is not taken apart: each costs a look at every line within it.
_MOST_BOUNDARIES: Final = 40

_MOST_PARTS: Final = 60
_LONGEST_TEXT: Final = 32 * 1024
_LONGEST_FIELD: Final = 2_000
_MOST_FIELDS: Final = 200

_TAG: Final = re.compile(r"<[^<>]*>")
_LINE: Final = re.compile(r"<(?:br|/p|/tr|/div|/h\d|/li)\b[^<>]*>", re.IGNORECASE)

#: The fields of a report, or of a header, by names in small letters.
Fields = dict[str, str]


class TooManyParts(ValueError):
    """A mail is built so that taking it apart would take too long."""


@dataclass
class Parts:
    """What of a mail is looked at.

    `recipients` are the groups of a delivery report (RFC 3464), one for each recipient, and `about_mail` what stands before
    them; `complaint` are the fields of a feedback report (RFC 5965); `returned` is the header of the mail that is spoken of, and
    `disposition` what the reader's program says that it did with it (RFC 8098).
    """

    header: Fields = field(default_factory=dict)
    received_for: list[str] = field(default_factory=list)
    text: str = ""
    about_mail: Fields = field(default_factory=dict)
    recipients: list[Fields] = field(default_factory=list)
    complaint: Fields = field(default_factory=dict)
    returned: str = ""
    disposition: str = ""
    _html: str = ""

    def add_text(self, text: str, *, html: bool) -> None:
        if html:
            self._html += "\n" + text[: _LONGEST_TEXT - len(self._html)]
        else:
            self.text += "\n" + text[: _LONGEST_TEXT - len(self.text)]

    def finish(self) -> None:
        """Without plain text, that of the HTML stands for it."""
        if not self.text.strip():
            self.text = unescape(_TAG.sub(" ", _LINE.sub("\n", self._html)))


#: To whom a mail came, as the servers on its way wrote it down.
_RECEIVED_FOR: Final = (
    "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "x-rcpt-to", "x-forwarded-to",
    "original-recipient", "to", "cc",
)  # fmt: skip
_FOR: Final = re.compile(r"\bfor <([^<>]{1,320})>")


def take_apart(raw: bytes) -> Parts:
    """What of a mail is looked at; raises TooManyParts, and RecursionError for one whose parts nest without end."""
    raw = raw[:LARGEST]
    if raw.lower().count(b"boundary") > _MOST_BOUNDARIES:
        raise TooManyParts
    mail = message_from_bytes(raw)
    parts = Parts(header=_fields(mail))
    every = _every_field(mail)
    parts.received_for = [value for wanted in _RECEIVED_FOR for name, value in every if name == wanted]
    parts.received_for += [found[1] for name, value in every if name == "received" for found in _FOR.finditer(value)]
    for part in _walk(mail):
        _take(part, parts, top=part is mail)
    parts.finish()
    return parts


def _walk(mail: Message) -> Iterator[Message]:
    """The parts of a mail, but not those of a mail within it."""
    waiting, given = [mail], 0
    while waiting and given < _MOST_PARTS:
        part = waiting.pop(0)
        given += 1
        yield part
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting[:0] = _inner(part)


def _take(part: Message, parts: Parts, *, top: bool) -> None:
    kind = part.get_content_type()
    if kind in ("message/delivery-status", "message/global-delivery-status"):
        groups = _groups(part)
        parts.about_mail |= groups[0] if groups else {}
        parts.recipients += [each for each in groups if {"action", "status", "final-recipient"} & each.keys()]
    elif kind == "message/feedback-report":
        for group in _groups(part):
            parts.complaint |= group
    elif kind in ("message/disposition-notification", "message/global-disposition-notification"):
        for group in _groups(part):
            parts.disposition = group.get("disposition", parts.disposition) or "unknown"
    elif kind in ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"):
        parts.returned += _returned(part)[: _LONGEST_TEXT - len(parts.returned)]
    elif kind in ("text/plain", "text/html") and (top or part.get_content_disposition() != "attachment"):
        parts.add_text(_decoded(part), html=kind == "text/html")


def _inner(part: Message) -> list[Message]:
    inner = part.get_payload()
    return [each for each in inner if isinstance(each, Message)] if isinstance(inner, list) else []


def _groups(part: Message) -> list[Fields]:
    """The groups of fields of a report, however it is encoded."""
    inner = _inner(part)
    if inner and part.get_content_type() == "message/delivery-status":
        return [found for each in inner if (found := _fields(each))]
    # The parser takes every other message/* for a mail: then the first group is its header, and the others are its text.
    whole = "\n\n".join(f"{_header(each)}\n\n{_decoded(each)}" for each in inner) if inner else _decoded(part)
    texts = re.split(r"\r?\n[ \t]*\r?\n", whole)[:_MOST_PARTS]
    return [found for each in texts if (found := _fields(HeaderParser().parsestr(each.lstrip())))]


def _returned(part: Message) -> str:
    """The header of the mail that is returned."""
    inner = _inner(part)
    return "\n".join(_header(each) or _decoded(each) for each in inner) if inner else _decoded(part)


def _header(mail: Message) -> str:
    """The header as lines."""
    return "\n".join(f"{name}: {value}" for name, value in _every_field(mail))


def _fields(mail: Message) -> Fields:
    """The first value of each field."""
    found: Fields = {}
    for name, value in _every_field(mail):
        found.setdefault(name, value)
    return found


def _every_field(mail: Message) -> list[tuple[str, str]]:
    """Names in small letters and values of the first fields, in their order."""
    return [(_printable(name).strip().lower(), _text_of(str(value))) for name, value in islice(mail.raw_items(), _MOST_FIELDS)]


def _text_of(value: str) -> str:
    """A header's value as text on one line, whatever it is encoded in; bytes outside ASCII are UTF-8 or, if not, Latin-1."""
    value = value[:_LONGEST_FIELD]
    if not value.isascii():
        raw = value.encode("utf-8", "surrogateescape")
        try:
            value = raw.decode("utf-8")
        except ValueError:
            value = raw.decode("latin-1")
    with suppress(MessageError, LookupError, ValueError):
        value = str(make_header(decode_header(value)))
    return " ".join(_printable(value).split())


def _decoded(part: Message) -> str:
    """The text of a part; what cannot be decoded reads as question marks."""
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    raw = raw[:_LONGEST_TEXT]
    charset = part.get_param("charset")
    try:
        return _printable(raw.decode(str(charset or "utf-8"), "replace"))
    except (LookupError, ValueError):
        return _printable(raw.decode("utf-8", "replace"))


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", " ").replace("\r\n", "\n")
