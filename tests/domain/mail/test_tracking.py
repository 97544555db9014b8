"""What may be told of opens, and how little of one is kept."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.event import EMAIL_OPENED
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.mail.tracking import LAST_OPENED, Tracking, counted_as, note_open
from nurture.domain.person import Person
from nurture.domain.scoring import Grade
from tests.support.events import MONDAY, event


def somebody() -> Person:
    stage = Lifecycle().first
    return Person(id=7, stage=stage, stage_since=MONDAY, first_seen_at=MONDAY, seen_at=MONDAY, grade=Grade("D"))


def test_opens_are_off_and_false_says_so_too() -> None:
    assert Tracking().opens == Tracking.model_validate({"opens": False}).opens == "off"


def test_true_does_not_say_what_may_be_kept() -> None:
    with pytest.raises(ValidationError, match="write aggregate, hygiene or individual"):
        Tracking.model_validate({"opens": True})


@given(st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), min_size=1, max_size=6))  # noqa: DTZ001 - made aware below
def test_the_day_of_the_last_open_is_all_that_stays(times: list[datetime]) -> None:
    """Whichever is heard of first."""
    person = somebody()
    for at in times:
        note_open(person, event(EMAIL_OPENED, at.replace(tzinfo=UTC)))
    assert list(person.attributes) == [LAST_OPENED]
    kept = person.attributes[LAST_OPENED]
    assert (kept.value, f"{kept.at:%H:%M:%S.%f}") == (f"{max(times):%Y-%m-%d}", "00:00:00.000000")
    assert (person.changed, person.acted, person.seen_at) == (True, False, MONDAY)


def test_a_second_open_on_a_day_changes_nothing() -> None:
    person = somebody()
    note_open(person, event(EMAIL_OPENED, MONDAY))
    person.changed = False
    note_open(person, event(EMAIL_OPENED, MONDAY + timedelta(hours=1)))
    assert not person.changed


def test_an_open_of_nobody_is_counted_for_its_step() -> None:
    assert counted_as(event(EMAIL_OPENED, properties={"sequence": "guide", "step": "case"})) == "email_opened guide/case"
    assert len(counted_as(event(EMAIL_OPENED, properties={"sequence": "g" * 64, "step": "s" * 64}))) == 128
    assert counted_as(event("page_viewed")) == "page_viewed"
