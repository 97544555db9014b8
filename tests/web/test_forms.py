"""Form posts over HTTP, as browsers and scripts send them."""

import json
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest

from nurture.domain.event import FORM_SUBMITTED, route_of
from tests.web.conftest import Web

LEAD = {"email": "Ada@Example.com", "first_name": " Ada ", "utm": "x"}
JSON = {"Accept": "application/json"}
FROM_PAGE = {"Referer": "https://www.example.com/guide?utm_source=news", "Accept-Language": "fr-FR,fr;q=0.9,en;q=0.8"}


def post(
    web: Web, fields: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None, *, form: str = "guide"
) -> httpx.Response:
    return web.client.post(f"/f/{form}", data=LEAD if fields is None else fields, headers=headers)


def test_a_browser_is_sent_to_the_asset(web: Web) -> None:
    """What a plain form needs: one URL that takes the post and hands over the asset, with nothing in between."""
    answer = web.client.post("/f/guide", data=LEAD, headers=FROM_PAGE)
    assert answer.status_code == 303
    download = web.client.get(answer.headers["location"])
    assert (download.status_code, download.headers["content-type"]) == (200, "application/pdf")
    submitted, downloaded = web.events()
    assert (submitted.name, submitted.source, submitted.email) == (FORM_SUBMITTED, "form:guide", "ada@example.com")
    assert submitted.traits == {"first_name": "Ada"}
    assert submitted.properties == {"form": "guide", "asset": "guide", "page": "/guide", "fields": {"utm": "x"}}
    assert submitted.context["page"] == {"url": FROM_PAGE["Referer"], "path": "/guide"}
    assert (submitted.context["campaign"], submitted.context["locale"]) == ({"source": "news"}, "fr-FR")
    assert submitted.submission == downloaded.submission is not None
    assert "spam_signs" not in submitted.context


def test_the_download_is_absorbed_after_its_form(web: Web) -> None:
    """Both go the same way through the stream, in their order."""
    web.client.get(post(web).headers["location"])
    (partition,) = [events for number in range(4) if (events := web.partition(number))]
    assert [event.name for event in partition] == ["form_submitted", "asset_downloaded"]
    assert route_of(partition[0]) % 4 == next(number for number in range(4) if web.partition(number))


def test_a_script_is_told_where_to_go(web: Web) -> None:
    answer = web.client.post("/f/guide", data=LEAD, headers=JSON)
    told = answer.json()
    assert answer.status_code == 200
    assert told["ok"] is True
    assert told["redirect"].startswith("http://localhost:8000/a/")
    assert told["submission_id"] == web.event().submission
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (urlencode(LEAD), "application/x-www-form-urlencoded"),
        (json.dumps(LEAD), "application/json"),
        (json.dumps(LEAD), "text/plain;charset=UTF-8"),
        ("email=Ada@Example.com&first_name=Ada%20&utm=x", "application/x-www-form-urlencoded; charset=UTF-8"),
    ],
)
def test_every_encoding_says_the_same(web: Web, content: str, content_type: str) -> None:
    answer = web.client.post("/f/guide", content=content, headers={"Content-Type": content_type, **JSON})
    assert answer.json()["ok"] is True
    event = web.event()
    assert (event.email, event.traits, event.properties["fields"]) == ("ada@example.com", {"first_name": "Ada"}, {"utm": "x"})


def test_multipart_is_taken_without_files(web: Web) -> None:
    parts = {name: (None, value) for name, value in LEAD.items()}
    answer = web.client.post("/f/guide", files={**parts, "cv": ("", b"", "application/octet-stream")}, headers=JSON)
    assert answer.json()["ok"] is True, "a file that was not chosen is no file"
    assert web.event().email == "ada@example.com"
    refused = web.client.post("/f/guide", files={**parts, "cv": ("cv.pdf", b"x")}, headers=JSON)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "cv")


def test_a_double_click_is_one_submission(web: Web) -> None:
    first, second = post(web), post(web)
    assert first.headers["location"] == second.headers["location"]
    assert len({event.key for event in web.events()}) == 1


def test_the_snippets_id_makes_a_later_repeat_one_submission(web: Web) -> None:
    post(web, {**LEAD, "_id": "abc"})
    web.clock.advance(timedelta(minutes=5))
    post(web, {**LEAD, "_id": "abc"})
    assert len({event.key for event in web.events()}) == 1


def test_a_corrected_post_is_another_submission(web: Web) -> None:
    """Back, correct the address, send again: the page is the same, and so is its id."""
    post(web, {**LEAD, "_id": "abc"})
    post(web, {**LEAD, "_id": "abc", "email": "ada@example.org"})
    assert len({event.key for event in web.events()}) == 2


