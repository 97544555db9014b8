"""Rules of the body (B) that are about its form: parts, encodings, sizes, and what a template left behind."""

import re
from collections.abc import Iterator
from email import errors
from html import unescape
from typing import Final

from nurture.adapters.mail.linting.context import Context, Envelope
from nurture.adapters.mail.linting.leftovers import SPECIAL, hole, left_over, oddities, shown_of
from nurture.adapters.mail.linting.mail import Mail, Part
from nurture.adapters.mail.linting.rules import rule

_LONGEST: Final = 998
_ENCODED: Final = 76
_TEXT_WIDTH: Final = 78
#: Gmail shows no more of the HTML than 102 KB and clips the rest.
_MOST_HTML: Final = 102_400
_MUCH_HTML: Final = 80_000
_FOOT_BEFORE: Final = 100_000
_MOST: Final = 150_000
_MOST_WITH_ATTACHMENTS: Final = 10_000_000
_MOST_CSS: Final = 8_192

_URL: Final = re.compile(r"(?:https?://|mailto:|tel:)[^\s<>\"]+")
_EMPTY_ADDRESS: Final = re.compile(r"""\b(?:href|src)\s*=\s*(?:"\s*"|'\s*')""", re.IGNORECASE)
_FORBIDDEN: Final = frozenset(["script", "iframe", "form", "object", "embed", "applet", "base", "input", "button", "frame"])

_BROKEN: Final = (
    errors.NoBoundaryInMultipartDefect, errors.StartBoundaryNotFoundDefect, errors.CloseBoundaryNotFoundDefect,
    errors.MultipartInvariantViolationDefect,
)  # fmt: skip
_SPAM: Final = re.compile(
    r"\b(?:act now|buy now|click here|limited time|risk[- ]free|winner|congratulations|100 ?% free|free money|earn cash|no obligation|"
    r"once in a lifetime|guaranteed|cliquez ici|offre limitée|dernière chance|argent facile|sans engagement|félicitations|"
    r"100 ?% gratuit|achetez maintenant)\b|[$€£]{2}|!!",
    re.IGNORECASE,
)


