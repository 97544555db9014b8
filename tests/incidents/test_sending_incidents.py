"""Frequency caps of others that went wrong, on real sequences and a real mail server."""

from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, Row, select

from nurture.adapters.database.tables import messages
from tests.support.definitions import SENDING, definitions
from tests.support.events import MONDAY, form
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)


def daily(mails: int, cap: dict[str, Any] | None) -> Any:
    """A sequence that mails every day, under a cap."""
    steps: list[dict[str, Any]] = []
    for number in range(1, mails + 1):
        steps += [{"id": f"mail-{number}", "email": "guide-thanks", "window": "any"}, {"wait": "1d"}]
    sequence = {"sequence": "daily", "trigger": {"event": "form_submitted"}, "steps": steps}
    return definitions(sequences={"daily": sequence}, sending=SENDING | {"frequency_cap": cap})


def mails(installation: Installation) -> list[Row[Any]]:
    with installation.engine.connect() as connection:
        return list(connection.execute(select(messages).order_by(messages.c.step)))


def test_the_fourth_is_deferred_to_next_week_not_3_weeks__mautic_pr_4761(installation: Installation) -> None:
    installation.apply(daily(4, {"messages": 3, "per": "7d"}))
    installation.happen(form("ana@acme.test"))
    for _ in range(4):
        installation.work()
        installation.later(days=1)
    *three, fourth = mails(installation)
    assert [each.status for each in three] == ["sent"] * 3
    next_week = MONDAY.replace(day=9)
    assert (fourth.reason, fourth.due_at, fourth.planned_at) == ("capped", next_week, next_week)
    assert fourth.lost_to == [each.id for each in three]
    installation.clock.move_to(next_week)
    installation.work()
    assert mails(installation)[3].sent_at == next_week


def test_cap_unset_is_unlimited__mautic_10416(installation: Installation) -> None:
    installation.apply(daily(9, None))
    installation.happen(form("ana@acme.test"))
    for _ in range(9):
        installation.work()
        installation.later(days=1)
    assert [each.status for each in mails(installation)] == ["sent"] * 9
