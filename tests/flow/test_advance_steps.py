"""What steps do beside mailing, in a real database: they change people, tell others, and wait for what people do."""

from collections.abc import Sequence
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Row, Table, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import alerts, deliveries, enrollments, events, messages, people, score_cells, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.event import EMAIL_CLICKED, STEP_SCORED, STEP_SET
from nurture.domain.schedule import Calendar
from nurture.domain.stepping import advance as decide
from nurture.flow.advance import Advanced, advance
from nurture.flow.recount import recount
from nurture.reports.verify import verify
from tests.flow.conftest import Intake
from tests.support.events import download, event, form
from tests.support.sequences import definitions_with
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def mail(name: str) -> dict[str, Any]:
    return {"id": name, "email": name}


def rows(database: Database, table: Table) -> Sequence[Row[Any]]:
    with database.engine.connect() as connection:
        return connection.execute(select(table)).all()


def the_run(database: Database, sequence: str = "s") -> Row[Any]:
    [run] = [row for row in rows(database, enrollments) if row.sequence == sequence]
    return run


def templates(database: Database) -> list[str]:
    return sorted(row.template for row in rows(database, messages) if row.status != "skipped")


class Stage:
    """Ana has just downloaded the guide, which puts her on the sequence `s` of these steps."""

    def __init__(self, intake: Intake) -> None:
        self.intake, self.database, self.clock = intake, intake.database, intake.clock

    def begin(self, *steps: dict[str, Any], others: Sequence[dict[str, Any]] = ()) -> Definitions:
        trigger = {"promoted_to": "lead", "asset": "guide"}
        definitions = definitions_with({"sequence": "s", "trigger": trigger, "steps": list(steps)}, *others)
        with self.database.engine.begin() as connection:
            apply(connection, definitions, self.clock.now())
        at = self.clock.now()
        self.intake.take([form(ANA, at=at), download(ANA, at=at)])
        return definitions

    def step(self) -> Advanced:
        return advance(self.database, self.clock, lambda *_: False)

    def work(self) -> list[Advanced]:
        """Take steps for as long as any is due at once."""
        taken = [self.step()]
        while taken[-1].more:
            taken.append(self.step())
        return taken

    def click(self, step: str = "a") -> None:
        [ana] = [row for row in rows(self.database, people) if row.email == ANA]
        [message] = [row.id for row in rows(self.database, messages) if row.step == step]
        self.intake.take([
            event(EMAIL_CLICKED, self.clock.now(), person=ana.id, message=message, source="engine", context={"userAgent": "Firefox"})
        ])  # fmt: skip


@pytest.fixture
def stage(intake: Intake) -> Stage:
    return Stage(intake)


# ---- Steps that change people


def asks(*then: dict[str, Any], **condition: Any) -> dict[str, Any]:
    return {"branch": [{"if": condition, "then": list(then)}, {"else": [mail("otherwise")]}]}


def test_what_a_step_sets_is_known_to_the_next(stage: Stage, database: Database) -> None:
    stage.begin({"set": {"plan": "gold", "stage": "mql"}}, asks(mail("for-gold"), plan="gold", stage="mql"))
    first = stage.step()
    assert first == Advanced(1, 0, more=True)
    [ana] = rows(database, people)
    assert (ana.stage, ana.attributes["plan"][0]) == ("mql", "gold")
    assert [row.name for row in rows(database, events) if row.name == STEP_SET] == [STEP_SET]
    stage.work()
    assert templates(database) == ["for-gold"]
    assert (the_run(database).status, the_run(database).reason) == ("completed", "end")


def test_a_stage_that_their_points_do_not_bear_is_taken_back_each_time_it_is_set_at_one_instant(
    stage: Stage, database: Database
) -> None:
    stage.begin({"score": "careers"}, {"set": {"stage": "mql"}}, {"set": {"stage": "mql"}})
    stage.work()
    assert sorted((row.from_stage, row.to_stage) for row in rows(database, stage_changes)) == [
        ("audience", "lead"), ("lead", "mql"), ("lead", "mql"), ("mql", "lead"), ("mql", "lead"),
    ]  # fmt: skip
    assert the_run(database).status == "completed"


