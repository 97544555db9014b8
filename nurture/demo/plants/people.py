"""Who comes to a made-up business, and what they do there of their own accord; pure: everything follows from the seed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from nurture.demo.plants.business import ARTICLES, DEMO_PAGE, OFFERS, WAYS, Business, Half
from nurture.domain.event import ASSET_DOWNLOADED, ENGINE, FORM_SUBMITTED, PAGE_VIEWED, Event

#: Days of a half; the second is what is reported on.
HALF: Final = 28

#: So many days before the first half sleepers came.
_LONG_AGO: Final = 40

BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SITE: Final = "https://www.example.com"

#: So many of those who are not known to compare are ready all the same.
_READY_UNSEEN: Final = 0.1


class Someone(NamedTuple):
    """A visitor with an address of their own, should they leave it. Who is `ready` buys if they are called."""

    number: int
    device: str
    email: str
    fits: bool
    ready: bool


class Crowd(NamedTuple):
    """Everybody by address, and what they do of their own accord, in the order of time."""

    people: Mapping[str, Someone]
    events: Sequence[Event]


def crowd(business: Business, seed: int, first_day: datetime) -> Crowd:
    """The crowd of a business; `first_day` is the midnight (UTC) at which the first half begins."""
    return _Playwright(business, Random(seed), first_day).write()  # noqa: S311 - a play, no secret


class _Playwright:
    def __init__(self, business: Business, dice: Random, first_day: datetime) -> None:
        self._business, self._dice, self._first_day = business, dice, first_day
        self._number = 0
        self._people: dict[str, Someone] = {}

    def write(self) -> Crowd:
        events = [event for _ in range(self._business.sleepers) for event in self._sleeper()]
        came: list[Someone] = []
        for begins, half in ((0, self._business.before), (HALF, self._business.now)):
            again = list(came)
            for _ in range(half.visitors):
                day = begins + self._dice.randrange(HALF)
                if again and self._luck(half.returning):
                    events += self._return(self._dice.choice(again), half, day)
                else:
                    someone, acts = self._newcomer(half, day)
                    came.append(someone)
                    events += acts
        until = self._first_day + timedelta(days=2 * HALF)
        known = (event for event in events if event.occurred_at < until)
        return Crowd(self._people, sorted(known, key=lambda event: (event.occurred_at, event.message_id)))

    def _luck(self, chance: float) -> bool:
        return self._dice.random() < chance

    def _someone(self, fits: float) -> Someone:
        self._number += 1
        device, fitting = str(UUID(int=self._dice.getrandbits(128), version=4)), self._luck(fits)
        ready = fitting and self._luck(self._business.interested)
        someone = Someone(self._number, device, f"p{self._number}@company{self._number}.example", fitting, ready)
        self._people[someone.email] = someone
        return someone

    def _newcomer(self, half: Half, day: int) -> tuple[Someone, list[Event]]:
        channel = self._dice.choices([*half.channels], [*half.channels.values()])[0]
        someone = self._someone(self._business.channel_fits.get(channel, self._business.fits))
        return someone, [*self._visit(someone, channel, half, self._moment(day))]

    def _return(self, someone: Someone, half: Half, day: int) -> list[Event]:
        channel = self._dice.choices([*half.channels], [*half.channels.values()])[0]
        return [*self._reading(someone, channel, self._moment(day))]

    def _moment(self, day: int) -> datetime:
        return self._first_day + timedelta(days=day, hours=7, seconds=self._dice.randrange(8 * 3600))

    def _reading(self, someone: Someone, channel: str, at: datetime) -> Iterator[Event]:
        referrer, tags = WAYS[channel]
        read = dict.fromkeys(self._dice.choices([*ARTICLES], [*ARTICLES.values()], k=self._dice.randint(1, 3)))
        for number, path in enumerate(read):
            yield page(someone, path, at + timedelta(minutes=3 * number), *((referrer, tags) if number == 0 else (_SITE, "")))

    def _visit(self, someone: Someone, channel: str, half: Half, at: datetime) -> Iterator[Event]:
        read = [*self._reading(someone, channel, at)]
        yield from read
        blind = any(event.context["page"]["path"] == self._business.blind_page for event in read)
        if blind or not self._luck(half.sees_an_offer):
            return
        offer = "guide" if self._luck(self._business.guide) else "checklist"
        at += timedelta(minutes=12)
        yield page(someone, OFFERS[offer], at, _SITE)
        if self._luck(half.takes[offer]):
            yield from taking(someone, offer, at + timedelta(minutes=1), self._asked(offer))
            if someone.ready:
                yield from self._comparing(someone, at)

    def _comparing(self, someone: Someone, at: datetime) -> Iterator[Event]:
        """Back on another day, for what only those look at who weigh a decision."""
        at += timedelta(days=self._dice.randint(1, 4), minutes=self._dice.randrange(60))
        for number, path in enumerate(("/case-study", "/pricing", "/case-study", "/pricing")):
            yield page(someone, path, at + timedelta(minutes=2 * number), _SITE if number else "")
        if self._luck(self._business.raises_hand):
            yield from raising_hand(someone, at + timedelta(minutes=10))

    def _asked(self, form: str) -> Sequence[str]:
        forms = self._business.definitions.get("forms", {})
        return [*forms.get(form, {}).get("fields", {"job_title": "", "company": ""})]

    def _sleeper(self) -> Iterator[Event]:
        someone = self._someone(self._business.fits)._replace(ready=False)
        at = self._moment(-_LONG_AGO - self._dice.randrange(HALF))
        yield page(someone, OFFERS["guide"], at, WAYS["organic-search"][0])
        yield from taking(someone, "guide", at, ["job_title", "company"])


def page(someone: Someone, path: str, at: datetime, referrer: str = "", tags: str = "") -> Event:
    """A page that somebody looks at."""
    told = {"path": path, "url": f"{_SITE}{path}{tags}", "referrer": referrer}
    return Event(
        message_id=f"page-{someone.number}-{path}-{at.isoformat()}", source="website", kind="page", name=PAGE_VIEWED, occurred_at=at,
        received_at=at, anonymous_id=someone.device,
        context={"page": {name: value for name, value in told.items() if value}, "userAgent": BROWSER},
    )  # fmt: skip


def taking(someone: Someone, offer: str, at: datetime, asked: Sequence[str]) -> Iterator[Event]:
    """Contact details for content, and the content. Of what is asked, whoever sends the form tells what they are."""
    yield _submission(someone, offer, OFFERS[offer], at, asked)
    yield Event(
        message_id=f"download-{someone.number}-{offer}-{at.isoformat()}", source=ENGINE, name=ASSET_DOWNLOADED,
        occurred_at=at + timedelta(seconds=5), received_at=at + timedelta(seconds=5), submission=f"{offer}-{someone.number}",
        properties={"asset": offer, "gated": True}, context={"userAgent": BROWSER},
    )  # fmt: skip


def raising_hand(someone: Someone, at: datetime) -> Iterator[Event]:
    """Somebody asks for a demo."""
    yield page(someone, DEMO_PAGE, at, _SITE)
    yield _submission(someone, "demo-request", DEMO_PAGE, at + timedelta(minutes=1), ["job_title", "company"])


def _submission(someone: Someone, form: str, path: str, at: datetime, asked: Sequence[str]) -> Event:
    known = {"job_title": "Head of marketing" if someone.fits else "Student", "company": f"Company {someone.number}"}
    return Event(
        message_id=f"form-{someone.number}-{form}-{at.isoformat()}", source=f"form:{form}", name=FORM_SUBMITTED,
        occurred_at=at.astimezone(UTC), received_at=at, anonymous_id=someone.device, email=someone.email,
        submission=f"{form}-{someone.number}", assurance="claimed", properties={"form": form, "page": path},
        traits={name: value for name, value in known.items() if name in asked},
        context={"page": {"path": path, "url": _SITE + path}, "userAgent": BROWSER},
    )  # fmt: skip
