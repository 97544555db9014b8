"""The HTML part of a mail as its reader sees it: elements, links and runs of text, each with its size, colours and whether it shows.

Only what mail programs honour everywhere is read: attributes and inlined styles, which children take over from their parents.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from html.parser import HTMLParser
from typing import Final, NamedTuple

from nurture.adapters.mail.linting.colours import BLACK, WHITE, Colour, colour

_VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_SIZE: Final = re.compile(r"(?<![\w.#-])(\d+(?:\.\d+)?)(px|pt|em|rem|%)")
_PX: Final = {"px": 1.0, "pt": 4 / 3}
_USUAL: Final = 16.0
#: Bold text of this size, in pixels, counts as large (WCAG 2.2, "large scale").
_FILLERS: Final = re.compile("[\u034f\u00ad\u200b-\u200d\u2060\ufeff]")


class Look(NamedTuple):
    """How text at a place looks: size in pixels, colours, and whether it shows at all. A colour is None where it cannot be told."""

    size: float = _USUAL
    colour: Colour | None = BLACK
    background: Colour | None = WHITE
    shown: bool = True


class Element(NamedTuple):
    """An element with its attributes, in the order of the page."""

    tag: str
    attributes: Mapping[str, str]
    look: Look


class Run(NamedTuple):
    """Text inside one element."""

    text: str
    look: Look


class Link(NamedTuple):
    """A link: where it leads, the words in it, and how they look."""

    href: str
    words: str
    look: Look


class Page(HTMLParser):
    """A page taken apart; what is no HTML at all is a page without elements."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self.runs: list[Run] = []
        self.links: list[Link] = []
        self.title = ""
        self.preheader: str | None = None
        self.styles: list[str] = []
        self._open: list[Element] = []
        self._link: tuple[Element, list[Run]] | None = None
        try:
            self.feed(html)
            self.close()
        except AssertionError:  # the parser's word for a declaration that it does not know
            pass

    def all(self, tag: str) -> list[Element]:
        """Every element of a tag."""
        return [element for element in self.elements if element.tag == tag]

    @cached_property
    def visible(self) -> str:
        """What is read, with single spaces."""
        return " ".join("".join(run.text for run in self.runs if run.look.shown).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        element = Element(tag, attributes, _look(tag, attributes, self._open[-1].look if self._open else Look()))
        self.elements.append(element)
        if tag == "a":
            self._end_link()
            self._link = (element, [])
        if tag in {"br", "p", "td", "div", "li", "tr"}:
            self.runs.append(Run(" ", element.look))
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        depth = next((at for at in range(len(self._open) - 1, -1, -1) if self._open[at].tag == tag), None)
        if depth is not None:
            del self._open[depth:]

    def handle_data(self, data: str) -> None:
        inside = {element.tag for element in self._open}
        if "style" in inside:
            self.styles.append(data)
        elif "title" in inside:
            self.title += data
        elif not inside & {"script", "head"}:
            self._text(data)

    def _text(self, data: str) -> None:
        element = self._open[-1] if self._open else None
        run = Run(data, element.look if element else Look())
        self.runs.append(run)
        if self._link:
            self._link[1].append(run)
        if self.preheader is None and data.strip():
            # Mail programs show the first words of a mail beside its subject, hidden or not.
            self.preheader = " ".join(_FILLERS.sub("", data).split()) if not run.look.shown else ""

    def _end_link(self) -> None:
        if self._link:
            element, runs = self._link
            words = " ".join("".join(run.text for run in runs).split())
            look = next((run.look for run in runs if run.text.strip()), element.look)
            self.links.append(Link(element.attributes.get("href", "").strip(), words, look))
        self._link = None

    def close(self) -> None:
        super().close()
        self._end_link()


def declarations(style: str) -> Iterator[tuple[str, str]]:
    """The properties of a `style` attribute with their values, in lower case."""
    for declaration in style.lower().split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            yield name.strip(), value.replace("!important", "").strip()


def pixels(text: str, whole: float) -> float | None:
    """A length in pixels; percentages and em are of `whole`."""
    found = _SIZE.search(text)
    if found is None:
        return float(text) if text.strip().isdecimal() else None
    number, unit = float(found[1]), found[2]
    if unit == "%":
        return number / 100 * whole
    return number * _PX.get(unit, _USUAL if unit == "rem" else whole)


def _look(tag: str, attributes: Mapping[str, str], parent: Look) -> Look:
    look = parent
    if tag == "a" and "href" in attributes:
        look = look._replace(colour=None)  # until a style says otherwise, each program has its own
    if "bgcolor" in attributes:
        look = look._replace(background=colour(attributes["bgcolor"]))
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        look = look._replace(shown=False)
    for name, value in declarations(attributes.get("style", "")):
        look = _styled(look, name, value)
    return look


def _styled(look: Look, name: str, value: str) -> Look:
    match name:
        case "color":
            return look._replace(colour=colour(value))
        case "background" | "background-color" if value not in {"none", "transparent", "inherit"}:
            return look._replace(background=colour(value))
        case "font" | "font-size":
            size = pixels(value, look.size)
            return look if size is None else look._replace(size=size, shown=look.shown and size > 0)
        case "display" | "visibility" if value in {"none", "hidden", "collapse"}:
            return look._replace(shown=False)
        case "opacity" | "max-height" if re.fullmatch(r"0+(\.0+)?(px|%)?", value):
            return look._replace(shown=False)
    return look
