"""`docs/one-lead.md` shows what the command line says of a lead under the example configuration; what it shows is run here."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nurture.definitions.loader import load
from nurture.domain.event import Event
from tests.cli.conftest import ROOT, Command, _logging_as_before, alone, environment, installation, nurture
from tests.support.events import event
from tests.support.installation import BROWSER, Installation

__all__ = ["_logging_as_before", "alone", "environment", "installation", "nurture"]

PAGE = ROOT / "docs" / "one-lead.md"
SITE = "https://www.example.com"

#: With it the page is written anew: `WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs`.
WRITING = "WRITE_DOCS" in os.environ


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 2, 1, hour, minute, tzinfo=UTC) + timedelta(days=day - 1)


def seen(when: datetime, path: str, device: str = "laptop", referrer: str = f"{SITE}/", query: str = "", **told: Any) -> Event:
    surroundings = {"page": {"url": f"{SITE}{path}{query}", "path": path, "referrer": referrer}, "userAgent": BROWSER}
    return event("page_viewed", when, kind="page", anonymous_id=device, context=surroundings, message_id=f"{when}", **told)


def happened() -> Iterator[Event]:
    """Ana reads in February, downloads the guide, comes back from the newsletter in March, and looks at prices."""
    yield seen(at(3, 9), "/blog/demand-gen", referrer="https://www.google.com/")
    yield event("page_engaged", at(3, 9, 4), anonymous_id="laptop", message_id="engaged",
                properties={"path": "/blog/demand-gen", "seconds": 210}, context={"userAgent": BROWSER})  # fmt: skip
    yield seen(at(3, 9, 5), "/blog/lead-gen")
    yield event(
        "form_submitted", at(10, 14), source="form:guide", anonymous_id="laptop", email="ana.martin@acme.example",
        submission="s1", assurance="claimed", message_id="form", properties={"form": "guide", "asset": "guide-lead-gen"},
        traits={"first_name": "Ana", "company": "Acme", "job_title": "Head of Marketing", "country": "FR"},
        context={"page": {"url": f"{SITE}/guide", "path": "/guide"}, "userAgent": BROWSER, "locale": "fr"},
    )  # fmt: skip
    yield event(
        "asset_downloaded", at(10, 14, 1), source="engine", submission="s1", message_id="download",
        properties={"asset": "guide-lead-gen", "gated": True}, context={"userAgent": BROWSER},
    )  # fmt: skip
    mailed = "?utm_source=newsletter&utm_medium=email&utm_campaign=march"
    yield seen(at(30, 8), "/case-studies/half-the-leads", device="phone", referrer="", query=mailed)
    yield event("identified", at(30, 8, 1), kind="identify", anonymous_id="phone", email="ana.martin@acme.example",
                message_id="identify", context={"userAgent": BROWSER})  # fmt: skip
    for minute in (2, 3, 9):
        yield seen(at(30, 8, minute), "/pricing", device="phone")
    yield seen(at(30, 8, 12), "/demo", device="phone")
    preview = seen(at(30, 8, 15), "/pricing", device="phone")
    robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    yield preview.model_copy(update={"context": {**preview.context, "userAgent": robot}})


@pytest.fixture
def told(nurture: Command, installation: Installation) -> Command:
    loaded = load(ROOT / "config")
    assert loaded.definitions is not None
    installation.apply(loaded.definitions)
    for each in happened():
        installation.clock.move_to(each.occurred_at)
        installation.happen(each)
    installation.clock.move_to(at(31, 9))
    return nurture


def shown(told: Command, command: str) -> str:
    ran = told(*command.split()[1:])
    assert ran.exit_code == 0, ran.output
    return ran.stdout.rstrip()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_page_shows_what_the_commands_say(told: Command) -> None:
    text = PAGE.read_text()
    blocks = re.findall(r"```\n\$ (nurture [^\n]*)\n(.*?)\n```", text, flags=re.DOTALL)
    assert len(blocks) >= 3
    fresh = {command: shown(told, command) for command, _ in blocks}
    if WRITING:
        write(PAGE, text, fresh)
    for command, output in [] if WRITING else blocks:
        assert output == fresh[command], "the page is out of date; see WRITING"


def write(page: Path, text: str, fresh: dict[str, str]) -> None:
    for command, output in fresh.items():
        begin = text.index(f"```\n$ {command}\n") + len(f"```\n$ {command}\n")
        text = f"{text[:begin]}{output}{text[text.index(chr(10) + '```', begin) :]}"
    page.write_text(text)
