"""The layout around every mail in Markdown: for narrow and dark screens, for screen readers, for the list of mails."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.adapters.mail.checklist import page
from tests.adapters.mail.letters import AT, TEMPLATES, definitions, letter, parts, writer

LANGUAGES: Final = ("en", "fr")
_RULE: Final = re.compile(r"(#[0-9a-f]{6})")


def html_in(language: str, template: str = "case-study") -> str:
    return parts(writer().write(letter(template, language=language), definitions(), AT))[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_is_told_where_webmail_leaves_it(language: str) -> None:
    found = page(html_in(language))
    (article,) = (each for each in found.all("div") if each.get("role") == "article")
    assert (found.all("html")[0]["lang"], article["lang"], article["dir"]) == (language, language, "auto")
    assert article["aria-label"]


def test_a_dark_screen_has_colours_of_its_own() -> None:
    html = html_in("en")
    metas = {each.get("name"): each.get("content") for each in page(html).all("meta")}
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    dark = html.partition("(prefers-color-scheme: dark)")[2].partition("</style>")[0]
    assert {".letter", ".masthead", ".foot", "body"} <= set(re.findall(r"[.\w]+(?=[ ,{])", dark))
    assert all("!important" in line for line in dark.splitlines() if "{" in line and "}" in line)


def _luminance(colour: str) -> float:
    """Of a colour such as #15181b (WCAG 2.2, relative luminance)."""
    parts_of = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts_of)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("#23272c", "#ffffff"), ("#0b5d6b", "#ffffff"), ("#4a5158", "#ffffff"), ("#5b5f63", "#f4f2ed"), ("#3f4448", "#f4f2ed"),
        ("#ffffff", "#0b5d6b"), ("#0b5d6b", "#f4f2ed"),
        ("#e6e8ea", "#1f2428"), ("#b9c0c6", "#1f2428"), ("#8ad3df", "#1f2428"), ("#10292e", "#8ad3df"), ("#a7adb2", "#15181b"),
        ("#cfd4d8", "#15181b"), ("#8ad3df", "#15181b"),
    ],
)  # fmt: skip
def test_text_stands_out_from_its_ground(text: str, ground: str) -> None:
    """4.5 : 1 at least (WCAG 2.2 §1.4.3), by day and by night; each colour is one of the layout's."""
    layout = (TEMPLATES / "_layouts/base.html").read_text(encoding="utf-8")
    assert {text, ground} <= set(_RULE.findall(layout))
    high, low = sorted((_luminance(text), _luminance(ground)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_preheader_is_for_the_list_of_mails_alone(language: str) -> None:
    html = html_in(language)
    (hidden,) = (each for each in page(html).all("div") if each.get("class") == "preheader")
    assert {"display: none", "max-height: 0", "overflow: hidden"} <= {part.strip() for part in hidden["style"].split(";")}
    assert html.index('class="preheader"') < html.index('class="page"')


def test_without_a_preheader_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "_layouts").symlink_to(TEMPLATES / "_layouts")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/en.md").write_text('---\nsubject: "S"\n---\nHello\n', encoding="utf-8")
    html = parts(writer(tmp_path).write(letter("m"), definitions(), AT))[1]
    assert 'class="preheader"' not in html
