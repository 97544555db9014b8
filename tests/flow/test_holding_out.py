"""Who is held out of a sequence gets none of its mail, whichever way they come, and what they do all the same is known."""

from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, Row, func, select, update

from nurture.adapters.database.tables import enrollments, identity_journal, messages, people
from nurture.domain.enrollment import REACHED_END, is_held_out
from nurture.domain.holding_out import DESPITE_HOLDOUT, HELD_OUT
from nurture.flow.merge import merge, unmerge
from tests.support.definitions import definitions
from tests.support.events import event, form
from tests.support.installation import CRAWLER, Installation
from tests.support.smtp import SmtpSink
from tests.support.surveys import plan, sequence, walk
from tests.support.waiting import MovableClock

HOLDOUT: dict[str, Any] = {"goal": {"event": "demo_requested"}, "holdout": "50%"}
ADDRESSES = [f"p{number}@acme.test" for number in range(16)]


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)


def come(installation: Installation) -> None:
    installation.happen(*(form(address, device=address, at=installation.clock.now()) for address in ADDRESSES))


def runs(installation: Installation) -> dict[str, list[Row[Any]]]:
    """Everybody's runs, by address."""
    asked = select(enrollments, people.c.email).join(people, people.c.id == enrollments.c.person_id)
    with installation.engine.connect() as connection:
        found = connection.execute(asked.order_by(enrollments.c.entry)).all()
    return {address: [row for row in found if row.email == address] for address in ADDRESSES}


def held_out(installation: Installation, name: str = "s") -> set[str]:
    """Who is to be held out of the sequence in force."""
    chosen = installation.definitions.sequences[name]
    return {address for address in ADDRESSES if is_held_out(chosen, installation.person(address).id)}


def mailed(installation: Installation) -> set[str]:
    asked = select(people.c.email).join(messages, messages.c.person_id == people.c.id)
    with installation.engine.connect() as connection:
        return set(connection.scalars(asked))


def check(installation: Installation, name: str = "s") -> None:
    """Those and only those who are held out are not mailed, and have a run that says so."""
    installation.work()
    out = held_out(installation, name)
    assert 0 < len(out) < len(ADDRESSES)
    assert mailed(installation) == {*ADDRESSES} - out
    for address, theirs in runs(installation).items():
        [run] = [each for each in theirs if each.sequence == name]
        assert (run.reason == HELD_OUT) == (address in out)
        assert run.status == ("exited" if address in out else "completed")


def test_by_a_trigger_and_again(installation: Installation) -> None:
    installation.apply(plan(sequence("s", {"event": "form_submitted"}, **HOLDOUT, reentry="after_exit")))
    come(installation)
    check(installation)
    out, before = held_out(installation), runs(installation)
    installation.later(days=2)
    installation.happen(*(form(f"{address}", device=address, at=installation.clock.now(), again=1) for address in sorted(out)))
    installation.work()
    assert {address: runs(installation)[address] for address in out} == {address: before[address] for address in out}


def test_by_another_sequence(installation: Installation) -> None:
    first = {"sequence": "first", "trigger": {"event": "form_submitted"}, "steps": [{"sequence": "s"}]}
    installation.apply(plan(first, sequence("s", "manual", **HOLDOUT)))
    come(installation)
    check(installation)


def test_by_a_survey(installation: Installation) -> None:
    installation.apply(definitions(sequences={}))
    come(installation)
    installation.apply(plan(sequence("s", {"event": "form_submitted"}, **HOLDOUT, enroll="backfill")))
    assert walk(installation.database, installation.clock) == len(ADDRESSES)
    installation.later(hours=2)
    check(installation)


def test_by_a_hand_that_asks_for_it_despite(installation: Installation) -> None:
    installation.apply(plan(sequence("s", "manual", **HOLDOUT)))
    come(installation)
    out, at = held_out(installation), installation.clock.now()
    for said in ({}, {}, {DESPITE_HOLDOUT: True}):
        installation.happen(*(
            event("enroll_requested", at, email=address, source="shop", assurance="verified", properties={"sequence": "s", **said})
            for address in ADDRESSES
        ))  # fmt: skip
        installation.work()
        assert mailed(installation) == {*ADDRESSES} - (set() if said else out)
    for address, theirs in runs(installation).items():
        assert [run.reason for run in theirs] == ([HELD_OUT, REACHED_END] if address in out else [REACHED_END])


def test_a_goal_is_known_of_everybody_and_stops_no_last_mail(installation: Installation) -> None:
    installation.apply(plan(sequence("s", {"event": "form_submitted"}, **HOLDOUT)))
    come(installation)
    installation.work()
    installation.later(hours=12)
    out, at = held_out(installation), installation.clock.now()
    walked = sorted({*ADDRESSES} - out)
    reached = {min(out), walked[0]}
    last = installation.person(walked[0]).id
    with installation.engine.begin() as connection:  # a last mail that still waits for its turn
        queued = update(messages).where(messages.c.person_id == last)
        connection.execute(queued.values(status="queued", due_at=at + timedelta(days=1), sent_at=None))
    installation.happen(
        *(event("demo_requested", at, anonymous_id=address) for address in sorted(reached)),
        event("demo_requested", at, anonymous_id=walked[1], context={"userAgent": CRAWLER}),
        *(event("demo_requested", at - timedelta(days=1), anonymous_id=address) for address in ADDRESSES),
    )
    installation.happen(*(event("demo_requested", at - timedelta(hours=1), anonymous_id=address) for address in sorted(reached)))
    for address, [run] in runs(installation).items():
        assert run.goal_at == (at - timedelta(hours=1) if address in reached else None)
        assert run.reason == (HELD_OUT if address in out else REACHED_END)
    with installation.engine.connect() as connection:
        assert connection.scalar(select(func.count()).where(messages.c.status == "queued")) == 1


def test_two_people_who_are_one_keep_both_on_record_until_they_are_parted(installation: Installation) -> None:
    installation.apply(plan(sequence("s", {"event": "form_submitted"}, **HOLDOUT, window={"hours": "20:00-22:00"})))
    come(installation)
    out = held_out(installation)
    into, weak = (installation.person(min(chosen)).id for chosen in ({*ADDRESSES} - out, out))

    def reasons(person: int) -> list[str | None]:
        asked = select(enrollments.c.reason).where(enrollments.c.person_id == person).order_by(enrollments.c.entry)
        with installation.engine.connect() as connection:
            return list(connection.scalars(asked))

    merge(installation.database, installation.clock, weak, into, "me", "one human")
    assert (reasons(into), reasons(weak)) == ([None, HELD_OUT], [])
    with installation.engine.connect() as connection:
        merged = connection.execute(select(identity_journal.c.id).where(identity_journal.c.action == "merged")).scalar_one()
    unmerge(installation.database, installation.clock, merged, "me")
    assert (reasons(into), reasons(weak)) == ([None], [HELD_OUT])
