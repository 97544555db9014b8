"""A made-up audience, absorbed for real: they read to the end or not, watch and listen, come by brand or by chance, on devices that turn
out to be one human's; machines among them, much of it heard of late, twice, or with nonsense in it.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.reporting import Reporting
from nurture.reports.sheet import Period
from tests.reports.history import Teller, ask, business, period_of, settle, told_by_hand
from tests.support.events import event
from tests.support.installation import BROWSER, CRAWLER, Installation

BRAND: Final = "acme"

#: In the days of the history: all, some, and some in which less happened.
PERIODS: Final[Mapping[str, Period]] = {
    "all": period_of(),
    "some": period_of(first=2, last=8),
    "late": period_of(first=9, last=30),
}


def business_with_brand() -> Definitions:
    return business().model_copy(update={"reporting": Reporting(brand=(BRAND.title(),))})


class Reader(Teller):
    """Tells of readers, too."""

    def leave(self, day: float, device: str, path: str, agent: str = BROWSER, **told: Any) -> Event:
        """What the script tells when somebody turns away from a page."""
        context = {"page": {"path": path}, "userAgent": agent}
        return event("page_engaged", self._at(day), anonymous_id=device, context=context, properties=told)

    def play(self, day: float, device: str, what: str, title: str, agent: str = BROWSER) -> Event:
        context = {"page": {"path": "/media"}, "userAgent": agent}
        return event(f"{what}_played", self._at(day), anonymous_id=device, context=context, properties={"title": title})

    def ask_by_name(self, day: float, device: str, term: str, campaign: str) -> Event:
        """A visit by a search that was paid for."""
        context = {
            "page": {"url": "https://www.example.com/", "path": "/"}, "userAgent": BROWSER,
            "campaign": {"source": "google", "medium": "cpc", "name": campaign, "term": term},
        }  # fmt: skip
        return event("page_viewed", self._at(day), anonymous_id=device, context=context)


def told_by_readers(installation: Installation, seed: int, events: int = 240) -> None:
    """A few people for a reason, and fourteen at random over forty days."""
    told_by_hand(installation)
    draw, tell = random.Random(seed), Reader()

    def one() -> Event:
        day, n = draw.uniform(0, 40), draw.randrange(14)
        email, device, path = (
            f"r{n}@acme.test",
            f"r{draw.choice([n, n, n + 7])}",
            draw.choice(["/blog/a", "/blog/b", "/pricing", "/"]),
        )
        agent = draw.choice([BROWSER, BROWSER, BROWSER, CRAWLER])
        seconds = draw.choice([0, 3, 12, 61.4, 900, 20_000, -5, "many", True, None])
        scroll = draw.choice([0, 10, 74, 75, 75.5, 100, 250, -80, "all", False])
        referrer = draw.choice(["", "https://www.google.com/", "https://www.linkedin.com/", "https://www.partner.example/"])
        told: list[Callable[[], Event]] = [
            lambda: tell.visit(day, device, path, referrer=referrer, agent=agent),
            lambda: tell.leave(day, device, path, agent, seconds=seconds, scroll=scroll),
            lambda: tell.leave(day, device, path, agent, seconds=seconds, scroll=scroll),
            lambda: tell.play(day, device, draw.choice(["video", "podcast"]), draw.choice(["Episode 1", "Demo"]), agent),
            lambda: tell.ask_by_name(
                day, device, draw.choice(["acme software", "lead gen"]), draw.choice(["ACME spring", "generic"])
            ),
            lambda: tell.post(day, email, device, draw.choice(["guide", "webinar"]), job_title=draw.choice(["Chief", "clerk"])),
            lambda: tell.download(day, email, draw.choice(["guide", "webinar"])),
            lambda: tell.take_freely(day, email),
            lambda: tell.say(day, email, draw.choice(["demo_requested", "deal_won", "lead_rejected"])),
        ]
        return draw.choice(told)()

    log = [one() for _ in range(events)]
    log += draw.sample(log, events // 8)
    draw.shuffle(log)
    for begin in range(0, len(log), 60):
        installation.happen(*log[begin : begin + 60])
    settle(installation)


#: What somebody does on our pages.
HERE: Final = """(name IN ('page_viewed', 'screen_viewed', 'page_engaged', 'form_submitted', 'asset_downloaded', 'email_clicked')
    OR name LIKE '%!_played' ESCAPE '!')"""
IN: Final = "at >= :begins AND at < :ends"
PATH: Final = "body -> 'context' -> 'page' ->> 'path'"


def number(connection: Connection, name: str) -> str:
    """A property as a number in SQL, zero where it is none."""
    which, type_ = {
        "postgresql": (f"jsonb_typeof(body -> 'properties' -> '{name}') = 'number'", "numeric"),
        "sqlite": (f"json_type(body, '$.properties.{name}') IN ('integer', 'real')", "real"),
    }[connection.dialect.name]
    return f"CASE WHEN {which} THEN CAST(body -> 'properties' ->> '{name}' AS {type_}) ELSE 0 END"


def one(connection: Connection, question: str, period: Period) -> int:
    """The one number that a statement gives, zero for none."""
    [[found]] = ask(connection, question, period)
    return int(found or 0)


def counts(connection: Connection, question: str, period: Period) -> dict[str, int]:
    """Numbers by names."""
    return {str(key): int(n) for key, n in ask(connection, question, period)}
