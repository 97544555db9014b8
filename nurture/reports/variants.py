"""The variants of mails compared: how many were sent, clicked, and followed by the sequence's goal; and which is the best.

Each mail counts once, and only clicks of humans count. A mail counts as long as the step in force sends the same variants as the
one by which it was sent: what was written otherwise cannot be compared with what is written now.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    and_,
    case,
    distinct,
    func,
    select,
    true,
)  # fmt: skip

from nurture.adapters.database.releases import Releases
from nurture.adapters.database.tables import enrollments, events, messages
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import REACHED_END, EnrollmentStatus
from nurture.domain.event import EMAIL_CLICKED
from nurture.domain.mail.dispatch import mailing_step
from nurture.domain.proportions import Comparison, Counted, compare, wilson
from nurture.domain.sequence import Sequence
from nurture.domain.steps import EmailStep
from nurture.domain.wording import instead
from nurture.errors import DefinitionError
from nurture.reports.figures import Figures
from nurture.reports.funnel import SENT
from nurture.reports.reading import message_of_event, of_mail, snapshot


class Rate(Figures):
    """So many of the mails sent, as a share, with the 95 % interval (Wilson) in which the true share lies."""

    mails: int
    rate: float
    low: float
    high: float


class VariantFigures(Figures):
    """One variant: its mails sent, those clicked by a human, and those whose run reached the goal afterwards."""

    variant: str
    sent: int
    clicked: Rate
    reached_goal: Rate


class Verdict(Figures):
    """Whether one variant is the best. `p_value` is the probability of such a lead over `rival` by chance; `winner` is named only
    with enough evidence, and `text` says what is missing otherwise.
    """

    best: str
    rival: str
    p_value: float
    winner: str | None
    text: str


class StepVariants(Figures):
    """A step's variants, in the order written. `left_out` are mails sent while the step read otherwise."""

    sequence: str
    step: str
    variants: tuple[VariantFigures, ...]
    by_clicks: Verdict
    by_goal: Verdict | None
    left_out: int


class Variants(Figures):
    """Every step asked for that has variants."""

    steps: tuple[StepVariants, ...]


_MAILS: Final = messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id)


class _Mails(NamedTuple):
    """Which mails are compared, and which clicks may be in them."""

    sent: ColumnElement[bool]
    clicked: ColumnElement[bool]


def _ever() -> _Mails:
    return _Mails(true(), true())


#: No figure is told of a probability below it.
_SMALL: Final = 0.001


class _Key(NamedTuple):
    """What mails are counted by."""

    sequence: str
    version: str
    step: str
    variant: str


def variants(engine: Engine, definitions: Definitions, sequence: str | None = None, step: str | None = None) -> Variants:
    """The variants of all steps in force, or of one sequence, or of one step of it.

    Raises DefinitionError for a sequence that is not in force and for a step without variants; Unavailable.
    """
    asked = list(_asked(definitions, sequence, step))
    with snapshot(engine) as connection:
        return Variants(steps=tuple(_told(connection, asked, _ever())))


def variants_sent(connection: Connection, definitions: Definitions, since: datetime, until: datetime) -> list[StepVariants]:
    """The variants of all steps in force, by the mails that were sent from `since` on and before `until`."""
    sent = and_(messages.c.sent_at >= since, messages.c.sent_at < until)
    return _told(connection, list(_asked(definitions, None, None)), _Mails(sent, events.c.occurred_at >= since))


def _told(connection: Connection, asked: Iterable[tuple[Sequence, EmailStep]], which: _Mails) -> list[StepVariants]:
    counted = _counted(connection, which, func.count()), _clicked(connection, which), _reached(connection, which)
    pinned = Releases().pinned(connection, {(key.sequence, key.version) for key in counted[0]})
    return [_step(plan, each, pinned, counted) for plan, each in asked]


def _asked(definitions: Definitions, sequence: str | None, step: str | None) -> Iterator[tuple[Sequence, EmailStep]]:
    if sequence is not None and sequence not in definitions.sequences:
        raise DefinitionError(f"no sequence {sequence!r} is in force; {instead(sequence, definitions.sequences)}")
    plans = definitions.sequences.values() if sequence is None else [definitions.sequences[sequence]]
    found = [(plan, each) for plan in plans for each in plan.emails() if each.variants]
    if step is not None:
        names = [each.id for _, each in found]
        if step not in names:
            raise DefinitionError(f"{sequence} has no step {step!r} with variants; {instead(step, names)}")
        found = [(plan, each) for plan, each in found if each.id == step]
    yield from found


