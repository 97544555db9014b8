"""The pages of reports in a real Chromium, wide and narrow, light and dark, in both languages: nothing is asked of anybody, nothing
complains, nothing is cut off; and the way through the log-in.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page
from pydantic import SecretStr
from sqlalchemy import Engine

from nurture.adapters.database.engine import make_engine
from nurture.reports.catalogue import REPORTS, built
from nurture.reports.report_page import page as page_of
from nurture.reports.sheet import Report
from nurture.reports.told import told
from tests.reports.filled import fill
from tests.reports.history import business
from tests.support.sample_report import WORDS, sample_report
from tests.support.waiting import MovableClock
from tests.web.conftest import Web, serving

pytestmark = pytest.mark.browser

Scheme = Literal["light", "dark"]

PASSWORD: Final = "tall hat, 3 birds"
WIDTHS: Final = (1280, 390)


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
def page(chromium: Browser, width: int, scheme: Scheme) -> Iterator[Page]:
    """A page that may ask for nothing but itself, and complain of nothing."""
    said: list[str] = []
    with chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="fr-FR") as context:
        opened = context.new_page()
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on("request", lambda asked: said.append(asked.url) if not asked.is_navigation_request() else None)
        opened.on("response", lambda answer: said.append(answer.url) if urlsplit(answer.url).hostname not in OWN else None)
        yield opened
    assert [each for each in said if "401" not in each] == []  # that one has to log in is told on the console


OWN: Final = (None, "", "127.0.0.1", "localhost")


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    found: Scheme = request.param
    return found


@pytest.fixture(params=["en", "fr"])
def sample(page: Page, request: pytest.FixtureRequest, tmp_path: Path) -> Page:
    """A page with every form of figure and plot, opened from its file."""
    language: str = request.param
    file = tmp_path / "page.html"
    file.write_text(page_of([told(sample_report(), language, WORDS)], language), encoding="utf-8")
    page.goto(file.as_uri())
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    return page


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    found: list[dict[str, float]] = page.evaluate(
        "selector => [...document.querySelectorAll(selector)].map(each => each.getBoundingClientRect().toJSON())"
        ".filter(box => box.width && box.height)",
        selector,
    )
    return found


def test_nothing_is_wider_than_the_screen_and_no_label_is_cut_off(sample: Page, width: int) -> None:
    assert sample.evaluate("document.documentElement.scrollWidth") <= width
    pictures = boxes(sample, "svg.pygal-chart")
    assert len(pictures) == 4  # of each plot the one for this width
    labels = boxes(sample, "svg.pygal-chart text")
    assert len(labels) > 20
    for label in labels:
        assert any(
            picture["left"] - 1 <= label["left"] and label["right"] <= picture["right"] + 1
            and picture["top"] - 1 <= label["top"] and label["bottom"] <= picture["bottom"] + 1
            for picture in pictures
        ), label  # fmt: skip


def test_letters_of_a_picture_can_be_read(sample: Page) -> None:
    assert all(label["height"] >= 10 for label in boxes(sample, "svg.pygal-chart text"))


def test_everything_stands_out_from_what_is_behind_it(sample: Page) -> None:
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for what a picture is made of."""
    found: list[tuple[str, float]] = sample.evaluate(CONTRASTS)
    assert len(found) > 30
    faint = {what: round(ratio, 2) for what, ratio in found if ratio < (3 if what.startswith("mark") else 4.5)}
    assert faint == {}