def test_a_step_that_scores_counts_by_its_rule(stage: Stage, database: Database) -> None:
    """Twenty points for the download, and two more for the rule `article`."""
    stage.begin({"score": "article"}, asks(mail("warm"), engagement={"at_least": 22}))
    stage.work()
    assert templates(database) == ["warm"]
    assert {row.rule: row.hits for row in rows(database, score_cells)} == {"download": 1, "article": 1}
    assert [row.name for row in rows(database, events) if row.name == STEP_SCORED] == [STEP_SCORED]


def test_what_steps_changed_follows_from_the_log(stage: Stage, database: Database, clock: MovableClock) -> None:
    definitions = stage.begin({"set": {"plan": "gold", "stage": "mql"}}, {"score": "article"}, mail("a"))
    stage.work()
    assert verify(database.engine, definitions) == []
    with database.engine.begin() as connection:
        connection.execute(update(people).values(recount_at=clock.now()))
    assert recount(database, clock).due == 1
    [ana] = rows(database, people)
    assert (ana.stage, {row.rule: row.hits for row in rows(database, score_cells)}) == ("mql", {"download": 1, "article": 1})
    assert verify(database.engine, definitions) == []


def test_a_stage_that_a_step_sets_triggers_like_any_other(stage: Stage, database: Database) -> None:
    other = {"sequence": "next", "trigger": {"promoted_to": "sql"}, "steps": [mail("welcome-to-sales")]}
    stage.begin(mail("a"), {"set": {"stage": "sql"}}, mail("b"), others=[other])
    stage.work()
    stage.step()
    assert templates(database) == ["a", "b", "welcome-to-sales"]


def test_an_exit_that_a_step_itself_brings_about_ends_the_run(stage: Stage, database: Database) -> None:
    other = {
        "sequence": "t",
        "trigger": {"promoted_to": "lead"},
        "exit": [{"plan": "gold"}],
        "steps": [{"wait": "1d"}, mail("late")],
    }
    stage.begin({"set": {"plan": "gold"}}, mail("a"), others=[other])
    stage.work()
    assert (the_run(database, "t").status, the_run(database, "t").reason) == ("exited", "plan: gold")


# ---- Steps that tell others, and lead on


def test_a_step_tells_another_system_once(stage: Stage, database: Database) -> None:
    stage.begin({"notify": "crm", "text": "Call them"}, mail("a"))
    stage.work()
    [alert] = rows(database, alerts)
    assert (alert.step, alert.text, alert.enrollment_id) == ("notify-after-start", "Call them", the_run(database).id)
    [delivery] = [row for row in rows(database, deliveries) if row.alert_id is not None]
    assert (delivery.alert_id, delivery.endpoint, delivery.status) == (alert.id, "crm", "waiting")


def test_a_chain_begins_the_other_run_in_the_same_transaction(stage: Stage, database: Database) -> None:
    other = {"sequence": "other", "trigger": "manual", "steps": [mail("x")]}
    stage.begin({"sequence": "other"}, mail("a"), others=[other])
    assert stage.step() == Advanced(1, 1, more=True)
    assert (the_run(database, "other").status, the_run(database, "other").step) == ("active", "x")
    stage.work()
    assert templates(database) == ["a", "x"]
    assert the_run(database, "other").reason == "end"


def test_a_pool_passes_over_what_any_step_mailed_before(stage: Stage, database: Database, clock: MovableClock) -> None:
    stage.begin(
        {"id": "a", "email": "evergreen-0"}, {"wait": "1d"}, {"id": "b", "pool": "evergreen"}, {"wait": "1d"},
        {"id": "c", "pool": "evergreen", "exhausted": [mail("nothing-left")]},
    )  # fmt: skip
    for _ in range(3):
        stage.work()
        clock.advance(DAY)
    # The piece about the guide is left out: Ana has downloaded it.
    assert templates(database) == ["evergreen-0", "evergreen-1", "nothing-left"]
    assert the_run(database).outcomes == {"c": "exhausted"}


# ---- Steps that wait for what people do

