"""A real Chromium on the demo's pages: what a visitor sees, and what the engine makes of it."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import Engine, select

from nurture import bootstrap
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import events
from nurture.reports.story import Story, story
from nurture.supervisor.engine import RunningEngine
from tests.acceptance.conftest import ROOT, Start
from tests.acceptance.visitor import happened
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.browser]

#: Chromium without a window calls itself HeadlessChrome, and the engine would rightly take it for a machine.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
EMAIL = "ada@browser.example.com"


@pytest.fixture
def engine(start: Start) -> Iterator[RunningEngine]:
    with start() as running:
        yield running


@pytest.fixture
def database(engine: RunningEngine) -> Iterator[Engine]:
    with ExitStack() as undo:
        made = make_engine(engine.settings.database)
        undo.callback(made.dispose)
        yield made


@pytest.fixture
def context(chromium: Browser, engine: RunningEngine) -> Iterator[BrowserContext]:
    base = engine.settings.public_url
    with chromium.new_context(base_url=base, user_agent=AGENT, locale="en-GB", timezone_id="Europe/London") as fresh:
        yield fresh


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong: no error in the console, no exception, no answer from 400 on."""
    problems: list[str] = []
    opened = context.new_page()
    opened.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("response", lambda answer: problems.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    opened.on("request", lambda request: problems.append(request.url) if not is_own(request.url, opened) else None)
    yield opened
    assert problems == []


def is_own(url: str, page: Page) -> bool:
    """Whether a request stays with the engine: the pages load nothing from elsewhere."""
    return page.url == "about:blank" or url.startswith((page.url.partition("/demo")[0].partition("/inbox")[0], "data:", "blob:"))


def story_of(engine: RunningEngine, database: Engine, email: str) -> Story:
    loaded = bootstrap.load_definitions(engine.settings)
    assert loaded.definitions is not None
    return story(database, loaded.definitions, email, bootstrap.clock(engine.settings).now())


def fill_in(page: Page, email: str) -> bytes:
    """Fill in the guide's form; the bytes of what is downloaded."""
    form = page.locator("form[action='/f/guide']")
    form.get_by_label("First name").fill("Ada")
    form.get_by_label("Work e-mail").fill(email)
    form.get_by_label("Company").fill("Analytical Engines")
    form.get_by_label("Your role").fill("Head of Marketing")
    form.get_by_role("checkbox").check()
    with page.expect_download() as download:
        form.get_by_role("button", name="Download the guide").click()
    return Path(download.value.path()).read_bytes()


def test_a_reader_becomes_a_lead_and_gets_mail(engine: RunningEngine, database: Engine, page: Page, tmp_path: Path) -> None:
    page.goto("/demo/")
    page.screenshot(path=tmp_path / "1-home.png", full_page=True)
    page.get_by_role("link", name="The 95-5 rule, and why your calendar ignores it").click()
    page.mouse.wheel(0, 900)
    page.wait_for_function("scrollY > 300")
    page.screenshot(path=tmp_path / "2-article.png", full_page=True)
    page.get_by_role("link", name="Pricing").click()
    page.get_by_role("link", name="The guide").click()
    wait_until(lambda: views(database) == ["/", "/blog/the-95-5-rule", "/guide", "/pricing"], 30, what="the page views")
    assert fill_in(page, EMAIL) == (ROOT / "config/assets/guide-lead-gen.pdf").read_bytes()
    page.screenshot(path=tmp_path / "3-guide.png", full_page=True)
    wait_until(lambda: happened(database, EMAIL, "asset_downloaded"), 30, what="the download")

    known = story_of(engine, database, EMAIL)
    counted = {line.rule: line.counted for line in known.scores[0].lines}
    assert counted == {"read-article": 1, "pricing": 1, "download": 1}, "what they read before they had a name counts for them"
    changes = [(change.from_stage, change.to_stage, change.rule) for change in known.stage_changes]
    assert changes == [("audience", "lead", "gated-download")]
    told = {line.name: line.value for line in known.attributes}
    assert told.items() >= {"first_name": "Ada", "language": "en-GB", "timezone": "Europe/London"}.items()
    assert known.grade == "A"

    def arrived() -> bool:
        page.goto("/inbox")
        return page.get_by_role("link", name="Your guide").count() == 1

    wait_until(arrived, 30, every=0.2, what="the mail in /inbox")
    page.screenshot(path=tmp_path / "4-inbox.png", full_page=True)
    page.get_by_role("link", name="Your guide").click()
    mail = page.frame_locator("iframe")
    mail.get_by_text("Hello Ada").wait_for()
    page.screenshot(path=tmp_path / "5-mail.png", full_page=True)
    link = mail.get_by_role("link", name="Open the guide").get_attribute("href")
    assert link is not None
    assert link.startswith(f"{engine.settings.public_url}/c/")
    assert page.get_by_text(EMAIL).count() >= 1


def test_unsubscribing_in_the_browser(engine: RunningEngine, database: Engine, page: Page, tmp_path: Path) -> None:
    page.goto("/demo/guide.html")
    fill_in(page, EMAIL)
    wait_until(lambda: list(engine.settings.mail_folder.glob("*.eml")), 30, what="the mail")
    page.goto("/inbox")
    page.get_by_role("link", name="Your guide").click()
    link = page.frame_locator("iframe").get_by_role("link", name="Unsubscribe").get_attribute("href")
    assert link is not None
    page.goto(link)
    page.screenshot(path=tmp_path / "1-asked.png", full_page=True)
    assert happened(database, EMAIL, "unsubscribed") == [], "looking changes nothing"
    page.get_by_role("button").click()
    page.screenshot(path=tmp_path / "2-unsubscribed.png", full_page=True)
    wait_until(lambda: happened(database, EMAIL, "unsubscribed"), 30, what="the unsubscription")


@pytest.mark.parametrize("wish", ["globalPrivacyControl: {value: true}", "doNotTrack: {value: '1'}"])
def test_who_objects_is_served_and_not_followed(
    context: BrowserContext, database: Engine, page: Page, wish: str
) -> None:  # fmt: skip
    context.add_init_script(f"Object.defineProperties(navigator, {{{wish}}})")
    context.set_extra_http_headers({"Sec-GPC": "1"} if "global" in wish else {"DNT": "1"})
    page.goto("/demo/")
    page.goto("/demo/guide.html")
    assert fill_in(page, EMAIL).startswith(b"%PDF-")
    wait_until(lambda: happened(database, EMAIL, "asset_downloaded"), 30, what="the download")
    assert views(database) == []
    assert context.cookies() == []
    with database.connect() as connection:
        bodies = list(connection.scalars(select(events.c.body)))
    assert all("anonymous_id" not in body for body in bodies)


def test_what_the_script_could_not_send_is_sent_when_the_server_is_back(
    engine: RunningEngine, database: Engine, context: BrowserContext
) -> None:  # fmt: skip
    page = context.new_page()
    page.goto("/demo/")
    page.wait_for_function("localStorage.getItem('nurture_queue') === '[]'")
    os.kill(engine.pids()["web"], signal.SIGKILL)
    page.evaluate("for (let number = 0; number < 3; number++) nurture.track('podcast_played', {number})")
    page.wait_for_function("localStorage.getItem('nurture_queue') === '[]'", timeout=60_000)
    wait_until(lambda: len(named(database, "podcast_played")) >= 3, 30, what="the kept events")
    assert sorted(body["properties"]["number"] for body in named(database, "podcast_played")) == [0, 1, 2]


def views(database: Engine) -> list[str]:
    """The paths of all page views."""
    return sorted(body["context"]["page"]["path"] for body in named(database, "page_viewed"))


def named(database: Engine, name: str) -> list[dict[str, Any]]:
    """The bodies of all events of a name."""
    with database.connect() as connection:
        return list(connection.scalars(select(events.c.body).where(events.c.name == name)))