#: For texts and marks: what it is, and its contrast with the nearest ground behind it.
CONTRASTS: Final = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = node => {
    for (let at = node; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const ratio = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x); return (a + .05) / (b + .05); };
  const shown = node => node.getBoundingClientRect().width > 0;
  const texts = [...document.querySelectorAll('h1, h2, p, th, td, li, a, summary')].filter(shown)
    .map(each => [`text ${each.tagName} ${each.className}`, ratio(rgb(getComputedStyle(each).color), ground(each))]);
  const labels = [...document.querySelectorAll('svg text')].filter(shown)
    .map(each => [`text in a picture`, ratio(rgb(getComputedStyle(each).fill), ground(each.closest('section')))]);
  const marks = [...document.querySelectorAll('svg .rect, svg .dot, svg.part rect')].filter(shown)
    .map(each => [`mark ${each.className.baseVal}`, ratio(rgb(getComputedStyle(each).fill), ground(each.closest('section')))]);
  return [...texts, ...labels, ...marks];
}"""


def test_it_is_read_aloud_by_its_headings_and_by_keyboard(sample: Page) -> None:
    levels: list[Any] = sample.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(each => +each.tagName[1])")
    assert levels[0] == levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    named: list[str] = sample.evaluate(
        "[...document.querySelectorAll('[role=img], [role=region], section')].map(each =>"
        " (each.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id)?.textContent).join(' '))"
    )
    assert all(name and "undefined" not in name for name in named)
    sample.keyboard.press("Tab")
    assert sample.evaluate("document.activeElement.className") == "skip"
    summaries = sample.locator("summary")
    summaries.first.focus()
    sample.keyboard.press("Enter")
    assert sample.locator("details[open]").count() == 1


def test_a_folded_table_is_printed_and_nothing_runs_off_the_paper(sample: Page) -> None:
    sample.set_viewport_size({"width": 794, "height": 1123})  # A4
    sample.emulate_media(media="print", color_scheme="light")
    assert len(boxes(sample, "#sample-reach ~ details tbody tr")) == 28
    assert sample.locator("nav:visible, .controls:visible").count() == 0
    assert sample.evaluate("document.documentElement.scrollWidth") <= 794


@pytest.fixture
def filled(sqlite_url: str) -> Iterator[Engine]:
    """Figures of two months, for reports that are built for real."""
    engine = make_engine(sqlite_url)
    with engine.begin() as connection:
        fill(connection, made_up_figures())
    yield engine
    engine.dispose()


@pytest.fixture
def web(redis_url: str, tmp_path: Path, filled: Engine) -> Iterator[Web]:
    """A web process with a password, on real reports."""
    definitions = business()

    def report(name: str, first: date | None, last: date | None, at: datetime) -> Report:
        return built(filled, definitions, [name], at, first=first, last=last)[0]

    with serving(redis_url, tmp_path, report=report, report_password=SecretStr(PASSWORD)) as served:
        yield served


def made_up_figures() -> dict[tuple[str, int, str], int]:
    """Visits, people and leads that come and go with the days of the week."""
    from nurture.domain.measuring.figures import PEOPLE, VISITS

    today = (MovableClock().now().date() - date(1970, 1, 1)).days
    found: dict[tuple[str, int, str], int] = {}
    for number in range(60):
        day = today - number
        busy = 3 if (day + 4) % 7 in (0, 6) else 12
        found[PEOPLE, day, ""] = busy + number % 5
        found[VISITS, day, "organic_search"] = 2 * busy
        found[VISITS, day, "direct"] = busy
    return found


@pytest.mark.parametrize("scheme", ["light"], indirect=True)
def test_one_logs_in_reads_every_report_chooses_days_and_logs_out(page: Page, web: Web, width: int) -> None:
    page.goto(f"{web.base}/report/demand")
    assert page.locator("h1").inner_text() == "Rapports"
    page.get_by_label("Mot de passe").fill("not this one")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text().startswith("Ce n’est pas correct")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    assert urlsplit(page.url).path == "/report/demand"
    for name in REPORTS:
        page.locator(f'nav a[href^="/report/{name}?"]').click()
        assert page.locator("nav a[aria-current=page]").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_label("From").fill("2026-02-10")
    page.get_by_role("button", name="Show").click()
    assert "Feb 10, 2026 – Mar 1, 2026" in page.locator(".period").inner_text()
    page.get_by_role("button", name="Log out").click()
    assert page.locator("input[type=password]").count() == 1
    web.clock.advance(timedelta(hours=1))
    page.go_back()
    assert page.locator("input[type=password]").count() == 1  # the browser was told to keep no page
