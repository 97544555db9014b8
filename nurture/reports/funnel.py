"""The funnel: how many people went how far, from the first page to a lead worth calling.

Each figure counts people, and one human once: somebody who was anonymous on two devices and then became known is one. Only
what humans did counts; what machines did is counted apart.

- *visitors*: did anything at all.
- *engaged*: looked at two pages or more, stayed on one for ten seconds, or did something else (sent a form, downloaded,
  clicked in a mail). So Google Analytics defines an engaged session.
- *downloads*: got an asset.
- *leads*, *mqls*: were ever promoted to that stage or one above it, wherever they stand today.
- *enrolled*: entered a sequence, and were not held out of it.
- *clicked*: clicked in a mail of that step.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, Row, Select, and_, case, cast, distinct, func, select

from nurture.adapters.database.tables import enrollments, events, messages, people, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.event import (
    ALIASED,
    ASSET_DOWNLOADED,
    EMAIL_CLICKED,
    EMAIL_OPENED,
    GROUPED,
    IDENTIFIED,
    PAGE_VIEWED,
    SCREEN_VIEWED,
)  # fmt: skip
from nurture.domain.holding_out import HELD_OUT
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.sequence import Sequence
from nurture.reports.figures import Figures
from nurture.reports.reading import root, snapshot, tally

LEAD: Final = "lead"
MQL: Final = "mql"

#: A mail that a server took, whatever was reported of it later.
SENT: Final = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.COMPLAINED)

#: What the script sends when a page is left: the seconds for which somebody was there.
PAGE_ENGAGED: Final = "page_engaged"

_LOOKING: Final = (PAGE_VIEWED, SCREEN_VIEWED)
#: What tells who somebody is, or may have happened without them, is no act of theirs.
_NO_ACT: Final = (*_LOOKING, PAGE_ENGAGED, IDENTIFIED, GROUPED, ALIASED, EMAIL_OPENED)


class StepFigures(Figures):
    """One step's mails. `clicked` counts people, `machine_clicks` events."""

    step: str
    sent: int = 0
    uncertain: int = 0
    skipped: int = 0
    failed: int = 0
    clicked: int = 0
    machine_clicks: int = 0


class SequenceFigures(Figures):
    """One sequence: people who entered it, and its steps that have mails, in the order of the sequence."""

    sequence: str
    enrolled: int
    steps: tuple[StepFigures, ...]


class Reached(Figures):
    """People who were ever promoted to a stage or one above it."""

    stage: str
    people: int


class Funnel(Figures):
    """All figures, taken at one moment."""

    visitors: int
    engaged: int
    downloads: int
    leads: int
    enrolled: int
    mails_sent: int
    clicked: int
    mqls: int
    stages: tuple[Reached, ...]
    sequences: tuple[SequenceFigures, ...]
    human_events: int
    machine_events: int
    unknown_events: int


def funnel(engine: Engine, definitions: Definitions) -> Funnel:
    """The funnel as it stands; `definitions` give the order of stages and steps. Raises Unavailable."""
    with snapshot(engine) as connection:
        acts = _acts(connection)
        verdicts = _verdicts(connection)
        reached = _reached(connection, definitions.lifecycle)
        sequences = tuple(_sequences(connection, definitions.sequences))
        return Funnel(
            visitors=acts.visitors,
            engaged=acts.engaged or 0,
            downloads=acts.downloads or 0,
            leads=reached.get(LEAD, 0),
            enrolled=connection.scalar(_entered(func.count(distinct(root())))) or 0,
            mails_sent=sum(step.sent for each in sequences for step in each.steps),
            clicked=acts.clicked or 0,
            mqls=reached.get(MQL, 0),
            stages=tuple(Reached(stage=stage, people=count) for stage, count in reached.items()),
            sequences=sequences,
            human_events=verdicts.get("human", 0),
            machine_events=verdicts.get("machine", 0),
            unknown_events=verdicts.get("unknown", 0),
        )


def _acts(connection: Connection) -> Row[tuple[int, int, int, int]]:
    """How many humans did anything, engaged, downloaded and clicked: one pass over the log."""

    def times(*names: str) -> ColumnElement[int]:
        return case((events.c.name.in_(names), 1), else_=0)

    each = (
        select(
            func.sum(times(*_LOOKING)).label("looks"),
            func.sum(case((_stayed(), 1), (events.c.name.in_(_NO_ACT), 0), else_=1)).label("acts"),
            func.max(times(ASSET_DOWNLOADED)).label("downloaded"),
            func.max(times(EMAIL_CLICKED)).label("clicked"),
        )
        .select_from(events.join(people))
        .where(events.c.verdict == "human")
        .group_by(root())
        .subquery()
    )
    engaged = case((each.c.looks > 1, 1), (each.c.acts > 0, 1), else_=0)
    return connection.execute(
        select(
            func.count().label("visitors"),
            func.sum(engaged).label("engaged"),
            func.sum(each.c.downloaded).label("downloads"),
            func.sum(each.c.clicked).label("clicked"),
        ).select_from(each)
    ).one()


