"""The pages of `nurture preview` in a real Chromium: nothing cut off, nothing over anything else, nothing asked of anybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations, pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from nurture.reports.preview_page import preview_page
from nurture.reports.sample_mails import Sample, SampleMail
from nurture.reports.standing import AtStep, Headcount
from tests.reports import test_preview_page as pages

pytestmark = pytest.mark.browser

#: A crowd large enough to need room on its box.
CROWD = AtStep(waiting=1_234_567)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that may ask for nothing but itself, and complain of nothing."""
    told: list[str] = []
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        opened = context.new_page()
        opened.on("console", lambda message: told.append(message.text))
        opened.on("pageerror", lambda error: told.append(str(error)))
        opened.on("request", lambda asked: told.append(asked.url) if not asked.url.startswith("file:") else None)
        yield opened
    assert told == []


@pytest.fixture(params=["every-kind", "guide-nurture", "welcome-subscriber"])
def shown(page: Page, request: pytest.FixtureRequest, tmp_path: Path) -> Page:
    """A sequence's page, opened from its file."""
    of = pages.every_kind() if request.param == "every-kind" else pages.example()
    steps = dict.fromkeys(of.sequences[request.param].program.nodes, CROWD)
    file = tmp_path / "page.html"
    file.write_text(pages.page(request.param, of, Headcount(steps=steps, ended=())), encoding="utf-8")
    page.goto(file.as_uri())
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    return page


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    found: list[dict[str, float]] = page.evaluate(
        "selector => [...document.querySelectorAll(selector)].map(each => each.getBoundingClientRect().toJSON())", selector
    )
    return found


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    )


def inside(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        other["left"] <= one["left"]
        and one["right"] <= other["right"]
        and other["top"] <= one["top"]
        and one["bottom"] <= other["bottom"]
    )


def test_no_text_is_cut_off_or_covered(shown: Page) -> None:
    frames = boxes(shown, ".box > rect:not(.edge), .label > rect")
    assert len(frames) > 5
    assert not any(overlap(*pair) for pair in combinations(frames, 2))
    texts = boxes(shown, "svg text")
    assert texts
    assert all(sum(inside(text, frame) for frame in frames) == 1 for text in texts)
    assert not any(overlap(*pair) for pair in combinations(texts, 2))
    whole = boxes(shown, "svg")[0]
    assert all(inside(frame, whole) for frame in frames)


def test_the_mails_are_there_and_can_do_nothing(shown: Page) -> None:
    mails = shown.locator("iframe")
    assert mails.count() > 3
    for number in range(mails.count()):
        mails.nth(number).scroll_into_view_if_needed()
        assert "Camille" in shown.frame_locator("iframe").nth(number).locator("body").inner_text()
    assert shown.evaluate("[...document.querySelectorAll('iframe')].every(frame => frame.contentDocument === null)")


def test_a_narrow_screen_scrolls_the_drawing_and_nothing_else(shown: Page) -> None:
    shown.set_viewport_size({"width": 390, "height": 800})
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_box_leads_to_its_mail_by_keyboard(page: Page, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(pages.page("guide-nurture", pages.example()), encoding="utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    page.locator("svg a.e-mail").first.focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#mail-2")
    assert page.locator("#mail-2").inner_text() == "thanks"


def test_it_is_read_aloud_by_its_headings(shown: Page) -> None:
    levels: list[Any] = shown.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(each => +each.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert shown.evaluate("[...document.querySelectorAll('svg a')].every(each => each.querySelector('title').textContent)")


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A web server that answers everything, and the paths that somebody asked it for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_neither_pictures_nor_links_of_a_mail_reach_anybody(chromium: Browser, tmp_path: Path) -> None:
    """What a mail loads would tell its sender's servers that somebody reads it; here it asks nobody.

    A server tells what reached it. The browser would not: it also speaks of requests that it forbade itself.
    """
    with listening() as (server, asked), chromium.new_context() as context:
        picture = f'<img src="{server}/a.png"><link rel="stylesheet" href="{server}/a.css">'
        refresh = f'<meta http-equiv="refresh" content="0; url={server}/elsewhere">'
        html = f'{refresh}{picture}<script>document.title = "run"</script><p>Camille <a href="{server}/link">read on</a></p>'
        mail = SampleMail("thanks", "guide-thanks", None, (Sample("en", "Hello", "", html, "Hello"),))
        of = pages.example()
        (tmp_path / "page.html").write_text(
            preview_page(of.sequences["guide-nurture"], of, (mail,), "no database"), encoding="utf-8"
        )
        page = context.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        page.frame_locator("iframe").get_by_role("link", name="read on").click()
        page.wait_for_timeout(500)
        assert len(context.pages) == 1
        assert asked == []
        (tmp_path / "bare.html").write_text(picture, encoding="utf-8")
        page.goto((tmp_path / "bare.html").as_uri())
        assert sorted(asked) == ["/a.css", "/a.png"]  # so the same browser does ask where nothing forbids it
