"""A task on a real installation, run in this process."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import Engine, func, insert, select, update
from structlog.testing import capture_logs

import workers.tasks
from nurture.adapters.broker import queue_key
from nurture.adapters.counters import Counters, Tally
from nurture.adapters.database.tables import census, enrollments, erased_addresses, messages, people, suppressions, surveys
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.redis_keys import FIELD, MAILBOX_FAILS, events
from nurture.adapters.tokens import MailLink, Tokens
from nurture.adapters.tracing import Traces, traces_for
from nurture.bootstrap import WorkerParts
from nurture.domain.event import EVENT
from nurture.errors import Unavailable
from nurture.flow.advance import Advanced, advance
from nurture.settings import Settings
from tests.support.definitions import definitions
from tests.support.events import download, form, page
from tests.support.imap import ImapServer
from tests.support.installation import SECRET, Installation, LineWriter
from tests.support.mailrooms import mailroom
from tests.support.otlp import OtlpReceiver
from tests.support.returned import bounce, reply
from tests.support.smtp import SmtpSink
from tests.support.surveys import plan, sequence
from tests.support.waiting import MovableClock, wait_until
from workers import life
from workers.board import Board


@pytest.fixture
def installation(
    migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink, database_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:  # fmt: skip
    """An installation, and the tasks working on it."""
    settings = Settings(
        database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), secret_key=SecretStr(SECRET), data_dir=tmp_path
    )
    parts, nudge = WorkerParts(settings), CeleryNudge(settings.redis)
    monkeypatch.setattr(parts, "nudge", nudge)
    monkeypatch.setattr(workers.tasks, "parts", lambda: parts)
    yield Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)
    nudge.close()
    parts.database.engine.dispose()


def test_what_is_too_old_goes_in_one_turn(installation: Installation) -> None:
    installation.happen(*[page("/a", f"reader-{number}") for number in range(250)])
    installation.happen(*[form(f"p{number}@acme.test", f"d{number}") for number in range(120)])
    long_ago = installation.clock.now() - timedelta(days=5_000)
    with installation.engine.begin() as connection:
        connection.execute(update(people).values(seen_at=long_ago))
    installation.happen(page("/a", "new"))
    installation.apply(definitions(privacy={"retention": {"anonymous": "400d", "prospects": "400d"}}))
    with installation.engine.begin() as connection:
        kept = connection.scalar(select(people.c.id).order_by(people.c.seen_at.desc()).limit(1))
        connection.execute(
            update(people).where(people.c.id == kept).values(seen_at=installation.clock.now() + timedelta(days=36_500))
        )
    workers.tasks.forget_old()
    with installation.engine.connect() as connection:
        assert list(connection.scalars(select(people.c.id))) == [kept]
        assert connection.scalar(select(func.count()).select_from(erased_addresses)) == 0, "nobody asked for it"


def test_a_census_leaves_what_it_found(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"))
    workers.tasks.take_census()
    with installation.engine.connect() as connection:
        assert connection.scalar(select(census.c.answer).where(census.c.question == "contacts")) == [[1, 0]]


def test_a_backfill_is_walked_through_and_advance_is_woken(installation: Installation) -> None:
    installation.happen(*[form(f"p{number}@acme.test", f"d{number}") for number in range(5)])
    installation.apply(plan(sequence("guide", {"form": "guide"}, enroll="backfill")))
    workers.tasks.survey_due()
    with installation.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(enrollments)) == 5
        assert connection.scalar(select(func.count()).select_from(surveys)) == 0
    assert installation.redis.llen(queue_key("sequences")) == 1  # their first steps are looked for


def test_the_mailbox_is_fetched_where_there_is_one(installation: Installation) -> None:
    workers.tasks.fetch_mail()
    name = Tokens(SECRET).mail_name(MailLink(5, 7))
    with ImapServer() as server:
        parts = workers.tasks.parts()
        server.put(bounce(name), reply(name), arrived=parts.clock.now())
        parts.settings = parts.settings.model_copy(update={"imap_url": SecretStr(server.url)})
        workers.tasks.fetch_mail()
        assert server.mails() == [reply(name)]
        server.cut_at("LOGIN")
        workers.tasks.fetch_mail()  # a server that is away is asked again by the next tick
        assert installation.redis.exists(MAILBOX_FAILS)
        server.cut_at(None)
        workers.tasks.fetch_mail()
        assert not installation.redis.exists(MAILBOX_FAILS)
    assert sum(installation.redis.xlen(events(partition)) for partition in range(4)) == 2


def test_what_tasks_do_is_counted_once_for_each_batch(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.tasks.parts(), "clock", installation.clock)
    for each in (form("ana@acme.test", "ana"), form("bob@acme.test", "bob"), download("ana@acme.test")):
        installation.redis.xadd(events(1), {FIELD: EVENT.dump_json(each)})
    installation.redis.xadd(events(1), {FIELD: b"{}"})
    workers.tasks.absorb_partition(1)  # and what became due by it
    workers.tasks.parts().tally.flush()
    counted = Counters(installation.redis).read()
    assert (counted["events_stored"], counted["events_parked"]) == (3, 1)
    assert (counted["runs_advanced"], counted["messages_queued"]) == (1, 1)
    assert (counted['task_runs{task="absorb"}'], counted['task_runs{task="advance"}']) == (1, 1)
    assert counted['task_seconds{task="absorb"}'] > 0
    assert 'task_failures{task="absorb"}' not in counted


def test_what_absorb_makes_due_is_taken_on_by_the_same_process(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the board says so: an operator reads there what a process does."""
    board = Board(1)
    shown: list[str] = []

    def looked_at(*told: Any) -> Advanced:
        shown.extend(running.task for running in board.running({os.getpid()}))
        return advance(*told)

    monkeypatch.setattr(workers.tasks.parts(), "clock", installation.clock)
    board.slot(0).born()
    monkeypatch.setattr(life, "_slots", [board.slot(0)])
    monkeypatch.setattr(workers.tasks, "advance", looked_at)
    for each in (form("ana@acme.test", "ana"), download("ana@acme.test")):
        installation.redis.xadd(events(1), {FIELD: EVENT.dump_json(each)})
    workers.tasks.absorb_partition(1)
    assert shown == ["nurture.advance"]
    assert (installation.redis.llen(queue_key("sequences")), installation.redis.llen(queue_key("mail"))) == (0, 1)


