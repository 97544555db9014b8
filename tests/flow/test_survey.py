"""People enter sequences without doing anything just now: by the passing of time, and for what they did before."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Row, delete, insert, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.surveying import SurveyingTransaction
from nurture.adapters.database.tables import enrollments, holds, messages, pauses, people, releases, surveys
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.surveying import SPREAD, Survey
from nurture.flow.advance import advance
from nurture.flow.survey import Surveyed, survey
from nurture.reports.backfill import backfill_count
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.surveys import A_DAY, plan, sequence, walk

ANA, BEN = "ana@acme.test", "ben@acme.test"
QUIET = {"not": {"happened": {"event": "page_viewed", "within": "3d"}}}
TUESDAY = datetime(2026, 3, 3, tzinfo=UTC)


class Watch:
    """An installation whose surveys are walked when the test says so."""

    def __init__(self, intake: Intake) -> None:
        self.intake, self.database, self.clock = intake, intake.database, intake.clock

    def put_in_force(self, *sequences: dict[str, Any], **parts: Any) -> None:
        with self.database.engine.begin() as connection:
            apply(connection, plan(*sequences, **parts), self.clock.now())

    def walk(self, limit: int = 500) -> int:
        return walk(self.database, self.clock, limit)

    def walk_at(self, instant: datetime) -> int:
        self.clock.move_to(instant)
        return self.walk()

    def rows(self, table: Any) -> list[Row[Any]]:
        with self.database.engine.connect() as connection:
            return list(connection.execute(select(table)))

    def addresses(self, name: str | None = None) -> list[str]:
        """Who ever entered a sequence, once for each run."""
        asked = select(people.c.email).join(enrollments, enrollments.c.person_id == people.c.id).order_by(people.c.email)
        with self.database.engine.connect() as connection:
            return list(connection.scalars(asked if name is None else asked.where(enrollments.c.sequence == name)))

    def surveys(self) -> dict[tuple[str, str], tuple[datetime, datetime]]:
        return {(row.sequence, row.kind): (row.since, row.at) for row in self.rows(surveys)}

    def count(self, *sequences: dict[str, Any]) -> list[int | None]:
        """How many a plan would take in."""
        made = plan(*sequences)
        with self.database.engine.connect() as connection:
            return [backfill_count(connection, made, name, self.clock.now()) for name in made.sequences]


@pytest.fixture
def watch(intake: Intake) -> Watch:
    return Watch(intake)


# --- what time alone makes true


def test_whoever_becomes_quiet_enters_once(watch: Watch) -> None:
    watch.put_in_force(sequence("win-back", {"enters": QUIET}))
    watch.intake.take([form(ANA), page("/a"), form(BEN, device="b"), page("/a", device="b")])
    assert watch.walk() == 0
    assert [watch.walk_at(TUESDAY + days * A_DAY) for days in range(5)] == [0, 0, 0, 2, 0]
    assert watch.addresses() == [ANA, BEN]
    [run, _] = watch.rows(enrollments)
    assert (run.status, run.due_at, run.entered_at) == ("active", TUESDAY + 3 * A_DAY, TUESDAY + 3 * A_DAY)


def test_engagement_that_fades_below_a_bound_lets_in(watch: Watch) -> None:
    watch.put_in_force(sequence("cooling", {"enters": {"engagement": {"between": [1, 10.5]}}}))
    watch.intake.take([form(ANA), page("/pricing"), page("/pricing", message_id="again")])
    assert [watch.walk_at(TUESDAY + days * A_DAY) for days in (0, 20, 26, 27, 28)] == [0, 0, 0, 1, 0]


def test_what_people_do_themselves_is_decided_as_they_do_it_and_not_again(watch: Watch) -> None:
    """The re-entry rule would let them in a second time; what came true was not by time."""
    watch.put_in_force(
        sequence("warm", {"enters": {"happened": {"event": "page_viewed", "within": "30d"}}}, reentry="after_exit")
    )
    watch.intake.take([form(ANA)])
    watch.clock.advance(timedelta(hours=1))
    watch.intake.take([page("/a", at=watch.clock.now())])
    advance(watch.database, watch.clock, lambda *_: False)
    assert [row.status for row in watch.rows(enrollments)] == ["completed"]
    assert watch.walk_at(TUESDAY) == 0


def test_an_outage_of_three_days_is_covered_by_one_survey(watch: Watch) -> None:
    watch.put_in_force(sequence("win-back", {"enters": QUIET}))
    watch.intake.take([form(ANA), page("/a"), form(BEN, device="b"), page("/a", device="b")])
    watch.walk_at(TUESDAY)
    watch.intake.take([page("/a", device="b", at=TUESDAY + timedelta(hours=3))])
    assert watch.walk_at(TUESDAY + 3 * A_DAY + timedelta(hours=5)) == 1
    assert watch.surveys() == {("win-back", "audience"): (TUESDAY + 3 * A_DAY, TUESDAY + 4 * A_DAY)}
    assert watch.addresses() == [ANA]
    assert watch.walk_at(TUESDAY + 4 * A_DAY) == 1


def test_the_audience_the_reentry_rule_and_pauses_decide_as_always(watch: Watch) -> None:
    acme = {"company": "Acme"}
    watch.put_in_force(sequence("win-back", {"enters": QUIET}, audience=acme, reentry={"after": "30d"}))
    watch.intake.take([form(ANA, company="Acme"), page("/a"), form(BEN, device="b"), page("/a", device="b")])
    watch.intake.take([page("/a", device="nobody")])
    with watch.database.engine.begin() as connection:
        connection.execute(insert(pauses).values(sequence="win-back", at=MONDAY))
    assert watch.walk_at(TUESDAY + 3 * A_DAY) == 1
    assert [(row.status, watch.addresses()) for row in watch.rows(enrollments)] == [("paused", [ANA])]
    with watch.database.engine.begin() as connection:
        connection.execute(update(enrollments).values(status="completed", ended_at=watch.clock.now(), due_at=None))
    for days, entered in ((4, 0), (40, 1)):
        watch.clock.move_to(TUESDAY + days * A_DAY)
        watch.intake.take([page("/a", at=watch.clock.now())])
        assert watch.walk_at(TUESDAY + (days + 3) * A_DAY + timedelta(hours=1)) == 0
        assert watch.walk_at(TUESDAY + (days + 4) * A_DAY + timedelta(hours=1)) == entered


def test_surveys_are_kept_in_step_with_the_definitions_in_force(watch: Watch) -> None:
    first = ("win-back", "audience")
    watch.put_in_force(sequence("win-back", {"enters": QUIET}))
    assert watch.surveys() == {first: (MONDAY, TUESDAY)}
    watch.walk_at(TUESDAY + timedelta(hours=2))
    watch.put_in_force(sequence("win-back", {"enters": QUIET}, priority=70), sequence("other", {"enters": {"stage": "lead"}}))
    assert watch.surveys() == {first: (TUESDAY, TUESDAY + A_DAY), ("other", "audience"): (watch.clock.now(), TUESDAY + A_DAY)}
    watch.put_in_force(sequence("win-back", {"enters": {"stage": "lead"}}))
    assert watch.surveys() == {first: (watch.clock.now(), TUESDAY + A_DAY)}
    watch.put_in_force()
    assert watch.surveys() == {}


# --- what happened before


def past(watch: Watch) -> None:
    """Ana downloaded the guide 20 days ago, Ben 100 days ago, Cid looked at a page, and somebody without an address, too."""
    with watch.database.engine.begin() as connection:
        apply(connection, definitions(sequences={}), MONDAY)
    watch.intake.take([form(BEN, device="b"), download(BEN)])
    watch.clock.advance(timedelta(days=80))
    now = watch.clock.now()
    cid = event("identified", now, kind="identify", anonymous_id="c", email="cid@acme.test", assurance="claimed")
    bot = page("/pricing", device="c", at=now, message_id="bot").model_copy(
        update={"context": {"userAgent": "bot", "page": {"path": "/pricing"}}}
    )
    watch.intake.take([form(ANA, at=now), download(ANA, at=now), cid, bot, page("/a", device="nobody", at=now)])
    watch.clock.advance(timedelta(days=20))


@pytest.mark.parametrize(
    ("trigger", "entered"),
    [
        ({"promoted_to": "lead"}, [ANA, BEN]),
        ({"promoted_to": "lead", "asset": "guide"}, [ANA, BEN]),
        ({"promoted_to": "lead", "asset": "other"}, []),
        ({"asset": "guide"}, [ANA, BEN]),
        ({"form": "guide"}, [ANA, BEN]),
        ({"form": "other"}, []),
        ({"event": "asset_downloaded", "where": {"gated": True}}, [ANA, BEN]),
        ({"event": "asset_downloaded", "where": {"gated": False}}, []),
        ({"event": "page_viewed"}, []),  # by a machine, and by somebody without an address
        ({"enters": {"stage": "lead"}}, [ANA, BEN]),
    ],
)
def test_whoever_was_triggered_before_enters_once(watch: Watch, trigger: dict[str, Any], entered: list[str]) -> None:
    past(watch)
    all_of_it = sequence("guide", trigger, enroll="backfill")
    assert watch.count(all_of_it) == [len(entered)]
    watch.put_in_force(all_of_it)
    assert watch.walk(limit=1) == len(entered)
    assert watch.addresses() == entered
    assert ("guide", "backfill") not in watch.surveys()
    watch.put_in_force(all_of_it | {"priority": 70})
    assert watch.walk() == 0


def test_only_what_happened_within_the_span_counts(watch: Watch) -> None:
    past(watch)
    lately = sequence("guide", {"promoted_to": "lead"}, enroll={"backfill": "90d"})
    assert watch.count(lately, sequence("not", {"promoted_to": "lead"}), sequence("hand", "manual")) == [1, None, None]
    watch.put_in_force(lately)
    assert (watch.walk(), watch.addresses()) == (1, [ANA])
    [run] = watch.rows(enrollments)
    assert run.entered_at == MONDAY + timedelta(days=80)
    assert watch.clock.now() <= run.due_at < watch.clock.now() + SPREAD


def test_whoever_has_done_what_would_have_ended_it_or_is_of_no_audience_does_not_enter(watch: Watch) -> None:
    past(watch)
    watch.intake.take([event("demo_requested", watch.clock.now(), anonymous_id="device-1")])
    guide = sequence("guide", {"asset": "guide"}, enroll="backfill", goal={"event": "demo_requested"})
    narrow = sequence("narrow", {"asset": "guide"}, enroll="backfill", audience={"stage": "sql"})
    left = sequence("left", {"asset": "guide"}, enroll="backfill", exit=[{"stage": "sql"}])
    assert watch.count(guide, narrow, left) == [1, 1, 1]
    watch.put_in_force(guide, narrow, left)
    assert watch.walk() == 3
    assert [watch.addresses(name) for name in ("guide", "narrow", "left")] == [[BEN], [ANA], [BEN]]


def test_a_date_that_lies_ahead_is_waited_for(watch: Watch) -> None:
    watch.put_in_force()
    watch.intake.take([form(ANA, webinar_day="2026-04-01"), form(BEN, device="b", webinar_day="2026-02-01")])
    invited = sequence("webinar", {"date": "webinar_day", "before": "1d", "at": "09:00"}, enroll="backfill")
    assert watch.count(invited) == [1]
    watch.put_in_force(invited)
    assert (watch.walk(), watch.addresses()) == (1, [ANA])
    advance(watch.database, watch.clock, lambda *_: False)
    assert [(row.status, row.due_at.date().isoformat()) for row in watch.rows(enrollments)] == [("waiting", "2026-03-31")]


@pytest.mark.parametrize("reentry", ["never", "after_exit", {"after": "10d"}])
def test_nobody_gets_again_what_they_had_for_the_same_cause(watch: Watch, reentry: Any) -> None:
    past(watch)
    first = sequence("guide", {"asset": "guide"}, enroll="backfill", reentry=reentry)
    watch.put_in_force(first)
    assert watch.walk() == 2
    watch.clock.advance(SPREAD)
    while advance(watch.database, watch.clock, lambda *_: False).moved:
        pass
    assert {row.status for row in watch.rows(enrollments)} == {"completed"}
    watch.clock.advance(timedelta(days=30))
    watch.intake.take([download(BEN, at=watch.clock.now() - timedelta(days=20))])  # of which is heard too late to enter
    watch.put_in_force(first | {"trigger": {"promoted_to": "lead"}})
    assert watch.walk() == 0
    watch.put_in_force(first)  # the trigger of before comes back: only what happened since is new
    assert watch.walk() == (0 if reentry == "never" else 1)
    assert watch.addresses().count(ANA) == 1


def test_a_backfill_is_spread_over_an_hour_or_as_the_window_says(watch: Watch) -> None:
    watch.put_in_force()
    for number in range(200):  # ids are drawn, so that a tenth of the time without anybody has a chance of 10⁻⁹
        watch.intake.put(form(f"p{number}@acme.test", device=f"d{number}"))
    watch.intake.absorb()
    wide = {"days": "mon-fri", "hours": "08:00-20:00", "timezone": "UTC", "spread": "4h"}
    watch.put_in_force(
        sequence("hour", {"form": "guide"}, enroll="backfill"),
        sequence("window", {"form": "guide"}, enroll="backfill", window=wide),
    )
    assert watch.walk() == 400
    for name, hours in (("hour", 1), ("window", 4)):
        waits = sorted((row.due_at - MONDAY) / timedelta(hours=hours) for row in watch.rows(enrollments) if row.sequence == name)
        assert len(set(waits)) > 150
        assert 0 <= waits[0] < 0.1
        assert 0.9 < waits[-1] < 1
    assert advance(watch.database, watch.clock, lambda *_: False).moved <= 1


def test_people_who_turned_out_to_be_one_are_asked_about_together(watch: Watch) -> None:
    watch.put_in_force()
    watch.intake.take([event("webinar_attended", anonymous_id="phone")])
    watch.intake.take([form(ANA, device="office"), form(ANA, device="phone")])
    assert any(row.merged_into is not None for row in watch.rows(people))
    watch.put_in_force(sequence("webinar", {"event": "webinar_attended"}, enroll="backfill"))
    assert (watch.walk(), watch.addresses()) == (1, [ANA])


def test_a_release_that_this_engine_cannot_read_any_more_counts_as_no_change(watch: Watch) -> None:
    guide = sequence("guide", {"asset": "guide"}, enroll="backfill")
    past(watch)
    watch.put_in_force(guide)
    with watch.database.engine.begin() as connection:
        connection.execute(update(releases).values(body='{"scoring": {"of_old": 1}}'))
        connection.execute(delete(surveys))
    watch.put_in_force(guide | {"priority": 70}, sequence("win-back", {"enters": QUIET}))
    assert list(watch.surveys()) == [("win-back", "audience")]


# --- killed at any place


class Killed(Exception):
    """The worker dies here."""


@pytest.mark.parametrize("after_batches", [0, 1, 3])
@pytest.mark.parametrize("kind", ["audience", "backfill"])
def test_killed_in_the_middle_it_goes_on_and_each_enters_once(
    watch: Watch, kind: str, after_batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = {"enters": QUIET} if kind == "audience" else {"form": "guide"}
    if kind == "audience":
        watch.put_in_force(sequence("it", trigger))
    for number in range(23):
        device = f"d{number}"
        watch.intake.put(form(f"p{number}@acme.test", device=device), page("/a", device=device))
    watch.intake.absorb()
    if kind == "backfill":
        watch.put_in_force(sequence("it", trigger, enroll="backfill"))
    watch.clock.move_to(TUESDAY + 3 * A_DAY)
    store, batches = SurveyingTransaction.store, []

    def store_and_die(
        self: SurveyingTransaction, begun: Sequence[Enrollment], walked: Sequence[Survey], going_on: Sequence[Survey]
    ) -> None:
        store(self, begun, walked, going_on)
        batches.append(len(begun))
        if len(batches) > after_batches:
            raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(SurveyingTransaction, "store", store_and_die)
        with pytest.raises(Killed):
            watch.walk(limit=5)
    assert len(watch.rows(enrollments)) == sum(batches[:-1])
    assert watch.walk(limit=5) == 23 - sum(batches[:-1])
    assert len(set(watch.addresses())) == len(watch.addresses()) == 23


def test_four_workers_at_once_put_each_on_it_once(watch: Watch) -> None:
    watch.put_in_force()
    for number in range(60):
        watch.intake.put(form(f"p{number}@acme.test", device=f"d{number}"))
    watch.intake.absorb()
    watch.put_in_force(*(sequence(name, {"form": "guide"}, enroll="backfill") for name in ("one", "two")))
    workers = [Thread(target=watch.walk, args=(7,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    watch.walk()
    assert len(watch.addresses()) == 120
    assert watch.surveys() == {}


def test_without_a_survey_that_is_due_nothing_happens(watch: Watch) -> None:
    watch.put_in_force(sequence("win-back", {"enters": QUIET}))
    assert survey(watch.database, watch.clock) == Surveyed()


def test_definitions_that_only_count_write_nothing(watch: Watch, database: Database) -> None:
    past(watch)
    before = (watch.rows(enrollments), watch.rows(surveys), watch.rows(messages))
    made: Definitions = plan(sequence("guide", {"asset": "guide"}, enroll="backfill"))
    with database.engine.connect() as connection:
        assert backfill_count(connection, made, "guide", watch.clock.now()) == 2
    assert (watch.rows(enrollments), watch.rows(surveys), watch.rows(messages)) == before


def test_nobody_is_backfilled_into_what_is_drained(intake: Intake) -> None:
    watch = Watch(intake)
    intake.take([form(ANA)])
    watch.put_in_force(sequence("guide", {"form": "guide"}, enroll="backfill"))
    with watch.database.engine.begin() as connection:
        row = {"kind": "sequence", "name": "guide", "how": "draining", "since": watch.clock.now()}
        connection.execute(insert(holds).values(row))
    assert watch.walk() == 0
