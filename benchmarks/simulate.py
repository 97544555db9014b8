"""People simulated per second: three months of a crowd on three sequences, in two processes.

The crowd is drawn from a fixed seed: about ten events a person (pages, a download, a second one, a demo now and then), spread
over ninety days. Afterwards the story is counted: everybody must be there, and every run must have got its mails or the
reason why not.
"""

import argparse
import json
import random
import resource
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from benchmarks.laboratory import same
from nurture.adapters.agents import kind_of_agent
from nurture.adapters.calendar import is_holiday
from nurture.domain.definitions import Definitions
from nurture.domain.event import ASSET_DOWNLOADED, FORM_SUBMITTED, PAGE_VIEWED, Event
from nurture.simulation.apart import Setting, simulate
from nurture.simulation.story import Story

START: Final = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAYS: Final = 90
#: The goal.
MOST_SECONDS: Final = 10.0

_WINDOW: Final = {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "person", "holidays": "FR"}
_SEQUENCES: Final[dict[str, dict[str, Any]]] = {
    "guide": {
        "sequence": "guide",
        "trigger": {"promoted_to": "lead"},
        "goal": {"event": "demo_requested"},
        "exit": ["unsubscribed"],
        "window": _WINDOW,
        "steps": [
            {"id": "thanks", "email": "thanks", "window": "any"},
            {"wait": "2d"},
            {"id": "case", "email": "case"},
            {"id": "reads", "wait_for": {"event": "page_viewed", "within": "4d"}, "on_timeout": [{"id": "nudge", "email": "nudge"}]},
            {
                "branch": [
                    {"if": {"stage": "mql"}, "then": [{"id": "demo", "email": "demo"}]},
                    {"if": {"engagement": {"at_least": 35}}, "then": [{"id": "figures", "email": "figures"}]},
                    {"else": [{"wait": "3d"}, {"id": "theory", "email": "theory"}]},
                ]
            },
            {"wait": {"until": "tuesday", "at": "10:00"}},
            {"id": "goodbye", "email": "goodbye"},
        ],
    },
    "interest": {
        "sequence": "interest",
        "trigger": {"event": "page_viewed", "where": {"path": "/pricing"}},
        "reentry": {"after": "30d"},
        "priority": 80,
        "window": _WINDOW,
        "steps": [
            {"wait": "1h"},
            {"id": "prices", "email": "prices", "variants": {"plain": {}, "bold": {"subject": "What it costs"}}},
            {"wait": {"business_days": 3}},
            {"branch": [{"share": 50, "then": [{"id": "story", "email": "story"}]}, {"else": [{"score": "answered"}]}]},
        ],
    },
    "customers": {
        "sequence": "customers",
        "trigger": {"promoted_to": "mql"},
        "exit": ["unsubscribed"],
        "window": _WINDOW,
        "steps": [
            {"set": {"followed_up": True}},
            {"id": "call", "wait_for": {"event": "demo_requested", "within": "10d"}, "on_timeout": [{"id": "ask", "email": "ask"}]},
            {"branch": [{"if": {"happened": "call"}, "then": [{"id": "welcome", "email": "welcome"}]}]},
        ],
    },
}  # fmt: skip

_DEFINITIONS: Final[dict[str, Any]] = {
    "scoring": {
        "half_life": "30d",
        "rules": [
            {"id": "article", "on": "page_viewed", "where": {"path": {"starts_with": "/blog/"}}, "points": 3, "cap": {"hits": 3}},
            {"id": "pricing", "on": "page_viewed", "where": {"path": "/pricing"}, "points": 10, "cap": {"hits": 2}},
            {"id": "download", "on": "asset_downloaded", "points": 20},
            {"id": "demo", "on": "demo_requested", "points": 40},
            {"id": "answered", "on": "answered", "points": 5},
        ],
        "fit": [{"id": "decides", "when": {"job_title": {"matches": "(?i)head|chief"}}, "points": 45}],
    },
    "lifecycle": {
        "promotions": [
            {"id": "gated-download", "to": "lead", "on": "asset_downloaded", "where": {"gated": True}},
            {"id": "hot", "to": "mql", "when": {"engagement": {"at_least": 45}}},
            {"id": "hand-raise", "to": "sql", "on": ["demo_requested"]},
        ],
        "recycling": [{"id": "cooled", "from": "mql", "to": "lead", "when": {"engagement": {"below": 15}}}],
    },
    "sending": {
        "sender": {"name": "Anna Martin", "email": "anna@example.com"},
        "organisation": {"name": "Example SAS", "address": "1 rue de la Paix, Paris", "privacy_url": "https://example.com/privacy"},
        "quiet_hours": {"hours": "21:00-07:00"},
    },
    "sequences": _SEQUENCES,
}  # fmt: skip