def _stayed() -> ColumnElement[bool]:
    """Ten seconds or more: two digits before the point. As text, for a sender may write anything, and a cast would fail."""
    seconds = events.c.body["properties"]["seconds"].as_string()
    return and_(
        events.c.name == PAGE_ENGAGED, func.length(seconds) > 1, seconds.not_like("_.%"), seconds.not_like("-%")
    )  # fmt: skip


def _verdicts(connection: Connection) -> Mapping[str, int]:
    return tally(connection, select(events.c.verdict, func.count()).group_by(events.c.verdict))


def _reached(connection: Connection, lifecycle: Lifecycle) -> Mapping[str, int]:
    """How many people ever reached each stage or one above it; a stage that no longer exists counts for none."""
    stages = lifecycle.stages
    rank = case({stage: index for index, stage in enumerate(stages)}, value=stage_changes.c.to_stage, else_=0)
    highest = select(func.max(rank).label("rank")).select_from(stage_changes.join(people)).group_by(root()).subquery()
    counted = tally(connection, select(highest.c.rank, func.count()).group_by(highest.c.rank))
    return {
        stage: sum(count for reached, count in counted.items() if reached >= index)
        for index, stage in enumerate(stages) if index > 0
    }  # fmt: skip


def _sequences(connection: Connection, defined: Mapping[str, Sequence]) -> Iterable[SequenceFigures]:
    entered = _entered(enrollments.c.sequence, func.count(distinct(root())))
    enrolled = tally(connection, entered.group_by(enrollments.c.sequence))
    mails, clicks = _mails(connection), _clicks(connection)
    for name in [*defined, *sorted(enrolled.keys() - defined.keys())]:
        steps = {step for sequence, step in mails if sequence == name}
        order = [step.id for step in defined[name].emails() if step.id in steps] if name in defined else []
        figures = [
            StepFigures(step=step, **mails[name, step], **clicks.get((name, step), {}))
            for step in [*order, *sorted(steps.difference(order))]
        ]
        yield SequenceFigures(sequence=name, enrolled=enrolled.get(name, 0), steps=tuple(figures))


def _entered(*asked: ColumnElement[Any]) -> Select[Any]:
    mailed = enrollments.c.reason.is_distinct_from(HELD_OUT)
    return select(*asked).select_from(enrollments.join(people)).where(mailed)


def _mails(connection: Connection) -> Mapping[tuple[str, str], dict[str, int]]:
    """What became of each step's mails."""

    def count(*statuses: MessageStatus) -> ColumnElement[int]:
        return func.sum(case((messages.c.status.in_(statuses), 1), else_=0))

    rows = connection.execute(
        select(
            enrollments.c.sequence,
            messages.c.step,
            count(*SENT).label("sent"),
            count(MessageStatus.UNCERTAIN).label("uncertain"),
            count(MessageStatus.SKIPPED).label("skipped"),
            count(MessageStatus.FAILED).label("failed"),
        )
        .select_from(messages.join(enrollments))
        .group_by(enrollments.c.sequence, messages.c.step)
    )
    return {
        (row.sequence, row.step): {
            "sent": row.sent, "uncertain": row.uncertain, "skipped": row.skipped, "failed": row.failed,
        }
        for row in rows
    }  # fmt: skip


def _clicks(connection: Connection) -> Mapping[tuple[str, str], dict[str, int]]:
    """Who clicked in each step's mails."""
    # As text first: PostgreSQL would read a JSON number as a 32-bit integer, and ids have 63 bits.
    message = cast(events.c.body["message"].as_string(), BigInteger)
    by_human = case((events.c.verdict == "human", root()))
    rows = connection.execute(
        select(
            enrollments.c.sequence,
            messages.c.step,
            func.count(distinct(by_human)).label("clicked"),
            func.sum(case((events.c.verdict == "machine", 1), else_=0)).label("machine_clicks"),
        )
        .select_from(
            events.join(people)
            .join(messages, messages.c.id == message)
            .join(enrollments, enrollments.c.id == messages.c.enrollment_id)
        )
        .where(events.c.name == EMAIL_CLICKED)
        .group_by(enrollments.c.sequence, messages.c.step)
    )
    return {(row.sequence, row.step): {"clicked": row.clicked, "machine_clicks": row.machine_clicks} for row in rows}
