"""`/report`: who may read it, how one logs in and out, and that it takes nothing from what is beside it."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import Request

from nurture.errors import Unavailable
from nurture.reports.catalogue import REPORTS, NoSuchDays
from nurture.reports.sheet import Report
from nurture.web.report_desk import MOST_KEPT, MOST_WAITING, Asked, ReportDesk
from nurture.web.reports import _is_at_home
from nurture.web.sessions import LASTS
from tests.web.conftest import Web, report_named, serving

PASSWORD = "tall hat, 3 birds"
LOG_IN, LOG_OUT = "/report/log-in", "/report/log-out"


@pytest.fixture(scope="module")
def _closed(redis_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with serving(redis_server.url, tmp_path_factory.mktemp("web"), report_password=SecretStr(PASSWORD)) as served:
        yield served


@pytest.fixture
def closed(_closed: Web) -> Web:
    """A web process with a password, an hour after the test before: nothing that was tried counts any more."""
    _closed.clock.advance(timedelta(hours=1))
    _closed.client.cookies.clear()
    return _closed


def log_in(web: Web, password: str = PASSWORD, **fields: str) -> httpx.Response:
    return web.client.post(LOG_IN, data={"password": password, **fields})


def test_at_home_in_development_it_is_open(web: Web) -> None:
    shown = web.client.get("/report")
    assert shown.status_code == 200
    assert "<h1" in shown.text
    assert LOG_OUT not in shown.text


@pytest.mark.parametrize("host", ["evil.test", "192.168.1.7", "localhost.evil.test"])
def test_under_a_strangers_name_it_is_not(web: Web, host: str) -> None:
    assert web.client.get("/report", headers={"host": host}).status_code == 404


@pytest.mark.parametrize(
    ("client", "at_home"), [("127.0.0.1", True), ("::1", True), ("192.168.1.7", False), ("testclient", False)]
)
def test_from_elsewhere_it_is_not(client: str, at_home: bool) -> None:
    scope = {"type": "http", "path": "/report", "headers": [(b"host", b"localhost:8000")], "client": (client, 1), "server": None}
    assert _is_at_home(Request(scope)) is at_home


def test_in_production_it_is_closed_until_there_is_a_password(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path, mode="production") as web:
        told = web.client.get("/report", headers={"accept-language": "fr"})
        assert told.status_code == 404
        assert "NURTURE_REPORT_PASSWORD" in told.text
        assert "Les rapports sont fermés" in told.text
        assert log_in(web).status_code == 404


def test_in_production_the_cookie_goes_through_https_only(redis_url: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {"mode": "production", "public_url": "https://n.example.com", "report_password": SecretStr(PASSWORD)}
    with serving(redis_url, tmp_path, **given) as web:
        assert "Secure" in log_in(web).headers["set-cookie"]


def test_whoever_knows_the_password_is_led_to_where_they_wanted_to_go(closed: Web) -> None:
    form = closed.client.get("/report/demand?lang=fr&from=2026-02-01")
    assert form.status_code == 401
    assert 'name="next" value="/report/demand?lang=fr&amp;from=2026-02-01"' in form.text
    assert "Mot de passe" in form.text
    answer = log_in(closed, next="/report/demand?lang=fr&from=2026-02-01")
    assert (answer.status_code, answer.headers["location"]) == (303, "/report/demand?lang=fr&from=2026-02-01")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/report", "Max-Age=43200"))
    assert PASSWORD not in cookie
    shown = closed.client.get(answer.headers["location"])
    assert shown.status_code == 200
    assert '<html lang="fr">' in shown.text
    assert LOG_OUT in shown.text


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.test", "//evil.test", "/report//evil.test", "/report/../u/x", "/reportevil", "/report/a?x=https://e", ""],
)
def test_nobody_is_led_elsewhere(closed: Web, wanted: str) -> None:
    assert log_in(closed, next=wanted).headers["location"] == "/report"


def test_a_session_ends_by_itself(closed: Web) -> None:
    log_in(closed)
    closed.clock.advance(LASTS - timedelta(seconds=1))
    assert closed.client.get("/report").status_code == 200
    closed.clock.advance(timedelta(seconds=1))
    assert closed.client.get("/report").status_code == 401


def test_a_session_ends_when_one_logs_out(closed: Web) -> None:
    log_in(closed)
    answer = closed.client.post(LOG_OUT)
    assert (answer.status_code, answer.headers["location"]) == (303, "/report")
    assert closed.client.get("/report").status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "1.x", "99999999999.0", "bnVsbA.AAAA", "\u00e9".encode().decode("latin-1")])
def test_a_made_up_session_is_none(closed: Web, cookie: str) -> None:
    headers = {b"cookie": f"nurture_report={cookie}".encode()}
    assert closed.client.get("/report", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "other", [{"report_password": SecretStr("another of them 42")}, {"secret_key": SecretStr("another secret 123456")}]
)
def test_another_password_or_key_ends_all_sessions(closed: Web, redis_url: str, tmp_path: Path, other: dict[str, Any]) -> None:
    log_in(closed)
    given: dict[str, Any] = {"report_password": SecretStr(PASSWORD), **other}
    with serving(redis_url, tmp_path, **given) as changed:
        changed.clock.move_to(closed.clock.now())
        cookie = {"cookie": f"nurture_report={closed.client.cookies['nurture_report']}"}
        assert changed.client.get("/report", headers=cookie).status_code == 401
    assert closed.client.get("/report").status_code == 200


def test_passwords_cannot_be_tried_for_long(closed: Web) -> None:
    answers = [log_in(closed, f"guess number {number}") for number in range(7)]
    assert [each.status_code for each in answers] == [401] * 5 + [429] * 2
    assert all("set-cookie" not in each.headers for each in answers)
    wait = int(answers[-1].headers["retry-after"])
    assert log_in(closed).status_code == 429  # the right one has to wait, too
    closed.clock.advance(timedelta(seconds=wait))
    assert log_in(closed).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403), ({"sec-fetch-site": "same-site"}, 403), ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403), ({"sec-fetch-site": "same-origin", "origin": "https://proxied.test"}, 303), ({}, 303),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [LOG_IN, LOG_OUT])
def test_only_our_own_pages_post_here(closed: Web, headers: dict[str, str], status: int, path: str) -> None:
    assert closed.client.post(path, data={"password": PASSWORD}, headers=headers).status_code == status


def test_a_page_may_do_nothing_but_be_read(web: Web) -> None:
    headers = web.client.get("/report").headers
    rules = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} < set(rules)
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "cookie" in headers["vary"]


@pytest.mark.parametrize("name", REPORTS)
def test_each_report_has_a_page_with_ways_to_the_others(web: Web, name: str) -> None:
    shown = web.client.get(f"/report/{name}?from=2026-02-02&to=2026-03-01&lang=fr")
    assert shown.status_code == 200
    assert f'href="/report/{name}?from=2026-02-02&amp;to=2026-03-01&amp;lang=fr" aria-current="page"' in shown.text
    assert shown.text.count('href="/report/') == len(REPORTS) + 2


def test_what_is_no_report_is_not_found(web: Web) -> None:
    assert web.client.get("/report/dance").status_code == 404


def test_the_language_is_the_one_asked_for_or_the_browsers(web: Web) -> None:
    french = {"accept-language": "fr-CA,en;q=0.5"}
    assert '<html lang="fr">' in web.client.get("/report", headers=french).text
    assert '<html lang="en">' in web.client.get("/report?lang=en", headers=french).text
    assert '<html lang="fr">' in web.client.get("/report?lang=tlh", headers=french).text


@pytest.mark.parametrize("days", ["from=yesterday", "to=2026-02-30", "from=2026-03-01&to=2026-02-01"])
def test_days_that_cannot_be_are_explained(redis_url: str, tmp_path: Path, days: str) -> None:
    def strict(name: str, first: date | None, last: date | None, at: datetime) -> Report:
        if first and last and first > last:
            raise NoSuchDays("these days end before they begin")
        return report_named(name, first, last, at)

    with serving(redis_url, tmp_path, report=strict) as web:
        told = web.client.get(f"/report?{days}")
        assert told.status_code == 422
        assert "2026-03-01" in told.text


def test_without_a_database_it_says_so_and_events_are_taken_all_the_same(redis_url: str, tmp_path: Path) -> None:
    def away(*_: object) -> Report:
        raise Unavailable("the database does not answer")

    with serving(redis_url, tmp_path, report=away) as web:
        told = web.client.get("/report")
        assert (told.status_code, told.headers["retry-after"]) == (503, "5")
        assert web.track().status_code == 200


def test_a_slow_report_keeps_no_event_waiting(redis_url: str, tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(name: str, first: date | None, last: date | None, at: datetime) -> Report:
        begun.set()
        assert go_on.wait(30)
        return report_named(name, first, last, at)

    with serving(redis_url, tmp_path, report=slow) as web:
        answers: list[int] = []
        reader = threading.Thread(target=lambda: answers.append(httpx.get(f"{web.base}/report", timeout=30).status_code))
        reader.start()
        try:
            assert begun.wait(10)
            for number in range(50):
                assert web.track(messageId=f"m{number}").status_code == 200
            assert answers == []
        finally:
            go_on.set()
            reader.join(30)
        assert answers == [200]


AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def asked(name: str = "demand", language: str = "en") -> Asked:
    return Asked(name, "", "", language, logged_in=False)


async def _twice(desk: ReportDesk, later: timedelta) -> None:
    await desk.page(asked(), AT)
    await desk.page(asked(), AT + later)


@pytest.mark.parametrize(("seconds", "made"), [(0, 1), (59, 1), (60, 2), (-1, 2)])
def test_a_page_is_made_once_a_minute(seconds: int, made: int) -> None:
    pages: list[Asked] = []

    def make(wanted: Asked, _at: datetime) -> str:
        pages.append(wanted)
        return "page"

    desk = ReportDesk(make)
    asyncio.run(_twice(desk, timedelta(seconds=seconds)))
    assert len(pages) == made


def test_one_page_is_made_at_a_time_and_the_others_find_it_made() -> None:
    under_way, most, made = 0, 0, 0
    lock = threading.Lock()

    def make(wanted: Asked, _at: datetime) -> str:
        nonlocal under_way, most, made
        with lock:
            under_way, made = under_way + 1, made + 1
            most = max(most, under_way)
        with lock:
            under_way -= 1
        return wanted.name

    async def all_at_once() -> list[Any]:
        desk = ReportDesk(make)
        wanted = [asked("demand") for _ in range(4)] + [asked("leads") for _ in range(4)]
        return await asyncio.gather(*(desk.page(each, AT) for each in wanted))

    assert asyncio.run(all_at_once()) == ["demand"] * 4 + ["leads"] * 4
    assert (most, made) == (1, 2)


def test_a_crowd_is_asked_to_come_again() -> None:
    go_on = threading.Event()

    def make(_wanted: Asked, _at: datetime) -> str:
        assert go_on.wait(30)
        return "page"

    async def crowd() -> list[Any]:
        desk = ReportDesk(make)
        waiting = [asyncio.ensure_future(desk.page(asked(f"r{number}"), AT)) for number in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await desk.page(asked("one more"), AT)
        go_on.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(crowd()) == ["page"] * MOST_WAITING


def test_the_oldest_pages_are_forgotten() -> None:
    made: list[str] = []

    def make(wanted: Asked, _at: datetime) -> str:
        made.append(wanted.name)
        return wanted.name

    async def many() -> None:
        desk = ReportDesk(make)
        for number in range(MOST_KEPT + 1):
            await desk.page(asked(f"r{number}"), AT)
        await desk.page(asked(f"r{MOST_KEPT}"), AT)
        await desk.page(asked("r0"), AT)

    asyncio.run(many())
    assert made[-2:] == [f"r{MOST_KEPT}", "r0"]
