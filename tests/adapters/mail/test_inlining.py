"""Styles are the same whether they were worked out for this very page or for another one of its shape."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from nurture.adapters.mail.blocks import whole
from nurture.adapters.mail.inlining import Inliner

_RULES = "p { color: #111111; } a { color: #222222; } .foot { margin: 0; } @media (max-width: 600px) { p { margin: 0; } }"
_PAGE = (
    '<!doctype html>\n<html lang="{{ language }}">\n<head>\n<meta charset="utf-8"><title>{{ title }}</title>\n'
    f"<style>{_RULES}</style></head>\n"
    '<body><table><tr><td><p>Hello {{ name }},</p><p class="foot" title="{{ name }}">'
    '<a href="{{ link }}">{{ words }}</a>{% if more %}<a href="https://example.com/{{ title }}?a=1&amp;b=2">more</a>{% endif %}'
    "</p></td></tr></table>{{ words }}</body></html>\n"
)
_ENVIRONMENT = Environment(autoescape=True)
_TEMPLATE = _ENVIRONMENT.from_string(_PAGE)
_KEEPS = Inliner()

_wild = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            "O'Neil",
            "a & b",
            "<b>",
            '"',
            "&amp;",
            "--",
            "\xa0",
            "\n x",
            "=",
            "café",
            "\ue0001\ue001",
            "Ana",
            "a]b",
            "\u200f",
        ]
    ),
)


@given(language=_wild, title=_wild, name=_wild, link=_wild, words=_wild, more=st.booleans())
def test_what_is_kept_gives_the_same_page(language: str, title: str, name: str, link: str, words: str, more: bool) -> None:
    known = {"language": language, "title": title, "name": name, "link": link, "words": words, "more": more}
    pieces = [*_TEMPLATE.generate(known)]
    afresh = _page(Inliner(), ["".join(pieces)])
    assert _page(_KEEPS, pieces) == afresh
    assert _page(_KEEPS, pieces) == afresh, "once more, from what was kept"


def _page(inliner: Inliner, pieces: Iterable[str]) -> str:
    return whole(inliner.inline(pieces))


class _Counting(Inliner):
    """Counts how many pages it has worked out."""

    pages = 0

    def _page(self, html: str) -> str:
        self.pages += 1
        return super()._page(html)


def _kept(template: str, **known: str) -> tuple[str, bool]:
    """What a page becomes, and whether that of another reader is made from what was worked out for it."""
    inliner, loaded = _Counting(), _ENVIRONMENT.from_string(template)
    page = _page(inliner, loaded.generate(known))
    assert page == _page(Inliner(), [loaded.render(known)])
    before, others = inliner.pages, {name: f"{value}2" for name, value in known.items()}
    assert _page(inliner, loaded.generate(others)) == _page(Inliner(), [loaded.render(others)])
    return page, inliner.pages == before


def test_another_reader_gets_the_styles_worked_out_for_the_first() -> None:
    page, kept = _kept(f'<style>{_RULES}</style><p title="{{{{ name }}}}">{{{{ name }}}}</p>', name="Ana")
    assert kept
    assert 'style="color: #111111;"' in page
    assert "@media" in page


def test_what_all_readers_have_is_one_block_between_the_lines_that_differ() -> None:
    inliner, loaded = Inliner(), _ENVIRONMENT.from_string("<p>Hello\n{{ name }},\nwell\nmet</p>")
    (_, hello, met), (_, other, same) = (inliner.inline(loaded.generate(name=name)) for name in ("Ana", "Ida"))
    assert (hello, other) == ("Ana,", "Ida,")
    assert met is same


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ('<style>.a {{ "{" }} color: {{ x }} {{ "}" }}</style><p class="a">x</p>', "a rule itself"),
        ('<style>.blue { color: blue }</style><p class="{{ x }}">x</p>', "a class is what rules look at"),
        ('<style>p { color: red }</style><p style="color: {{ x }}">x</p>', "a style is put together with the rules'"),
        ('<style>[title="blue"] { color: red }</style><p title="{{ x }}">x</p>', "a rule looks at this attribute"),
        ("<style>p { color: red }</style><p title={{ x }}>x</p>", "without quotes a value may end the attribute"),
        ("<style>p { color: red }</style><{{ x }}>x</{{ x }}>", "which element it is"),
        ("<style>p { color: red }</style><p>&{{ x }};</p>", "it ends a character reference"),
    ],
)
def test_nothing_is_kept_where_styles_depend_on_a_value(template: str, why: str) -> None:
    assert not _kept(template, x="blue")[1], why


def test_the_encoding_is_named_before_the_rules_that_stay() -> None:
    page, _ = _kept(_PAGE, language="en", title="t", name="n", link="https://example.com", words="w")
    assert page.index("charset") < page.index("@media")
