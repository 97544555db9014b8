"""From the ticked box to the first mail, on a real web process, Redis, database and mail server, as scanners and readers come by."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nurture.adapters.redis_keys import AHEAD
from tests.support.smtp import SmtpSink
from tests.web.newsletter import Newsletter, newsletter_on

ANA = "ana@example.com"


@pytest.fixture
def newsletter(migrated_engine: Engine, redis_url: str, tmp_path: Path, smtp_sink: SmtpSink) -> Iterator[Newsletter]:
    with newsletter_on(migrated_engine, redis_url, tmp_path, smtp_sink) as begun:
        yield begun


def test_only_the_button_confirms_and_then_the_first_mail_goes(newsletter: Newsletter) -> None:
    web = newsletter.web
    assert web.client.post("/f/news", data={"email": ANA, "consent": "on"}, headers={"Accept-Language": "en"}).status_code == 303
    newsletter.work()
    assert newsletter.subjects() == ["Please confirm your address"]
    confirm = newsletter.link("confirm")
    for method in ("HEAD", "GET", "GET"):
        assert web.client.request(method, confirm, headers={"User-Agent": "Mozilla/5.0 BarracudaCentral"}).status_code == 200
    newsletter.work()
    assert newsletter.subjects() == ["Please confirm your address"]
    assert "Write to me once a month." in web.client.get(confirm).text
    assert web.client.post(confirm).status_code == 200
    newsletter.work()
    assert newsletter.subjects() == ["Please confirm your address", "Welcome: what to expect, and what not"]


def test_what_is_chosen_on_the_page_of_a_mail_takes_effect(newsletter: Newsletter) -> None:
    web = newsletter.web
    web.client.post("/f/news", data={"email": ANA, "consent": "on"})
    newsletter.work()
    web.client.post(newsletter.link("confirm"))
    newsletter.work()
    page = newsletter.link("preferences")
    assert '<input type="checkbox" name="topic" value="news" checked>' in web.client.get(page).text
    assert web.client.post(page, data={"do": "save", "pace": "all"}).status_code == 200
    assert web.redis.xlen(AHEAD) == 1
    newsletter.work()
    assert '<input type="checkbox" name="topic" value="news">' in web.client.get(page).text
    newsletter.installation.later(days=2)
    newsletter.work()
    assert len(newsletter.subjects()) == 2
