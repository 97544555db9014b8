"""The script for landing pages: as a file, and in a real Chromium on a page of another origin."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from nurture.domain.event import Event
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until
from tests.web.conftest import BOUND_KEY, KEY, Web, serving

SMALL = 3 * 1024


def test_it_is_small_as_written(web: Web) -> None:
    answer = web.client.get("/n.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) <= SMALL
    plain = web.client.get("/n.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text


def test_it_is_fetched_once(web: Web) -> None:
    first = web.client.get("/n.js")
    again = web.client.get("/n.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "public, max-age=3600"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, else the one that Playwright has installed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    with chromium.new_context(locale="fr-FR", timezone_id="Europe/Paris") as fresh:
        yield fresh


LANDING = """<!doctype html><html><head><title>Guide</title>{before}
<script async src="{base}/n.js" data-key="{key}" {attributes}></script></head>
<body style="height: 4000px"><h1>Guide</h1>
<form method="post" action="{base}/f/guide"><input name="email"><button>Send</button></form></body></html>"""


def landing(web: Web, *, attributes: str = "", before: str = "", key: str = KEY) -> str:
    """The address of a landing page with the script, on an origin that is not the script's."""
    page = LANDING.format(base=web.base, key=key, attributes=attributes, before=before)
    (web.folder / "demo/landing.html").write_text(page)
    return f"{web.base.replace('127.0.0.1', 'localhost')}/demo/landing.html"


def arrived(web: Web, *names: str) -> list[Event]:
    """Wait for events of these names; all that have come by then, each once. The server's clock stands, so they have no order."""
    wait_until(lambda: {event.name for event in web.events()} >= set(names), what=f"{names}")
    return list({event.key: event for event in web.events()}.values())


def wait_for_script(page: Page) -> None:
    """Polls by a clock of its own: the page's may stand still."""
    page.wait_for_selector("h1")
    wait_until(lambda: page.evaluate("!!(window.nurture && nurture.track)"), what="the script to run")


def wait_for_event(page: Page, web: Web, name: str) -> None:
    """As `arrived`, for tests that answer the page's requests themselves: these are answered only while Playwright works."""
    wait_until(lambda: page.evaluate("1") and name in {event.name for event in web.events()}, what=name)


def stored(page: Page, key: str) -> Any:
    return page.evaluate(f"localStorage.getItem('{key}')")


