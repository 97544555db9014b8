"""`nurture person` tells a story, and every reason why not."""

import json
from datetime import timedelta

import pytest

from nurture.errors import DefinitionError, NurtureError
from tests.cli.conftest import Command
from tests.support.definitions import DEFINITIONS, SENDING, definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import Installation, with_every_outcome


def test_a_story_is_told(nurture: Command, installation: Installation) -> None:
    installation.happen(
        page("/blog/a"), page("/pricing"), form("ana@acme.test", job_title="Head of Sales"), download("ana@acme.test")
    )
    installation.work()
    installation.later(hours=30)
    told = nurture("person", "show", "ana@acme.test")
    assert told.exit_code == 0, told.output
    for words in (
        "ana@acme.test (person ", "lead, for 1 d 6 h", "points today", "45 points, grade B",
        "job_title", "Head of Sales", "+45  decision-maker", "audience → lead", "by gated-download", "asset_downloaded guide",
        "+19.54  download", "once", "+20 then", "faded by 2.3 %", "31.27  in all; half-life 30d", "matrix", "B3", "audience  0 s",
        "waiting at step wait-after-thanks since 2026-03-02 09:00:00, next at 2026-03-04 09:00:00", "guide-thanks", "+10 pricing",
    ):  # fmt: skip
        assert words in told.stdout


def test_what_came_of_steps_is_told(nurture: Command, installation: Installation) -> None:
    with_every_outcome(installation)
    told = nurture("person", "show", "ana@acme.test").stdout
    assert "waiting at step wait-after-demo since 2026-03-03 10:00:00, next at 2026-03-04 10:00:00\n" in told
    assert "\n  again: pool exhausted\n  demo: timed out\n  interest: happened\n" in told
    assert "pool exhausted" in nurture("person", "why-not", "ana@acme.test", "guide-nurture").stdout


def test_a_story_is_json(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), *[page(f"/blog/{n}") for n in range(5)])
    found = json.loads(nurture("person", "show", "ana@acme.test", "--json", "--events", "2").stdout)
    assert (found["email"], len(found["events"]), found["events_in_all"]) == ("ana@acme.test", 2, 6)


def test_what_caps_and_time_took_is_told_line_by_line(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), *[page("/pricing", at=MONDAY + timedelta(minutes=n)) for n in range(3)])
    installation.later(days=30)
    told = nurture("person", "show", "ana@acme.test").stdout
    assert "+10.00  pricing  2026-03-02  3 times  +20 then  1 beyond the cap (-10), faded by 50.0 %" in told
    assert "+0 pricing (capped)" in told


def test_what_a_mail_lost_to_is_told(nurture: Command, installation: Installation) -> None:
    installation.apply(definitions(sending=SENDING | {"frequency_cap": {"messages": 1}}))
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    installation.later(days=2)
    installation.work()
    told = nurture("person", "show", "ana@acme.test")
    assert "capped until 2026-03-09 09:00 UTC; went instead: guide-nurture/thanks on 2 March" in told.stdout
    runs = json.loads(nurture("person", "show", "ana@acme.test", "--json").stdout)["enrollments"]
    lost = [mail["lost_to"] for mail in runs[0]["messages"] if mail["reason"] == "capped"]
    went = {"sequence": "guide-nurture", "step": "thanks", "sent_at": "2026-03-02T09:00:00Z"}
    assert lost == [[went]] * 2


def test_who_somebody_is_is_told(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test", "office"), page("/a", "phone"))
    installation.happen(form("ana@acme.test", "phone", at=MONDAY + timedelta(hours=1)))
    installation.happen(form("ben@acme.test", "phone", at=MONDAY + timedelta(hours=2)))
    told = nurture("person", "show", "ana@acme.test", "--identity")
    assert told.exit_code == 0, told.output
    found = json.loads(nurture("person", "show", "ana@acme.test", "--identity", "--json").stdout)
    for words in (
        "observed",
        "by form:guide",
        "ben@acme.test",
        "an anonymous person became known",
        *(str(each["id"]) for each in found["journal"]),
    ):
        assert words in told.stdout
    assert [each["action"] for each in found["journal"]] == ["merged", "moved"]


def test_nobody_is_known(nurture: Command) -> None:
    told = nurture("person", "show", "nobody@acme.test")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == "nurture: Nobody is known by this e-mail address or id; see that it is written rightly.\n"


def test_what_people_typed_cannot_move_the_cursor(nurture: Command, installation: Installation) -> None:
    nasty = "\x1b[2Jgone\x07\u202e [bold]markup[/bold]"
    installation.happen(form("ana@acme.test", first_name=nasty), event("a\rb", anonymous_id="device-1"))
    told = nurture("person", "show", "ana@acme.test")
    assert told.exit_code == 0, told.output
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(told.stdout)
    assert "[bold]markup[/bold]" in told.stdout


def test_why_not_is_answered(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"))
    told = nurture("person", "why-not", "ana@acme.test", "guide-nurture")
    assert told.exit_code == 0, told.output
    assert "that never happened" in told.stdout
    found = json.loads(nurture("person", "why-not", "ana@acme.test", "guide-nurture", "--json").stdout)
    assert [each["code"] for each in found["findings"]] == ["never_triggered"]


def test_why_not_for_nobody_and_for_no_sequence(nurture: Command) -> None:
    told = nurture("person", "why-not", "nobody@acme.test", "guide-nurture")
    assert told.exit_code == 1
    assert "nobody is known by this address" in told.stdout
    assert isinstance(nurture("person", "why-not", "nobody@acme.test", "guide").exception, DefinitionError)


def test_sales_sends_somebody_back(nurture: Command, installation: Installation, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_PARTITIONS", "1")
    rejection = {"id": "not-now", "on": "lead_rejected", "to": "audience"}
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    refused = nurture("person", "reject", "ana@acme.test", "--reason", "no budget")
    assert isinstance(refused.exception, NurtureError)
    assert "no rejection rule listens" in str(refused.exception)
    installation.apply(definitions(lifecycle=DEFINITIONS["lifecycle"] | {"rejections": [rejection]}))
    told = nurture("person", "reject", "ana@acme.test", "--reason", " no budget ", "--cool-down", "10d")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("ana@acme.test goes from lead back to audience (by not-now)")
    installation.happen()
    person = installation.person("ana@acme.test")
    assert (person.stage, person.rejected_until - person.stage_since) == ("audience", timedelta(days=10))
    shown = nurture("person", "show", "ana@acme.test").stdout
    assert "rejected: no budget" in shown
    assert "cool-down" in shown
    assert "rejected by sales" in nurture("person", "why-not", "ana@acme.test", "guide-nurture").stdout
    again = nurture("person", "reject", "ana@acme.test", "--reason", "again")
    assert "does not lie above audience" in str(again.exception)


@pytest.mark.parametrize("options", [["--reason", " "], ["--reason", "x" * 201], ["--reason", "x", "--cool-down", "soon"], []])
def test_a_rejection_without_a_reason_or_with_no_duration_is_refused(nurture: Command, options: list[str]) -> None:
    assert nurture("person", "reject", "ana@acme.test", *options).exit_code == 2
    assert nurture("person", "reject", "nobody@acme.test", "--reason", "x").exit_code == 1