def test_control_fields_are_stripped(web: Web) -> None:
    controls = {"_subject": "x", "_gotcha": "", "form-name": "guide", "g-recaptcha-response": "x", "subject": "x", "_cc": "x"}
    post(web, {**LEAD, **controls})
    assert web.event().properties["fields"] == {"utm": "x"}
    assert web.event().traits == {"first_name": "Ada"}
    web.redis.flushdb()
    post(web, {**LEAD, "subject": "Hello"}, form="contact")
    assert web.event().traits == {"subject": "Hello"}, "a field that the form defines is content"


def test_repeated_fields_become_a_list(web: Web) -> None:
    post(web, {**LEAD, "topic": ["a", "b"]})
    assert web.event().properties["fields"]["topic"] == ["a", "b"]


@pytest.mark.parametrize(("value", "given"), [("on", True), ("yes", True), ("false", False), (None, False)])
def test_consent_is_recorded_only_when_the_box_is_ticked(web: Web, value: str | None, given: bool) -> None:
    post(web, {**LEAD, **({"consent": value} if value else {})})
    assert web.event().properties.get("consent") == ("marketing-email" if given else None)
    assert "consent" not in web.event().traits


class TestMistakes:
    """All at once, by field; nothing is written."""

    @pytest.mark.parametrize(
        ("fields", "mistakes"),
        [
            ({}, [("email", "required")]),
            ({"email": "  "}, [("email", "required")]),
            ({"email": "nobody"}, [("email", "invalid_email")]),
            ({"email": "a@b.c\r\nBcc: all@example.com"}, [("email", "line_break")]),
            ({"email": "josé@example.com"}, [("email", "invalid_email")]),
            ({"email": ["a@example.com", "b@example.com"]}, [("email", "invalid_email")]),
            ({"email": "a@example.com", "first_name": "Ada\nBcc: all@example.com"}, [("first_name", "line_break")]),
            ({"email": "a@example.com", "first_name": "x" * 501}, [("first_name", "too_long")]),
            ({"email": "x", "company": "a\u2028b"}, [("email", "invalid_email"), ("company", "line_break")]),
            ({"email": "a@example.com", "other": "x" * 10_001}, [("other", "too_long")]),
        ],
    )
    def test_are_named_for_scripts(self, web: Web, fields: dict[str, object], mistakes: list[tuple[str, str]]) -> None:
        answer = web.client.post("/f/guide", data=fields, headers=JSON)
        assert answer.status_code == 422
        assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == mistakes
        assert all(each["message"] for each in answer.json()["errors"])
        assert web.events() == []

    def test_are_shown_to_people_in_their_language(self, web: Web) -> None:
        answer = post(web, {"email": "nobody"}, FROM_PAGE)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
        assert "Cette adresse e-mail n’est pas valable." in answer.text
        assert 'href="https://www.example.com/guide?utm_source=news"' in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]

    def test_cannot_inject_a_page(self, web: Web) -> None:
        evil = "<script>alert(1)</script>"
        answer = post(web, {"email": "a@example.com", evil: "x" * 20_000}, {"Referer": "javascript:alert(1)"})
        assert "<script" not in answer.text
        assert "javascript:" not in answer.text

    def test_several_lines_are_welcome_where_people_write(self, web: Web) -> None:
        assert post(web, {**LEAD, "message": "Hello,\nhow are you?"}).status_code == 303
        assert post(web, {**LEAD, "anything": "Hello,\nhow are you?"}).status_code == 303


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"email=%ff", "application/x-www-form-urlencoded", 400, "malformed"),
        (b"email=\xff", "application/x-www-form-urlencoded", 400, "malformed"),
        (b"email=a%00@example.com", "application/x-www-form-urlencoded", 422, "nul_character"),
        (b"a=1&" * 201, "application/x-www-form-urlencoded", 413, "too_many_fields"),
        (b"x" * 70_000, "application/x-www-form-urlencoded", 413, "too_large"),
        (b"{", "application/json", 400, "malformed"),
        (b"[1]", "application/json", 422, "type"),
        (b'{"email": {"a": 1}}', "application/json", 422, "type"),
        (b'{"email": "a\\u0000@example.com"}', "text/plain", 422, "nul_character"),
        (b'{"n": 1e999}', "application/json", 422, "number_out_of_range"),
        (b"<xml/>", "application/xml", 415, "content_type"),
        (b"nothing", "multipart/form-data", 400, "malformed"),
        (b"nothing", "multipart/form-data; boundary=x", 400, "malformed"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n", "multipart/form-data; boundary=x", 400, "malformed"),
        (
            b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n\xff\r\n--x--\r\n',
            "multipart/form-data; boundary=x", 400, "malformed",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 201 + b"--x--\r\n",
            "multipart/form-data; boundary=x", 413, "too_many_fields",
        ),
        (b"a" * 300, "multipart/form-data; boundary=" + "x" * 300, 400, "malformed"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(web: Web, content: bytes, content_type: str, status: int, code: str) -> None:
    headers = {"Content-Type": content_type}
    answer = web.client.post("/f/guide", content=content, headers={**headers, **JSON})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    if not content_type.startswith(("application/json", "text/plain")):
        page = web.client.post("/f/guide", content=content, headers=headers)
        assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert web.events() == []


def test_an_unknown_form_is_not_found(web: Web) -> None:
    assert post(web, form="nope").status_code == 404
    answer = web.client.post("/f/nope", data=LEAD, headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "unknown_form")


class TestSpam:
    """Two signs set a post aside; one is only noted."""

    def quarantined_reasons(self, web: Web) -> list[str]:
        (entry,) = web.quarantined()
        reasons: list[str] = json.loads(entry[b"reasons"])
        return reasons

    def just_now(self, web: Web, seconds: float) -> str:
        return str(int((web.clock.now().timestamp() - seconds) * 1000))

    def test_one_sign_is_noted(self, web: Web) -> None:
        """Browsers and password managers fill in hidden fields: a honeypot alone must not lose a lead."""
        assert post(web, {**LEAD, "_gotcha": "x"}).status_code == 303
        assert web.event().context["spam_signs"] == ["honeypot"]
        assert web.quarantined() == []

    def test_two_signs_quarantine(self, web: Web) -> None:
        answer = post(web, {**LEAD, "_honeypot": "x", "_timestamp": self.just_now(web, 1)})
        assert web.events() == []
        assert self.quarantined_reasons(web) == ["honeypot", "fill_time"]
        download = web.client.get(answer.headers["location"])
        assert (answer.status_code, download.status_code) == (303, 200), "a bot is answered like everybody"
        assert web.events() == [], "and its download makes nobody a lead"

    def test_a_bots_answer_looks_like_a_humans(self, web: Web) -> None:
        human = web.client.post("/f/guide", data=LEAD, headers=JSON).json()
        bot = web.client.post("/f/guide", data={**LEAD, "botcheck": "on", "email": "x@0-mail.com"}, headers=JSON).json()
        assert self.quarantined_reasons(web) == ["honeypot", "disposable_domain"]
        assert human.keys() == bot.keys()
        assert len(human["redirect"]) - len(bot["redirect"]) < 60

    @pytest.mark.parametrize("seconds", [-60, 4, 3600])
    def test_time_taken_or_a_clock_ahead_is_no_sign(self, web: Web, seconds: float) -> None:
        post(web, {**LEAD, "_timestamp": self.just_now(web, seconds)})
        assert "spam_signs" not in web.event().context

    @pytest.mark.parametrize("nonsense", ["x", "nan", "inf", "-1e400", "1e300", "99999999999999999999"])
    def test_a_nonsense_time_is_no_sign(self, web: Web, nonsense: str) -> None:
        post(web, {**LEAD, "_timestamp": nonsense})
        assert "spam_signs" not in web.event().context

    def test_many_posts_from_one_address_are_a_sign(self, web: Web) -> None:
        for number in range(31):
            post(web, {**LEAD, "email": f"a{number}@example.com"}, {"X-Forwarded-For": "203.0.113.7"})
        by_address = {event.email: event.context.get("spam_signs") for event in web.events()}
        assert by_address["a29@example.com"] is None
        assert by_address["a30@example.com"] == ["rate"]
        assert not any(b"203.0.113.7" in key for key in web.redis.scan_iter()), "the address itself is not kept"

    def test_posts_through_a_proxy_that_tells_no_address_are_not_counted(self, web: Web) -> None:
        for number in range(31):
            post(web, {**LEAD, "email": f"a{number}@example.com"})
        assert all("spam_signs" not in event.context for event in web.events())


class TestCookie:
    """A browser without one is given one; the visitor's history and the form belong together."""

    def test_a_known_browser_is_recognised(self, web: Web) -> None:
        web.client.cookies.set("nurture_id", "visitor-12")
        answer = post(web)
        assert web.event().anonymous_id == "visitor-12"
        assert "set-cookie" not in answer.headers

    def test_the_snippets_word_counts_more_than_the_cookie(self, web: Web) -> None:
        web.client.cookies.set("nurture_id", "visitor-12")
        post(web, {**LEAD, "_anonymous_id": "visitor-99"})
        assert web.event().anonymous_id == "visitor-99"

    def test_a_new_browser_is_given_a_cookie(self, web: Web) -> None:
        cookie = post(web).headers["set-cookie"]
        value = cookie.partition(";")[0].removeprefix("nurture_id=")
        assert web.event().anonymous_id == value
        assert "SameSite=lax" in cookie
        assert "Max-Age=34560000" in cookie
        assert "Secure" not in cookie, "public_url is http here"

    def test_a_double_post_is_given_the_same_cookie(self, web: Web) -> None:
        first = post(web)
        web.client.cookies.clear()
        second = post(web)
        assert first.headers["set-cookie"] == second.headers["set-cookie"]

    @pytest.mark.parametrize("header", ["DNT", "Sec-GPC"])
    def test_who_asks_not_to_be_followed_is_given_none(self, web: Web, header: str) -> None:
        answer = post(web, headers={header: "1"})
        assert "set-cookie" not in answer.headers
        assert web.event().anonymous_id is None

    @pytest.mark.parametrize("junk", ["undefined", "", "x" * 300, "[object Object]", "'null'"])
    @pytest.mark.parametrize("cookie", ["<script>", "undefined"])
    def test_an_id_that_names_nobody_is_not_believed(self, web: Web, junk: str, cookie: str) -> None:
        web.client.cookies.set("nurture_id", cookie)
        post(web, {**LEAD, "_anonymous_id": junk})
        event = web.event()
        assert (event.anonymous_id or "").startswith("v.")
        assert [warning.partition(":")[0] for warning in event.warnings] == (["_anonymous_id"] if junk else [])


def test_what_somebody_types_is_claimed_and_no_more(web: Web) -> None:
    """Nobody has yet shown that the address is theirs."""
    web.client.get(post(web).headers["location"])
    assert [event.assurance for event in web.events()] == ["claimed", "observed"]


class TestRedirect:
    """Only to where the form allows."""

    @pytest.mark.parametrize(
        ("wanted", "referrer", "location"),
        [
            ("/merci", None, "/merci"),
            ("/merci", "https://www.example.com/a", "https://www.example.com/merci"),
            ("/merci", "https://evil.example/a", "/merci"),
            ("https://www.example.com/merci?a=b", None, "https://www.example.com/merci?a=b"),
            ("https://evil.example/", None, "/f/contact/thanks"),
            ("//evil.example/", None, "/f/contact/thanks"),
            ("/\\evil.example/", None, "/f/contact/thanks"),
            ("javascript:alert(1)", None, "/f/contact/thanks"),
            ("https://www.example.com@evil.example/", None, "/f/contact/thanks"),
            ("", None, "/f/contact/thanks"),
        ],
    )
    def test_goes_where_the_form_allows(self, web: Web, wanted: str, referrer: str | None, location: str) -> None:
        headers = {"Referer": referrer} if referrer else {}
        answer = post(web, {"email": "a@example.com", "_next": wanted}, headers, form="contact")
        assert (answer.status_code, answer.headers["location"]) == (303, location)

    def test_a_script_gets_an_absolute_address(self, web: Web) -> None:
        fields = {"email": "a@example.com", "_redirect": "/merci"}
        answer = web.client.post("/f/contact", data=fields, headers=JSON)
        assert answer.json()["redirect"] == "http://localhost:8000/merci"
        assert web.client.post("/f/contact", data={"email": "a@example.com"}, headers=JSON).json()["redirect"] is None

    def test_the_page_of_thanks_says_what_the_form_says(self, web: Web) -> None:
        page = web.client.get(post(web, {"email": "a@example.com"}, form="contact").headers["location"])
        assert page.status_code == 200
        assert "See you &lt;soon&gt;" in page.text
        assert web.client.get("/f/nope/thanks").status_code == 404


@pytest.mark.parametrize(
    ("headers", "script"),
    [
        ({"Accept": "text/html,*/*"}, False),
        ({"X-Requested-With": "XMLHttpRequest"}, True),
        ({"Sec-Fetch-Mode": "cors"}, True),
        ({"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}, False),
    ],
)
def test_scripts_and_browsers_are_told_apart(web: Web, headers: dict[str, str], script: bool) -> None:
    assert post(web, headers=headers).status_code == (200 if script else 303)


@pytest.mark.parametrize(
    ("page", "browser", "locale"),
    [("fr", "en-GB,en;q=0.9", "fr"), (None, "en-GB,en;q=0.9", "en-GB"), ("<fr>", "en", "en"), ("", "en", "en"), ("fr", "", "fr")],
)
def test_the_language_of_the_page_counts_more_than_the_browsers(web: Web, page: str | None, browser: str, locale: str) -> None:
    """In it somebody read what they agree to."""
    fields = {"email": "ana@example.com"} | ({"_language": page} if page is not None else {})
    assert web.client.post("/f/guide", data=fields, headers={"Accept-Language": browser}).status_code == 303
    event = web.event()
    assert event.context["locale"] == locale
    assert "_language" not in event.properties.get("fields", {})