WAIT_FOR_CLICK = {
    "id": "interest",
    "wait_for": {"event": EMAIL_CLICKED, "message": "a", "within": "4d"},
    "on_timeout": [mail("nudge")],
}
ASKS = {"branch": [{"if": {"happened": "interest"}, "then": [mail("hot")]}, {"else": [mail("cold")]}]}


def test_an_event_that_is_waited_for_lets_the_run_go_on(stage: Stage, database: Database, clock: MovableClock) -> None:
    stage.begin(mail("a"), WAIT_FOR_CLICK, ASKS)
    stage.work()
    assert (the_run(database).status, the_run(database).step, the_run(database).due_at) == (
        "waiting",
        "interest",
        clock.now() + 4 * DAY,
    )
    clock.advance(DAY)
    assert stage.step() == Advanced(0, 0)
    stage.click()
    stage.work()
    assert templates(database) == ["a", "hot"]
    assert the_run(database).outcomes == {"interest": "happened"}


def test_without_the_event_the_other_way_is_taken(stage: Stage, database: Database, clock: MovableClock) -> None:
    stage.begin(mail("a"), WAIT_FOR_CLICK, ASKS)
    stage.work()
    clock.advance(4 * DAY)
    stage.work()
    assert templates(database) == ["a", "cold", "nudge"]
    clock.advance(HOUR)
    stage.click()
    assert the_run(database).outcomes == {"interest": "timed_out"}


def test_what_happened_before_the_wait_began_is_not_waited_for__inngest_1433(
    stage: Stage, database: Database, clock: MovableClock
) -> None:
    """The event is stored; only then does the run come to the step that waits for it."""
    stage.begin(mail("a"), {"wait": "1d"}, WAIT_FOR_CLICK, ASKS)
    stage.work()
    clock.advance(HOUR)
    stage.click()
    clock.advance(DAY)
    stage.work()
    assert templates(database) == ["a", "hot"]


def test_an_event_between_looking_back_and_waiting_is_not_missed__inngest_1433(
    stage: Stage, database: Database, clock: MovableClock
) -> None:
    """It is absorbed while advance holds the person: it comes after, and finds the run waiting."""
    definitions = stage.begin(mail("a"), {"wait": "1d"}, WAIT_FOR_CLICK, ASKS)
    stage.work()
    clock.advance(DAY)
    clicking = Thread(target=stage.click)
    with database.advancing() as transaction:
        at, calendar = clock.now(), Calendar("UTC", lambda *_: False)
        moves = [decide(standing, definitions, calendar, at) for standing in transaction.due(10, at)]
        clicking.start()
        clicking.join(timeout=0.5)
        assert clicking.is_alive()
        transaction.store(moves, at)
    clicking.join()
    assert the_run(database).outcomes == {"interest": "happened"}
    stage.work()
    assert templates(database) == ["a", "hot"]


def test_whoever_is_being_absorbed_stays_due_and_looks_back(stage: Stage, database: Database, clock: MovableClock) -> None:
    """The other way round: the event is on its way into the database when the step is due."""
    stage.begin(mail("a"), {"wait": "1d"}, WAIT_FOR_CLICK, ASKS)
    stage.work()
    clock.advance(DAY)
    if database.engine.dialect.name == "postgresql":
        with database.engine.begin() as connection:
            connection.execute(select(people).with_for_update(key_share=True))
            assert stage.step() == Advanced(0, 0)  # passed over, not waited for
    stage.click()
    stage.work()
    assert templates(database) == ["a", "hot"]


def test_the_date_of_somebody_moves_when_they_are_mailed(
    stage: Stage, intake: Intake, database: Database, clock: MovableClock
) -> None:
    day = clock.now().date() + timedelta(days=10)
    stage.begin({"wait": {"date": "webinar_day", "before": "1d", "if_missing": "continue"}, "id": "w"}, mail("a"))
    intake.take([event("registered", clock.now(), anonymous_id="device-1", traits={"webinar_day": day.isoformat()})])
    stage.work()
    due = the_run(database).due_at
    intake.take(
        [event("moved", clock.now(), anonymous_id="device-1", traits={"webinar_day": (day + timedelta(days=7)).isoformat()})]
    )
    assert the_run(database).due_at == due + 7 * DAY
    assert templates(database) == []
