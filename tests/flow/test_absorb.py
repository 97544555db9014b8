"""From the stream into the database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import ColumnElement, Row, Table, func, select, update
from sqlalchemy import event as hook

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import (
    enrollments,
    event_conflicts,
    events,
    identifiers,
    people,
    score_cells,
    stage_changes,
    suppressions,
)
from nurture.adapters.redis_keys import DEAD
from nurture.adapters.redis_keys import events as stream_of
from nurture.domain.event import EMAIL_CLICKED, UNSUBSCRIBED, day_number
from nurture.domain.scoring import engagement_on
from tests.flow.conftest import Intake
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.waiting import MovableClock


def rows(database: Database, table: Table, *where: ColumnElement[bool]) -> Sequence[Row[Any]]:
    with database.engine.connect() as connection:
        return connection.execute(select(table).where(*where)).all()


def test_an_anonymous_reader_becomes_a_lead_and_keeps_the_history(intake: Intake, database: Database) -> None:
    absorbed = intake.take(
        [page("/blog/a"), page("/pricing"), form("ana@acme.test", job_title="Head of Sales"), download("ana@acme.test")]
    )
    assert (absorbed.stored, absorbed.parked, absorbed.wakes_sequences) == (4, 0, True)
    [person] = rows(database, people)
    assert (person.email, person.stage, person.grade) == ("ana@acme.test", "lead", "B")
    assert person.attributes["job_title"][0] == "Head of Sales"
    assert engagement_on(day_number(MONDAY), person.heat, timedelta(days=30)) == pytest.approx(2 + 10 + 20)
    [change] = rows(database, stage_changes)
    assert (change.from_stage, change.to_stage, change.rule, change.asset) == ("audience", "lead", "gated-download", "guide")
    [run] = rows(database, enrollments)
    assert (run.sequence, run.step, run.status) == ("guide-nurture", "thanks", "active")


def test_what_is_absorbed_leaves_the_stream(intake: Intake, redis: Redis) -> None:
    intake.take([page("/a"), page("/b")])
    assert redis.xlen(stream_of(0)) == 0
    assert intake.absorb().read == 0


def test_a_small_batch_asks_the_database_few_questions(intake: Intake, database: Database) -> None:
    visitors = [f"device-{number}" for number in range(20)]
    intake.take([page("/blog/a", visitor) for visitor in visitors])
    asked: list[str] = []
    hook.listen(database.engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: asked.append(statement))
    absorbed = intake.take([page("/pricing", visitor, MONDAY + timedelta(minutes=1)) for visitor in visitors])
    assert absorbed.stored == len(visitors)
    assert len(asked) <= 18, "\n".join(asked)


def test_an_event_sent_again_counts_once(intake: Intake, database: Database) -> None:
    once = page("/pricing", message_id="same")
    intake.take([once, once])
    intake.take([once])
    assert len(rows(database, events)) == 1
    [cell] = rows(database, score_cells)
    assert cell.hits == 1


def test_two_known_people_on_one_device_are_never_joined__mautic_4211(intake: Intake, database: Database) -> None:
    intake.take([page("/blog/a"), form("ana@acme.test"), form("ben@acme.test"), page("/pricing")])
    by_email = {person.email: person for person in rows(database, people)}
    assert set(by_email) == {"ana@acme.test", "ben@acme.test"}
    counted = {row.person_id: row.rule for row in rows(database, score_cells)}
    assert counted == {by_email["ana@acme.test"].id: "article", by_email["ben@acme.test"].id: "pricing"}


def test_an_anonymous_device_is_merged_into_the_person_it_turns_out_to_be(intake: Intake, database: Database) -> None:
    intake.take([form("ana@acme.test", device="office")])
    intake.take([page("/pricing", device="phone"), page("/careers", device="phone")])
    intake.take([form("ana@acme.test", device="phone")])
    ana = next(person for person in rows(database, people) if person.email)
    phone = next(person for person in rows(database, people) if not person.email)
    assert phone.merged_into == ana.id
    assert {(row.person_id, row.rule) for row in rows(database, score_cells)} == {(ana.id, "pricing"), (ana.id, "careers")}
    assert ana.heat < 0
    devices = rows(database, identifiers, identifiers.c.kind == "anonymous_id")
    assert {row.person_id for row in devices} == {ana.id}
    intake.take([page("/blog/b", device="phone")])
    assert {row.person_id for row in rows(database, score_cells)} == {ana.id}


def test_a_machine_is_kept_and_moves_nothing(intake: Intake, database: Database) -> None:
    crawler = event("page_viewed", anonymous_id="c", context={"page": {"path": "/pricing"}, "userAgent": "some bot"})
    intake.take([crawler])
    [stored] = rows(database, events)
    assert (stored.verdict, stored.verdict_reasons) == ("machine", ["crawler_user_agent"])
    assert rows(database, score_cells) == []


def test_a_poisoned_event_among_many_costs_only_itself(intake: Intake, database: Database, redis: Redis) -> None:
    poison = event("page_viewed", anonymous_id="p" * 400)  # longer than the column; PostgreSQL refuses it
    broken = b'{"message_id": "x"'
    good = [page(f"/blog/{number}", device=f"d{number}") for number in range(60)]
    absorbed = intake.take([*good[:30], poison, broken, *good[30:]])
    letters: Any = redis.xrange(DEAD)
    assert absorbed.stored + absorbed.parked == 62
    assert {fields[b"reason"].split(b":")[0] for _, fields in letters} <= {b"cannot be read", b"cannot be stored"}
    assert len(rows(database, events)) == 62 - len(letters)
    assert len(letters) == (2 if database.engine.dialect.name == "postgresql" else 1)
    assert redis.xlen(stream_of(0)) == 0


def test_a_batch_left_by_a_dead_worker_is_taken_again(intake: Intake, database: Database, redis: Redis) -> None:
    intake.put(page("/a"), page("/b"))
    redis.xgroup_create(stream_of(0), "absorb", id="0", mkstream=True)
    redis.xreadgroup("absorb", "holder", {stream_of(0): ">"}, count=10)  # read, and then the worker died
    assert intake.absorb().stored == 2
    assert len(rows(database, events)) == 2


def test_unsubscribing_suppresses_the_address_and_ends_the_run(intake: Intake, database: Database) -> None:
    intake.take([form("ana@acme.test"), download("ana@acme.test")])
    [person] = rows(database, people)
    intake.take([event(UNSUBSCRIBED, person=person.id, source="engine")])
    [suppressed] = rows(database, suppressions)
    assert (suppressed.email, suppressed.reason) == ("ana@acme.test", "unsubscribed")
    [run] = rows(database, enrollments)
    assert (run.status, run.reason, run.due_at) == ("exited", "unsubscribed", None)


def test_a_link_of_somebody_who_is_gone_is_dropped_and_kept_nowhere(intake: Intake, database: Database, redis: Redis) -> None:
    clicks = [
        event(EMAIL_CLICKED, person=123, message=4, source="engine", context={"userAgent": "Firefox"}, properties={"url": url})
        for url in ("https://www.example.com/a", "https://www.example.com/b")
    ]
    absorbed = intake.take([*clicks, event(UNSUBSCRIBED, person=123, message=4, source="engine")])
    assert (absorbed.stored, absorbed.parked, absorbed.dropped) == (0, 0, 3)
    assert redis.xlen(DEAD) == redis.xlen(stream_of(0)) == 0
    assert rows(database, events) == rows(database, people) == []


def test_a_goal_completes_the_run(intake: Intake, database: Database) -> None:
    intake.take([form("ana@acme.test"), download("ana@acme.test"), event("demo_requested", anonymous_id="device-1")])
    [run] = rows(database, enrollments)
    assert (run.status, run.reason) == ("completed", "goal: demo_requested")
    assert [row.to_stage for row in rows(database, stage_changes)] == ["lead", "sql"]


def test_hot_and_fitting_people_are_promoted_with_the_totals_as_cause(intake: Intake, database: Database) -> None:
    device = [page("/pricing"), page("/pricing"), form("ana@acme.test", job_title="Chief"), download("ana@acme.test")]
    intake.take(device)
    changes = {row.to_stage: row for row in rows(database, stage_changes)}
    assert changes["mql"].rule == "hot"
    assert changes["mql"].cause == "engagement 40.0, grade B"


def test_nobody_enters_a_sequence_twice_when_re_entry_is_never(intake: Intake, database: Database) -> None:
    intake.take([form("ana@acme.test"), download("ana@acme.test")])
    with database.engine.begin() as connection:
        connection.execute(update(people).values(stage="audience"))
    intake.take([download("ana@acme.test")])
    with database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(enrollments)) == 1


def test_the_release_in_force_is_the_last_applied(database: Database, clock: MovableClock) -> None:
    from nurture.adapters.database.releases import apply

    with database.engine.begin() as connection:
        assert apply(connection, definitions(), clock.now()) is False
        assert apply(connection, definitions(forms={}), clock.now()) is True
    with database.absorbing() as transaction:
        assert transaction.definitions().forms == {}


def test_an_asset_name_longer_than_any_of_ours_promotes_and_is_not_kept(intake: Intake, database: Database) -> None:
    """A public key may send `asset_downloaded`-like events of its own naming; what it writes there is not ours."""
    intake.take([form("ana@acme.test"), event("demo_requested", anonymous_id="device-1", properties={"asset": "a" * 65})])
    [change] = rows(database, stage_changes)
    assert (change.to_stage, change.asset) == ("sql", None)


def test_what_happened_long_ago_promotes_and_puts_nobody_on_a_sequence(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    """An import of last year's downloads is history: it makes leads, and mails nobody."""
    long_ago = clock.now() - timedelta(hours=73)
    intake.take([form("ana@acme.test", at=long_ago), download("ana@acme.test", at=long_ago)])
    [person] = rows(database, people)
    assert person.stage == "lead"
    assert rows(database, enrollments) == []


