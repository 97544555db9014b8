"""Steps that came at the wrong hour, twice, or never, in other systems."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from redis import Redis
from sqlalchemy import Engine, select

from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.definitions import Definitions
from nurture.domain.stepping import TIMED_OUT
from tests.support.definitions import SENDING, THE_SAME_AGAIN, definitions
from tests.support.events import MONDAY, event
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)


def sequence(*steps: dict[str, Any], **around: Any) -> Definitions:
    """Definitions with one sequence, which everybody enters who signs up."""
    plan = {"sequence": "s", "trigger": {"event": "signed_up"}, "steps": list(steps), **around}
    return definitions(sequences={"s": plan}, sending={**SENDING, **THE_SAME_AGAIN, "frequency_cap": None})


def signs_up(email: str = ANA, at: datetime = MONDAY, **traits: Any) -> Any:
    return event("signed_up", at, email=email, traits=traits)


def sent(installation: Installation) -> list[tuple[str, datetime]]:
    """Each mail that left, and when, in that order."""
    with installation.engine.connect() as connection:
        rows = connection.execute(select(messages).where(messages.c.sent_at.is_not(None)).order_by(messages.c.sent_at))
        return [(row.step, row.sent_at) for row in rows]


def statuses(installation: Installation) -> list[tuple[str, str | None]]:
    with installation.engine.connect() as connection:
        return [(row.status.value, row.reason) for row in connection.execute(select(messages).order_by(messages.c.step))]


def hours(installation: Installation, count: int) -> Iterator[None]:
    """Let so many hours pass, with all work done in each."""
    for _ in range(count):
        installation.later(hours=1)
        installation.work()
        yield


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Asia/Tokyo", datetime(2026, 3, 2, 9, tzinfo=UTC)),  # no summer time; PR #10612 mailed at 18:13
        ("America/Sao_Paulo", datetime(2018, 11, 2, 9, tzinfo=UTC)),  # the clock skipped midnight on 4 November 2018
        ("Europe/Paris", datetime(2026, 3, 27, 9, tzinfo=UTC)),  # summer time begins on 29 March
        ("Europe/Paris", datetime(2026, 10, 23, 9, tzinfo=UTC)),  # and ends on 25 October
    ],
)
def test_mail_goes_between_seven_and_ten_at_night_on_the_reader_s_clock_across_changes__mautic_17283_10612(
    installation: Installation, zone: str, start: datetime
) -> None:
    installation.clock.move_to(start)
    daily = [step for number in range(5) for step in ({"id": f"mail-{number}", "email": "hello"}, {"wait": "23h"})]
    installation.apply(sequence(*daily, window={"hours": "07:00-22:00", "timezone": "person"}))
    installation.happen(signs_up(at=start, timezone=zone))
    installation.work()
    list(hours(installation, 24 * 7))
    instants = [at.astimezone(ZoneInfo(zone)) for _, at in sent(installation)]
    assert len(instants) == 5
    assert all(7 <= at.hour < 22 for at in instants)


def test_a_wait_of_thirty_days_ends_once__kombu_337(installation: Installation) -> None:
    installation.apply(sequence({"wait": "30d"}, {"id": "a", "email": "hello"}))
    installation.happen(signs_up())
    installation.work()
    list(hours(installation, 24 * 29 + 23))
    assert sent(installation) == []
    list(hours(installation, 48))
    assert sent(installation) == [("a", MONDAY + timedelta(days=30))]


@pytest.mark.parametrize("late", ["skip", "send", "next_window"])
def test_a_scheduler_that_was_off_for_three_days_applies_the_late_policy__erpnext(installation: Installation, late: str) -> None:
    window = {"hours": "09:00-18:00", "timezone": "UTC"}
    steps = {"id": "a", "email": "hello"}, {"wait": "2d"}, {"id": "b", "email": "offer"}
    installation.apply(sequence({"wait": "1h"}, *steps, late=late, window=window))
    installation.happen(signs_up())
    installation.work()
    installation.later(days=3, hours=2)  # nobody looked
    installation.work()
    at = installation.clock.now()
    if late == "next_window":
        assert sent(installation) == []
        list(hours(installation, 24))
        assert sent(installation) == [("a", datetime(2026, 3, 6, 9, tzinfo=UTC))]
    elif late == "send":
        assert sent(installation) == [("a", at)]
    else:
        assert sent(installation) == []
    installation.later(days=2)
    installation.work()
    # Nothing is dropped, nothing doubled: the run went on, and each step left one message.
    assert [step for step, _ in sent(installation)] == (["b"] if late == "skip" else ["a", "b"])
    with installation.engine.connect() as connection:
        assert [row.status for row in connection.execute(select(enrollments))] == ["completed"]
        assert sorted(row.step for row in connection.execute(select(messages))) == ["a", "b"]


def test_whoever_unsubscribes_leaves_alone__erpnext_52448(installation: Installation) -> None:
    installation.apply(sequence({"wait": "1d"}, {"id": "a", "email": "hello"}, exit=["unsubscribed"]))
    installation.happen(signs_up(ANA), signs_up("bob@acme.test"))
    installation.work()
    installation.happen(event("unsubscribed", MONDAY, email=ANA, source="engine"))
    installation.later(days=1)
    installation.work()
    with installation.engine.connect() as connection:
        assert sorted(connection.scalars(select(enrollments.c.status))) == ["completed", "exited"]
    assert [step for step, _ in sent(installation)] == ["a"]


def test_a_relative_wait_is_waited_once__mautic_6919(installation: Installation) -> None:
    installation.apply(sequence({"wait": "5m"}, {"id": "a", "email": "hello"}))
    installation.happen(signs_up())
    for _ in range(20):
        installation.work()
        installation.later(minutes=1)
    assert sent(installation) == [("a", MONDAY + timedelta(minutes=5))]


def test_a_date_before_its_wait_began_does_not_come_again_and_again__mautic_pr_16066(installation: Installation) -> None:
    steps = (
        {"wait": {"date": "webinar_day", "before": "1d"}},
        {"id": "a", "email": "hello", "late": {"after": "2h", "then": "skip"}},
    )
    installation.apply(sequence(*steps))
    installation.happen(signs_up(webinar_day="2026-03-02"))
    installation.work()
    assert statuses(installation) == [("skipped", "too_late")]
    with installation.engine.connect() as connection:
        assert [(row.status, row.due_at) for row in connection.execute(select(enrollments))] == [("completed", None)]


def test_nothing_is_mailed_before_a_wait_until_is_over__mautic_1759(installation: Installation) -> None:
    installation.apply(sequence({"wait": {"until": "thursday", "at": "10:00"}}, {"id": "a", "email": "hello"}))
    installation.happen(signs_up(timezone="Europe/Paris"))
    installation.work()
    list(hours(installation, 24 * 4))
    [(_, at)] = sent(installation)
    assert at == datetime(2026, 3, 5, 10, tzinfo=ZoneInfo("Europe/Paris"))


def test_an_event_just_before_the_wait_for_it_begins_is_not_missed__inngest_1433(installation: Installation) -> None:
    steps = (
        {"id": "a", "email": "hello"},
        {"id": "paid", "wait_for": {"event": "paid", "within": "2d"}, "on_timeout": [{"id": "nag", "email": "offer"}]},
    )
    installation.apply(sequence(*steps))
    installation.happen(signs_up())
    installation.later(minutes=1)
    installation.happen(event("paid", installation.clock.now(), email=ANA))  # the run has not come to its wait yet
    installation.work()
    installation.later(days=3)
    installation.work()
    assert [step for step, _ in sent(installation)] == ["a"]
    with installation.engine.connect() as connection:
        [run] = connection.execute(select(enrollments))
    assert (run.status, run.outcomes) == ("completed", {"paid": "happened"})


def test_a_wait_for_an_event_ends_in_time_without_it__posthog_post_mortem(installation: Installation) -> None:
    installation.apply(
        sequence({"id": "paid", "wait_for": {"event": "paid", "within": "2d"}, "on_timeout": [{"id": "nag", "email": "offer"}]})
    )
    installation.happen(signs_up())
    installation.work()
    list(hours(installation, 49))
    assert sent(installation) == [("nag", MONDAY + timedelta(days=2))]
    with installation.engine.connect() as connection:
        assert [row.outcomes for row in connection.execute(select(enrollments))] == [{"paid": TIMED_OUT}]


def test_one_entrance_lets_somebody_in_once__parcelvoy_462(installation: Installation) -> None:
    installation.apply(sequence({"id": "a", "email": "hello"}))
    installation.happen(*(signs_up() for _ in range(4)))
    installation.work()
    installation.happen(signs_up())
    installation.work()
    assert [step for step, _ in sent(installation)] == ["a"]
