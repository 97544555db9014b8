"""The people of the test of what is foretold: the sequences they enter, and what they do over ten days.

Everything that somebody does is many minutes away from everything else that becomes due to them: an engine that is a little late
must come to the same. For the same reason nothing lasts as long as something else that begins with it: a cap of 3 days, say, beside
a wait of 3 days would be decided by the seconds between a step and its mail.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from nurture.domain.enrollment import message_id
from nurture.domain.event import (
    ASSET_DOWNLOADED,
    EMAIL_CLICKED,
    ENGINE,
    ENROLL_REQUESTED,
    FORM_SUBMITTED,
    IDENTIFIED,
    PAGE_VIEWED,
    UNSUBSCRIBED,
    Event,
)
from nurture.domain.ids import stable_id
from tests.support.both_ways import Played
from tests.support.installation import BROWSER, CRAWLER

#: A Monday: New York puts its clocks forward on the Sunday that follows.
START: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

#: Everybody has had their last mail by then.
UNTIL: Final = START + timedelta(days=14, hours=4)

SECRET: Final = "whsec_" + "c2VjcmV0" * 4

_CONFIG: Final = {
    "scoring.yaml": """
half_life: 7d
rules:
  - {id: article, on: page_viewed, where: {path: {starts_with: /blog/}}, points: 2, cap: {hits: 3, per: day}}
  - {id: pricing, on: page_viewed, where: {path: /pricing}, points: 10, cap: {hits: 2, per: day}}
  - {id: download, on: asset_downloaded, points: 20}
  - {id: read, on: email_clicked, points: 5}
fit:
  - {id: head, when: {job_title: {matches: "^Head"}}, points: 45}
""",
    "lifecycle.yaml": """
stages: [audience, lead, mql, sql]
promotions:
  - {id: gated-download, to: lead, on: asset_downloaded, where: {gated: true}}
  - {id: hot, to: mql, when: {all: [{engagement: {at_least: 26}}, {grade: {at_least: B}}]}}
  - {id: hand-raise, to: sql, on: demo_requested}
recycling:
  - {id: cooled, from: mql, to: lead, when: {engagement: {below: 20}}}
""",
    "sending.yaml": """
