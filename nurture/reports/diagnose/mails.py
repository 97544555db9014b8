"""Facts about mail: whether it arrives, is read and is wanted, and what sequences come to."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import and_, func, select

from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.diagnosing.facts import Fact, Number, Share
from nurture.domain.diagnosing.judging import Case
from nurture.domain.event import EMAIL_CLICKED
from nurture.domain.mail.message import MessageStatus
from nurture.domain.measuring.figures import DID, MACHINES
from nurture.reports.diagnose.looking import Look
from nurture.reports.reading import tally
from nurture.reports.rollups import by_key

_LEFT: Final = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.COMPLAINED)

#: What an end of a run begins with whose goal was reached, and what it says of who wants no more mail.
_GOAL: Final = "goal: "
_UNSUBSCRIBED: Final = "unsubscribed"


class Mails(NamedTuple):
    """The mails of the period by sequence and status, and the runs of people that began and ended in it."""

    mails: Counter[tuple[str, MessageStatus]]
    entered: dict[str, int]
    ended: Counter[tuple[str, str]]

    def left(self, sequence: str | None = None) -> int:
        """Mails that went out: of one sequence, or of all."""
        return sum(n for (name, status), n in self.mails.items() if status in _LEFT and sequence in {None, name})

    def with_status(self, status: MessageStatus, sequence: str | None = None) -> int:
        return sum(n for (name, found), n in self.mails.items() if found is status and sequence in {None, name})


def mails_of(look: Look) -> Mails:
    """Read what went on with mail in the period, by the instant for which it was planned."""
    begins, ends = look.period.begins, look.period.ends
    sent = (
        select(enrollments.c.sequence, messages.c.status, func.count())
        .select_from(messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id))
        .where(messages.c.planned_at >= begins, messages.c.planned_at < ends)
        .group_by(enrollments.c.sequence, messages.c.status)
    )
    entered = (
        select(enrollments.c.sequence, func.count(func.distinct(enrollments.c.person_id)))
        .where(enrollments.c.entered_at >= begins, enrollments.c.entered_at < ends)
        .group_by(enrollments.c.sequence)
    )
    over = (
        select(enrollments.c.sequence, enrollments.c.reason, func.count())
        .where(and_(enrollments.c.ended_at >= begins, enrollments.c.ended_at < ends, enrollments.c.reason.is_not(None)))
        .group_by(enrollments.c.sequence, enrollments.c.reason)
    )
    connection = look.connection
    return Mails(
        Counter({(sequence, MessageStatus(status)): n for sequence, status, n in connection.execute(sent)}),
        tally(connection, entered),
        Counter({(sequence, reason): n for sequence, reason, n in connection.execute(over)}),
    )


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
            "sequence_entered": Number(mails.entered.get(name, 0)), "sequence_ended": Number(sum(ended.values())),
            "sequence_goals": Share(goals, sum(ended.values()) if plan.goal else 0), "sequence_mails": Number(left),
            "sequence_share": Share(left, everything), "sequence_unsubscribed": Share(min(gone, left), left),
            "sequence_complained": Share(mails.with_status(MessageStatus.COMPLAINED, name), left),
        })  # fmt: skip