_PATHS: Final = ("/", "/blog/forms", "/blog/scoring", "/blog/attribution", "/pricing", "/about", "/case-studies/acme")
_ZONES: Final = ("Europe/Paris", "Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo")
_TITLES: Final = ("Head of Marketing", "Sales Manager", "Chief Executive", "Student", "Engineer")
_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


def crowd(people: int) -> Iterator[Event]:
    """What everybody does, person by person."""
    chance = random.Random(20260302)
    for number in range(people):
        begin = START + timedelta(seconds=chance.uniform(0, 60 * 86_400))
        joins = begin + timedelta(hours=chance.uniform(0, 48))
        device, email = f"device-{number}", f"p{number}@company-{number % 997}.test"
        traits = {"job_title": chance.choice(_TITLES), "timezone": chance.choice(_ZONES), "country": "FR"}
        yield _event(number, 0, "page_viewed", begin, device, path=chance.choice(_PATHS))
        yield _event(number, 1, FORM_SUBMITTED, joins, device, email=email, traits=traits, form="guide")
        yield _event(number, 2, ASSET_DOWNLOADED, joins, device, asset="guide", gated=True)
        for more in range(chance.choice((4, 5, 6, 7, 8, 9))):
            later = joins + timedelta(seconds=chance.uniform(3_600, 28 * 86_400))
            name = "demo_requested" if chance.random() < 0.02 else PAGE_VIEWED
            yield _event(number, 3 + more, name, later, device, path=chance.choice(_PATHS))


def _event(
    person: int, number: int, name: str, at: datetime, device: str, *, email: str | None = None,
    traits: dict[str, Any] | None = None, path: str | None = None, **properties: Any,
) -> Event:  # fmt: skip
    context: dict[str, Any] = {"userAgent": _AGENT} | ({"page": {"path": path}} if path else {})
    return Event(
        message_id=f"{person}-{number}", source="website", name=name, occurred_at=at, received_at=at, anonymous_id=device,
        email=email, traits=traits or {}, properties=properties, context=context,
    )  # fmt: skip


def main() -> None:
    """Simulate, check, print; exit code 1 where something is missing or takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args()
    events = list(crowd(chosen.people))
    what = Definitions.model_validate(_DEFINITIONS)
    setting = Setting(what, START, START + timedelta(days=DAYS), is_holiday, kind_of_agent, silent=True)
    began, worked = time.perf_counter(), _processor_seconds()
    story = simulate(setting, events, chosen.processes)
    seconds, worked = time.perf_counter() - began, _processor_seconds() - worked
    _check(story, chosen.people)
    figures = _figures(story, len(events), chosen.people, seconds) | {"processor seconds": worked}
    if chosen.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:>20}: {value:,.1f}" if isinstance(value, float) else f"{name:>20}: {value:,}")
    if seconds > MOST_SECONDS * chosen.people / 10_000:
        raise SystemExit(f"slower than {MOST_SECONDS:.0f} seconds for 10,000 people")


def _processor_seconds() -> float:
    """What this process and those that it has started have had of the processors."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _check(story: Story, people: int) -> None:
    same("people simulated", len(story.people()), people)
    same("people put on the sequence of the guide", sum(run.sequence == "guide" for run in story.runs()), people)
    statuses = {message.status for message in story.messages()}
    same("messages left in an odd state", statuses - {"sent", "skipped", "queued"}, set())


def _figures(story: Story, events: int, people: int, seconds: float) -> dict[str, Any]:
    counted = Counter(message.status for message in story.messages())
    return {
        "people": people,
        "events": events,
        "runs": len(story.runs()),
        "mails sent": counted["sent"],
        "mails skipped": counted["skipped"],
        "stage changes": len(story.stage_changes()),
        "seconds": seconds,
        "people a second": people / seconds,
    }


if __name__ == "__main__":
    main()
