"""People of whom we know what makes them win, as rows of a CSV and as events in a database."""

import csv
import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert

from nurture.adapters.database.bulk import insert_rows
from nurture.adapters.database.tables import events, people
from nurture.domain.event import FORM_SUBMITTED, PAGE_VIEWED, Event
from tests.support.events import MONDAY, event

TITLES = [
    "Head of Sales",
    "Chief Marketing Officer",
    "Sales Assistant",
    "Marketing Intern",
    "Engineer",
    "Student of Law",
    "Clerk",
]
COUNTRIES = ["FR", "BE", "DE", "US"]


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def rows(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """A row a person: income from 50,000 on helps, so do FR and BE; `shoe_size` says nothing; a fifth never told their income."""
    draw = random.Random(seed)
    for number in range(count):
        income, country = draw.randint(10_000, 90_000), draw.choice(COUNTRIES)
        title = f"{draw.choice(TITLES)} {draw.choice('ABCDEFGHIJKL')}"
        told = draw.random() < 0.8
        log_odds = -2.6 + (1.8 if income >= 50_000 and told else 0) + (1.2 if country in {"FR", "BE"} else 0)
        log_odds += (1.0 if "Chief" in title else 0) - (1.5 if "Student" in title else 0)
        yield {
            "first_name": f"Person {number}", "income": income if told else "", "country": country, "job_title": title,
            "shoe_size": draw.randint(36, 46), "converted": "yes" if draw.random() < _chance(log_odds) else "no",
        }  # fmt: skip


def write_csv(file: Path, told: list[dict[str, Any]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(told[0]))
        writer.writeheader()
        writer.writerows(told)
    return file


def life(number: int, draw: random.Random) -> Iterator[Event]:
    """What one person does. Prices and Belgium help, looking for a job hurts.

    Minutes before a win comes `contract_signed`, after it `onboarding_started` and a customer number.
    """
    at = MONDAY + timedelta(hours=number)
    device = f"device-{number}"
    country = draw.choice(COUNTRIES)
    yield event(
        FORM_SUBMITTED, at, anonymous_id=device, email=f"p{number}@acme.test", traits={"country": country, "shoe": number % 9}
    )
    pricing, careers = draw.choice([0, 0, 1, 2, 3]), draw.random() < 0.3
    last = at
    for act in range(draw.randint(2, 6)):
        last = at + timedelta(days=3 * act, minutes=draw.randint(1, 600))
        yield _page("/pricing" if act < pricing else "/blog/a", device, last)
    if careers:
        yield _page("/careers", device, at + timedelta(hours=1))
    if draw.random() < 0.4:
        yield event("webinar_attended", last, anonymous_id=device)
    log_odds = -2.0 + 1.0 * pricing + (1.2 if country == "BE" else 0) - (2.5 if careers else 0)
    if draw.random() < _chance(log_odds):
        won = last + timedelta(days=1)
        yield event("contract_signed", won - timedelta(minutes=5), anonymous_id=device)
        yield event("deal_won", won, anonymous_id=device)
        yield event("onboarding_started", won + timedelta(days=1), anonymous_id=device, traits={"customer_number": f"C{number}"})


def _page(path: str, device: str, at: datetime) -> Event:
    return event(PAGE_VIEWED, at, anonymous_id=device, context={"page": {"path": path}})


def crowd(count: int, seed: int = 3) -> dict[int, list[Event]]:
    draw = random.Random(seed)
    return {number: list(life(number, draw)) for number in range(1, count + 1)}


def store(engine: Engine, lives: dict[int, list[Event]], verdict: str = "human") -> None:
    """People and their events, as absorb leaves them where the learner looks."""
    with engine.begin() as connection:
        insert_rows(connection, people, [
            {"id": person, "stage": "audience", "stage_since": MONDAY, "attributes": {}, "grade": "D", "heat": 0.0, "fit": 0,
             "first_seen_at": MONDAY, "seen_at": MONDAY, "by_hand": False}
            for person in lives
        ])  # fmt: skip
        connection.execute(insert(events), [
            {"id": each.key, "person_id": person, "name": each.name, "occurred_at": each.occurred_at, "received_at": each.received_at,
             "verdict": verdict, "fingerprint": each.fingerprint,
             "body": each.model_dump(mode="json", exclude_defaults=True, exclude={"name", "occurred_at", "received_at"})}
            for person, acts in lives.items() for each in acts
        ])  # fmt: skip
