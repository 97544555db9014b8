"""Who enters when nobody does anything: what other systems blast, lose, or work out at a cost that has nothing to do with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, select
from sqlalchemy import event as hooks

from nurture.adapters.database.tables import enrollments, people, surveys
from tests.support.events import MONDAY, form, page
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.surveys import A_DAY, plan, sequence, walk
from tests.support.waiting import MovableClock

ANA, BEN = "ana@acme.test", "ben@acme.test"
TUESDAY = datetime(2026, 3, 3, tzinfo=UTC)
QUIET = {"not": {"happened": {"event": "page_viewed", "within": "3d"}}}


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)


def runs(installation: Installation) -> list[tuple[str, str]]:
    asked = select(people.c.email, enrollments.c.status).join(enrollments, enrollments.c.person_id == people.c.id)
    with installation.engine.connect() as connection:
        return [(row.email, row.status) for row in connection.execute(asked.order_by(people.c.email))]


def midnight_comes(installation: Installation, days: int) -> int:
    """Walk at the midnight so many days after the first Tuesday; how many entered."""
    installation.clock.move_to(TUESDAY + days * A_DAY)
    return walk(installation.database, installation.clock)


@pytest.mark.parametrize(
    "trigger", [{"enters": QUIET}, {"enters": {"company": "Acme"}}, {"form": "guide"}, {"promoted_to": "lead"}]
)
def test_a_new_sequence_takes_in_nobody_of_before_unless_it_says_so__mautic_4137(
    installation: Installation, trigger: Any
) -> None:
    """Activating a campaign mailed everybody who had ever matched. Here `from_now`, which needs not be written, takes in none of them."""
    long_ago = MONDAY - timedelta(days=30)
    installation.happen(form(ANA, company="Acme", at=long_ago), page("/a", at=long_ago))
    installation.apply(plan(sequence("new", trigger)))
    assert [midnight_comes(installation, days) for days in range(5)] == [0] * 5
    assert runs(installation) == []
    installation.happen(page("/a", at=installation.clock.now()))
    assert [midnight_comes(installation, days) for days in range(5, 9)].count(1) == (trigger == {"enters": QUIET})


def test_what_took_somebody_in_need_not_stay_true__mautic_6439(installation: Installation) -> None:
    """A contact left a campaign in the middle of a wait because the segment "birthday = today" no longer held.

    Here `enters` says who comes in and nothing else: whoever came in goes on, is not taken in again while they do, and leaves
    early by `exit` alone, where it says so.
    """
    steps = [{"wait": "10d"}, {"id": "hello", "email": "guide-thanks"}]
    stays = sequence("stays", {"enters": QUIET}, reentry="after_exit") | {"steps": steps}
    leaves = stays | {"sequence": "leaves", "exit": [{"happened": {"event": "page_viewed", "within": "1d"}}]}
    installation.apply(plan(stays, leaves))
    installation.happen(form(ANA), page("/a"))
    assert midnight_comes(installation, 3) == 2
    installation.work()
    assert runs(installation) == [(ANA, "waiting"), (ANA, "waiting")]
    installation.happen(page("/a", at=installation.clock.now()))
    with installation.engine.connect() as connection:
        standing = {row.sequence: row.status for row in connection.execute(select(enrollments))}
    assert standing == {"stays": "waiting", "leaves": "exited"}
    assert midnight_comes(installation, 7) == 1  # quiet again: only the one that was left is entered again
    installation.clock.move_to(TUESDAY + 13 * A_DAY)
    installation.work()
    with installation.engine.connect() as connection:
        found = connection.execute(select(enrollments.c.status).where(enrollments.c.sequence == "stays"))
        assert list(found.scalars()) == ["completed"]


@contextmanager
def written(engine: Engine) -> Iterator[list[str]]:
    """The statements that write or lock."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.split(maxsplit=1)[0] in ("INSERT", "UPDATE", "DELETE") or (
            "FOR " in statement and "surveys" not in statement
        ):
            found.append(statement)

    hooks.listen(engine, "before_cursor_execute", note)
    yield found
    hooks.remove(engine, "before_cursor_execute", note)


def test_a_survey_writes_for_those_alone_whom_it_concerns__mautic_8113(installation: Installation) -> None:
    """Rebuilding a segment took as long whether ten contacts had changed or five thousand. Here it reads and writes no more than
    how far it has come, and the runs that begin.
    """
    for number in range(40):
        device = f"d{number}"
        installation.happen(form(f"p{number}@acme.test", device=device), page("/a", device=device))
    installation.apply(plan(sequence("win-back", {"enters": QUIET})))
    with written(installation.engine) as nobody_changed:
        midnight_comes(installation, 1)
    assert {statement.split(" (")[0].split()[-1] for statement in nobody_changed} == {"surveys"}
    assert len(nobody_changed) == 1
    for number in range(37):
        installation.happen(page("/a", device=f"d{number}", at=installation.clock.now()))
    with written(installation.engine) as three_changed:
        assert midnight_comes(installation, 3) == 3
    assert sum("people" in statement for statement in three_changed) <= 1  # three of them are locked, at once
    assert sum("enrollments" in statement for statement in three_changed) == 1
    with installation.engine.connect() as connection:
        assert connection.execute(select(surveys.c.after)).scalar_one() == -1