@rule("B1", "E", "multipart/alternative: text, then HTML, both with words, closed by their boundary; related and mixed around it")
def _structure(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    alternative = mail.root
    if alternative.kind == "multipart/mixed" and alternative.children:
        alternative = alternative.children[0]
    if alternative.kind != "multipart/alternative":
        yield f"the body is {alternative.kind[:60]!r}; write multipart/alternative with a text and an HTML part"
        return
    kinds = [_essence(part) for part in alternative.children]
    if kinds != ["text/plain", "text/html"]:
        yield f"the alternatives are {', '.join(kinds)[:80] or 'none'}; write text/plain first and text/html last"
    if not mail.text.strip() or not mail.page.visible:
        yield "a part has no words; write both parts"
    if any(part.kind.startswith("multipart/") and not part.closed for part in mail.root.walk()) or _defects(mail):
        yield "a boundary is not closed or not the one announced; end each multipart with --boundary--"


def _essence(part: Part) -> str:
    """The kind of an alternative; a related one is what it begins with."""
    return part.children[0].kind if part.kind == "multipart/related" and part.children else part.kind


def _defects(mail: Mail) -> bool:
    try:
        return any(isinstance(defect, _BROKEN) for part in mail.parsed.walk() for defect in part.defects)
    except Exception:  # noqa: BLE001 - what the library cannot take apart is defective
        return True


@rule("B2", "E", "UTF-8, declared and true; quoted-printable or base64 in lines ≤ 76, 7bit for short ASCII lines only")
def _encoding(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    for part in filter(None, (mail.plain, mail.rich)):
        if part.parameter("charset").lower() != "utf-8":
            yield f"the {part.kind} part does not say charset=utf-8; write it in its Content-Type"
        elif part.decoded is None or not _is_utf8(part.decoded):
            yield f"the {part.kind} part cannot be decoded as it says; encode it as UTF-8"
        if part.encoding not in {"quoted-printable", "base64", "7bit"}:
            yield f"the {part.kind} part is encoded as {part.encoding[:20]!r}; use quoted-printable or base64"
        elif part.encoding != "7bit" and _longest(part.body) > _ENCODED:
            yield f"an encoded line of the {part.kind} part is over {_ENCODED} characters; break it (RFC 2045 §6.7)"
        elif part.encoding == "7bit" and not part.body.isascii():
            yield f"the {part.kind} part is 7bit and holds other bytes; use quoted-printable or base64"


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _longest(body: bytes) -> int:
    return max(map(len, body.splitlines()), default=0)


@rule("B3", "E", "the text part has every link of the HTML, the unsubscribe link among them")
def _links_of_the_text(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    if mail.plain is None or mail.rich is None:
        return
    missing = [link for link in mail.page.links if link.href and link.look.shown and link.href not in mail.text]
    for link in missing[:3]:
        yield f"the text part lacks the link behind {link.words[:40]!r}; write it there, too"


@rule("B3", "W", "the parts say about as much (0.3 to 3 words of text for one of HTML); lines of text ≤ 78")
def _balance(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    if mail.plain is None or mail.rich is None:
        return
    words = len(_URL.sub("", mail.text).split()) / max(len(mail.page.visible.split()), 1)
    if not 0.3 <= words <= 3:  # noqa: PLR2004 - the checklist's figures
        yield "one part says much more than the other; write both from the same text"
    if any(len(line) > _TEXT_WIDTH and not _URL.search(line) and " " in line.strip() for line in mail.text.splitlines()):
        yield f"a line of the text part is over {_TEXT_WIDTH} characters; break it at a space"


@rule("B4", "E", "HTML ≤ 102,400 bytes, its foot before byte 100,000; mail ≤ 150 KB, ≤ 10 MB with attachments", at_once=True)
def _size(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    if len(mail.raw) <= _FOOT_BEFORE:
        return  # encoding makes nothing smaller
    content = (mail.rich.decoded if mail.rich else None) or b""
    size = len(content)
    if size > _MOST_HTML:
        yield f"the HTML has {size:,} bytes and Gmail clips it at {_MOST_HTML:,}; shorten the mail"
    if size > _FOOT_BEFORE:
        start = unescape(content[:_FOOT_BEFORE].decode("utf-8", "ignore"))
        urls = re.findall(r"<(https?:[^<>]*)>", mail.first("List-Unsubscribe"))
        if any(url not in start for url in urls) or context.organisation.address.split("\n")[0].strip() not in start:
            yield f"the foot with the unsubscribe link comes after byte {_FOOT_BEFORE:,}; shorten the mail"
    most = _MOST_WITH_ATTACHMENTS if mail.attachments else _MOST
    if len(mail.raw) > most:
        yield f"the mail has {len(mail.raw):,} bytes; keep it under {most:,}"


@rule("B4", "W", "HTML ≤ 80,000 bytes")
def _large(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    size = len(mail.rich.decoded or b"") if mail.rich else 0
    if _MUCH_HTML < size <= _MOST_HTML:
        yield f"the HTML has {size:,} bytes and Gmail clips it at {_MOST_HTML:,}; shorten the mail"


@rule(
    "B5", "E", "nothing of the template left: no `{{`, `None`, `nan`, `undefined`, no empty address, no `Hello ,`", at_once=True
)
def _leftovers(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    odd = oddities(mail.shown.html)
    if rest := left_over(mail.text, oddities(mail.shown.text), context) or left_over(mail.html, odd, context):
        yield f"the mail shows {rest!r}; give the value a default in the template"
    if gap := hole(mail.text, context):
        yield f"the text part says {gap!r}, which lacks a name; give it a default in the template"
    if any(each.empty_quotes for each in odd) and _EMPTY_ADDRESS.search(mail.html):
        yield "a link or a picture has an empty address; write it, or leave the element out"


@rule("B7", "E", "no script, frame, form, object, on…= attribute, stylesheet from elsewhere, nor refresh")
def _forbidden(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    elements = mail.page.elements
    for tag in sorted({element.tag for element in elements} & _FORBIDDEN):
        yield f"the HTML has a <{tag}>, which mail programs remove; write it as text and links"
    if any(name.startswith("on") for element in elements for name in element.attributes):
        yield "an element has an on…= attribute; mails run no scripts, remove it"
    if any("stylesheet" in element.attributes.get("rel", "").lower() for element in mail.page.all("link")):
        yield "the HTML asks for a stylesheet; put the rules into <style>, they are inlined"
    if any("@import" in style for style in mail.page.styles):
        yield "the style imports another; put the rules into <style>, they are inlined"
    if any(element.attributes.get("http-equiv", "").lower() == "refresh" for element in mail.page.all("meta")):
        yield "the HTML refreshes itself; remove the <meta>"


@rule("B7", "W", "`<style>` ≤ 8 KB; no position:, no picture that only CSS shows")
def _risky_style(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    if len("".join(mail.page.styles).encode()) > _MOST_CSS:
        yield f"the <style> is over {_MOST_CSS} bytes, and Gmail then drops all of it; let most rules be inlined"
    inline = " ".join(element.attributes.get("style", "") for element in mail.page.elements).lower()
    if re.search(r"(?:^|[;\s])position\s*:", inline):
        yield "an element is positioned by CSS, which mail programs ignore; lay it out with tables"
    if re.search(r"background(?:-image)?\s*:[^;]*url\(", inline) and not any(
        "background" in element.attributes for element in mail.page.elements
    ):
        yield "a picture is shown by CSS only; add the attribute background, or an <img>"


@rule("B14", "W", "no words that filters know from spam")
def _spam(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    if found := _SPAM.search(f"{mail.text}\n{mail.page.visible}"):
        yield f"the mail says {found[0]!r}, as spam does; find words of your own"


@rule("B14", "E", "nothing of what is known of a reader's health, beliefs, origin, union or sex life (GDPR art. 9)")
def _special(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    shown = f"{mail.text}\n{mail.page.visible}"
    for name in sorted(SPECIAL & {*map(str.lower, context.facts)}):
        if shown_of(name, shown, context):
            yield f"the mail shows what is known of the reader's {name}; leave it out (GDPR art. 9)"
