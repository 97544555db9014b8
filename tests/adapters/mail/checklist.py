"""What Gmail, Yahoo, CNIL and the RFCs look at in a nurture mail, as a list of findings; an empty list is a good mail."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

_LIMIT = 998
_ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Unsubscribe",
         "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "Auto-Submitted", "X-Auto-Response-Suppress")  # fmt: skip
_FORBIDDEN = {"script", "iframe", "form", "object", "embed", "link", "base", "input", "svg"}
_LEFT_OVER = re.compile(r"\{\{|\{%|\}\}|%\}|\bNone\b|\bnan\b|\bundefined\b|\[object|[\ue000-\ue002]")
_GOOD_LINK = re.compile(r"https://(?!\d+\.\d+\.\d+\.\d+)[a-z0-9.-]+(?:[/?#]|$)|mailto:|tel:")
_URL = re.compile(r"https?://[^\s<>\"()]+")


@dataclass
class Page(HTMLParser):
    """The HTML part, taken apart."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag in {"style", "title"}:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)

    @property
    def visible(self) -> str:
        return "".join(self.words)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for attributes in self.all("a")]


def page(html: str) -> Page:
    found = Page()
    found.feed(html)
    found.close()
    return found


def findings(raw: bytes, *, unsubscribe: str, legal: tuple[str, ...], recipient: str) -> list[str]:
    """Everything wrong with a mail. `legal` are texts that both parts must show: legal name, address, privacy link."""
    message = message_from_bytes(raw, policy=policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    if text is None or html is None:
        return ["B1: a part is missing"]
    plain, markup = text.get_content(), html.get_content()
    return [
        *_of_lines(raw), *_of_header(raw, message, unsubscribe, recipient), *_of_structure(message),
        *_of_text(plain), *_of_html(markup), *_of_both(plain, markup, unsubscribe, legal),
    ]  # fmt: skip


def _of_lines(raw: bytes) -> Iterator[str]:
    lines = raw.split(b"\r\n")
    if b"\n" in raw.replace(b"\r\n", b"") or b"\r" in raw.replace(b"\r\n", b""):
        yield "H12: a bare CR or LF"
    if not raw.isascii():
        yield "H12: 8-bit bytes"
    if max(map(len, lines)) > _LIMIT:
        yield "H12: a line over 998"
    body = raw.partition(b"\r\n\r\n")[2].split(b"\r\n")
    if max(map(len, body)) > 76:
        yield "B2: a line of the body over 76"
    if len(raw) > 150_000:
        yield "B4: over 150 KB"


def _of_header(raw: bytes, message: EmailMessage, unsubscribe: str, recipient: str) -> Iterator[str]:
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    yield from _of_fields(head)
    domain = message["From"].addresses[0].domain
    if not re.fullmatch(rf"<[A-Za-z0-9_-]+@{re.escape(domain)}>", message["Message-ID"]):
        yield "H2: Message-ID"
    if parsedate_to_datetime(message["Date"]).utcoffset() is None:
        yield "H3: Date without a zone"
    if [address.addr_spec for address in message["To"].addresses] != [recipient]:
        yield "H5: To is not the lead alone"
    if f"\r\nList-Unsubscribe: <{unsubscribe}>\r\n" not in head + "\r\n" or not unsubscribe.startswith("https://"):
        yield "H6: List-Unsubscribe"
    if message["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click":
        yield "H7: List-Unsubscribe-Post"
    if not re.fullmatch(r"[^:\s]*:[^:\s]*:[^:\s]*:[a-z0-9]{5,15}", message["Feedback-ID"]):
        yield "H10: Feedback-ID"
    yield from _of_subject(str(message["Subject"]))


def _of_fields(head: str) -> Iterator[str]:
    lines = head.split("\r\n")
    names = [line.partition(":")[0] for line in lines if not line.startswith((" ", "\t"))]
    yield from (f"H1: {names.count(name)} × {name}" for name in _ONCE if names.count(name) != 1)
    if set(names) & {"Bcc", "Return-Path", "Cc"} or names.count("Reply-To") > 1:
        yield "V5: a field that must not be there"
    yield from (f"H12: a header line over 78: {line[:40]}" for line in lines if len(line) > 78 and "<http" not in line)
    yield from (f"H12: an empty header {line}" for line in lines if not line.rpartition(":")[2].strip())
    if any(len(word) > 75 for word in re.findall(r"=\?[^?]*\?[^?]*\?[^?]*\?=", head)):
        yield "H4, H14: an encoded word over 75"


def _of_subject(subject: str) -> Iterator[str]:
    if not subject.strip() or _LEFT_OVER.search(subject):
        yield "H14: the subject is empty or unfinished"
    if len(subject) > 70 or subject.lower().startswith(("re:", "fwd:")) or subject.count("!") > 1 or subject.isupper():
        yield "H14: the subject is loud or long"


def _of_structure(message: EmailMessage) -> Iterator[str]:
    if message.get_content_type() != "multipart/alternative" or message.defects:
        yield "B1: no sound multipart/alternative"
    types = [part.get_content_type() for part in message.iter_parts()]
    if types != ["text/plain", "text/html"]:
        yield f"B1: {types}"
    for part in message.iter_parts():
        if (
            part.get_content_charset() != "utf-8"
            or part["Content-Transfer-Encoding"] not in {"quoted-printable", "base64"}
            or part.defects
        ):
            yield "B2: charset or encoding"


def _of_text(plain: str) -> Iterator[str]:
    if any(len(line) > 78 and not _URL.search(line) for line in plain.splitlines()):
        yield "B3: a line of text over 78"
    if _LEFT_OVER.search(plain) or re.search(r"(Hello|Bonjour) ?,", plain):
        yield "B5: something unfinished in the text"
    if "**" in plain or "](" in plain:
        yield "B5: Markdown in the text"


def _of_html(markup: str) -> Iterator[str]:
    found = page(markup)
    tags = {name for name, _ in found.tags}
    if len(markup.encode()) > 80_000:
        yield "B4: HTML over 80 KB"
    if _LEFT_OVER.search(found.visible) or re.search(r"(Hello|Bonjour) ?,", found.visible):
        yield "B5: something unfinished in the HTML"
    yield from (f"B6: {href}" for href in found.links if not _GOOD_LINK.match(href))
    if tags & _FORBIDDEN:
        yield f"B7: {tags & _FORBIDDEN}"
    if any(name.startswith("on") for _, attributes in found.tags for name in attributes) or "javascript:" in markup:
        yield "B7: a script in an attribute"
    if len("".join(re.findall(r"<style>(.*?)</style>", markup, re.DOTALL))) > 8192:
        yield "B7: over 8 KB of style"
    if any(not image.get("src", "").startswith("https://") or "alt" not in image for image in found.all("img")):
        yield "B8: an image"
    yield from _of_frame(markup, found)


def _of_frame(markup: str, found: Page) -> Iterator[str]:
    if any(table.get("role") != "presentation" for table in found.all("table")):
        yield "B9: a layout table without its role"
    if b'<meta charset="utf-8">' not in markup.encode()[:1024] or not found.all("title"):
        yield "B9: charset or title"
    preheader = re.search(r'<div class="preheader"[^>]*>([^<\u034f]*)', markup)
    if preheader is None or not 30 <= len(preheader[1]) <= 140:
        yield "B9: preheader"


def _of_both(plain: str, markup: str, unsubscribe: str, legal: tuple[str, ...]) -> Iterator[str]:
    found = page(markup)
    flat = " ".join(plain.split())
    for link in found.links:
        if link not in plain:
            yield f"B3: the text lacks {link}"
    words = len(_URL.sub("", plain).split()) / max(len(found.visible.split()), 1)
    if not 0.3 <= words <= 3:
        yield "B3: one part says much more than the other"
    if unsubscribe not in plain or unsubscribe not in found.links:
        yield "B10: no visible unsubscribe link"
    for words_wanted in legal:
        shown = " ".join(found.visible.split()) + " ".join(found.links)
        if words_wanted not in flat or words_wanted not in shown:
            yield f"B11: {words_wanted}"
