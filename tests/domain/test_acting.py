"""What events cause for people on sequences and beside them: who enters, who goes on, who leaves."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nurture.domain.absorbing import absorb
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, EnrollmentStatus, message_id
from nurture.domain.event import EMAIL_CLICKED, ENROLL_REQUESTED, STEP_SET, Event
from nurture.domain.person import Person
from nurture.domain.program import TRIGGER_DATE
from nurture.domain.world import Changes, World
from tests.support.events import MONDAY, download, event, form
from tests.support.sequences import definitions_with

ACTIVE, WAITING, PAUSED, COMPLETED, EXITED = (
    EnrollmentStatus.ACTIVE, EnrollmentStatus.WAITING, EnrollmentStatus.PAUSED, EnrollmentStatus.COMPLETED, EnrollmentStatus.EXITED,
)  # fmt: skip
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANA = "ana@acme.test"


def defined(trigger: Any, *steps: dict[str, Any], **more: Any) -> Definitions:
    return definitions_with(
        {"sequence": "s", "trigger": trigger, "steps": list(steps) or [{"id": "a", "email": "hello"}], **more}
    )


class Scene:
    """One world over several batches."""

    def __init__(self, definitions: Definitions, held: Collection[str] = (), closed: Collection[str] = ()) -> None:
        self.definitions, self.held, self.closed = definitions, held, closed
        self.world = World(definitions, held=held)

    def happen(self, *events: Event, at: datetime | None = None) -> Changes:
        """Absorb a batch, at the instant of its last event unless told otherwise."""
        self.world = World(
            self.definitions,
            people=[replace(person, new=False, changed=False) for person in self.world.people.values()],
            register=self.world.register,
            cells=self.world.cells,
            enrollments=[replace(run, new=False, changed=False) for run in self.runs],
            pinned={(name, version): self.definitions.sequences[name] for name, version in self.definitions.versions.items()},
            held=self.held,
            closed=self.closed,
        )
        return absorb(events, self.world, lambda _: "browser", at or max(each.occurred_at for each in events))

    @property
    def runs(self) -> list[Enrollment]:
        return [run for runs in self.world.enrollments.values() for run in runs]

    @property
    def run(self) -> Enrollment:
        [run] = self.runs
        return run

    @property
    def ana(self) -> Person:
        return next(person for person in self.world.people.values() if person.email == ANA)

    def wait(self, step: str, since: datetime, until: datetime) -> Enrollment:
        """Let the only run wait on a step, as *advance* would."""
        run = self.run
        run.status, run.step, run.step_since, run.due_at = WAITING, step, since, until
        return run


def act(name: str, at: datetime = MONDAY + HOUR, **parts: Any) -> Event:
    return event(name, at, **({"anonymous_id": "device-1"} | parts))


def told(at: datetime = MONDAY + HOUR, **traits: Any) -> Event:
    return act("identified", at, traits=traits)


# ---- Who enters


@pytest.mark.parametrize(
    ("trigger", "happened", "enters"),
    [
        ({"event": "signed_up"}, [act("signed_up")], True),
        ({"event": ["signed_up", "called"]}, [act("called")], True),
        ({"event": "signed_up"}, [act("called")], False),
        ({"event": "signed_up", "where": {"plan": "pro"}}, [act("signed_up", properties={"plan": "pro"})], True),
        ({"event": "signed_up", "where": {"plan": "pro"}}, [act("signed_up", properties={"plan": "free"})], False),
        ({"form": "guide"}, [], True),
        ({"form": "newsletter"}, [], False),
        ({"event": "form_submitted"}, [], True),
        ({"asset": "guide"}, [download(ANA, MONDAY + HOUR)], True),
        ({"asset": "checklist"}, [download(ANA, MONDAY + HOUR)], False),
        ({"promoted_to": "lead"}, [download(ANA, MONDAY + HOUR)], True),
        ({"promoted_to": "lead", "asset": "guide"}, [download(ANA, MONDAY + HOUR)], True),
        ({"promoted_to": "lead", "asset": "checklist"}, [download(ANA, MONDAY + HOUR)], False),
        ({"promoted_to": "mql"}, [download(ANA, MONDAY + HOUR)], False),
        ({"enters": {"plan": "pro"}}, [told(plan="pro")], True),
        ({"enters": {"plan": "pro"}}, [told(plan="free")], False),
        ({"enters": {"stage": "lead"}}, [download(ANA, MONDAY + HOUR)], True),
        ({"enters": {"happened": {"event": "x", "times": 2}}}, [act("x"), act("x")], True),
        ({"enters": {"happened": {"event": "x", "times": 2}}}, [act("x")], False),
        ({"date": "webinar_day", "before": "1d"}, [told(webinar_day="2026-03-12")], True),
        ({"date": "webinar_day", "before": "1d"}, [told(webinar_day="2026-03-03")], False),  # a day before is over
        ({"date": "webinar_day", "before": "1d"}, [told(webinar_day="soon")], False),
        ("manual", [act(ENROLL_REQUESTED, properties={"sequence": "s"}, assurance="verified")], True),
        ("manual", [act(ENROLL_REQUESTED, properties={"sequence": "s"})], False),  # a browser says so
        ("manual", [act(ENROLL_REQUESTED, properties={"sequence": "other"}, assurance="verified")], False),
        ({"event": "x"}, [act(ENROLL_REQUESTED, properties={"sequence": "s"}, assurance="verified")], True),
    ],
)  # fmt: skip
def test_who_enters(trigger: Any, happened: list[Event], enters: bool) -> None:
    scene = Scene(defined(trigger))
    scene.happen(form(ANA))
    if happened:
        scene.happen(*happened)
    assert [(run.sequence, run.status, run.person) for run in scene.runs] == ([("s", ACTIVE, scene.ana.id)] if enters else [])


@pytest.mark.parametrize(
    ("trigger", "cause"),
    [
        ({"event": "x"}, act("x")),
        ({"enters": {"plan": "pro"}}, told(plan="pro")),
        ({"date": "webinar_day"}, told(webinar_day="2026-03-12")),
        ("manual", act(ENROLL_REQUESTED, properties={"sequence": "s"}, assurance="verified")),
    ],
)
def test_nobody_enters_without_an_address_or_for_what_happened_long_ago(trigger: Any, cause: Event) -> None:
    scene = Scene(defined(trigger))
    scene.happen(cause)
    assert not scene.runs
    scene = Scene(defined(trigger))
    scene.happen(form(ANA))
    scene.happen(cause, at=cause.occurred_at + timedelta(hours=73))
    assert not scene.runs
    scene.happen(cause.model_copy(update={"message_id": "again"}), at=cause.occurred_at + timedelta(hours=72))
    assert len(scene.runs) == (0 if cause.traits.get("plan") else 1)  # that they have a plan had become known before


@pytest.mark.parametrize(
    ("audience", "enters"), [({"stage": "audience"}, True), ({"stage": "lead"}, False), ({"not": {"plan": "free"}}, False)]
)
@pytest.mark.parametrize("trigger", [{"event": "x"}, {"enters": {"seats": 3}}, "manual"])
def test_the_audience_is_asked_at_the_door(audience: dict[str, Any], trigger: Any, enters: bool) -> None:
    scene = Scene(defined(trigger, audience=audience))
    scene.happen(form(ANA))
    scene.happen(
        told(MONDAY, plan="free"),
        told(seats=3),
        act("x"),
        act(ENROLL_REQUESTED, properties={"sequence": "s"}, assurance="verified"),
    )
    assert len(scene.runs) == enters


def test_who_waits_for_a_date_is_asked_at_the_door_when_it_has_come() -> None:
    scene = Scene(defined({"date": "webinar_day"}, audience={"stage": "lead"}))
    scene.happen(form(ANA))
    scene.happen(told(webinar_day="2026-03-12"))
    assert scene.run.step == TRIGGER_DATE


def test_a_condition_must_turn_true_while_we_look() -> None:
    """Who fulfilled it before enters only once they stopped and began again."""
    scene = Scene(defined({"enters": {"plan": "pro"}}))
    scene.happen(form(ANA), told(MONDAY + HOUR, plan="pro"))
    assert scene.run.entered_at == MONDAY + HOUR
    scene = Scene(defined({"event": "never"}))
    scene.happen(form(ANA), told(plan="pro"))
    scene.definitions = defined({"enters": {"plan": "pro"}})
    scene.happen(act("x", MONDAY + 2 * HOUR))
    assert not scene.runs
    scene.happen(told(MONDAY + 3 * HOUR, plan="free"))
    scene.happen(told(MONDAY + 4 * HOUR, plan="pro"))
    assert scene.run.entered_at == MONDAY + 4 * HOUR


def test_somebody_of_whom_it_was_true_before_enters_when_mail_can_reach_them() -> None:
    scene = Scene(defined({"enters": {"plan": "pro"}}))
    scene.happen(told(plan="pro"))
    assert not scene.runs
    scene.happen(form(ANA, at=MONDAY + 2 * HOUR))
    assert scene.run.person == scene.ana.id


def test_runs_of_a_held_sequence_are_born_held() -> None:
    scene = Scene(defined({"form": "guide"}), held={"s"})
    scene.happen(form(ANA))
    assert (scene.run.status, scene.run.due_at) == (PAUSED, MONDAY)


def test_nobody_enters_a_sequence_that_is_closed() -> None:
    scene = Scene(defined({"form": "guide"}), closed={"s"})
    scene.happen(form(ANA))
    assert scene.runs == []


# ---- Who goes on

CLICK = {
    "id": "w",
    "wait_for": {"event": EMAIL_CLICKED, "message": "a", "within": "2d"},
    "on_timeout": [{"id": "late", "email": "bye"}],
}


def waiting(awaited: dict[str, Any] | None = None, held: Collection[str] = ()) -> Scene:
    """Ana entered on Monday at nine, and has waited since noon for two days at most."""
    step = {**CLICK, "wait_for": {**CLICK["wait_for"], **(awaited or {})}}  # type: ignore[dict-item] # it is a mapping
    if awaited is not None and "message" not in awaited:
        step["wait_for"].pop("message")  # type: ignore[attr-defined] # likewise
    scene = Scene(defined({"form": "guide"}, {"id": "a", "email": "hello"}, step, {"id": "z", "email": "figures"}), held)
    scene.happen(form(ANA))
    scene.wait("w", MONDAY + 3 * HOUR, MONDAY + 3 * HOUR + 2 * DAY)
    return scene


@pytest.mark.parametrize(
    ("awaited", "name", "at", "parts", "goes_on"),
    [
        ({"event": "x"}, "x", DAY, {}, True),
        ({"event": ["y", "x"]}, "x", DAY, {}, True),
        ({"event": "x"}, "y", DAY, {}, False),
        ({"event": "x", "where": {"n": 1}}, "x", DAY, {"properties": {"n": 1}}, True),
        ({"event": "x", "where": {"n": 1}}, "x", DAY, {"properties": {"n": 2}}, False),
        ({"event": "x"}, "x", HOUR, {}, True),  # heard of late: it happened behind the entry
        ({"event": "x", "since": "step"}, "x", HOUR, {}, False),  # before they came to the step
        ({"event": "x", "since": "step"}, "x", 3 * HOUR, {}, True),
        ({"event": "x"}, "x", -HOUR, {}, False),  # before they entered
        ({"event": "x"}, "x", 3 * HOUR + 2 * DAY, {}, True),  # in the last instant
        ({"event": "x"}, "x", 4 * HOUR + 2 * DAY, {}, False),
        (None, EMAIL_CLICKED, DAY, {"message": "a"}, True),
        (None, EMAIL_CLICKED, DAY, {"message": "z"}, False),
        (None, EMAIL_CLICKED, DAY, {}, False),
    ],
)
def test_an_event_that_is_waited_for(
    awaited: dict[str, Any] | None, name: str, at: timedelta, parts: dict[str, Any], goes_on: bool
) -> None:
    scene = waiting(awaited)
    mail = {"message": message_id(scene.run.id, parts["message"]), "person": scene.ana.id} if "message" in parts else {}
    now = MONDAY + 3 * DAY
    scene.happen(act(name, MONDAY + at, **{**parts, **mail, "context": {"userAgent": "Firefox"}}), at=now)
    run = scene.run
    if goes_on:
        assert (run.status, run.step, run.due_at, run.step_since, run.outcomes) == (ACTIVE, "z", now, None, {"w": "happened"})
    else:
        assert (run.status, run.step, run.outcomes) == (WAITING, "w", {})


def test_the_click_of_a_machine_is_not_waited_for() -> None:
    scene = waiting()
    message = message_id(scene.run.id, "a")
    scene.happen(
        act(EMAIL_CLICKED, MONDAY + DAY, message=message, person=scene.ana.id, context={"method": "HEAD", "userAgent": "x"})
    )
    assert scene.run.status == WAITING


def test_a_held_run_goes_on_as_a_held_run() -> None:
    scene = waiting({"event": "x"})
    scene.run.status = PAUSED
    scene.happen(act("x", MONDAY + DAY))
    assert (scene.run.status, scene.run.step, scene.run.outcomes) == (PAUSED, "z", {"w": "happened"})


def test_a_run_that_is_yet_to_come_to_the_step_looks_back_by_itself() -> None:
    scene = waiting({"event": "x"})
    scene.run.step_since = None
    scene.happen(act("x", MONDAY + DAY))
    assert (scene.run.step, scene.run.outcomes) == ("w", {})


@pytest.mark.parametrize(
    ("day", "due"),
    [
        ("2026-03-20", datetime(2026, 3, 19, 0, 0, tzinfo=UTC)),
        ("2026-03-03", datetime(2026, 3, 2, 0, 0, tzinfo=UTC)),  # over: due at once
        ("unknown yet", datetime(2026, 3, 11, 0, 0, tzinfo=UTC)),  # no date: what was agreed holds
    ],
)
@pytest.mark.parametrize("kind", ["trigger", "step"])
def test_a_date_that_is_moved_moves_who_waits_for_it(kind: str, day: str, due: datetime) -> None:
    pause = {"date": "webinar_day", "before": "1d"}
    steps = [{"wait": pause, "id": "w"}, {"id": "z", "email": "hello"}] if kind == "step" else [{"id": "z", "email": "hello"}]
    window = {"timezone": "UTC"}
    scene = Scene(defined(pause if kind == "trigger" else {"form": "guide"}, *steps, window=window))
    scene.happen(form(ANA), told(MONDAY, webinar_day="2026-03-12"))
    scene.wait(TRIGGER_DATE if kind == "trigger" else "w", MONDAY, datetime(2026, 3, 11, 0, 0, tzinfo=UTC))
    scene.happen(act("x", MONDAY + 2 * HOUR), told(MONDAY + 3 * HOUR, seats=4))
    assert scene.run.due_at == datetime(2026, 3, 11, 0, 0, tzinfo=UTC)
    scene.happen(told(MONDAY + 4 * HOUR, webinar_day=day))
    assert (scene.run.due_at, scene.run.status) == (due, WAITING)


# ---- Who leaves, and what steps tell


@pytest.mark.parametrize(
    ("more", "happened", "ending"),
    [
        ({"goal": {"event": "bought"}}, act("bought"), (COMPLETED, "goal: bought")),
        ({"goal": {"event": "bought", "where": {"n": 2}}}, act("bought", properties={"n": 2}), (COMPLETED, "goal: bought")),
        ({"goal": {"event": "bought", "where": {"n": 2}}}, act("bought"), (ACTIVE, None)),
        ({"exit": ["left"]}, act("left"), (EXITED, "left")),
        ({"exit": [{"plan": "pro"}]}, told(plan="pro"), (EXITED, "plan: pro")),
        ({"exit": [{"plan": "pro"}]}, told(plan="free"), (ACTIVE, None)),
    ],
)
def test_goals_and_exits_end_a_run_when_the_event_arrives(
    more: dict[str, Any], happened: Event, ending: tuple[EnrollmentStatus, str | None]
) -> None:
    scene = Scene(defined({"form": "guide"}, **more))
    scene.happen(form(ANA))
    scene.happen(happened)
    assert (scene.run.status, scene.run.reason) == ending
    assert (scene.run.ended_at is None) == (ending[0] == ACTIVE)


def step_set(scene: Scene, at: datetime = MONDAY + HOUR, **properties: Any) -> Event:
    where = {"sequence": "s", "step": "set-after-a", **properties}
    return event(STEP_SET, at, person=scene.ana.id, assurance="verified", source="engine", properties=where)


def test_a_step_moves_somebody_to_a_stage_and_that_may_trigger_something() -> None:
    following = {"sequence": "next", "trigger": {"promoted_to": "sql"}, "steps": [{"id": "n", "email": "hello"}]}
    first = {"sequence": "s", "trigger": {"form": "guide"}, "steps": [{"id": "a", "email": "hello"}, {"set": {"stage": "sql"}}]}
    scene = Scene(definitions_with(first, following))
    scene.happen(form(ANA))
    changes = scene.happen(step_set(scene, stage="sql"))
    [change] = changes.stage_changes
    assert (change.from_stage, change.to_stage, change.rule, change.cause) == (
        "audience",
        "sql",
        "set-after-a",
        "step set-after-a of s",
    )
    assert scene.ana.stage == "sql"
    assert sorted(run.sequence for run in scene.runs) == ["next", "s"]
    assert not scene.happen(step_set(scene, MONDAY + 2 * HOUR, stage="sql")).stage_changes  # they stand there already


def test_what_a_step_sets_turns_conditions_true() -> None:
    scene = Scene(defined({"enters": {"plan": "pro"}}))
    scene.happen(form(ANA))
    scene.happen(step_set(scene).model_copy(update={"traits": {"plan": "pro"}}))
    assert scene.ana.attributes["plan"].value == "pro"
    assert scene.run.sequence == "s"