def test_a_worker_of_events_alone_leaves_the_steps_to_others(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.tasks.parts(), "clock", installation.clock)
    workers.tasks.parts().queues = ["events"]
    for each in (form("ana@acme.test", "ana"), download("ana@acme.test")):
        installation.redis.xadd(events(1), {FIELD: EVENT.dump_json(each)})
    workers.tasks.absorb_partition(1)
    with installation.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(messages)) == 0
    assert installation.redis.llen(queue_key("sequences")) == 1


def test_mails_are_counted_by_what_became_of_them(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.tasks.parts(), "clock", installation.clock)
    installation.happen(*[form(f"p{number}@acme.test", f"d{number}") for number in range(3)])
    installation.happen(*[download(f"p{number}@acme.test") for number in range(3)])
    installation.sink.refuse("p1@", "550 5.1.1 nobody here")
    with mailroom(installation.database.sending, LineWriter(), installation.clock, default=installation.sink.url) as room:
        room.tell = workers.tasks.parts().count_mails
        workers.tasks.parts().mailroom = room
        workers.tasks.advance_due()
        with installation.engine.begin() as connection:
            suppressed = {
                "email": "p2@acme.test",
                "scope": "all",
                "reason": "manual",
                "source": "test",
                "at": installation.clock.now(),
            }
            connection.execute(insert(suppressions).values(suppressed))
        workers.tasks.send_due()
    counted = Counters(installation.redis).read()
    told = {name: count for name, count in counted.items() if name.startswith("messages_")}
    assert told == {"messages_queued": 3, "messages_sent": 1, "messages_failed": 1, "messages_skipped": 1}


def test_a_task_that_fails_is_counted_and_still_fails(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(workers.tasks, "cool", broken)
    with pytest.raises(RuntimeError, match="broken"):
        workers.tasks.cool_down()
    counted = Counters(installation.redis).read()
    assert (counted['task_runs{task="cool"}'], counted['task_failures{task="cool"}']) == (1, 1)


def test_a_task_that_meets_no_redis_has_failed_in_one_line(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> int:
        raise RedisConnectionError("Error 111 connecting")

    monkeypatch.setattr(workers.tasks, "cool", away)
    with capture_logs() as lines:
        workers.tasks.cool_down()
    assert [(line["task"], line["why"]) for line in lines] == [("cool", "Error 111 connecting")]
    assert Counters(installation.redis).read()['task_failures{task="cool"}'] == 1


def test_people_cool_later_when_the_database_is_away(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> int:
        raise Unavailable

    monkeypatch.setattr(workers.tasks, "cool", away)
    workers.tasks.cool_down()
    assert 'task_failures{task="cool"}' not in Counters(installation.redis).read()


def test_no_task_fails_because_nothing_can_be_counted(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1", retry=None)
    monkeypatch.setattr(workers.tasks.parts(), "tally", Tally(Counters(nowhere)))
    workers.tasks.cool_down()


def test_spans_of_a_batch_reach_a_collector(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    request = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    posted = form("ana@acme.test", "ana")
    posted = posted.model_copy(update={"context": {**posted.context, "traceparent": request}})
    for each in (posted, download("ana@acme.test")):
        installation.redis.xadd(events(1), {FIELD: EVENT.dump_json(each)})
    parts = workers.tasks.parts()
    monkeypatch.setattr(parts, "clock", installation.clock)
    with OtlpReceiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        parts.traces = traces_for("worker", os.environ)
        workers.tasks.absorb_partition(1)
        parts.traces.flush()
        wait_until(lambda: len(collector.spans) > 1, 60, what="the spans to arrive")
    span, following = collector.spans
    assert (span.name, following.name) == ("absorb", "advance")
    assert [link.span_id for link in following.links] == [span.span_id], "it was woken by what was absorbed"
    assert [link.trace_id.hex() for link in span.links] == ["0af7651916cd43dd8448eb211c80319c"]
    [resource] = collector.resources
    assert (resource["service.name"], resource["nurture.process"]) == ("nurture", "worker")
    assert b"ana" not in span.SerializeToString()


def test_a_task_knows_which_batch_woke_it(installation: Installation) -> None:
    woken: list[str | None] = []

    class Noting(Traces):
        def woken_by(self, traceparent: str | None) -> None:
            woken.append(traceparent)

    workers.tasks.parts().traces = Noting()
    task: Any = workers.tasks.cool_down
    task.apply(headers={"traceparent": "00-x"}, throw=True)
    task.apply(throw=True)
    assert woken == ["00-x", None]