def test_who_was_promoted_before_the_address_was_known_enters_the_sequence_with_it(intake: Intake, database: Database) -> None:
    gated = {"asset": "guide", "gated": True}
    intake.take([event("asset_downloaded", anonymous_id="device-1", source="engine", properties=gated)])
    [person] = rows(database, people)
    assert (person.stage, person.email, rows(database, enrollments)) == ("lead", None, [])
    intake.take([event("identified", kind="identify", anonymous_id="device-1", email="ana@acme.test")])
    [run] = rows(database, enrollments)
    assert (run.sequence, run.person_id) == ("guide-nurture", person.id)


def test_the_same_id_with_another_payload_is_kept_as_a_conflict_and_counts_for_nothing(
    intake: Intake, database: Database
) -> None:
    first = page("/pricing", message_id="same")
    other = page("/careers", message_id="same")
    intake.take([first, other])
    intake.take([other, first])
    [cell] = rows(database, score_cells)
    assert (cell.rule, cell.hits) == ("pricing", 1)
    [conflict] = rows(database, event_conflicts)
    assert conflict.body["context"]["page"]["path"] == "/careers"


def test_a_download_before_its_form_in_one_batch_still_begins_the_sequence(intake: Intake) -> None:
    intake.take([download("ana@acme.test"), form("ana@acme.test", at=MONDAY + timedelta(seconds=1))])
    with intake.database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(enrollments)) == 1
