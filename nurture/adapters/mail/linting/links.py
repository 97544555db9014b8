"""Rules of the body (B) that are about where links lead and what pictures tell."""

import re
from collections.abc import Iterator
from typing import Final

from nurture.adapters.mail.linting.context import Context, Envelope, host_of, is_ip, same_organisation, split_url
from nurture.adapters.mail.linting.headers import unaligned
from nurture.adapters.mail.linting.leftovers import personal_in, shows_address
from nurture.adapters.mail.linting.mail import Mail
from nurture.adapters.mail.linting.page import Element, pixels
from nurture.adapters.mail.linting.rules import rule

_ALLOWED: Final = ("mailto:", "tel:")
_SHORTENERS: Final = frozenset([
    "bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly", "rb.gy", "shorturl.at",
    "t.ly", "tiny.cc", "lnkd.in", "dlvr.it", "bl.ink", "soo.gd", "s.id", "v.gd", "short.io", "urlz.fr", "lc.cx",
])  # fmt: skip
_WRITTEN_URL: Final = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?=[/?#:\s]|$)", re.IGNORECASE)

#: Pages of ours where readers give their word: to leave, to choose, to confirm.
_LEGAL_PAGES: Final = ("u", "preferences", "confirm")

_SMALLEST_TEXT: Final = 9
_MOST_IMAGES: Final = 20
_MOST_IMAGE_AREA: Final = 0.6
#: What a character of text takes of a page 16 pixels high with lines of 1.5: square pixels.
_CHARACTER: Final = 8 * 24
_TINY: Final = 3


@rule("B6", "E", "links are absolute https (or mailto:, tel:) to hosts that are allowed; no IP address, no shortener")
def _addresses(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    for href in dict.fromkeys(link.href for link in mail.page.links if link.href):
        if href.lower().startswith(_ALLOWED):
            continue
        yield from _faults_of_address(href, context)


def _faults_of_address(href: str, context: Context) -> Iterator[str]:
    host, scheme = host_of(href), split_url(href).scheme.lower()
    if context.rehearses and context.is_own(href):
        return
    if scheme != "https" or not host:
        yield f"a link does not begin with https:// ({(scheme or href)[:20]!r}); write the whole address with https"
    elif is_ip(host):
        yield "a link leads to an IP address, as phishing does; name the host"
    elif host.removeprefix("www.") in _SHORTENERS:
        yield f"a link leads to {host}, which hides where; write the address itself"
    elif context.hosts is not None and not context.is_own(href) and host not in context.hosts:
        yield f"a link leads to {host[:60]}, which is not among the hosts allowed; correct it, or allow the host"


@rule("B6", "W", "an address shown as a link's words is the host that it leads to")
def _honest_words(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    for link in mail.page.links:
        shown = _WRITTEN_URL.match(link.words)
        target = (context.clicked(link.href) or link.href) if context.is_own(link.href) else link.href
        if shown and not same_organisation(shown[1].lower(), host_of(target)):
            yield f"a link shows {shown[1][:40]!r} and leads elsewhere, as phishing does; write words instead of an address"


@rule("B8", "E", "pictures by https, each with alt, width and height")
def _images(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    for image in mail.page.all("img"):
        source = image.attributes.get("src", "")
        if not source.startswith("https://") and not (context.rehearses and context.is_own(source)):
            yield "a picture is not fetched by https; write its whole https address"
        if "alt" not in image.attributes:
            yield 'a picture has no alt; say what it shows, or write alt="" if it only decorates'
        if None in _extent(image):
            yield "a picture has no width or no height; write both as attributes, else the page jumps"


def _extent(image: Element) -> tuple[float | None, float | None]:
    """Width and height in pixels, where the attributes say them."""
    width, height = (pixels(image.attributes.get(name, ""), 600) for name in ("width", "height"))
    return width, height


@rule("B8", "W", "at most 20 pictures, on at most 60 % of the area")
def _image_area(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    images = mail.page.all("img")
    if len(images) > _MOST_IMAGES:
        yield f"there are {len(images)} pictures; keep {_MOST_IMAGES} at most, each costs the reader time"
    area = sum((width or 0) * (height or 0) for width, height in map(_extent, images))
    if area > _MOST_IMAGE_AREA * (area + _CHARACTER * len(mail.page.visible)):
        yield "most of the mail is pictures, which many programs do not show; say it in words"


@rule("B10", "E", "an unsubscribe link that shows in both parts: ≥ 9 px, not in the background's colour, not counted as a click")
def _visible_unsubscribe(mail: Mail, _envelope: Envelope, _context: Context) -> Iterator[str]:
    urls = [re.sub(r"\s", "", url) for url in re.findall(r"<(https?:[^<>]*)>", mail.first("List-Unsubscribe"))]
    if not urls:
        return  # H6 says so
    links = [link for link in mail.page.links if link.href in urls]
    if not any(url in mail.text for url in urls):
        yield "the text part has no unsubscribe link; write {{ links.unsubscribe }}, or extend the layout"
    if not links:
        yield "the HTML has no unsubscribe link, or one that is counted as a click; write {{ links.unsubscribe }} as it is"
    elif not any(link.look.shown and link.words for link in links):
        yield "the unsubscribe link of the HTML does not show; let it be read"
    elif all(link.look.size < _SMALLEST_TEXT for link in links):
        yield f"the unsubscribe link is smaller than {_SMALLEST_TEXT} pixels; make it larger"
    elif all(link.look.colour is not None and link.look.colour == link.look.background for link in links):
        yield "the unsubscribe link has the colour of its background; give it another"


@rule("B10", "E", "a link to the reader's preferences, where there is such a page")
def _preferences(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    wanted = context.preferences
    if wanted and (wanted not in mail.text or wanted not in [link.href for link in mail.page.links]):
        yield "a part has no link to the preferences; write {{ links.preferences }}, or extend the layout"


@rule(
    "B11", "E", "legal name, postal address and privacy notice in both parts; the source of the data where it was not the reader"
)
def _legal(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    parts = (("text", " ".join(mail.text.split())), ("HTML", mail.page.visible))
    organisation = context.organisation
    wanted = [("legal name", organisation.name), *(("postal address", line) for line in organisation.address.splitlines())]
    for kind, shown in parts:
        missing = dict.fromkeys(what for what, words in wanted if " ".join(words.split()) not in shown)
        if missing:
            yield f"the {kind} part lacks the {' and the '.join(missing)}; extend the layout, or write {{{{ organisation.name }}}}"
    if organisation.privacy_url not in mail.text or organisation.privacy_url not in [link.href for link in mail.page.links]:
        yield "a part has no link to the privacy notice; write {{ links.privacy }}, or extend the layout"
    if context.source_of_data and any(context.source_of_data not in shown for _, shown in parts):
        yield "the first mail does not say where the address comes from; name the source and the right to object (GDPR art. 14)"


@rule("B12", "E", "no picture that tells who opened, but as the reader's consent and the mode allow; then with a way to withdraw")
def _pixels(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    telling = [image for image in mail.page.all("img") if _tells(image, context)]
    sources = [image.attributes.get("src", "") for image in telling]
    if telling and context.opens == "off":
        yield "a picture tells who opened the mail although opens are not counted; remove it (CNIL 2026-042)"
    if telling and context.opens == "individual" and not context.consent:
        yield "a picture tells who opened the mail, and this reader has not agreed; leave it out (CNIL 2026-042)"
    if context.opens == "aggregate" and any(_is_unique(source, context) for source in sources):
        yield "the picture that counts all openers names one of them; use the same address for every reader"
    if telling and context.opens in {"individual", "hygiene"} and not context.preferences:
        yield "a picture tells who opened the mail, and there is no way to withdraw from it; link to the preferences"


def _tells(image: Element, context: Context) -> bool:
    """Whether a picture is there to be fetched and not to be seen, or has an address that no other reader's has."""
    source = image.attributes.get("src", "")
    tiny = any(size is not None and size < _TINY for size in _extent(image)) or not image.look.shown
    strange = context.images is not None and source not in context.images
    counting = split_url(source).path.startswith(f"{split_url(context.public_url).path}/o/")
    return bool(source) and (tiny or strange or counting or _is_unique(source, context))


def _is_unique(source: str, context: Context) -> bool:
    """Whether a picture's address tells this reader from all others."""
    named = context.names_mail is not None and context.names_mail(source)
    told = context.names_reader is not None and context.names_reader(source)
    return named or told or shows_address(source, context) or personal_in(split_url(source).query, context) is not None


@rule(
    "B13", "E", "links that count clicks are signed, lead where the template says, in the sender's domain; none of what is legal"
)
def _counted(mail: Mail, _envelope: Envelope, context: Context) -> Iterator[str]:
    counter = f"{context.public_url}/c/"
    legal = {context.organisation.privacy_url, context.preferences}
    for href in dict.fromkeys(link.href for link in mail.page.links if link.href.startswith(counter)):
        target = context.clicked(href)
        if target is None:
            yield "a link that counts clicks is not signed, so it leads nowhere; make it with the mail's own writer"
        elif target in legal or target.startswith(
            ("mailto:", "tel:", *(f"{context.public_url}/{page}/" for page in _LEGAL_PAGES))
        ):
            yield "a link to leave, to one's preferences or to the privacy notice counts clicks; write its own address"
        elif context.targets is not None and target not in context.targets and not context.is_own(target):
            yield "a link leads where the template does not say; see that no value of the reader's can choose its host"
        if unaligned(host_of(href), mail) and not context.rehearses:
            yield "links lead through another organisation's domain than From's; set NURTURE_PUBLIC_URL to a host in the sender's"
