"""What a simulation tells, in order of time: the example sequence, caps, windows, late events, re-entry, holds."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.errors import TemplateError
from nurture.ports import Letter, Written
from nurture.simulation.engine import Simulation
from nurture.simulation.story import MessageRow, Story, What, from_then_on, of_sequence
from tests.support.both_ways import kind_of_agent, no_holiday, received
from tests.support.definitions import GUIDE_SEQUENCE, SENDING, definitions
from tests.support.events import MONDAY, download, event, form, page

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def joins(email: str = "ana@acme.test", at: datetime = MONDAY, **traits: Any) -> list[Event]:
    return [form(email, at=at, **traits), download(email, at)]


def told(
    batches: Sequence[tuple[datetime, Sequence[Event]]], what: Definitions | None = None, *, days: int = 30, writer: Any = None,
    held: Collection[str] = (),
) -> Story:  # fmt: skip
    simulation = Simulation(what or definitions(), MONDAY, no_holiday, kind_of_agent, writer, held=held)
    simulation.take(received(batches))
    simulation.run(MONDAY + days * DAY)
    return simulation.story()


def lines(story: Story, *kinds: What) -> list[tuple[timedelta, str, str | None]]:
    return [(line.at - MONDAY, line.what.value, line.step) for line in story.lines if line.what in kinds]


def mails(story: Story) -> list[tuple[str, str, str | None, timedelta | None]]:
    return [(row.template, row.status, row.reason, row.sent_at - MONDAY if row.sent_at else None) for row in story.messages()]


def test_a_sequence_is_walked_to_its_end() -> None:
    story = told([(MONDAY, joins())])
    assert lines(story, What.ENTERED, What.STEP, What.WAITS, What.ENDED) == [
        (0 * DAY, "entered", None),
        (0 * DAY, "step", "thanks"),
        (0 * DAY, "waits", "wait-after-thanks"),
        (2 * DAY, "step", "wait-after-thanks"),
        (2 * DAY, "step", "case"),
        (2 * DAY, "step", "branch-after-case"),
        (2 * DAY, "step", "reminder"),
        (2 * DAY, "ended", "end"),
    ]
    assert {line[::2] for line in lines(story, What.SENT)} == {(0 * DAY, "thanks"), (2 * DAY, "case"), (2 * DAY, "reminder")}
    [run] = story.runs()
    assert (run.person, run.status, run.reason, run.ended_at) == ("ana@acme.test", "completed", "end", MONDAY + 2 * DAY)
    [move] = story.stage_changes()
    assert (move.from_stage, move.to_stage, move.rule, move.cause) == ("audience", "lead", "gated-download", "asset_downloaded")
    [person] = story.people()
    assert (person.person, person.stage, person.grade) == ("ana@acme.test", "lead", "D")


def test_who_somebody_is_and_what_they_score_is_told() -> None:
    story = told([(MONDAY, [page("/pricing")]), (MONDAY + HOUR, joins(at=MONDAY + HOUR))])
    found = [(line.what, dict(line.told)) for line in story.lines if line.what in (What.CREATED, What.IDENTIFIED, What.SCORED)]
    day = (MONDAY - datetime(1970, 1, 1, tzinfo=MONDAY.tzinfo)).days
    assert found == [
        (What.CREATED, {}),
        (What.SCORED, {"rule": "pricing", "hits": 1, "points": 10, "day": day}),
        (What.IDENTIFIED, {"email": "ana@acme.test"}),
        (What.SCORED, {"rule": "download", "hits": 1, "points": 20, "day": day}),
    ]


def test_a_machine_leaves_an_event_and_nothing_else() -> None:
    crawler = page("/pricing").model_copy(update={"context": {"userAgent": "bot", "page": {"path": "/pricing"}}})
    story = told([(MONDAY, [crawler])])
    [line] = [line for line in story.lines if line.what is What.EVENT]
    assert (line.told["verdict"], line.told["reasons"]) == ("machine", ["crawler_user_agent"])
    assert not [line for line in story.lines if line.what is What.SCORED]


def test_the_goal_ends_a_run_and_what_was_queued_does_not_go() -> None:
    quiet = {**SENDING, "quiet_hours": {"hours": "08:00-12:00", "timezone": "UTC"}}
    windowless = GUIDE_SEQUENCE | {"steps": [{"id": "thanks", "email": "guide-thanks"}, {"wait": "2d"}], "window": {}}
    what = definitions(sending=quiet, sequences={"guide-nurture": windowless})
    demo = event("demo_requested", MONDAY + HOUR, anonymous_id="device-1")
    story = told([(MONDAY, joins()), (MONDAY + HOUR, [demo])], what)
    assert mails(story) == [("guide-thanks", "skipped", "enrollment_ended", None)]
    assert [(line.what, line.told.get("reason")) for line in story.lines if line.step == "thanks"] == [
        (What.STEP, None), (What.QUEUED, None), (What.DEFERRED, "quiet_hours"), (What.SKIPPED, "enrollment_ended"),
    ]  # fmt: skip
    assert [run.reason for run in story.runs()] == ["goal: demo_requested"]


def test_a_cap_puts_mail_off_and_says_so() -> None:
    capped = {**SENDING, "frequency_cap": {"messages": 1, "per": "3d"}, "too_late": "30d"}
    story = told([(MONDAY, joins())], definitions(sending=capped, sequences={"guide-nurture": GUIDE_SEQUENCE | {"window": {}}}))
    assert [row[3] for row in mails(story)] == [0 * DAY, 3 * DAY, 6 * DAY]
    assert {line.told["reason"] for line in story.lines if line.what is What.DEFERRED} == {"capped"}


def test_a_window_is_waited_for_on_the_reader_s_clock() -> None:
    there = GUIDE_SEQUENCE | {"window": {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "person"}}
    story = told([(MONDAY, joins(timezone="America/New_York"))], definitions(sequences={"guide-nurture": there}))
    wednesday_nine_in_new_york = MONDAY + 2 * DAY + 5 * HOUR
    assert [row.sent_at for row in story.messages() if row.step == "case"] == [wednesday_nine_in_new_york]


def test_what_is_heard_of_late_is_counted_anew() -> None:
    """Bob was on the browser before Ana; when that is heard of at last, the page is his."""
    late = form("bob@acme.test", at=MONDAY - 2 * HOUR)
    story = told([(MONDAY, [page("/pricing", at=MONDAY - HOUR), form("ana@acme.test")]), (MONDAY + DAY, [late])])
    assert [line.at - MONDAY for line in story.lines if line.what is What.RECOUNTED] == [DAY, DAY]
    heats = {person.person: person.heat > 0 for person in story.people()}
    assert heats == {"ana@acme.test": False, "bob@acme.test": True}


@pytest.mark.parametrize(("reentry", "entries"), [("never", [1]), ("after_exit", [1, 2]), ({"after": "60d"}, [1])])
def test_the_reentry_rule_decides_who_enters_again(reentry: Any, entries: list[int]) -> None:
    plan = GUIDE_SEQUENCE | {"trigger": {"event": "asset_downloaded"}, "reentry": reentry}
    again = download("ana@acme.test", MONDAY + 20 * DAY)
    story = told([(MONDAY, joins()), (MONDAY + 20 * DAY, [again])], definitions(sequences={"guide-nurture": plan}))
    assert [run.entry for run in story.runs()] == entries


def test_who_enters_a_held_sequence_waits() -> None:
    story = told([(MONDAY, joins())], held={"guide-nurture"})
    assert [run.status for run in story.runs()] == ["paused"]
    [entered] = [line for line in story.lines if line.what is What.ENTERED]
    assert entered.told["held"] is True
    assert not story.messages()


def test_time_alone_cools_and_lets_people_in() -> None:
    asleep = {
        "sequence": "asleep",
        "trigger": {"enters": {"happened": {"event": "asset_downloaded", "within": "10d", "times": 0}}},
        "steps": [{"id": "wake", "email": "welcome"}],
    }
    story = told([(MONDAY, joins())], definitions(sequences={"asleep": asleep}))
    assert [(run.sequence, run.due_at, run.entered_at.time()) for run in story.runs()] == [
        ("asleep", None, datetime(2026, 3, 13, tzinfo=MONDAY.tzinfo).time())
    ]


class Careful:
    """A writer that cannot write one of the mails."""

    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:
        if letter.template == "case-study":
            raise TemplateError("case-study/en.md:3: no such variable")
        return Written(b"raw", "anna@example.com", "en", f"About {letter.template}")


def test_with_a_writer_mails_are_rendered_and_a_broken_template_costs_one() -> None:
    story = told([(MONDAY, joins())], writer=Careful())
    assert [(row[0], row[1], row[2]) for row in mails(story)] == [
        ("guide-thanks", "sent", None), ("case-study", "failed", "template_error"), ("case-study-reminder", "sent", None),
    ]  # fmt: skip
    subjects = [line.told["subject"] for line in story.lines if line.what is What.SENT]
    assert subjects == ["About guide-thanks", "About case-study-reminder"]


def test_it_may_go_on_from_where_it_stands() -> None:
    simulation = Simulation(definitions(), MONDAY, no_holiday, kind_of_agent)
    simulation.take(received([(MONDAY, joins())]))
    simulation.run(MONDAY + DAY)
    assert [row.template for row in simulation.story().messages()] == ["guide-thanks"]
    simulation.take(received([(MONDAY + DAY, [event("demo_requested", MONDAY + DAY, anonymous_id="device-1")])]))
    simulation.run(MONDAY + 9 * DAY)
    assert [run.reason for run in simulation.story().runs()] == ["goal: demo_requested"]


def test_the_same_event_counts_once() -> None:
    [first, second] = joins()
    story = told([(MONDAY, [first, second]), (MONDAY + HOUR, [first, second])])
    assert sum(line.what is What.EVENT for line in story.lines) == 2


def test_a_story_can_be_cut_and_told_of_one_sequence() -> None:
    other = {"sequence": "other", "trigger": {"event": "asset_downloaded"}, "steps": [{"id": "hello", "email": "welcome"}]}
    story = told([(MONDAY, joins())], definitions(sequences={"guide-nurture": GUIDE_SEQUENCE, "other": other}))
    later = from_then_on(story, MONDAY + DAY)
    assert {row.step for row in later.messages()} == {"case", "reminder"}
    assert not later.stage_changes()
    alone = of_sequence(story, "other")
    assert ({row.sequence for row in alone.messages()}, {run.sequence for run in alone.runs()}) == ({"other"}, {"other"})
    assert {line.sequence for line in alone.lines} == {None, "other"}


def test_a_row_says_all_that_the_database_would_hold() -> None:
    [first, *_] = told([(MONDAY, joins())]).messages()
    assert first == MessageRow("ana@acme.test", "guide-nurture", 1, "thanks", "guide-thanks", None, "sent", None, MONDAY, MONDAY)