@pytest.mark.browser
class TestInTheBrowser:
    @pytest.fixture
    def web(self, redis_server: RedisServer, tmp_path: Path) -> Iterator[Web]:
        """A process of its own: a page says goodbye after its test, and would say it into the next one's events."""
        redis_server.flush()
        with serving(redis_server.url, tmp_path) as served:
            yield served

    def test_a_view_is_told(self, web: Web, context: BrowserContext) -> None:
        page = context.new_page()
        page.goto(landing(web) + "?utm_source=news")
        (event,) = arrived(web, "page_viewed")
        assert event.context["page"]["path"] == "/demo/landing.html"
        assert event.context["page"]["title"] == "Guide"
        assert (event.context["campaign"], event.context["locale"]) == ({"source": "news"}, "fr-FR")
        assert event.context["timezone"] == "Europe/Paris"
        assert "Chrome" in event.context["userAgent"]
        (cookie,) = context.cookies()
        assert (cookie["name"], cookie["value"], cookie["sameSite"]) == ("nurture_id", event.anonymous_id, "Lax")
        page.wait_for_function("localStorage.getItem('nurture_queue') === '[]'")

    def test_a_visitor_is_known_again(self, web: Web, context: BrowserContext) -> None:
        address = landing(web)
        context.new_page().goto(address)
        arrived(web, "page_viewed")
        context.new_page().goto(address)
        wait_until(lambda: len([event for event in web.events() if event.name == "page_viewed"]) == 2)
        assert len({event.anonymous_id for event in web.events()}) == 1
        context.clear_cookies()
        context.new_page().goto(address)
        wait_until(lambda: len([event for event in web.events() if event.name == "page_viewed"]) == 3)
        assert len({event.anonymous_id for event in web.events()}) == 1, "the storage remembers what the cookie forgot"

    def test_leaving_tells_how_long_and_how_far(self, web: Web, context: BrowserContext) -> None:
        page = context.new_page()
        page.clock.install()
        page.goto(landing(web))
        wait_for_script(page)
        page.mouse.wheel(0, 1500)
        wait_until(lambda: page.evaluate("scrollY > 1000"), what="the page to scroll")
        page.clock.run_for(12_000)
        page.goto("about:blank")
        events = {event.name: event for event in arrived(web, "page_viewed", "page_engaged")}
        viewed, engaged = events["page_viewed"], events["page_engaged"]
        assert engaged.properties["path"] == "/demo/landing.html"
        assert 10 <= engaged.properties["seconds"] <= 13
        assert 40 <= engaged.properties["scroll"] <= 80
        assert viewed.anonymous_id == engaged.anonymous_id

    def test_a_page_left_alone_is_not_engagement(self, web: Web, context: BrowserContext) -> None:
        page = context.new_page()
        page.clock.install()
        page.goto(landing(web))
        wait_for_script(page)
        page.clock.run_for(600_000)
        page.goto("about:blank")
        (engaged,) = [event for event in arrived(web, "page_engaged") if event.name == "page_engaged"]
        assert engaged.properties["seconds"] <= 30

    def test_a_form_hands_over_who_is_visiting(self, web: Web, context: BrowserContext) -> None:
        """A plain form, the script, and nothing else: the visitor becomes a lead, and has the asset."""
        page = context.new_page()
        page.goto(landing(web))
        (viewed,) = arrived(web, "page_viewed")
        page.fill("input[name=email]", "ada@example.com")
        with page.expect_download() as download:
            page.click("button")
        assert download.value.suggested_filename == "guide.pdf"
        submitted = next(event for event in arrived(web, "form_submitted", "asset_downloaded") if event.name == "form_submitted")
        assert submitted.anonymous_id == viewed.anonymous_id
        assert "fields" not in submitted.properties, "what the script adds is no content"
        assert submitted.context["locale"] == "fr-FR"

    def test_the_form_works_without_script(self, web: Web, chromium: Browser) -> None:
        with chromium.new_context(java_script_enabled=False) as plain:
            page = plain.new_page()
            page.goto(landing(web))
            page.fill("input[name=email]", "ada@example.com")
            with page.expect_download():
                page.click("button")
        assert [event.name for event in web.events()] == ["form_submitted", "asset_downloaded"]

    @pytest.mark.parametrize("wish", ["globalPrivacyControl: {value: true}", "doNotTrack: {value: '1'}"])
    def test_who_objects_is_not_followed(self, web: Web, context: BrowserContext, wish: str) -> None:
        context.add_init_script(f"Object.defineProperties(navigator, {{{wish}}})")
        requests: list[str] = []
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.goto(landing(web))
        wait_for_script(page)
        page.evaluate("nurture.track('plan_chosen'); nurture.identify('u1')")
        with page.expect_download():
            page.fill("input[name=email]", "ada@example.com")
            page.click("button")
        assert not any("/v1/" in url for url in requests)
        assert context.cookies(web.base.replace("127.0.0.1", "localhost")) == []
        assert stored(page, "nurture_id") is None

    def test_consent_is_waited_for_and_can_be_withdrawn(self, web: Web, context: BrowserContext) -> None:
        page = context.new_page()
        page.clock.install()
        page.goto(landing(web, attributes='data-consent="required"'))
        wait_for_script(page)
        page.clock.run_for(5_000)  # before consent, time tells nobody anything
        page.evaluate("nurture.track('too_early')")
        assert context.cookies() == []
        page.evaluate("nurture.consent(true)")
        arrived(web, "page_viewed")
        page.evaluate("nurture.track('in_time')")
        arrived(web, "in_time")
        page.evaluate("nurture.consent(false); nurture.track('too_late')")
        assert stored(page, "nurture_queue") == "[]"
        assert {event.name for event in web.events()} == {"page_viewed", "in_time"}

    def test_the_page_passes_on_that_its_visitor_agreed(self, web: Web, context: BrowserContext) -> None:
        """What the consent mode `opt_in` asks for: without it, the very same view is counted and tells nobody's name."""
        web.with_consent("opt_in")
        page = context.new_page()
        page.goto(landing(web, attributes='data-consent="required"'))
        wait_for_script(page)
        page.evaluate("nurture.consent(true)")
        (event,) = arrived(web, "page_viewed")
        assert (event.consented, event.context["consent"]) == (True, True)
        assert event.anonymous_id == stored(page, "nurture_id")
        web.redis.flushdb()
        page.goto(landing(web))
        (event,) = [each for each in arrived(web, "page_viewed") if each.name == "page_viewed"]
        assert (event.consented, event.anonymous_id) == (False, None)

    def test_a_page_of_a_foreign_origin_gets_nothing_in(self, web: Web, context: BrowserContext) -> None:
        page = context.new_page()
        with page.expect_response("**/v1/batch") as answer:
            page.goto(landing(web, key=BOUND_KEY))
        assert (answer.value.status, answer.value.json()["code"]) == (403, "wrong_origin")
        page.wait_for_function("localStorage.getItem('nurture_queue') === '[]'")
        assert web.events() == []

    def test_calls_made_before_the_script_is_there(self, web: Web, context: BrowserContext) -> None:
        before = "<script>window.nurture = []; nurture.push(['track', 'plan_chosen', {plan: 'pro'}]); \
            nurture.push(['identify', 'u1', {email: 'ada@example.com'}]);</script>"
        context.new_page().goto(landing(web, before=before))
        events = {event.name: event for event in arrived(web, "page_viewed", "plan_chosen", "identified")}
        assert events["plan_chosen"].properties == {"plan": "pro"}
        assert (events["identified"].user_id, events["identified"].email) == ("u1", "ada@example.com")

    def test_a_page_counts_at_its_canonical_address(self, web: Web, context: BrowserContext) -> None:
        """Whatever address it was reached by; what follows # is nobody's business."""
        before = '<link rel="canonical" href="https://www.example.com/guide">'
        context.new_page().goto(landing(web, before=before) + "?utm_source=news#private")
        (event,) = arrived(web, "page_viewed")
        assert event.context["page"]["url"] == "https://www.example.com/guide?utm_source=news"
        assert (event.context["page"]["path"], event.context["campaign"]) == ("/guide", {"source": "news"})

    def test_a_page_that_changes_its_address(self, web: Web, context: BrowserContext) -> None:
        page = context.new_page()
        page.goto(landing(web))
        arrived(web, "page_viewed")
        page.evaluate("history.pushState({}, '', '/demo/second'); history.replaceState({}, '', '/demo/second?a')")
        views = wait_until(lambda: [event for event in web.events() if event.name == "page_viewed"][1:] and web.events())
        paths = [event.context["page"]["path"] for event in views if event.name == "page_viewed"]
        assert sorted(paths) == ["/demo/landing.html", "/demo/second"]

    def test_what_was_not_acknowledged_is_sent_again(self, web: Web, context: BrowserContext) -> None:
        """503 with Retry-After: the events stay, the pause is kept, and each is counted once."""
        asked: list[list[str]] = []

        def refuse_once(route: Route) -> None:
            body = json.loads(route.request.post_data or "")
            asked.append([event["messageId"] for event in body["batch"]])
            if len(asked) == 1:
                headers = {"Retry-After": "2", "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
                route.fulfill(status=503, headers=headers)
            else:
                route.continue_()

        page = context.new_page()
        page.route("**/v1/batch", refuse_once)
        with page.expect_response("**/v1/batch"):
            page.goto(landing(web))
        assert len(json.loads(stored(page, "nurture_queue"))) == 1
        wait_for_event(page, web, "page_viewed")
        (event,) = arrived(web, "page_viewed")
        assert asked == [[event.message_id], [event.message_id]]

    def test_what_is_wrong_is_not_sent_for_ever(self, web: Web, context: BrowserContext) -> None:
        page = context.new_page()
        with page.expect_response("**/v1/batch") as answer:
            page.goto(landing(web, key="wk_wrong"))
        assert answer.value.status == 401
        page.wait_for_function("localStorage.getItem('nurture_queue') === '[]'")

    def test_a_beacon_goes_where_fetch_is_blocked(self, web: Web, context: BrowserContext) -> None:
        context.add_init_script("window.fetch = () => Promise.reject(new TypeError('blocked'))")
        page = context.new_page()
        page.goto(landing(web))
        (event,) = arrived(web, "page_viewed")
        assert [each["messageId"] for each in json.loads(stored(page, "nurture_queue"))] == [event.message_id], "no answer yet"

    def test_an_image_goes_where_both_are_blocked(self, web: Web, context: BrowserContext) -> None:
        context.add_init_script(
            "window.fetch = () => Promise.reject(new TypeError('blocked')); navigator.sendBeacon = () => false"
        )
        page = context.new_page()
        page.goto(landing(web))
        wait_for_script(page)
        page.evaluate("nurture.track('été', {prix: '12 €?>~'})")
        events = {event.name: event for event in arrived(web, "page_viewed", "été")}
        assert events["été"].properties == {"prix": "12 €?>~"}
        page.wait_for_function("localStorage.getItem('nurture_queue') === '[]'")

    def test_a_browser_without_storage_is_no_fault(self, web: Web, context: BrowserContext) -> None:
        context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('denied'); }})")
        problems: list[str] = []
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(landing(web))
        arrived(web, "page_viewed")
        assert problems == []


def test_the_file_served_is_the_file_in_the_package(web: Web) -> None:
    from importlib.resources import files

    source = (files("nurture.web") / "static/n.js").read_bytes()
    assert web.client.get("/n.js").content == source
    assert len(gzip.compress(source, 9)) <= SMALL
