"""`nurture person enroll` puts somebody on a sequence, and says beforehand why it would change nothing."""

import json

import pytest
from sqlalchemy import insert, select

from nurture.adapters.database.tables import enrollments, pauses, suppressions
from nurture.domain.holding_out import Holdout
from tests.cli.conftest import Command
from tests.support.definitions import GUIDE_SEQUENCE, definitions
from tests.support.events import MONDAY, event, form
from tests.support.installation import Installation

ANA = "ana@acme.test"
BY_HAND = {**GUIDE_SEQUENCE, "sequence": "by-hand", "trigger": "manual", "audience": {"company": {"exists": True}}}


@pytest.fixture
def ana(installation: Installation, environment: pytest.MonkeyPatch) -> Installation:
    environment.setenv("NURTURE_PARTITIONS", "1")
    installation.apply(definitions(sequences={"guide-nurture": GUIDE_SEQUENCE, "by-hand": BY_HAND}))
    installation.happen(form(ANA, company="Acme"), form("ben@home.test", device="other"))
    return installation


def runs(installation: Installation) -> list[tuple[str, str]]:
    with installation.engine.connect() as connection:
        found = connection.execute(select(enrollments).order_by(enrollments.c.sequence, enrollments.c.entry))
        return [(row.sequence, row.status) for row in found]


@pytest.mark.parametrize("sequence", ["by-hand", "guide-nurture"])
def test_somebody_is_put_on_a_sequence_whatever_its_trigger_is(nurture: Command, ana: Installation, sequence: str) -> None:
    told = nurture("person", "enroll", ANA, sequence)
    assert told.exit_code == 0, told.output
    assert told.stdout == f"{ANA} is put on {sequence} as soon as a worker takes it in\n"
    ana.happen()
    assert runs(ana) == [(sequence, "active")]
    again = nurture("person", "enroll", ANA, sequence)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == f"nurture: they are on {sequence} already: active at step thanks\n"


def test_what_would_change_nothing_is_said_and_nothing_is_put_on_the_stream(nurture: Command, ana: Installation) -> None:
    assert nurture("person", "enroll", "nobody@acme.test", "by-hand").exit_code == 1
    unknown = nurture("person", "enroll", ANA, "by-hands")
    assert (unknown.exit_code, "did you mean 'by-hand'?" in unknown.stderr) == (1, True)
    told = nurture("person", "enroll", "ben@home.test", "by-hand", "--json")
    assert told.exit_code == 1
    assert "do not belong to its audience" in json.loads(told.stdout)["refused"]
    ana.happen()
    assert runs(ana) == []


def test_a_paused_sequence_and_a_suppressed_address_are_told(nurture: Command, ana: Installation) -> None:
    with ana.engine.begin() as connection:
        connection.execute(insert(pauses).values(sequence="by-hand", at=MONDAY))
        connection.execute(insert(suppressions).values(email=ANA, reason="bounced", source="mail", at=MONDAY))
    told = json.loads(nurture("person", "enroll", ANA, "by-hand", "--json").stdout)
    assert (told["sequence"], told["held"], told["suppressed"]) == ("by-hand", True, True)
    text = nurture("person", "enroll", ANA, "by-hand").stdout
    assert "by-hand is paused" in text
    assert "none of its mail will go to them" in text
    ana.happen()
    assert runs(ana) == [("by-hand", "paused")]


@pytest.mark.parametrize(("assurance", "entered"), [("verified", True), ("claimed", False), ("observed", False)])
def test_a_server_asks_for_it_by_the_same_event_and_a_browser_cannot(ana: Installation, assurance: str, entered: bool) -> None:
    asked = event("enroll_requested", email=ANA, source="shop", assurance=assurance, properties={"sequence": "by-hand"})
    ana.happen(asked)
    assert runs(ana) == ([("by-hand", "active")] if entered else [])


def test_who_is_held_out_is_put_on_it_only_by_a_flag(nurture: Command, ana: Installation) -> None:
    chosen = ana.person(ANA).id
    name = next(name for name in ("s-1", "s-2", "s-3", "s-4", "s-5", "s-6") if Holdout(5_000).holds_out(chosen, name))
    ana.apply(definitions(sequences={name: {**BY_HAND, "sequence": name, "goal": {"event": "bought"}, "holdout": "50%"}}))
    refused = nurture("person", "enroll", ANA, name)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"nurture: they are among the 50% that are held out of {name} to see what its mail brings; "
        "with --despite-holdout they are mailed all the same\n"
    )
    assert nurture("person", "enroll", ANA, name, "--despite-holdout").exit_code == 0
    ana.happen()
    assert runs(ana) == [(name, "exited"), (name, "active")]
    why = nurture("person", "why-not", ANA, name)
    assert "is held out of it" in why.stdout
    assert "is on it: active" in why.stdout
