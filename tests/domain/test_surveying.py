"""Who enters a sequence without doing anything just now, and which walks there are to be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.event import Event
from nurture.domain.history import History, past_of
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Attribute, Person
from nurture.domain.scoring import Grade, heat_for
from nurture.domain.surveying import SPREAD, Crowd, Glance, Happened, Survey, concerned, entering, past_asked_for, surveys_of
from tests.support.events import MONDAY, download, event, page
from tests.support.surveys import plan, sequence

TUESDAY = datetime(2026, 3, 3, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def somebody(id_: int = 1, *, seen_at: datetime = MONDAY, **parts: Any) -> Person:
    made = Person(
        id=id_, stage="lead", stage_since=MONDAY, first_seen_at=MONDAY, seen_at=seen_at, grade=Grade("D"), email="ana@acme.test",
        acted=True,
    )  # fmt: skip
    for name, value in parts.items():
        setattr(made, name, value)
    return made


def decided(made: Definitions, survey: Survey, crowd: Crowd, at: datetime) -> list[Enrollment]:
    for person in crowd.people:
        seen = [past_of(each) for each in crowd.happened.get(person.id, ()) if isinstance(each, Event)]
        person.history = History(seen, past_asked_for(list(made.sequences.values())))
    begun = entering(crowd, [survey], made, at)
    glance = Glance(crowd.people, crowd.happened.keys())
    assert {run.person for run in begun} <= concerned(glance, [survey], made, at)
    return begun


# --- the surveys that there are


ENTERS = sequence("s", {"enters": {"stage": "lead"}})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, sequence("s", {"promoted_to": "lead"}), []),
        (None, ENTERS, [("s", "audience", True)]),
        (None, ENTERS | {"enroll": "backfill"}, [("s", "audience", True), ("s", "backfill", True)]),
        (ENTERS, ENTERS | {"priority": 70, "audience": {"stage": "mql"}}, [("s", "audience", False)]),
        (ENTERS, ENTERS | {"trigger": {"enters": {"stage": "mql"}}}, [("s", "audience", True)]),
        (ENTERS, ENTERS | {"enroll": "backfill"}, [("s", "audience", False), ("s", "backfill", True)]),
        (
            ENTERS | {"enroll": "backfill"},
            ENTERS | {"enroll": {"backfill": "90d"}},
            [("s", "audience", False), ("s", "backfill", True)],
        ),
        (
            ENTERS | {"enroll": "backfill"},
            ENTERS | {"enroll": "backfill", "priority": 7},
            [("s", "audience", False), ("s", "backfill", False)],
        ),
        (ENTERS, sequence("s", {"promoted_to": "lead"}), []),
        (ENTERS, sequence("t", {"promoted_to": "lead"}), []),
    ],
)
def test_surveys_follow_the_definitions(
    before: dict[str, Any] | None, after: dict[str, Any], expected: list[tuple[str, str, bool]]
) -> None:
    """Each survey, and whether it begins anew; the standing ones have walked halfway."""
    halfway = [Survey("s", "audience", MONDAY - DAY, TUESDAY, 77), Survey("s", "backfill", MONDAY - DAY, MONDAY, 88)]
    now = MONDAY + HOUR
    found = surveys_of(halfway if before else [], plan(before) if before else None, plan(after), now)
    assert [(each.sequence, each.kind, each.after == -1) for each in found] == expected
    assert all(each in halfway for each in found if each.after != -1)
    for each in found:
        if each.after == -1 and each.kind == "audience":
            assert (each.since, each.at) == (now, TUESDAY)
        elif each.after == -1:
            assert each.at == now


def test_a_backfill_that_is_over_does_not_begin_again_with_an_edit_elsewhere() -> None:
    made = sequence("s", {"promoted_to": "lead"}, enroll="backfill")
    assert surveys_of([], plan(made), plan(made | {"priority": 7}), MONDAY) == []


@given(st.integers(0, 400), st.integers(0, 86_399))
def test_the_survey_after_an_outage_looks_at_the_latest_midnight_and_the_next_day_follows(days: int, seconds: int) -> None:
    now = TUESDAY + days * DAY + timedelta(seconds=seconds)
    begun = Survey("s", "audience", MONDAY, TUESDAY).begun(now)
    assert (begun.since, begun.at) == (MONDAY, TUESDAY + days * DAY)
    following = begun.next()
    assert following == Survey("s", "audience", begun.at, begun.at + DAY)
    halfway = begun._replace(after=7)
    assert halfway.begun(now + 5 * DAY) == halfway


# --- what time alone makes true

QUIET = {"not": {"happened": {"event": "page_viewed", "within": "2d"}}}
BELOW = {"engagement": {"below": 20}}


@pytest.mark.parametrize(
    ("condition", "since", "at", "seen", "enters"),
    [
        (QUIET, TUESDAY, TUESDAY + DAY, [MONDAY], False),  # seen 39 hours before
        (QUIET, TUESDAY + DAY, TUESDAY + 2 * DAY, [MONDAY], True),
        (QUIET, TUESDAY + 2 * DAY, TUESDAY + 3 * DAY, [MONDAY], False),  # it was so already
        (QUIET, TUESDAY + 2 * DAY, TUESDAY + 6 * DAY, [MONDAY, TUESDAY + 3 * DAY], True),  # so, not so, so: a long outage
        (QUIET, TUESDAY + 2 * DAY, TUESDAY + 5 * DAY, [MONDAY, TUESDAY + 4 * DAY], False),
        (QUIET, TUESDAY + DAY, TUESDAY + 2 * DAY, [MONDAY, TUESDAY + 2 * DAY + HOUR], True),  # what came after does not count
        (BELOW, TUESDAY, TUESDAY + DAY, [MONDAY], False),
        (BELOW, TUESDAY + 28 * DAY, TUESDAY + 30 * DAY, [MONDAY], True),
        (BELOW, TUESDAY + 30 * DAY, TUESDAY + 31 * DAY, [MONDAY], False),
        ({"stage": "lead"}, TUESDAY, TUESDAY + DAY, [MONDAY], False),  # no time makes this true
    ],
)
def test_who_enters_by_the_passing_of_time(
    condition: dict[str, Any], since: datetime, at: datetime, seen: list[datetime], enters: bool
) -> None:
    made = plan(sequence("s", {"enters": condition}))
    person = somebody(seen_at=seen[-1], heat=heat_for(40, 20_514, made.scoring.half_life))
    crowd = Crowd([person], {1: [page("/a", at=each) for each in seen]}, {})
    begun = decided(made, Survey("s", "audience", since, at), crowd, at + 2 * HOUR)
    assert len(begun) == enters
    for run in begun:
        assert (run.entered_at, run.due_at) == (at, at + 2 * HOUR)


# --- what happened before

NOW = MONDAY + 30 * DAY
DOWNLOAD = {"asset": "guide"}


def moved(at: datetime, to: str = "lead", asset: str = "guide") -> StageChange:
    cause = event("asset_downloaded", at, properties={"asset": asset}, source="engine")
    return StageChange(1, "audience", to, "gated-download", "asset_downloaded", at, cause)


@pytest.mark.parametrize(
    ("trigger", "happened", "since"),
    [
        (DOWNLOAD, [], None),
        (DOWNLOAD, [download("ana@acme.test", MONDAY)], MONDAY),
        (DOWNLOAD, [download("ana@acme.test", MONDAY), download("ana@acme.test", MONDAY + DAY)], MONDAY + DAY),
        (DOWNLOAD, [download("ana@acme.test", MONDAY - 90 * DAY)], None),
        (DOWNLOAD, [page("/a", at=MONDAY)], None),
        ({"promoted_to": "lead"}, [moved(MONDAY)], MONDAY),
        ({"promoted_to": "lead"}, [moved(MONDAY, "mql")], None),
        ({"promoted_to": "lead", **DOWNLOAD}, [moved(MONDAY, asset="other")], None),
        (DOWNLOAD, [download("ana@acme.test", MONDAY), event("demo_requested", MONDAY + DAY)], None),
        (DOWNLOAD, [event("demo_requested", MONDAY - DAY), download("ana@acme.test", MONDAY)], MONDAY),
        (DOWNLOAD, [download("ana@acme.test", MONDAY), event("left", MONDAY + DAY)], None),
        ({"enters": {"stage": "lead"}}, [], NOW),
        ({"enters": {"stage": "mql"}}, [], None),
        ({"date": "webinar_day"}, [], MONDAY - DAY),
    ],
)
def test_who_is_taken_in_for_what_happened_before(trigger: Any, happened: list[Happened], since: datetime | None) -> None:
    made = plan(sequence("s", trigger, enroll={"backfill": "60d"}, goal={"event": "demo_requested"}, exit=["left"]))
    person = somebody(attributes={"webinar_day": Attribute("2026-06-01", MONDAY - DAY, "form:guide")})
    begun = decided(made, Survey("s", "backfill", NOW - 60 * DAY, NOW), Crowd([person], {1: happened}, {}), NOW)
    assert [run.entered_at for run in begun] == ([] if since is None else [since])


@pytest.mark.parametrize("value", ["2026-03-01", "soon", 7])
def test_a_date_that_is_over_or_none_takes_nobody_in(value: Any) -> None:
    made = plan(sequence("s", {"date": "webinar_day"}, enroll="backfill"))
    person = somebody(attributes={"webinar_day": Attribute(value, MONDAY, "form:guide")})
    assert decided(made, Survey("s", "backfill", MONDAY, NOW), Crowd([person], {}, {}), NOW) == []


def ran(ended: timedelta | None, sequence: str = "s") -> Enrollment:
    return Enrollment(
        id=5, person=1, sequence=sequence, version="v", entry=1, step="hello", due_at=None, entered_at=MONDAY - 9 * DAY,
        status=EnrollmentStatus.WAITING if ended is None else EnrollmentStatus.COMPLETED,
        ended_at=None if ended is None else MONDAY + ended,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trigger", "reentry", "run", "enters"),
    [
        (DOWNLOAD, "never", None, True),
        (DOWNLOAD, "never", ran(-DAY), False),
        (DOWNLOAD, "never", ran(-DAY, "other"), True),
        (DOWNLOAD, "after_exit", ran(-DAY), True),  # the download came after it
        (DOWNLOAD, "after_exit", ran(DAY), False),  # the download came before it ended
        (DOWNLOAD, "after_exit", ran(None), False),
        (DOWNLOAD, {"after": "40d"}, ran(-DAY), False),
        ({"enters": {"stage": "lead"}}, "after_exit", None, True),
        ({"enters": {"stage": "lead"}}, "after_exit", ran(-DAY), False),
    ],
)
def test_nobody_is_taken_in_for_what_they_were_on_it_for(
    trigger: Any, reentry: Any, run: Enrollment | None, enters: bool
) -> None:
    made = plan(sequence("s", trigger, enroll="backfill", reentry=reentry))
    crowd = Crowd([somebody()], {1: [download("ana@acme.test", MONDAY)]}, {1: [run]} if run else {})
    assert len(decided(made, Survey("s", "backfill", MONDAY - 60 * DAY, NOW), crowd, NOW)) == enters


def test_nobody_without_an_address_and_nobody_of_another_audience_is_taken_in() -> None:
    made = plan(sequence("s", DOWNLOAD, enroll="backfill", audience={"company": "Acme"}))
    acme = {"company": Attribute("Acme", MONDAY, "form:guide")}
    people = [somebody(1, attributes=acme), somebody(2), somebody(3, attributes=acme, email=None)]
    crowd = Crowd(people, {each.id: [download("x@acme.test")] for each in people}, {}, held={"s"})
    [run] = decided(made, Survey("s", "backfill", MONDAY, NOW), crowd, NOW)
    assert (run.person, run.status) == (1, EnrollmentStatus.PAUSED)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, unique=True), st.sampled_from([None, "30m", "8h"]))
def test_backfilled_runs_are_spread_the_same_way_each_time(ids: list[int], spread: str | None) -> None:
    window = {"hours": "06:00-20:00", "timezone": "UTC", **({"spread": spread} if spread else {})}
    made = plan(sequence("s", DOWNLOAD, enroll="backfill", window=window))
    length = made.sequences["s"].window.spread or SPREAD
    people = [somebody(id_) for id_ in ids]
    crowd = Crowd(people, {id_: [download("x@acme.test")] for id_ in ids}, {})
    survey = Survey("s", "backfill", MONDAY, NOW)
    first, again = decided(made, survey, crowd, NOW), decided(made, survey, crowd, NOW + DAY)
    assert [run.due_at - NOW for run in first if run.due_at] == [run.due_at - NOW - DAY for run in again if run.due_at]
    assert all(run.due_at is not None and NOW <= run.due_at < NOW + length for run in first)
