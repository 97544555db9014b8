"""A newsletter with double opt-in on a real web process, Redis, database and mail server, whose workers are called by hand."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import Engine

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.consenting import WishesOf
from nurture.adapters.mail.writer import MailWriter
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


def made(**more: Any) -> Definitions:
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
        **more,
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


@contextmanager
def newsletter_on(
    engine: Engine, redis_url: str, folder: Path, sink: SmtpSink, made_so: Definitions | None = None
) -> Iterator[Newsletter]:  # fmt: skip
    in_force = made_so or made()
    with serving(redis_url, folder, definitions=in_force, wishes=WishesOf(engine)) as web:
        installation = Installation(engine, Redis.from_url(redis_url), web.clock, sink)
        installation.apply(in_force)
        yield Newsletter(web, installation)
