"""Facts about the hand-off: whether calls arrive, and whether sales answers."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import case, func, select

from nurture.adapters.database.tables import deliveries, follow_ups, stage_changes
from nurture.domain.answering import ANSWERS
from nurture.domain.diagnosing.facts import Fact, Number, Share
from nurture.domain.diagnosing.judging import Case
from nurture.domain.telling.calls import DeliveryStatus
from nurture.reports.diagnose.looking import Look

#: An answer within it comes in time; a lead that waits for less is not waited for yet.
IN_TIME: Final = timedelta(days=1)


def facts_of_handoff(look: Look) -> dict[str, Fact]:
    """See docs/diagnose.md for what each means."""
    asked = select(follow_ups.c.since, follow_ups.c.answered_at).where(
        follow_ups.c.since >= look.period.begins,
        follow_ups.c.since < look.period.ends - IN_TIME,
        follow_ups.c.answer.is_(None) | follow_ups.c.answer.in_(ANSWERS),  # who went on by themselves is nobody's to answer for
    )
    rows = look.connection.execute(asked).all()
    waited = [row.answered_at - row.since for row in rows if row.answered_at is not None]
    return {
        "follow_ups": Number(len(rows)),
        "follow_ups_answered": Share(len(waited), len(rows)),
        "answered_in_time": Share(sum(each <= IN_TIME for each in waited), len(waited)),
    }


def by_endpoint(look: Look) -> Iterator[Case]:
    """Every endpoint: of the stage changes of the period that it was to be told of, how many it had not been told of a day later."""
    lost = deliveries.c.status != DeliveryStatus.DELIVERED.value
    counted = (
        select(deliveries.c.endpoint, func.count(), func.sum(case((lost, 1), else_=0)))
        .select_from(deliveries.join(stage_changes, stage_changes.c.id == deliveries.c.stage_change_id))
        .where(stage_changes.c.at >= look.period.begins, stage_changes.c.at < look.period.ends - IN_TIME)
        .group_by(deliveries.c.endpoint)
    )
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    found |= {endpoint: (n, int(failed or 0)) for endpoint, n, failed in look.connection.execute(counted)}
    for name in look.definitions.handoff.endpoints:
        calls, failed = found[name]
        yield Case(name, {"endpoint_deliveries": Number(calls), "endpoint_failed": Share(failed, calls)})
