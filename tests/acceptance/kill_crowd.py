"""The visitors of the kill test: their events as the wire carries them, and what must be stored of them, by plain arithmetic.

Nothing here uses the engine: a mistake in its rules cannot hide by being made twice.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import fsum
from pathlib import Path
from typing import Any, NamedTuple

VISITORS, EVENTS = 1_000, 20_000
LEADS = 250
SUBJECTS = ("The first letter", "The second letter", "The third letter")

CONFIG = {
    "scoring.yaml": """
half_life: 30d
rules:
  - {id: article, on: page_viewed, where: {path: {starts_with: /blog/}}, points: 2, cap: {hits: 3, per: day}}
  - {id: pricing, on: page_viewed, where: {path: /pricing}, points: 10, cap: {hits: 2, per: day}}
  - {id: careers, on: page_viewed, where: {path: /careers}, points: -15, cap: {hits: 1, per: ever}}
  - {id: video, on: video_watched, points: 5}
fit:
  - {id: head, when: {job_title: {matches: "^Head"}}, points: 25}
""",
    "lifecycle.yaml": """
stages: [audience, lead, mql]
promotions:
  - {id: introduced, to: lead, on: identified}
""",
    "sending.yaml": """
sender: {name: Anna Martin, email: anna@example.com}
organisation: {name: Example SAS, address: "1 rue de la Paix, 75002 Paris", privacy_url: https://www.example.com/privacy}
frequency_cap: {messages: 100, per: 7d}
""",
    "assets.yaml": "assets: {}\n",
    "forms.yaml": "forms: {}\n",
    "sequences/letters.yaml": """
sequence: letters
trigger: {promoted_to: lead}
steps:
  - {id: first, email: letter-1}
  - {wait: 3s}
  - {id: second, email: letter-2}
  - {wait: 3s}
  - {id: third, email: letter-3}
""",
}
_LAYOUT = "{% block body %}{% endblock %}\n{{ organisation.address }} {{ links.unsubscribe }}\n"


class Definitions(NamedTuple):
    config: Path
    templates: Path


def write_definitions(folder: Path) -> Definitions:
    """The marketer's files of this test."""
    files = {f"config/{name}": text for name, text in CONFIG.items()}
    files |= {f"emails/_layouts/base.{suffix}": _LAYOUT for suffix in ("html", "txt")}
    for number, subject in enumerate(SUBJECTS, start=1):
        files[f"emails/letter-{number}/en.md"] = f"---\nsubject: {subject}\npreheader: A letter\n---\n\nGood morning.\n"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Definitions(folder / "config", folder / "emails")


class Crowd(NamedTuple):
    """`calls` are what is sent, in order, `events` the same without repetitions."""

    calls: list[dict[str, Any]]
    events: list[dict[str, Any]]


def make_crowd(now: datetime, chance: random.Random, many: int = EVENTS, leads: int = LEADS) -> Crowd:
    """Events, of which a third is sent twice and all is shuffled."""
    events = [_introduction(visitor, now, chance) for visitor in range(leads)]
    events += [_act(index, now, chance) for index in range(many - leads)]
    calls = events + chance.sample(events, many // 3)
    chance.shuffle(calls)
    return Crowd(calls, events)


def _moment(now: datetime, chance: random.Random) -> str:
    return (now - timedelta(seconds=chance.randrange(2 * 86_400))).isoformat()


def _introduction(visitor: int, now: datetime, chance: random.Random) -> dict[str, Any]:
    title = chance.choice(["Head of Marketing", "Student"])
    return {
        "type": "identify", "messageId": f"introduction-{visitor}", "anonymousId": f"visitor-{visitor}", "timestamp": _moment(now, chance),
        "traits": {"email": f"visitor-{visitor}@example.com", "job_title": title},
    }  # fmt: skip


def _act(index: int, now: datetime, chance: random.Random) -> dict[str, Any]:
    call = {
        "messageId": f"act-{index}", "anonymousId": f"visitor-{chance.randrange(VISITORS)}", "timestamp": _moment(now, chance),
    }  # fmt: skip
    if chance.random() < 0.2:
        return call | {"type": "track", "event": "video_watched"}
    path = chance.choice(["/", "/blog/forms", "/blog/pages", "/pricing", "/careers"])
    return call | {"type": "page", "properties": {"path": path, "url": f"https://www.example.com{path}"}}


def _rules_of(call: Mapping[str, Any]) -> list[str]:
    if call["type"] == "track":
        return ["video"]
    path = call.get("properties", {}).get("path", "")
    return [
        rule
        for rule, hit in (
            ("article", path.startswith("/blog/")),
            ("pricing", path == "/pricing"),
            ("careers", path == "/careers"),
        )
        if hit
    ]


Cells = dict[tuple[str, int], int]


def cells_by_visitor(crowd: Crowd) -> dict[str, Cells]:
    """The hits of each visitor on each rule and UTC day (counted from 1970-01-01)."""
    cells: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    for call in crowd.events:
        day = (datetime.fromisoformat(call["timestamp"]).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
        cells[call["anonymousId"]].update((rule, day) for rule in _rules_of(call))
    return {visitor: dict(counted) for visitor, counted in cells.items()}


def heat(cells: Cells) -> float:
    """The sum of points × counted hits × 2^((day − 2026-01-01) / 30 days)."""
    points = {"article": 2, "pricing": 10, "careers": -15, "video": 5}
    counted = {(rule, day): min(hits, {"article": 3, "pricing": 2}.get(rule, hits)) for (rule, day), hits in cells.items()}
    days_of_careers = sorted(day for rule, day in cells if rule == "careers")
    counted |= {("careers", day): int(day == days_of_careers[0]) for day in days_of_careers}
    return fsum(points[rule] * hits * 2.0 ** ((day - 20_454) / 30) for (rule, day), hits in counted.items())


def fit_by_visitor(crowd: Crowd) -> dict[str, int]:
    """25 for the heads of something, 0 for everybody else."""
    fit = dict.fromkeys((call["anonymousId"] for call in crowd.events), 0)
    for call in crowd.events:
        if call["type"] == "identify" and call["traits"]["job_title"].startswith("Head"):
            fit[call["anonymousId"]] = 25
    return fit


def batches(crowd: Crowd, size: int) -> list[bytes]:
    """The bodies for POST /v1/batch."""
    return [json.dumps({"batch": crowd.calls[start : start + size]}).encode() for start in range(0, len(crowd.calls), size)]