Counts = Mapping[_Key, int]


def _step(
    plan: Sequence, step: EmailStep, pinned: Mapping[tuple[str, str], Sequence], counted: tuple[Counts, Counts, Counts]
) -> StepVariants:
    of_step = [key for key in counted[0] if (key.sequence, key.step) == (plan.sequence, step.id)]
    alike = {key for key in of_step if _reads_alike(step, pinned.get((key.sequence, key.version)))}
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for key in alike:
        for index, counts in enumerate(counted):
            sums[key.variant][index] += counts.get(key, 0)
    names = list(step.variants or {})
    clicks = {name: Counted(sums[name][1], sums[name][0]) for name in names}
    goals = {name: Counted(sums[name][2], sums[name][0]) for name in names}
    return StepVariants(
        sequence=plan.sequence, step=step.id,
        variants=tuple(
            VariantFigures(variant=name, sent=sums[name][0], clicked=_rate(clicks[name]), reached_goal=_rate(goals[name]))
            for name in names
        ),
        by_clicks=_verdict(clicks), by_goal=_verdict(goals) if plan.goal is not None else None,
        left_out=sum(counted[0][key] for key in of_step if key not in alike),
    )  # fmt: skip


def _reads_alike(step: EmailStep, pinned: Sequence | None) -> bool:
    earlier = mailing_step(pinned, step.id)
    return isinstance(earlier, EmailStep) and (earlier.email, earlier.variants) == (step.email, step.variants)


def _rate(counted: Counted) -> Rate:
    low, high = wilson(counted)
    return Rate(mails=counted.successes, rate=counted.rate, low=low, high=high)


def _verdict(rates: Mapping[str, Counted]) -> Verdict:
    found = compare(rates)
    winner = found.best if found.significant else None
    return Verdict(best=found.best, rival=found.rival, p_value=found.p_value, winner=winner, text=_worded(found, rates))


def _worded(found: Comparison, rates: Mapping[str, Counted]) -> str:
    best, rival = rates[found.best], rates[found.rival]
    lead = f"{found.best} {best.rate:.1%} against {found.rival} {rival.rate:.1%}"
    if found.significant:
        return f"{found.best} wins: {lead} ({_chance(found.p_value)})"
    unsent = [name for name, each in rates.items() if not each.trials]
    if unsent:
        return f"no winner yet: no mail of {' and '.join(unsent)} was sent"
    if best.rate == rival.rate:
        return f"no winner yet: {found.best} and {found.rival} are equal at {best.rate:.1%} of {best.trials} and {rival.trials} mails"
    doubt = f"may be chance ({_chance(found.p_value)})" if found.trusted else "rests on too few to be trusted"
    return f"no winner yet: {lead} {doubt}; {f'about {found.more}' if found.more else 'some'} more mails of each would tell"


def _chance(p_value: float) -> str:
    return f"p = {p_value:.2g}" if p_value >= _SMALL else f"p < {_SMALL}"


def _counted(connection: Connection, which: _Mails, count: ColumnElement[int], source: FromClause = _MAILS) -> Counts:
    """Something counted of the mails that a server took."""
    kind = (enrollments.c.sequence, enrollments.c.version, messages.c.step, messages.c.variant)
    sent = and_(messages.c.variant.is_not(None), messages.c.status.in_(SENT), which.sent)
    rows = connection.execute(select(*kind, count.label("mails")).select_from(source).where(sent).group_by(*kind))
    return {_Key(row.sequence, row.version, row.step, row.variant): row.mails for row in rows}


def _clicked(connection: Connection, which: _Mails) -> Counts:
    by_human = and_(
        message_of_event() == messages.c.id, of_mail(), events.c.name == EMAIL_CLICKED, events.c.verdict == "human", which.clicked
    )  # fmt: skip
    return _counted(connection, which, func.count(distinct(messages.c.id)), _MAILS.join(events, by_human))


def _reached(connection: Connection, which: _Mails) -> Counts:
    """The mails after which the run reached the goal: it was completed, and not by walking to its end."""
    run = enrollments.c
    reached = and_(run.status == EnrollmentStatus.COMPLETED.value, run.reason != REACHED_END, run.ended_at > messages.c.sent_at)
    return _counted(connection, which, func.sum(case((reached, 1), else_=0)))