sender: {name: Anna Martin, email: anna@example.com}
organisation: {name: Example SAS, address: "1 rue de la Paix, 75002 Paris", privacy_url: https://www.example.com/privacy}
frequency_cap: {messages: 3, per: 70h}
quiet_hours: {hours: "21:00-07:00"}
timezone: Europe/Paris
""",
    "assets.yaml": "assets: {guide: {title: {en: The guide}, file: assets/guide.pdf, gated: true}}\n",
    "assets/guide.pdf": "The guide\n",
    "forms.yaml": "forms: {guide: {asset: guide, deliver: redirect, fields: {email: required}}}\n",
    "pools.yaml": "pools: {evergreen: [{email: guide-again, asset: guide}, {email: figures}, {email: checklist}]}\n",
    "handoff.yaml": "endpoints: {{crm: {{url: {endpoint}, stages: [mql, sql], secret: crm}}}}\n",
    "sequences/guide.yaml": """
sequence: guide
trigger: {promoted_to: lead}
goal: {event: demo_requested}
exit: [unsubscribed]
window: {days: mon-fri, hours: "09:00-18:00", timezone: person, spread: 1h}
steps:
  - {id: thanks, email: guide-thanks, window: any}
  - {id: reads, wait_for: {event: page_viewed, within: 2d}, on_timeout: [{id: nudge, email: nudge}]}
  - {branch: [{share: 50, then: [{id: short, email: case-study}]}, {else: [{sequence: second}]}]}
  - {id: points, score: article}
  - {set: {nurtured: true}}
  - {branch: [{if: {happened: reads}, then: [{goto: last}]}]}
  - {wait: {until: tuesday, at: "10:00"}}
  - {id: fresh, pool: evergreen}
  - {id: last, email: last-word, variants: {plain: {}, bold: {email: last-word-bold}}}
""",
    "sequences/second.yaml": """
sequence: second
trigger: manual
priority: 80
exit: [unsubscribed]
steps:
  - {id: again, email: again}
  - {wait: {business_days: 1}}
  - {id: late, email: figures}
""",
    "sequences/offer.yaml": """
sequence: offer
trigger: {event: signed_up}
reentry: after_exit
exit: [unsubscribed]
steps:
  - {id: hello, email: offer, window: any}
  - {id: interest, wait_for: {event: email_clicked, where: {path: /pricing}, message: hello, within: 2d}, on_timeout: [{id: remind, email: offer-again}]}
  - {branch: [{if: {happened: interest}, then: [{id: call, notify: crm, text: Ring them today}]}]}
  - {wait: 36h}
  - {id: goodbye, email: checklist}
""",
    "sequences/webinar.yaml": """
sequence: webinar
trigger: {date: webinar_day, before: 1d, at: "09:00"}
exit: [unsubscribed]
steps:
  - {id: tomorrow, email: webinar}
  - {wait: {date: webinar_day, after: 1d, at: "11:00"}}
  - {branch: [{if: {happened: {event: webinar_attended, within: 3d}}, then: [{id: thanks, email: webinar-thanks}]}]}
""",
    "sequences/asleep.yaml": """
sequence: asleep
trigger: {enters: {all: [{stage: [lead, mql]}, {happened: {event: page_viewed, within: 4d, times: 0}}, {happened: {event: asset_downloaded, within: 60h, times: 0}}]}}
exit: [unsubscribed]
window: {hours: "10:00-12:00", timezone: person}
steps:
  - {id: wake, email: wake}
  - {wait: 1d}
""",
}
_EMAILS: Final = (
    "guide-thanks", "nudge", "case-study", "guide-again", "figures", "checklist", "last-word", "last-word-bold", "again", "offer", "offer-again",
    "webinar", "webinar-thanks", "wake",
)  # fmt: skip
_LAYOUT: Final = "{% block body %}{% endblock %}\n{{ organisation.address }} {{ links.unsubscribe }}\n"


class Folders(NamedTuple):
    """Where the marketer's files lie."""

    config: Path
    templates: Path


def write_definitions(folder: Path, endpoint: str) -> Folders:
    """The marketer's files, with an endpoint that is told of alerts; the subject of each e-mail is its name."""
    files = {f"config/{name}": text for name, text in _CONFIG.items()}
    files["config/handoff.yaml"] = _CONFIG["handoff.yaml"].format(endpoint=endpoint)
    files |= {f"emails/_layouts/base.{suffix}": _LAYOUT for suffix in ("html", "txt")}
    files |= {f"emails/{name}/en.md": f"---\nsubject: {name}\npreheader: A letter\n---\n\nGood morning.\n" for name in _EMAILS}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Folders(folder / "config", folder / "emails")


class Deed(NamedTuple):
    """Something that somebody does, so many days and hours after the beginning. It is heard of `late` hours later."""

    who: str
    day: int
    clock: str
    what: str
    told: dict[str, Any] = {}
    late: int = 0
    device: str = ""

    @property
    def at(self) -> datetime:
        hours, minutes = map(int, self.clock.split(":"))
        return START.replace(hour=0) + timedelta(days=self.day, hours=hours, minutes=minutes)


#: A reader, one in Tokyo, one in New York, one who is dear to sales and cools, one who asks for a demo, one who wants no more, one
#: of whom is heard late, two who share a browser, three who get an offer, two with a date, one who is put on by hand.
DEEDS: Final = (
    Deed("ana", 0, "08:12", "page", {"path": "/blog/forms"}),
    Deed("ana", 0, "10:07", "form"),
    Deed("ana", 0, "10:31", "download"),
    Deed("ana", 1, "13:23", "page", {"path": "/blog/pages"}),
    Deed("ana", 4, "09:41", "track", {"name": "signed_up"}),
    Deed("bob", 0, "11:17", "form", {"traits": {"timezone": "Asia/Tokyo"}}),
    Deed("bob", 0, "11:44", "download"),
    Deed("bob", 7, "12:20", "page", {"path": "/pricing"}),
    Deed("cleo", 0, "12:03", "form", {"traits": {"timezone": "America/New_York"}}),
    Deed("cleo", 0, "12:29", "download"),
    Deed("cleo", 1, "16:13", "track", {"name": "signed_up"}),
    Deed("cleo", 9, "14:50", "track", {"name": "signed_up"}),
    Deed("dan", 0, "13:11", "form", {"traits": {"job_title": "Head of Sales"}}),
    Deed("dan", 0, "13:36", "download"),
    Deed("dan", 1, "10:21", "page", {"path": "/pricing"}),
    Deed("dan", 1, "10:52", "page", {"path": "/pricing"}),
    Deed("eve", 1, "08:33", "form"),
    Deed("eve", 1, "08:58", "download"),
    Deed("eve", 2, "15:19", "track", {"name": "demo_requested"}),
    Deed("fay", 1, "11:09", "form"),
    Deed("fay", 1, "11:37", "download"),
    Deed("fay", 1, "14:02", "track", {"name": "signed_up"}),
    Deed("fay", 2, "09:26", "unsubscribe"),
    Deed("gus", 2, "10:42", "page", {"path": "/pricing"}, late=30),
    Deed("gus", 2, "11:13", "form", {"traits": {"job_title": "Head of Something"}}),
    Deed("gus", 2, "11:39", "download"),
    Deed("hal", 1, "15:28", "form", {"traits": {"webinar_day": "2026-03-05"}}, device="shared"),
    Deed("hal", 1, "15:51", "download", device="shared"),
    Deed("hal", 3, "14:37", "track", {"name": "webinar_attended"}, device="shared"),
    Deed("ida", 2, "17:14", "form", {"traits": {"webinar_day": "2026-03-06"}}, device="shared"),
    Deed("ida", 3, "09:22", "identify", {"traits": {"webinar_day": "2026-03-10"}}, device="shared"),
    Deed("ida", 4, "16:49", "page", {"path": "/blog/forms"}, device="shared"),
    Deed("jon", 3, "10:38", "identify", {"traits": {"timezone": "nowhere"}}),
    Deed("jon", 3, "11:27", "track", {"name": "signed_up"}),
    Deed("jon", 8, "08:43", "enroll", {"sequence": "second"}),
)  # fmt: skip


def deeds_as_events() -> list[Event]:
    """What everybody does but for what they do in their mails."""
    return [_event(number, deed) for number, deed in enumerate(DEEDS)]


def address(who: str) -> str:
    """Where somebody is mailed to."""
    return f"{who}@acme.test"


def _event(number: int, deed: Deed) -> Event:
    common: dict[str, Any] = {
        "message_id": f"deed-{number}", "source": "website", "occurred_at": deed.at,
        "received_at": deed.at + timedelta(hours=deed.late), "anonymous_id": f"device-{deed.device or deed.who}",
    }  # fmt: skip
    traits, theirs = deed.told.get("traits", {}), common | {"email": address(deed.who)}
    match deed.what:
        case "form":
            sent = {"submission": f"sent-{deed.who}", "source": "form:guide", "properties": {"form": "guide", "asset": "guide"}}
            return Event(name=FORM_SUBMITTED, traits=traits, **{**theirs, **sent})
        case "download":
            return Event(name=ASSET_DOWNLOADED, properties={"asset": "guide", "gated": True}, **{**theirs, "source": ENGINE})
        case "page":
            return Event(name=PAGE_VIEWED, kind="page", context={"page": {"path": deed.told["path"]}}, **common)
        case "identify":
            return Event(name=IDENTIFIED, kind="identify", traits=traits, **theirs)
        case "enroll":
            return Event(name=ENROLL_REQUESTED, properties=deed.told, assurance="verified", **{**theirs, "source": ENGINE})
        case "unsubscribe":
            return Event(name=UNSUBSCRIBED, **{**theirs, "source": ENGINE})
        case _:
            return Event(name=deed.told["name"], **common)


class Click(NamedTuple):
    """A click in a mail, so long after it was foretold to leave."""

    who: str
    sequence: str
    step: str
    after: timedelta
    path: str = "/pricing"
    agent: str = BROWSER


#: Ana clicks where she is hoped to; in Cleo's first offer a scanner does, and then she herself elsewhere; Jon is nearly too late.
CLICKS: Final = (
    Click("ana", "offer", "hello", timedelta(hours=5, minutes=17)),
    Click("ana", "guide", "thanks", timedelta(hours=1, minutes=19), "/blog/forms"),
    Click("cleo", "offer", "hello", timedelta(minutes=21), agent=CRAWLER),
    Click("cleo", "offer", "hello", timedelta(hours=7, minutes=3), "/blog/forms"),
    Click("jon", "offer", "hello", timedelta(hours=47, minutes=24)),
)


def clicks_as_events(foretold: Played) -> Iterator[Event]:
    """The clicks of everybody in the mails they were foretold to get; raises ValueError where somebody gets no such mail."""
    people = {row.person: row.id for row in foretold.people}
    for number, click in enumerate(CLICKS):
        mail = min(
            mail for mail in foretold.messages
            if (mail.person, mail.sequence, mail.step) == (address(click.who), click.sequence, click.step) and mail.sent_at
        )  # fmt: skip
        assert mail.sent_at is not None
        at, person = mail.sent_at + click.after, people[mail.person]
        yield Event(
            message_id=f"click-{number}", source=ENGINE, name=EMAIL_CLICKED, occurred_at=at, received_at=at, person=person,
            message=message_id(stable_id("enrollment", person, mail.sequence, mail.entry), mail.step),
            context={"userAgent": click.agent}, properties={"url": f"https://www.example.com{click.path}", "path": click.path},
        )  # fmt: skip
