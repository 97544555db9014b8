"""People who have nothing to do with each other are simulated apart, and nothing of it shows."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from nurture.domain.event import Event
from nurture.simulation import apart
from nurture.simulation.apart import Setting, groups, simulate
from nurture.simulation.engine import Simulation
from tests.support.both_ways import kind_of_agent, no_holiday
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page

DAY = timedelta(days=1)
SETTING = Setting(definitions(), MONDAY, MONDAY + 30 * DAY, no_holiday, kind_of_agent)


def crowd(people: int) -> list[Event]:
    chance = Random(7)
    events = []
    for number in range(people):
        email, at = f"p{number}@acme.test", MONDAY + timedelta(hours=chance.randrange(400))
        device = f"d{number // 2}"  # two share a browser
        events += [page("/pricing", device, at), form(email, device, at), download(email, at)]
    return sorted(events, key=lambda each: each.received_at)


def test_events_belong_together_by_what_they_name() -> None:
    one, two, three = page("/a", "d1"), form("ana@acme.test", "d1"), event("x", email="ana@acme.test", anonymous_id="d2")
    other, machine = page("/b", "d3"), event("y", user_id="u1")
    assert groups([one, other, two, machine, three]) == [[one, two, three], [other], [machine]]


def test_a_signed_link_holds_together_what_its_person_did() -> None:
    seen = page("/a", "d1")
    whose = Simulation(definitions(), MONDAY, no_holiday, kind_of_agent)
    whose.take([seen])
    whose.run(MONDAY)
    [person] = whose.story().people()
    clicked = event("email_clicked", source="engine", person=person.id)
    assert groups([seen, page("/b", "d2"), clicked])[0] == [seen, clicked]


@pytest.mark.parametrize("processes", [1, 2])
def test_apart_or_together_the_story_is_the_same(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_WORTH_A_PROCESS", 1)
    events = crowd(20)
    together = Simulation(SETTING.definitions, SETTING.start, no_holiday, kind_of_agent)
    together.take(events)
    together.run(SETTING.until)
    story, told = together.story(), simulate(SETTING, events, processes)
    assert (told.messages(), told.runs(), told.stage_changes()) == (story.messages(), story.runs(), story.stage_changes())
    assert told.people() == story.people()
    assert sorted(map(repr, told.lines)) == sorted(map(repr, story.lines))
    assert len(told.messages()) >= 20


def test_without_a_timeline_only_the_outcome_is_told() -> None:
    told = simulate(replace(SETTING, silent=True), crowd(3))
    assert not told.lines
    assert told.messages() == simulate(SETTING, crowd(3)).messages() != ()


def test_of_nobody_nothing_is_told() -> None:
    assert simulate(SETTING, []).people() == ()


def test_whose_address_is_barred_gets_no_mail() -> None:
    told = simulate(replace(SETTING, barred={"p0@acme.test"}), crowd(2))
    statuses = {row.person: row.reason for row in told.messages() if row.step == "thanks"}
    assert statuses == {"p0@acme.test": "suppressed", "p1@acme.test": None}
