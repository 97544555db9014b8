"""Facts about mail: whether it arrives, is read and is wanted, and what sequences come to."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from nurture.adapters.database.census import Answer
from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.facts import Fact, Number, Share
from nurture.domain.diagnosing.judging import Case
from nurture.domain.event import EMAIL_CLICKED
from nurture.domain.mail.message import MessageStatus
from nurture.domain.measuring.figures import DID, MACHINES
from nurture.reports.diagnose.looking import Look
from nurture.reports.everybody import DailyQuestion, Span, day_before
from nurture.reports.rollups import by_key

_LEFT: Final = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.COMPLAINED)

#: What an end of a run begins with whose goal was reached, and what it says of who wants no more mail.
_GOAL: Final = "goal: "
_UNSUBSCRIBED: Final = "unsubscribed"


class Mails(NamedTuple):
    """The mails of the period by sequence and status, and the runs of people that began and ended in it."""

    mails: Counter[tuple[str, MessageStatus]]
    entered: Counter[str]
    ended: Counter[tuple[str, str]]

    def left(self, sequence: str | None = None) -> int:
        """Mails that went out: of one sequence, or of all."""
        return sum(n for (name, status), n in self.mails.items() if status in _LEFT and sequence in {None, name})

    def with_status(self, status: MessageStatus, sequence: str | None = None) -> int:
        return sum(n for (name, found), n in self.mails.items() if found is status and sequence in {None, name})


def mails_of(look: Look) -> Mails:
    """What went on with mail in the period, by the instant for which it was planned."""
    everybody, mails, ended, entered = (
        look.everybody,
        Counter[tuple[str, MessageStatus]](),
        Counter[tuple[str, str]](),
        Counter[str](),
    )
    for sequence, status, n in everybody.answer_about(MAILS, look.period):
        mails[sequence, MessageStatus(status)] += n
    for sequence, n in everybody.answer_about(ENTERED, look.period):
        entered[sequence] += n
    for sequence, reason, n in everybody.answer_about(ENDED, look.period):
        ended[sequence, reason] += n
    return Mails(mails, entered, ended)


def facts_of_mail(look: Look, mails: Mails) -> dict[str, Fact]:
    """See docs/diagnose.md for what each means."""
    left, held = mails.left(), mails.with_status(MessageStatus.SKIPPED)
    human = by_key(look.connection, DID, look.period).get(EMAIL_CLICKED, 0)
    machine = by_key(look.connection, MACHINES, look.period).get(EMAIL_CLICKED, 0)
    return {
        "mails": Number(left),
        "mails_bounced": Share(mails.with_status(MessageStatus.BOUNCED), left),
        "mails_held_back": Share(held, held + left),
        "mails_clicked": Share(min(human, left), left),
        "clicks": Number(human + machine),
        "machine_clicks": Share(machine, human + machine),
    }


def by_sequence(look: Look, mails: Mails) -> Iterator[Case]:
    """Every sequence in force."""
    everything = mails.left()
    for name, plan in look.definitions.sequences.items():
        left = mails.left(name)
        ended = {reason: n for (sequence, reason), n in mails.ended.items() if sequence == name}
        goals = sum(n for reason, n in ended.items() if reason.startswith(_GOAL))
        gone = sum(n for reason, n in ended.items() if _UNSUBSCRIBED in reason)
        yield Case(name, {
            "sequence_entered": Number(mails.entered[name]), "sequence_ended": Number(sum(ended.values())),
            "sequence_goals": Share(goals, sum(ended.values()) if plan.goal else 0), "sequence_mails": Number(left),
            "sequence_share": Share(left, everything), "sequence_unsubscribed": Share(min(gone, left), left),
            "sequence_complained": Share(mails.with_status(MessageStatus.COMPLAINED, name), left),
        })  # fmt: skip


def _ask_for_mails(connection: Connection, _definitions: Definitions, span: Span) -> Answer:
    planned = messages.c.planned_at
    each = select(span.day(planned), messages.c.enrollment_id, messages.c.status).where(span.holds(planned)).subquery()
    by = each.c.day, enrollments.c.sequence, each.c.status
    counted = select(*by, func.count()).select_from(each.join(enrollments, enrollments.c.id == each.c.enrollment_id))
    return [(day, None, *counts) for day, *counts in connection.execute(counted.group_by(*by))]


def _ask_who_entered(connection: Connection, _definitions: Definitions, span: Span) -> Answer:
    run, at = enrollments.c, enrollments.c.entered_at
    each = select(span.day(at), run.sequence, run.person_id).where(span.holds(at)).distinct().subquery().c
    once = select(each.day, day_before(each.day, each.sequence, each.person_id).label("before"), each.sequence).subquery().c
    by = once.day, once.before, once.sequence
    return [tuple(row) for row in connection.execute(select(*by, func.count()).group_by(*by))]


def _ask_how_runs_ended(connection: Connection, _definitions: Definitions, span: Span) -> Answer:
    run, at = enrollments.c, enrollments.c.ended_at
    over = select(span.day(at), run.sequence, run.reason).where(span.holds(at), at.is_not(None), run.reason.is_not(None))
    each = over.subquery().c
    counted = select(*each, func.count()).group_by(*each)
    return [(day, None, *counts) for day, *counts in connection.execute(counted)]


#: Mails by sequence and status, on the day for which they were planned.
MAILS: Final = DailyQuestion("mails", _ask_for_mails)

#: How many people entered each sequence.
ENTERED: Final = DailyQuestion("entered", _ask_who_entered)

#: How many runs of each sequence ended for which reason.
ENDED: Final = DailyQuestion("ended", _ask_how_runs_ended)
