"""The events of the growth figure: a site's visitors over four months, in the order in which the engine hears of them.

Who they are, with the shares in MIX, is drawn once from a fixed seed, so equal arguments give equal events:

- how much one does has a heavy tail: a lognormal number of events, half of all people with less than half of the mean, a few
  with fifty times it; they come in visits of about five events, spread over one to sixty days
- they are evenly spread over the season, so every slice has as many people in a batch as the first, in which all are new
- some become known, by a form or by logging in; of these some use several devices, and some share one with somebody else
- events come within seconds, a few hours late, or twice; crawlers read along; some visitors consent to nothing
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from math import log
from typing import Any, Final, Literal, NamedTuple

from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, FORM_SUBMITTED, IDENTIFIED, PAGE_VIEWED, Event
from nurture.domain.ids import event_key, stable_id

START: Final = datetime(2026, 3, 2, tzinfo=UTC)
SEASON: Final = timedelta(days=120)

#: Shares: of people (the first five), of those who come back after a form or log in, or of events.
MIX: Final = {
    "become known": 0.45, "of these, by logging in": 0.3, "of these, with a second device": 0.25, "share a device": 0.02,
    "consent to nothing (on top)": 0.04, "visits begun by a click in a mail": 0.25, "known again on another device": 0.5,
    "late events": 0.03, "doubled events (on top)": 0.01, "events of crawlers": 0.03,
}  # fmt: skip

_SPREAD: Final = 1.2
_VISIT: Final = 5.0
_CRAWLERS: Final = 20
_DAY: Final = 86_400.0
_SITE: Final = "https://www.example.com"
_PATHS: Final = (
    "/", "/blog/forms", "/blog/attribution", "/blog/scoring", "/fr/blog/formulaires", "/blog/landing-pages", "/podcast", "/about",
    "/pricing", "/demo", "/case-studies/acme", "/case-studies/globex", "/careers", "/guide",
)  # fmt: skip
_ARRIVALS: Final = (
    ("", ""), ("", ""), ("", ""), ("https://www.google.com/", ""), ("https://www.google.fr/", ""), ("https://www.linkedin.com/", ""),
    ("https://chatgpt.com/", ""), ("", "?utm_source=newsletter&utm_medium=email&utm_campaign=weekly"),
    ("https://www.google.com/", "?utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=abc"), ("https://news.example.org/", ""),
)  # fmt: skip
_ACTS: Final = (("page_engaged", "seconds", 240), ("podcast_played", "seconds", 900), ("video_played", "percent", 100))
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
)
_CRAWLER: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
_TITLES: Final = ("Head of Marketing", "Sales Manager", "CEO", "Student", "Engineer", "Growth Lead")
_COUNTRIES: Final = ("FR", "BE", "DE", "GB", "US")

Told = Literal["never", "now", "before"]


class Visit(NamedTuple):
    """One visit: its begin in seconds of the season, whose it is, and whether they tell in it who they are."""

    at: float
    visitor: int
    number: int
    size: int
    told: Told
    kind: Literal["human", "crawler", "unconsented"] = "human"


def heard(events: int, people: int) -> Iterator[Event]:
    """The season's events by `received_at`. `events` of them are for the log, of `people` humans and some crawlers; what
    comes twice, and what nobody consented to, is on top.
    """
    chance = random.Random(20260301)
    waiting: list[tuple[datetime, int, Event]] = []
    number = 0
    for visit in sorted(_visits(events, people, chance)):
        begin = START + timedelta(seconds=visit.at)
        while waiting and waiting[0][0] <= begin:
            yield heappop(waiting)[-1]
        for event in _events(visit, begin):
            number += 1
            heappush(waiting, (event.received_at, number, event))
            if chance.random() < MIX["doubled events (on top)"]:
                again = event.received_at + timedelta(seconds=chance.uniform(1, 600))
                number += 1
                heappush(waiting, (again, number, event.model_copy(update={"received_at": again})))
    while waiting:
        yield heappop(waiting)[-1]


def _visits(events: int, people: int, chance: random.Random) -> Iterator[Visit]:
    crawled = round(events * MIX["events of crawlers"])
    for index in range(crawled):
        yield Visit(chance.uniform(0, SEASON.total_seconds()), index % _CRAWLERS, index // _CRAWLERS, 1, "never", "crawler")
    sizes = [_size(events / people, chance) for _ in range(people)]
    _make_sum(sizes, events - crawled)
    for visitor, size in enumerate(sizes):
        yield from _visits_of(visitor, size, chance)
    for visitor in range(round(people * MIX["consent to nothing (on top)"])):
        for visit in _visits_of(visitor, _size(events / people, chance), chance):
            yield visit._replace(kind="unconsented", told="never")


def _size(mean: float, chance: random.Random) -> int:
    return max(1, round(chance.lognormvariate(log(mean) - _SPREAD**2 / 2, _SPREAD)))


def _make_sum(sizes: list[int], total: int) -> None:
    """Scale sizes so that their sum is `total`; what rounding leaves over is one more or less for those with the most."""
    scale = total / sum(sizes)
    sizes[:] = [max(1, round(size * scale)) for size in sizes]
    over = sum(sizes) - total
    for index in sorted(range(len(sizes)), key=sizes.__getitem__, reverse=True)[: abs(over)]:
        sizes[index] -= 1 if over > 0 else -1


def _visits_of(visitor: int, size: int, chance: random.Random) -> Iterator[Visit]:
    parts = []
    while size > 0:
        parts.append(min(size, 1 + int(chance.expovariate(1 / (_VISIT - 1)))))
        size -= parts[-1]
    span = chance.uniform(1, 60) * _DAY
    season = SEASON.total_seconds()
    begin = chance.uniform(0, season)
    times = sorted((begin + chance.random() * span) % season for _ in parts)  # whoever goes on after the end was here before
    telling = [number for number, part in enumerate(parts) if part > 1]
    known = chance.choice(telling) if telling and chance.random() < MIX["become known"] else len(parts)
    for number, (at, part) in enumerate(zip(times, parts, strict=True)):
        told: Told = "never" if number < known else "now" if number == known else "before"
        yield Visit(at, visitor, number, part, told)


class _Visitor:
    """What is always true of a visitor; drawn from the number alone."""

    def __init__(self, number: int) -> None:
        chance = random.Random(f"visitor {number}")
        self.number = number
        self.logs_in = chance.random() < MIX["of these, by logging in"]
        self.has_second_device = chance.random() < MIX["of these, with a second device"]
        self.shares = number % 100 < 100 * MIX["share a device"]
        self.agent = chance.choice(_AGENTS)
        self.email = f"visitor{number}@company{number % 997}.example.com"
        self.traits = {
            "firstName": "Camille", "jobTitle": chance.choice(_TITLES), "company": f"Company {number % 997}",
            "country": chance.choice(_COUNTRIES),
        }  # fmt: skip

    def device(self, *, second: bool) -> str:
        owner = self.number & ~1 if self.shares and not second else self.number
        return f"device-{owner:07d}{'-b' if second else ''}"

    @property
    def person(self) -> int:
        """The id under which the engine knows whoever shares no device: it comes from the first event of the first visit."""
        return stable_id("person", event_key("website", f"human-{self.number}-0-0"))


def _events(visit: Visit, begin: datetime) -> Iterator[Event]:
    if visit.kind == "crawler":
        yield _crawled(visit, begin)
        return
    chance = random.Random(f"{visit.kind} {visit.visitor} {visit.number}")
    at = begin
    for index, event in enumerate(_Visiting(visit, chance).events()):
        at += timedelta(seconds=chance.uniform(5, 120)) if index else timedelta(0)
        travel = timedelta(seconds=chance.uniform(0.1, 2))
        if visit.number and event["source"] == "website" and chance.random() < MIX["late events"]:
            travel = timedelta(hours=chance.expovariate(1 / 6))
        yield Event(
            **event, message_id=f"{visit.kind}-{visit.visitor}-{visit.number}-{index}", occurred_at=at, received_at=at + travel
        )


def _crawled(visit: Visit, begin: datetime) -> Event:
    path = _PATHS[visit.number % len(_PATHS)]
    return Event(
        message_id=f"crawl-{visit.visitor}-{visit.number}", source="website", kind="page", name=PAGE_VIEWED, occurred_at=begin,
        received_at=begin, anonymous_id=f"crawler-{visit.visitor}",
        context={"page": {"path": path, "url": _SITE + path}, "userAgent": _CRAWLER},
    )  # fmt: skip


class _Visiting:
    """What a visitor does in one visit, without its instants."""

    def __init__(self, visit: Visit, chance: random.Random) -> None:
        self.visit, self.chance = visit, chance
        self.visitor = _Visitor(visit.visitor)
        second = (
            visit.told == "before" and self.visitor.has_second_device and chance.random() < MIX["known again on another device"]
        )
        self.device = self.visitor.device(second=second)
        self.tells = visit.told == "now" or (second and chance.random() < MIX["known again on another device"])
        self.signs_in = self.visitor.logs_in and visit.told == "before" and not second

    def events(self) -> Iterator[dict[str, Any]]:
        """`visit.size` events: a page, perhaps who they are, then pages and other acts."""
        clicks = self.visit.told == "before" and self.chance.random() < MIX["visits begun by a click in a mail"]
        opening = self._click() if clicks and not self.visitor.shares else self._page(*self.chance.choice(_ARRIVALS))
        if self.visit.kind == "unconsented":
            for _ in range(self.visit.size):
                page = self._page()
                yield {key: page[key] for key in ("source", "kind", "name", "context")} | {"consented": False}
            return
        acts = [opening, *(self._telling() if self.tells else [self._identify()] if self.signs_in else [])]
        yield from acts[: self.visit.size]
        for _ in range(self.visit.size - len(acts)):
            yield self._page() if self.chance.random() < 0.75 else self._act()

    def _by_script(self, kind: str, name: str, path: str, search: str = "", referrer: str = "", **more: Any) -> dict[str, Any]:
        page = {"path": path, "url": f"{_SITE}{path}{search}", "title": f"Page {path}", "referrer": referrer, "search": search}
        context = {"page": page, "userAgent": self.visitor.agent, "locale": "fr-FR", "timezone": "Europe/Paris"}
        return {"source": "website", "kind": kind, "name": name, "anonymous_id": self.device, "context": context, **more}

    def _page(self, referrer: str = f"{_SITE}/", search: str = "") -> dict[str, Any]:
        return self._by_script("page", PAGE_VIEWED, self.chance.choice(_PATHS), search, referrer)

    def _act(self) -> dict[str, Any]:
        name, measure, most = self.chance.choice(_ACTS)
        return self._by_script("track", name, self.chance.choice(_PATHS), properties={measure: self.chance.randrange(1, most)})

    def _click(self) -> dict[str, Any]:
        url = f"{_SITE}{self.chance.choice(_PATHS)}?utm_campaign=follow-up"
        message = stable_id("mail", self.visit.visitor, self.visit.number)
        return {
            "source": "engine", "name": EMAIL_CLICKED, "person": self.visitor.person, "message": message, "properties": {"url": url},
            "context": {"userAgent": self.visitor.agent, "method": "GET"},
        }  # fmt: skip

    def _telling(self) -> list[dict[str, Any]]:
        if self.visitor.logs_in:
            return [self._identify()]
        submission = f"s-{self.visit.visitor}-{self.visit.number}"
        form = {
            "source": "form:guide", "name": FORM_SUBMITTED, "anonymous_id": self.device, "email": self.visitor.email,
            "submission": submission, "assurance": "claimed", "properties": {"form": "guide", "asset": "guide-lead-gen"},
            "traits": self.visitor.traits, "context": {"userAgent": self.visitor.agent},
        }  # fmt: skip
        download = {
            "source": "engine", "name": ASSET_DOWNLOADED, "submission": submission, "context": {"userAgent": self.visitor.agent},
            "properties": {"asset": "guide-lead-gen", "gated": True},
        }  # fmt: skip
        return [form, download]

    def _identify(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "user_id": f"user-{self.visit.visitor}",
            "email": self.visitor.email,
            "traits": self.visitor.traits,
        }
        return self._by_script("identify", IDENTIFIED, "/", **told)
