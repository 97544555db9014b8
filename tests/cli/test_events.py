"""`nurture events`: oddities, conflicts, and verdicts judged afresh."""

import json

from sqlalchemy import select, update

from nurture.adapters.database.tables import events, people
from tests.cli.conftest import Command
from tests.support.events import form, page
from tests.support.installation import Installation, crawl


def mistaken(installation: Installation) -> None:
    """Somebody whose visit by a crawler was taken for a human's, as by an older list."""
    installation.happen(form("ana@acme.test"), page("/blog/a"), crawl("/pricing", "device-1"))
    with installation.engine.begin() as connection:
        machine = events.c.verdict == "machine"
        connection.execute(update(events).where(machine).values(verdict="human", verdict_reasons=None))


def test_reclassify_plans_and_then_applies(nurture: Command, installation: Installation) -> None:
    mistaken(installation)
    planned = nurture("events", "reclassify")
    assert planned.exit_code == 0, planned.output
    assert planned.stdout.splitlines()[:2] == [
        "3 events judged afresh: 1 would change",
        "  human  →  machine  1 event  of 1 person  crawler_user_agent",
    ]
    applied = nurture("events", "reclassify", "--apply", "--since", "400d")
    assert "is not undone" in applied.stdout
    with installation.engine.connect() as connection:
        assert connection.scalar(select(people.c.recount_at)) is not None
    assert "recount" in nurture("person", "show", "ana@acme.test").stdout
    assert json.loads(nurture("events", "reclassify", "--json").stdout) == {
        "applied": False, "events": 3, "revised": 0, "people": 0, "turns": [],
    }  # fmt: skip
    assert "1 person is due to be recounted" in nurture("verify").stderr


def test_reclassify_refuses_both_at_once_and_no_instant(nurture: Command) -> None:
    assert nurture("events", "reclassify", "--plan", "--apply").exit_code == 2
    assert "--since" in nurture("events", "reclassify", "--since", "soon").stderr


def test_warnings_and_conflicts_are_listed(nurture: Command, installation: Installation) -> None:
    first = page("/a", message_id="same", warnings=("userId: 'null' names nobody and was left out",))
    installation.happen(first)
    installation.happen(first.model_copy(update={"context": {"page": {"path": "/b\x1b[2J"}}}))
    told = nurture("events", "warnings").stdout
    assert "1  warning  userId: … names nobody and was left out" in told
    assert told.endswith("1 oddity\n")
    told = nurture("events", "conflicts").stdout
    assert "context.page.path  stored '/a'" in told
    assert "\x1b" not in told
    assert len(json.loads(nurture("events", "warnings", "--json").stdout)) == 1
    [conflict] = json.loads(nurture("events", "conflicts", "--json").stdout)
    assert conflict["differences"][0]["part"] == "context.page.path"
