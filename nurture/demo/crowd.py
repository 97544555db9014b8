"""The crowd at play: who is there, what they do when, and how they react to the mails they get."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from nurture.demo.browser import Browser, Refused, Wire, one_click, try_every_link
from nurture.demo.cast import GUARDED, Persona, Someone, everybody
from nurture.demo.itinerary import FILLING, Fill, FormName, Read, Visit, plan, reading_time, times_of
from nurture.demo.ledger import Ledger
from nurture.demo.letterbox import Mail
from nurture.demo.machines import CRAWLERS, GATEWAY, SPAMMER
from nurture.demo.site import ORIGIN, SITES, Page
from nurture.demo.ticks import Ticks
from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, FORM_SUBMITTED, PAGE_VIEWED, UNSUBSCRIBED

_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
)


class Habit(NamedTuple):
    """How somebody treats mail: how likely each ends in a click, or in no more mail."""

    clicks: float
    unsubscribes: float


_HABITS: Final[dict[Persona, Habit]] = {
    "decider": Habit(0.6, 0.04),
    "practitioner": Habit(0.35, 0.12),
    "subscriber": Habit(0.5, 0.1),
}
_INDIFFERENT: Final = Habit(0.1, 0.05)

#: Of all browsers so many send Global Privacy Control; of all batches and forms so many are sent twice.
_OBJECTS: Final = 0.05
_TWICE: Final = 0.06

#: Who opens a page on a demo or a webinar from a mail goes on to its form this often.
_TAKES_PART: Final = 0.5

#: A click goes so often to the first link, which is the mail's offer.
_FIRST_LINK: Final = 0.8

#: Unsubscribing is done so often by the mail program's own button, and so often twice.
_BY_HEADER: Final = 0.5
_IMPATIENT: Final = 0.3


class Member:
    """One of the crowd, with their devices and their own dice, so that nobody's luck depends on anybody's order."""

    def __init__(self, someone: Someone, browsers: list[Browser], random: Random) -> None:
        self.someone = someone
        self.browsers = browsers
        self.random = random
        self.asked_for_demo = False


class Crowd:
    """Everybody, and the agenda of what they will do. `ledger` says what they have done."""

    def __init__(self, wire: Wire, seed: int, first_day: datetime, ticks: Ticks) -> None:
        self.ledger = Ledger()
        self._wire = wire
        self._ticks = ticks
        self._agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._number = 0
        self._members: dict[str, Member] = {}
        dice = Random(seed)  # noqa: S311  # a play, no secret
        for someone in everybody(dice):
            self._invite(someone, Random(dice.getrandbits(64)), first_day)  # noqa: S311  # likewise
        self._let_machines_in(dice, first_day)

    def __len__(self) -> int:
        return len(self._members)

    def _invite(self, someone: Someone, random: Random, first_day: datetime) -> None:
        visits = plan(someone, random, first_day)
        locale = {"fr": "fr-FR", "en": "en-GB"}[someone.language]
        objects = random.random() < _OBJECTS
        browsers = [
            Browser(self._wire, _uuid(random), random.choice(_AGENTS), locale, someone.timezone, objects=objects)
            for _ in range(1 + max(visit.device for visit in visits))
        ]
        member = Member(someone, browsers, random)
        self._members[someone.email] = member
        for visit in visits:
            ends = self._ticks.from_on(visit.ends)
            self._plan(ends, partial(self._visit, member, visit._replace(ends=ends)))

    def _let_machines_in(self, dice: Random, first_day: datetime) -> None:
        for agent in CRAWLERS:
            site = SITES[dice.choice(("fr", "en"))]
            crawler = Browser(self._wire, _uuid(dice), agent, "en-US", "UTC")
            at = first_day + timedelta(hours=dice.uniform(0, 190))
            for page in (site.home, *site.articles, site.case_study, site.pricing, site.careers, site.guide, site.demo):
                self._plan(at, partial(self._crawl, crawler, page, str(_uuid(dice))))
        for number in range(5):
            self._plan(first_day + timedelta(hours=dice.uniform(10, 190)), partial(self._spam, number, str(_uuid(dice))))

    def _plan(self, at: datetime, act: Callable[[datetime], None]) -> None:
        """Put something on the agenda; it is told the instant for which it was planned."""
        self._number += 1
        heapq.heappush(self._agenda, (at, self._number, act))

    @property
    def next_at(self) -> datetime | None:
        """When the next act is planned."""
        return self._agenda[0][0] if self._agenda else None

    def play(self, until: datetime) -> None:
        """Do everything planned up to an instant."""
        while self._agenda and self._agenda[0][0] <= until:
            at, _, act = heapq.heappop(self._agenda)
            act(at)

    def react(self, mail: Mail) -> None:
        """Let the reader of a mail, and their company's gateway, decide what to do with it."""
        member = self._members[mail.to]
        if member.someone.company in GUARDED:
            requests = try_every_link(self._wire, mail.links, GATEWAY)
            for _ in range(requests):
                self.ledger.person(EMAIL_CLICKED, mail.to, "machine")
        habit = _HABITS.get(member.someone.persona, _INDIFFERENT)
        at = reading_time(mail.at, member.random, member.someone.timezone)
        if mail.step not in ("thanks", "welcome") and member.random.random() < habit.unsubscribes:
            self._plan(at, partial(self._unsubscribe, member, mail))
        elif mail.links and member.random.random() < habit.clicks:
            self._plan(at, partial(self._click, member, mail))

    def _visit(self, member: Member, visit: Visit, _at: datetime) -> None:
        browser = member.browsers[visit.device]
        for stop, at in zip(visit.stops, times_of(visit), strict=True):
            if isinstance(stop, Fill):
                self._fill(member, browser, stop.form, at)
            else:
                self._read(member.random, browser, stop, at)
                browser.came_from = stop.page.url

    def _read(self, random: Random, browser: Browser, stop: Read, at: datetime) -> None:
        self._arrive(random, browser, stop.page, at)
        if stop.seconds:
            self._leave(random, browser, stop, at + timedelta(seconds=stop.seconds))

    def _arrive(self, random: Random, browser: Browser, page: Page, at: datetime) -> None:
        if browser.objects:
            return
        twice = random.random() < _TWICE
        browser.tell({"type": "page"}, str(_uuid(random)), page, at, twice=twice)
        self.ledger.device(PAGE_VIEWED, browser.id)
        self.ledger.sent_twice += twice

    def _leave(self, random: Random, browser: Browser, stop: Read, at: datetime) -> None:
        if browser.objects:
            return
        told = {"url": stop.page.url, "path": stop.page.path, "seconds": stop.seconds, "scroll": random.randint(30, 100)}
        call = {"type": "track", "event": "page_engaged", "properties": told}
        browser.tell(call, str(_uuid(random)), stop.page, at)
        self.ledger.device("page_engaged", browser.id)

    def _fill(self, member: Member, browser: Browser, form: FormName, at: datetime) -> None:
        someone, random = member.someone, member.random
        known = {
            "first_name": someone.first_name, "last_name": someone.last_name, "company": someone.company,
            "job_title": someone.job_title, "consent": "yes",
        }  # fmt: skip
        asked = {
            "guide": ("first_name", "company", "job_title", "consent"),
            "webinar": ("first_name", "company", "consent"),
            "newsletter": ("consent",),
            "demo-request": ("first_name", "last_name", "company", "job_title"),
        }[form]
        fields = {"email": someone.email, **{name: known[name] for name in asked if known[name]}}
        controls = {"_gotcha": "", "_id": str(_uuid(random)), "_timestamp": str(int(at.timestamp() * 1000))}
        if not browser.objects:
            controls["_anonymous_id"] = browser.id
        twice = random.random() < _TWICE
        target = browser.submit(form, fields, controls, twice=twice)
        self.ledger.person(FORM_SUBMITTED, someone.email, device=None if browser.objects else browser.id)
        self.ledger.sent_twice += twice
        if form in ("guide", "webinar"):
            browser.download(target)
            self.ledger.person(ASSET_DOWNLOADED, someone.email)
        else:
            browser.open(target)
        member.asked_for_demo |= form == "demo-request"

    def _click(self, member: Member, mail: Mail, _at: datetime) -> None:
        browser = member.random.choice(member.browsers)
        link = mail.links[0] if member.random.random() < _FIRST_LINK else member.random.choice(mail.links)
        target = browser.follow(link)
        self.ledger.person(EMAIL_CLICKED, mail.to)
        if self._wire.own_path(target) is not None:
            browser.download(target)
            self.ledger.person(ASSET_DOWNLOADED, mail.to)
            return
        if not target.startswith(ORIGIN):
            raise Refused("a mail links to a site that is not the demo's; see templates/emails")
        path = target.removeprefix(ORIGIN).partition("#")[0]
        self._land(member, browser, Read(Page(path, mail.subject), member.random.randint(10, 90)))

    def _land(self, member: Member, browser: Browser, stop: Read) -> None:
        """Read the page to which a click led, and perhaps go on to its form."""
        at = self._wire.clock.now()
        self._arrive(member.random, browser, stop.page, at)
        at += timedelta(seconds=stop.seconds)
        self._plan(at, lambda at: self._leave(member.random, browser, stop, at))
        if member.random.random() < _TAKES_PART:
            self._plan(at + FILLING, lambda at: self._take_part(member, browser, stop.page.path, at))

    def _take_part(self, member: Member, browser: Browser, path: str, at: datetime) -> None:
        if path.endswith("/demo") and not member.asked_for_demo:
            self._fill(member, browser, "demo-request", at)
        elif "/webina" in path:
            self._fill(member, browser, "webinar", at)

    def _unsubscribe(self, member: Member, mail: Mail, _at: datetime) -> None:
        by_header = member.random.random() < _BY_HEADER
        # Impatient people press twice; providers repeat a POST whose answer was lost.
        for _ in range(2 if member.random.random() < _IMPATIENT else 1):
            if by_header:
                one_click(self._wire, mail.unsubscribe)
            else:
                member.browsers[0].press_unsubscribe(mail.unsubscribe)
        self.ledger.unsubscribe(mail.to)
        self.ledger.person(UNSUBSCRIBED, mail.to)

    def _crawl(self, crawler: Browser, page: Page, message_id: str, at: datetime) -> None:
        crawler.tell({"type": "page"}, message_id, page, at)
        self.ledger.device(PAGE_VIEWED, crawler.id, "machine")

    def _spam(self, number: int, ident: str, _at: datetime) -> None:
        """A program fills in every field it finds, at once."""
        spammer = Browser(self._wire, UUID(ident), SPAMMER, "en-US", "UTC")
        shown = str(int(self._wire.clock.now().timestamp() * 1000))
        fields = {
            "email": f"offer-{number}@spam.example.net",
            "first_name": "Cheap traffic",
            "consent": "yes",
            "_gotcha": "http://spam.example.net",
        }
        spammer.submit("guide", fields, {"_id": ident, "_timestamp": shown})
        self.ledger.spam += 1


def _uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)
