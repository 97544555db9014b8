"""How often the mail of each step was opened, by nobody in particular.

It is counted where `tracking: {opens: aggregate}` is. A figure that speaks of few readers would speak of each of them, so none is
told before enough were mailed; and half of all opens are machines', so no figure here says that somebody read.
"""

from typing import Final

from sqlalchemy import Engine, func, select

from nurture.adapters.database.tables import daily_counts, enrollments, messages
from nurture.domain.definitions import Definitions
from nurture.domain.mail.tracking import opens_name
from nurture.domain.program import Offer, Send
from nurture.domain.wording import instead
from nurture.errors import DefinitionError
from nurture.reports.figures import Figures
from nurture.reports.funnel import SENT
from nurture.reports.reading import snapshot

#: From so many readers on a figure speaks of none of them.
FEWEST: Final = 20


class StepOpens(Figures):
    """A step: its mails sent, to how many people, and how often they were opened; None where it would speak of few people."""

    sequence: str
    step: str
    sent: int
    people: int
    opened: int | None


class Opens(Figures):
    """Every step in force that sends mail, in the order written."""

    steps: tuple[StepOpens, ...]


def opens(engine: Engine, definitions: Definitions, sequence: str | None = None) -> Opens:
    """The opens counted of all sequences in force, or of one; raises DefinitionError for one that is not, and Unavailable."""
    if sequence is not None and sequence not in definitions.sequences:
        raise DefinitionError(f"no sequence {sequence!r} is in force; {instead(sequence, definitions.sequences)}")
    plans = [definitions.sequences[sequence]] if sequence is not None else list(definitions.sequences.values())
    of_step = (enrollments.c.sequence, messages.c.step)
    mailed = (
        select(*of_step, func.count().label("sent"), func.count(messages.c.person_id.distinct()).label("people"))
        .select_from(messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id))
        .where(messages.c.status.in_(SENT))
        .group_by(*of_step)
    )
    counted = select(daily_counts.c.name, func.sum(daily_counts.c.events)).group_by(daily_counts.c.name)
    with snapshot(engine) as connection:
        sent = {(row.sequence, row.step): (row.sent, row.people) for row in connection.execute(mailed)}
        found: dict[str, int] = {name: int(times) for name, times in connection.execute(counted)}
    told = []
    for plan in plans:
        for step in (step for step, node in plan.program.nodes.items() if isinstance(node, Send | Offer)):
            mails, people = sent.get((plan.sequence, step), (0, 0))
            opened = found.get(opens_name(plan.sequence, step), 0) if people >= FEWEST else None
            told.append(StepOpens(sequence=plan.sequence, step=step, sent=mails, people=people, opened=opened))
    return Opens(steps=tuple(told))
