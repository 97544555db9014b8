"""The page of reports: whole, harmless, and readable without seeing it."""

import re
from html.parser import HTMLParser

import pytest

from nurture.reports.report_page import Controls, Link, page, policy
from nurture.reports.told import ToldReport, told
from tests.support.sample_report import HOSTILE, WORDS, sample_report


def sample(language: str = "en") -> ToldReport:
    return told(sample_report(), language, WORDS)


class Seen(HTMLParser):
    """The elements of a page with their attributes, and the texts of some."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_loads_and_runs_nothing(language: str) -> None:
    html = page([sample(language)], language)
    seen = Seen(html)
    assert seen.all("html") == [{"lang": language}]
    assert not {"script", "link", "img", "iframe", "object", "base"} & {tag for tag, _ in seen.elements}
    assert not [name for _, attributes in seen.elements for name in attributes if name == "style" or name.startswith("on")]
    assert re.findall(r"https?://[^\"'<\s]+", html.replace("https://evil.test", "")) == []


def test_what_strangers_typed_is_text() -> None:
    html = page([sample()], "en")
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;alert") >= 2  # in the table and in the picture


def test_its_policy_lets_its_own_style_be_and_nothing_else() -> None:
    (told_policy,) = [each["content"] for each in Seen(page([sample()], "en")).all("meta") if each.get("http-equiv")]
    assert told_policy == policy(forms=False)
    assert re.fullmatch(r"default-src 'none'; style-src 'sha256-[\w+/]+='; form-action 'none'; base-uri 'none'", str(told_policy))
    assert "form-action 'self'" in policy(forms=True)


def test_pictures_have_names_and_tables_have_captions_and_headings() -> None:
    seen = Seen(page([sample()], "en"))
    pictures = [each for each in seen.all("svg") if each.get("role") == "img"]
    ids = [str(attributes["id"]) for _, attributes in seen.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert len(pictures) == 8  # four plots, each wide and narrow
    assert all(name in ids for each in pictures for name in str(each["aria-labelledby"]).split())
    assert len(seen.all("caption")) == len(seen.all("table")) == 6
    assert all(each.get("scope") in ("col", "row") for each in seen.all("th"))


def test_a_long_table_is_folded_below_its_plot_and_a_short_one_is_not() -> None:
    html = page([sample()], "en")
    assert html.count("<summary>The figures") == 1
    assert html.index("<summary>The figures: Reach by day") < html.index('id="sample-reach-caption"')


def test_several_reports_stand_below_one_another_with_ways_to_each() -> None:
    report = sample()
    html = page([report, report._replace(name="other", title="Other")], "en")
    assert [each["href"] for each in Seen(html).all("a")][:3] == ["#report", "#sample", "#other"]
    assert html.count("<h1>") == 1
    assert html.count("<article") == 2


def test_controls_stand_only_where_they_lead_somewhere() -> None:
    assert Seen(page([sample()], "en")).all("form") == []
    languages = [Link("English", "?lang=en", current=True, code="en"), Link("Français", "?lang=fr", code="fr")]
    controls = Controls("2026-02-02", "2026-03-01", languages, "/report/log-out")
    seen = Seen(page([sample()], "en", [Link("Sample", "/report/sample", current=True)], controls))
    assert [each["method"] for each in seen.all("form")] == ["get", "post"]
    assert [each["value"] for each in seen.all("input")] == ["en", "2026-02-02", "2026-03-01"]
    assert [each.get("aria-current") for each in seen.all("a")][:4] == [None, "page", "true", None]


def test_a_report_of_many_sheets_begins_with_a_list_of_them() -> None:
    html = page([sample()], "en")
    ways = [each["href"] for each in Seen(html).all("a")]
    assert ways == ["#report", *(f"#sample-{sheet.name}" for sheet in sample().sheets)]
    short = sample()._replace(sheets=sample().sheets[:2])
    assert "On this page" not in page([short], "en")
