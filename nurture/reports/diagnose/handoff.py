"""Facts about the hand-off: whether calls arrive, and whether sales answers."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, case, func, select

from nurture.adapters.database.census import Answer
from nurture.adapters.database.tables import deliveries, follow_ups, stage_changes
from nurture.domain.answering import ANSWERS
from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.facts import Fact, Number, Share
from nurture.domain.diagnosing.judging import Case
from nurture.domain.telling.calls import DeliveryStatus
from nurture.reports.diagnose.looking import Look
from nurture.reports.everybody import DailyQuestion, Span
from nurture.reports.sheet import Period

#: An answer within it comes in time; a lead that waits for less is not waited for yet.
IN_TIME: Final = timedelta(days=1)


def facts_of_handoff(look: Look) -> dict[str, Fact]:
    """See docs/diagnose.md for what each means."""
    rows = look.everybody.answer_about(FOLLOW_UPS, _all_but_the_last_day(look))
    asked, answered, in_time = (sum(row[place] for row in rows) for place in range(3))
    return {
        "follow_ups": Number(asked),
        "follow_ups_answered": Share(answered, asked),
        "answered_in_time": Share(in_time, answered),
    }


def by_endpoint(look: Look) -> Iterator[Case]:
    """Every endpoint: of the stage changes of the period that it was to be told of, how many it had not been told of a day later."""
    rows = look.everybody.answer_about(CALLS, _all_but_the_last_day(look))
    for name in look.definitions.handoff.endpoints:
        calls, failed = (sum(row[place] for row in rows if row[0] == name) for place in (1, 2))
        yield Case(name, {"endpoint_deliveries": Number(calls), "endpoint_failed": Share(failed, calls)})


def _all_but_the_last_day(look: Look) -> Period:
    return look.period.model_copy(update={"last": look.period.last - IN_TIME.days})


def _ask_for_follow_ups(connection: Connection, _definitions: Definitions, span: Span) -> Answer:
    """How many; those answered; those answered in time. The two databases subtract instants differently, so that is done here."""
    since, answer = follow_ups.c.since, follow_ups.c.answer
    # Who went on by themselves is nobody's to answer for.
    asked = select(span.day(since), since, follow_ups.c.answered_at).where(
        span.holds(since), answer.is_(None) | answer.in_(ANSWERS)
    )
    found: Counter[tuple[int, int]] = Counter()
    for row in connection.execute(asked):
        kinds = (True, row.answered_at is not None, row.answered_at is not None and row.answered_at - row.since <= IN_TIME)
        found.update((row.day, place) for place, holds in enumerate(kinds) if holds)
    return [(day, None, *(found[day, place] for place in range(3))) for day in sorted({day for day, _ in found})]


def _ask_for_calls(connection: Connection, _definitions: Definitions, span: Span) -> Answer:
    """By endpoint, how many stage changes it was to be told of, and of how many it has not been told."""
    changed = select(stage_changes.c.id, span.day(stage_changes.c.at)).where(span.holds(stage_changes.c.at)).subquery().c
    by, lost = (changed.day, deliveries.c.endpoint), deliveries.c.status != DeliveryStatus.DELIVERED.value
    counted = select(*by, func.count(), func.sum(case((lost, 1), else_=0)))
    joined = counted.where(deliveries.c.stage_change_id == changed.id).group_by(*by)
    return [(day, None, *counts) for day, *counts in connection.execute(joined)]


#: Leads that sales was to answer for, on the day on which it got them.
FOLLOW_UPS: Final = DailyQuestion("follow_ups", _ask_for_follow_ups)

#: Calls to other systems, on the day of the stage change that they tell of.
CALLS: Final = DailyQuestion("calls", _ask_for_calls)
