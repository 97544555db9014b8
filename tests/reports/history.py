"""A made-up past of a business, absorbed for real: people on several devices, machines, events heard of late, people sent back and
come again; and questions to what is stored, asked in plain SQL.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, text

from nurture.adapters.database.tables.columns import Instant
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.flow.cool import cool
from nurture.flow.recount import recount
from nurture.reports.sheet import Period, local_day
from tests.support.definitions import DEFINITIONS, SENDING, definitions
from tests.support.events import MONDAY, event
from tests.support.installation import BROWSER, CRAWLER, Installation

ZONE: Final = "Europe/Paris"
STAGES: Final = ("lead", "mql", "sql", "opportunity", "customer")

_LIFECYCLE: Mapping[str, Any] = DEFINITIONS["lifecycle"] | {
    "promotions": [
        *DEFINITIONS["lifecycle"]["promotions"],
        {"id": "talks", "to": "opportunity", "on": "lead_accepted"},
        {"id": "won", "to": "customer", "on": "deal_won"},
    ],
    "rejections": [{"id": "not-now", "on": ["lead_rejected", "deal_lost"], "to": "lead", "cool_down": "20d"}],
}


def business() -> Definitions:
    """Definitions of a business in Paris whose sales answer."""
    return definitions(
        lifecycle=_LIFECYCLE,
        sending=SENDING | {"timezone": ZONE},
        assets={
            "guide": {"title": {"en": "The guide"}, "file": "assets/guide.pdf", "gated": True},
            "webinar": {"title": {"en": "The webinar"}, "file": "assets/webinar.pdf", "gated": True},
            "checklist": {"title": {"en": "The checklist"}, "file": "assets/checklist.pdf"},
        },
        forms={"guide": {"asset": "guide", "deliver": "redirect"}, "webinar": {"asset": "webinar", "deliver": "redirect"}},
        sequences={},
    )


class Teller:
    """Tells what people do, with short names for what varies; every event has an instant of its own."""

    def __init__(self) -> None:
        self._told = 0

    def _at(self, day: float) -> datetime:
        self._told += 1
        return MONDAY + timedelta(days=day, milliseconds=self._told)

    def visit(
        self,
        day: float,
        device: str,
        path: str = "/",
        *,
        referrer: str = "",
        campaign: str = "",
        medium: str = "cpc",
        agent: str = BROWSER,
    ) -> Event:
        page = {"url": f"https://www.example.com{path}", "path": path, **({"referrer": referrer} if referrer else {})}
        context: dict[str, Any] = {"page": page, "userAgent": agent}
        if campaign:
            context["campaign"] = {"name": campaign, "source": "google", "medium": medium}
        return event("page_viewed", self._at(day), anonymous_id=device, context=context)

    def crawl(self, day: float, device: str, path: str = "/", referrer: str = "https://www.google.com/") -> Event:
        return self.visit(day, device, path, referrer=referrer, agent=CRAWLER)

    def post(self, day: float, email: str, device: str, form: str = "guide", **traits: Any) -> Event:
        return event(
            "form_submitted", self._at(day), anonymous_id=device, email=email, submission=f"{form} {email}", source=f"form:{form}",
            properties={"form": form, "asset": form}, traits=traits, context={"userAgent": BROWSER},
        )  # fmt: skip

    def download(self, day: float, email: str, form: str = "guide") -> Event:
        properties = {"asset": form, "gated": True}
        return event("asset_downloaded", self._at(day), submission=f"{form} {email}", source="engine", properties=properties)

    def take_freely(self, day: float, email: str) -> Event:
        properties = {"asset": "checklist", "gated": False}
        return event("asset_downloaded", self._at(day), email=email, source="engine", properties=properties)

    def say(self, day: float, email: str, name: str, **properties: Any) -> Event:
        """What a server says that has a secret key."""
        return event(name, self._at(day), email=email, assurance="verified", source="crm", properties=properties)


def told_by_hand(installation: Installation) -> None:
    """Few people, each for a reason."""
    tell = Teller()
    google, partner = "https://www.google.com/", "https://www.partner.example/post"
    installation.happen(
        tell.crawl(0, "crawler"), tell.crawl(0.1, "office"),
        # Ana: found by search, an advertisement, back by herself; all the way to customer.
        tell.visit(0, "ana", "/blog/a", referrer=google), tell.visit(1, "ana", "/pricing", campaign="spring"),
        tell.visit(1.5, "ana", "/blog/b"), tell.post(2, "ana@acme.test", "ana", job_title="Chief"), tell.download(2, "ana@acme.test"),
        tell.visit(3, "ana", "/pricing"), tell.say(5, "ana@acme.test", "demo_requested"), tell.say(9, "ana@acme.test", "deal_won"),
        # Ben: two devices that turn out to be one human's.
        tell.visit(0.2, "phone", "/blog/a", referrer=partner), tell.visit(4, "office", "/blog/c", referrer=google),
        tell.post(4.1, "ben@acme.test", "office", "webinar"), tell.download(4.2, "ben@acme.test", "webinar"),
    )  # fmt: skip
    installation.happen(tell.post(6, "ben@acme.test", "phone"))
    installation.happen(
        # Cem: a visit of long ago is heard of late.
        tell.post(3, "cem@acme.test", "cem"), tell.download(3.1, "cem@acme.test"),
        # Dora: hot, cooled, hot again. Eva: sales did not want her. Fay: nobody knows what brought her.
        tell.visit(2, "dora", "/pricing", referrer=partner), tell.post(2.1, "dora@acme.test", "dora", job_title="Head"),
        tell.take_freely(2.15, "dora@acme.test"), tell.download(2.2, "dora@acme.test"), tell.visit(2.3, "dora", "/pricing"),
        tell.visit(6, "eva", "/blog/a", campaign="autumn", medium="email"), tell.say(7, "fay@acme.test", "demo_requested"),
    )  # fmt: skip
    installation.happen(tell.post(6.1, "eva@acme.test", "eva", "webinar"), tell.say(6.5, "eva@acme.test", "demo_requested"))
    installation.happen(tell.say(8, "eva@acme.test", "lead_rejected", reason="no budget"))
    installation.happen(tell.visit(0.5, "cem", "/blog/late", campaign="autumn", medium="email"))
    installation.clock.advance(timedelta(days=70))
    assert cool(installation.database, installation.clock) > 0
    installation.happen(*(tell.visit(70 + n / 10, "dora", "/pricing") for n in range(4)))
    settle(installation)


def told_at_random(installation: Installation, seed: int, acts: int = 160) -> None:
    """Twelve people on twenty devices over forty days, in no order, some of it twice."""
    draw, tell = random.Random(seed), Teller()

    def some() -> list[Event]:
        day, n = draw.uniform(0, 40), draw.randrange(12)
        email, device, form = f"p{n}@acme.test", f"d{draw.choice([n, n, n + 8])}", draw.choice(["guide", "webinar"])
        referrer = draw.choice(["", "", "https://www.google.com/", "https://www.partner.example/", "https://www.linkedin.com/"])
        paths = ["/blog/a", "/blog/b", "/pricing", "/pricing", "/"]
        campaign, medium = draw.choice(["spring", "autumn"]), draw.choice(["cpc", "email"])
        said = draw.choice(["demo_requested", "lead_accepted", "deal_won", "lead_rejected", "deal_lost"])
        told: list[Callable[[], list[Event]]] = [
            lambda: [tell.visit(day, device, draw.choice(paths), referrer=referrer)],
            lambda: [tell.visit(day, device, draw.choice(paths), campaign=campaign, medium=medium)],
            lambda: [tell.crawl(day, device, draw.choice(paths))],
            lambda: [
                tell.post(day, email, device, form, job_title=draw.choice(["Chief", "clerk"])),
                tell.download(day, email, form),
            ],
            lambda: [tell.download(day, email, form)],
            lambda: [tell.take_freely(day, email)],
            lambda: [tell.say(day, email, said)],
        ]
        return draw.choice(told)()

    log = [each for _ in range(acts) for each in some()]
    log += draw.sample(log, acts // 8)
    draw.shuffle(log)
    for begin in range(0, len(log), 40):
        installation.happen(*log[begin : begin + 40])
    installation.clock.advance(timedelta(days=45))
    cool(installation.database, installation.clock)
    settle(installation)


def settle(installation: Installation) -> None:
    """Work out whoever no longer follows from the log."""
    while recount(installation.database, installation.clock).due:
        pass


def period_of(first: int = -3, last: int = 80) -> Period:
    """Days around the first Monday."""
    monday = local_day(MONDAY, ZONE)
    return Period(first=monday + first, last=monday + last, timezone=ZONE)


#: Stage changes with their rank, by the human; and those by which somebody came higher than ever before.
MOVES: Final = """
    moves AS (
        SELECT COALESCE(p.merged_into, p.id) AS root, c.id, c.at, c.to_stage, c.asset, c.event_id, c.touch,
            CASE c.to_stage WHEN 'lead' THEN 1 WHEN 'mql' THEN 2 WHEN 'sql' THEN 3 WHEN 'opportunity' THEN 4
                WHEN 'customer' THEN 5 ELSE 0 END AS rank
        FROM stage_changes c JOIN people p ON p.id = c.person_id
    ),
    firsts AS (
        SELECT s.stage, s.rank AS of_rank, m.*, ROW_NUMBER() OVER (PARTITION BY m.root, s.stage ORDER BY m.at, m.id) AS n
        FROM moves m
        JOIN (SELECT 'lead' AS stage, 1 AS rank UNION SELECT 'mql', 2 UNION SELECT 'sql', 3 UNION SELECT 'opportunity', 4
            UNION SELECT 'customer', 5) s ON m.rank >= s.rank
    ),
    milestones AS (SELECT * FROM firsts WHERE n = 1),
    acts AS (
        SELECT COALESCE(p.merged_into, p.id) AS root, e.id, e.name, e.occurred_at AS at, e.channel, e.body
        FROM events e JOIN people p ON p.id = e.person_id WHERE e.verdict = 'human'
    )
"""


def ask(connection: Connection, question: str, period: Period | None = None, **values: Any) -> Sequence[Any]:
    """The rows of a statement in SQL as it is written, after `MOVES`; `:begins` and `:ends` are those of the period."""
    statement = text(f"WITH {MOVES} {question}")
    if ":begins" in question and period is not None:
        instants = [bindparam(name, value, type_=Instant) for name, value in (("begins", period.begins), ("ends", period.ends))]
        statement = statement.bindparams(*instants)
    return connection.execute(statement, values).all()
