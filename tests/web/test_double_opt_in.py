"""From the ticked box to the first mail, on a real web process, Redis, database and mail server, as scanners and readers come by."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.consenting import WishesOf
from nurture.adapters.mail.writer import MailWriter
from nurture.adapters.redis_keys import AHEAD
from nurture.adapters.stream import Ahead, held_partition
from nurture.domain.definitions import Definitions
from nurture.flow.absorb import absorb
from nurture.flow.advance import advance
from nurture.flow.send import send
from tests.support.definitions import definitions
from tests.support.installation import Installation
from tests.support.mailrooms import mailroom
from tests.support.smtp import SmtpSink
from tests.web.conftest import PARTITIONS, Web, serving

TEMPLATES = Path(__file__).parents[2] / "templates/emails"
ANA = "ana@example.com"


def made() -> Definitions:
    wording = {"en": "Write to me once a month.", "fr": "Écrivez-moi une fois par mois."}
    purpose = {"version": "4", "wording": wording, "topics": ["news"], "double_opt_in": True, "confirm": "ask"}
    ask = {"sequence": "ask", "trigger": "manual", "steps": [{"id": "ask", "email": "confirm", "window": "any"}]}
    news = {
        "sequence": "news", "trigger": {"event": "form_submitted"}, "topic": "news", "exit": ["unsubscribed"],
        "steps": [{"id": "first", "email": "welcome-subscriber"}, {"wait": "1d"}, {"id": "second", "email": "last-word"}],
    }  # fmt: skip
    return definitions(
        sequences={"ask": ask, "news": news}, forms={"news": {"fields": {"email": "required"}, "consent": "marketing-email"}},
        consents={"purposes": {"marketing-email": purpose}, "topics": {"news": {"en": "News", "fr": "Nouvelles"}}},
    )  # fmt: skip


class Newsletter:
    """A web process and the rest of the engine on one Redis and one database."""

    def __init__(self, web: Web, installation: Installation) -> None:
        self.web, self.installation = web, installation
        self.writer = MailWriter(TEMPLATES, web.base, web.tokens)

    def work(self) -> None:
        redis, database, clock = self.installation.redis, self.installation.database, self.web.clock
        for number in range(PARTITIONS):
            with held_partition(redis, number) as held:
                assert held is not None
                while absorb(held, database, clock, kind_of_agent).read:
                    pass
        while absorb(Ahead(redis), database, clock, kind_of_agent).read:
            pass
        while advance(database, clock, lambda *_: False).moved:
            pass
        with mailroom(database.sending, self.writer, clock, default=self.installation.sink.url) as room:
            while send(room).claimed:
                pass

    def subjects(self) -> list[str]:
        return [mail.message["subject"] for mail in self.installation.sink.mails]

    def link(self, what: str) -> str:
        """A link out of the last mail."""
        text = self.installation.sink.mails[-1].message.get_body(("plain",))
        assert text is not None
        found = re.search(rf"{self.web.base}(/{what}/[\w.-]+)", text.get_content())
        assert found is not None
        return found[1]


@pytest.fixture
def newsletter(
    migrated_engine: Engine, redis_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> Iterator[Newsletter]:  # fmt: skip
    with serving(redis_url, tmp_path, definitions=made(), wishes=WishesOf(migrated_engine)) as web:
        installation = Installation(migrated_engine, Redis.from_url(redis_url), web.clock, smtp_sink)
        installation.apply(made())
        yield Newsletter(web, installation)


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
