"""What putting somebody on a sequence by hand comes to, told before it is done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nurture.domain.definitions import Definitions
from nurture.domain.enrolling import enrolling
from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.event import Event
from nurture.domain.history import History
from nurture.domain.person import Attribute, Person
from nurture.domain.rejecting import Refused
from nurture.domain.scoring import Grade
from tests.support.definitions import GUIDE_SEQUENCE, definitions
from tests.support.events import MONDAY

ANA = Person(
    id=1, stage="lead", stage_since=MONDAY, first_seen_at=MONDAY, seen_at=MONDAY, grade=Grade("D"), email="ana@acme.test",
    history=History((), {}),
)  # fmt: skip
RUN = Enrollment(
    id=7, person=1, sequence="guide-nurture", version="v", entry=1, status=EnrollmentStatus.WAITING, step="case", due_at=MONDAY,
    entered_at=MONDAY,
)  # fmt: skip
COMPLETED = replace(RUN, status=EnrollmentStatus.COMPLETED, ended_at=MONDAY - timedelta(days=10), due_at=None, reason="end")


def plan(**changed: Any) -> Definitions:
    return definitions(sequences={"guide-nurture": GUIDE_SEQUENCE | changed})


def test_the_event_names_the_person_and_the_sequence() -> None:
    made = plan(trigger="manual")
    event = enrolling(ANA, "guide-nurture", [replace(RUN, sequence="other")], made, MONDAY)
    assert isinstance(event, Event)
    assert (event.name, event.properties) == ("enroll_requested", {"sequence": "guide-nurture"})
    assert (event.person, event.assurance, event.source) == (1, "verified", "engine")


@pytest.mark.parametrize(
    ("changed", "person", "runs", "why"),
    [
        ({}, {"email": None}, [], "no e-mail address is known of them"),
        ({}, {}, [RUN], "they are on guide-nurture already: waiting at step case"),
        ({}, {}, [replace(RUN, status=EnrollmentStatus.PAUSED)], "already: paused at step case"),
        ({}, {}, [COMPLETED], "they left it on 2026-02-20 09:00 UTC, and nobody enters it twice (reentry: never)"),
        ({"reentry": {"after": "11d"}}, {}, [COMPLETED], "may not enter again before 2026-03-03 09:00 UTC (reentry after 11d)"),
        ({"audience": {"stage": "mql"}}, {}, [], "they do not belong to its audience {'stage': 'mql'}"),
        ({}, {"stage": "customer"}, [], "they would leave it at once, by its exit stage: customer"),
        ({"trigger": {"date": "webinar_day"}}, {}, [], "taken around their webinar_day, which is not known of them"),
    ],
)
def test_what_would_change_nothing_is_refused_with_the_reason(
    changed: dict[str, Any], person: dict[str, Any], runs: list[Enrollment], why: str
) -> None:
    found = enrolling(replace(ANA, **person), "guide-nurture", runs, plan(**changed), MONDAY)
    assert isinstance(found, Refused)
    assert why in found.why


def test_an_unknown_sequence_is_refused_with_the_one_that_was_meant() -> None:
    found = enrolling(ANA, "guide-nurtur", [], plan(), MONDAY)
    assert found == Refused("no sequence 'guide-nurtur' is in force; did you mean 'guide-nurture'?")


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ({"reentry": {"after": "10d"}}, [COMPLETED]),
        ({"reentry": "after_exit"}, [COMPLETED]),
        ({"trigger": {"enters": {"stage": "mql"}}}, []),
        ({"trigger": {"date": "webinar_day"}}, []),
    ],
)
def test_whoever_may_enter_does_whatever_the_trigger_is(changed: dict[str, Any], runs: list[Enrollment]) -> None:
    ana = replace(ANA, attributes={"webinar_day": Attribute("2026-04-01", MONDAY, "form:guide")})
    assert isinstance(enrolling(ana, "guide-nurture", runs, plan(**changed), MONDAY), Event)
