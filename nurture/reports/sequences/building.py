"""The report on sequences, put together from its figures."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from statistics import quantiles
from typing import Final, NamedTuple

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.domain.program import walk_steps
from nurture.domain.proportions import Comparison, compare, newcombe
from nurture.domain.sequence import Sequence as Plan
from nurture.domain.steps import EmailStep, PoolStep
from nurture.reports.everybody import Everybody
from nurture.reports.sequences.mails import Mails, Unsent, Where, mails_by_step, unsent, unsubscribed_of_no_mail
from nurture.reports.sequences.runs import (
    Arms,
    Ended,
    Entered,
    arms,
    days_to_goal,
    endings,
    entered_by_sequence,
    standing_now,
)
from nurture.reports.sheet import Column, Period, Plot, Remark, Report, Sheet, Value
from nurture.reports.variants import StepVariants, Verdict, variants_sent

#: What a verdict on a difference says: labels of the report's words.
MORE: Final = "more"
FEWER: Final = "fewer"
OPEN: Final = "open"
TOO_FEW: Final = "too_few"
BEST: Final = "best"

#: What stands for the reason of mails for which none was noted.
NO_REASON: Final = "no_reason"


def build(connection: Connection, definitions: Definitions, period: Period, at: datetime) -> Report:
    """The report on sequences."""
    found = _Figures(
        entered_by_sequence(connection, period), days_to_goal(connection, period), standing_now(connection),
        mails_by_step(connection, period),
    )  # fmt: skip
    order = _Order(definitions.sequences)
    with_holdout = [name for name, each in found.entered.items() if each.held_out]
    everybody = Everybody(connection, definitions, at)
    lost = unsubscribed_of_no_mail(everybody, period)
    sheets = (
        _sequences(found, order, _said_of(lost, everybody)),
        _steps(found, order),
        _exits(list(endings(connection, period)), order),
        _unsent(list(unsent(connection, period)), order),
        _variants(variants_sent(connection, definitions, period.begins, period.ends)),
        lift_sheet(arms(connection, period, with_holdout), lambda names: sorted(names, key=order.of)),
    )
    return Report(name="sequences", period=period, at=at, currency=definitions.reporting.currency, sheets=sheets)


class _Order:
    """Sequences as they are defined, then what is defined no more; their steps as they are written."""

    def __init__(self, defined: Mapping[str, Plan]) -> None:
        self.defined = list(defined)
        self.mailing = {
            (name, placed.id) for name, plan in defined.items() for placed in walk_steps(plan.steps)
            if isinstance(placed.step, EmailStep | PoolStep)
        }  # fmt: skip
        self._sequences = {name: index for index, name in enumerate(defined)}
        self._steps = {
            (name, placed.id): index for name, plan in defined.items() for index, placed in enumerate(walk_steps(plan.steps))
        }

    def of(self, sequence: str, step: str = "") -> tuple[int, str, int, str]:
        """What rows about a sequence, and a step of it, are sorted by."""
        last = len(self._sequences), len(self._steps)
        return self._sequences.get(sequence, last[0]), sequence, self._steps.get((sequence, step), last[1]), step


class _Figures(NamedTuple):
    """What is known of all sequences."""

    entered: Mapping[str, Entered]
    days: Mapping[str, Sequence[float]]
    standing: Mapping[Where, int]
    mails: Mapping[Where, Mails]

    @property
    def reported(self) -> bool:
        """Whether anybody tells what arrived: else it is not known, which is not the same as nothing."""
        return any(each.delivered for each in self.mails.values())

    def delivered(self, mails: Mails) -> int | None:
        return mails.delivered if self.reported else None


def _said_of(lost: int, everybody: Everybody) -> tuple[Remark, ...]:
    """Of those who unsubscribed without saying by which mail, if there are any."""
    return (Remark(code="unsubscribed_of_no_mail", values={"n": lost}), *everybody.remarks) if lost else ()


def _sequences(found: _Figures, order: _Order, lost: Sequence[Remark]) -> Sheet:
    mails: dict[str, Mails] = defaultdict(Mails)
    for (sequence, _), each in found.mails.items():
        mails[sequence] += each
    standing: dict[str, int] = defaultdict(int)
    for (sequence, _), people in found.standing.items():
        standing[sequence] += people
    names = sorted({*order.defined, *found.entered, *standing, *mails}, key=order.of)
    remarks = []
    if not found.reported and any(each.sent for each in mails.values()):
        remarks.append(Remark(code="nothing_reported"))
    remarks += lost
    return Sheet(
        name="sequences",
        columns=(
            Column(name="sequence", kind="text"), Column(name="entered", bar=True), Column(name="on_it"), Column(name="sent"),
            Column(name="delivered"), Column(name="clicked"), Column(name="click_rate", kind="share"),
            Column(name="machine_clicks"), Column(name="unsubscribed"), Column(name="goals"),
            Column(name="goal_rate", kind="share"), Column(name="goal_quarter", kind="days"),
            Column(name="goal_half", kind="days"), Column(name="goal_three_quarters", kind="days"), Column(name="held_out"),
        ),
        rows=tuple(
            _row(name, found.entered.get(name, Entered()), standing[name], mails[name], found) for name in names
        ),
        plot=Plot(form="bar", along="sequence", columns=("entered", "goals")),
        remarks=tuple(remarks),
    )  # fmt: skip


def _row(name: str, entered: Entered, standing: int, mails: Mails, found: _Figures) -> tuple[Value, ...]:
    return (
        name, entered.mailed, standing, mails.sent, found.delivered(mails), mails.clicked, _share(mails.clicked, mails.sent),
        mails.machine_clicks, mails.unsubscribed, entered.goals, _share(entered.goals, entered.mailed),
        *_quartiles(found.days.get(name, ())), entered.held_out,
    )  # fmt: skip


def _quartiles(days: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    if len(days) < 2:  # noqa: PLR2004 - between fewer there is nothing
        only = days[0] if days else None
        return None, only, None
    quarter, half, three_quarters = quantiles(days, n=4, method="inclusive")
    return quarter, half, three_quarters


def _steps(found: _Figures, order: _Order) -> Sheet:
    rows = []
    for sequence, step in sorted({*order.mailing, *found.mails, *found.standing}, key=lambda where: order.of(*where)):
        mails, standing = found.mails.get((sequence, step)), found.standing.get((sequence, step), 0)
        told = mails if mails is not None else Mails()
        sends = mails is not None or (sequence, step) in order.mailing
        figures: tuple[Value, ...] = (
            told.sent, found.delivered(told), told.bounced, told.complained, told.clicked, _share(told.clicked, told.sent),
            told.machine_clicks, told.unsubscribed, _share(told.unsubscribed, told.sent),
        )  # fmt: skip
        rows.append((sequence, step, standing, *(figures if sends else (None,) * len(figures))))
    return Sheet(
        name="steps",
        columns=(
            Column(name="sequence", kind="text"), Column(name="step", kind="text"), Column(name="standing"),
            Column(name="sent", bar=True), Column(name="delivered"), Column(name="bounced"), Column(name="complained"),
            Column(name="clicked"), Column(name="click_rate", kind="share"), Column(name="machine_clicks"),
            Column(name="unsubscribed"), Column(name="unsubscribe_rate", kind="share"),
        ),
        rows=tuple(rows),
    )  # fmt: skip


def _exits(found: list[Ended], order: _Order) -> Sheet:
    found.sort(key=lambda each: (*order.of(each.sequence)[:2], -each.runs, each.status, each.reason))
    return Sheet(
        name="exits",
        columns=(
            Column(name="sequence", kind="text"), Column(name="status", kind="label"), Column(name="reason", kind="text"),
            Column(name="runs", bar=True),
        ),
        rows=tuple((each.sequence, each.status, each.reason, each.runs) for each in found),
    )  # fmt: skip


def _unsent(found: list[Unsent], order: _Order) -> Sheet:
    found.sort(key=lambda each: (*order.of(each.sequence, each.step), -each.mails, each.status, each.reason or ""))
    return Sheet(
        name="unsent",
        columns=(
            Column(name="sequence", kind="text"), Column(name="step", kind="text"), Column(name="status", kind="label"),
            Column(name="reason", kind="label"), Column(name="mails", bar=True),
        ),
        rows=tuple((each.sequence, each.step, each.status, each.reason or NO_REASON, each.mails) for each in found),
    )  # fmt: skip


def _variants(found: list[StepVariants]) -> Sheet:
    remarks = [remark for each in found for remark in _verdicts(each)]
    return Sheet(
        name="variants",
        columns=(
            Column(name="sequence", kind="text"), Column(name="step", kind="text"), Column(name="variant", kind="text"),
            Column(name="sent"), Column(name="clicked"), Column(name="click_rate", kind="share", bar=True),
            Column(name="click_low", kind="share"), Column(name="click_high", kind="share"),
            Column(name="click_verdict", kind="label"), Column(name="goals"), Column(name="goal_rate", kind="share"),
            Column(name="goal_low", kind="share"), Column(name="goal_high", kind="share"),
            Column(name="goal_verdict", kind="label"),
        ),
        rows=tuple(row for each in found for row in _variant_rows(each)),
        remarks=tuple(remarks),
    )  # fmt: skip


def _variant_rows(found: StepVariants) -> Iterator[tuple[Value, ...]]:
    for each in found.variants:
        clicked, reached = each.clicked, each.reached_goal
        goals: tuple[Value, ...] = (None,) * 5
        if found.by_goal is not None:
            goals = (
                reached.mails,
                *_rate(each.sent, reached.rate, reached.low, reached.high),
                _word(found.by_goal, each.variant),
            )
        yield (
            found.sequence, found.step, each.variant, each.sent, clicked.mails,
            *_rate(each.sent, clicked.rate, clicked.low, clicked.high), _word(found.by_clicks, each.variant), *goals,
        )  # fmt: skip


def _rate(of: int, rate: float, low: float, high: float) -> tuple[float | None, float | None, float | None]:
    return (rate, low, high) if of else (None, None, None)


def _word(verdict: Verdict, variant: str) -> str | None:
    if verdict.winner is None:
        return OPEN
    return BEST if variant == verdict.winner else None


def _verdicts(found: StepVariants) -> Iterator[Remark]:
    """A winner is named only with enough evidence; how probable so large a lead is by chance stands beside."""
    where = {"sequence": found.sequence, "step": found.step}
    for by, verdict in (("clicks", found.by_clicks), ("goals", found.by_goal)):
        if verdict is not None and verdict.winner is not None:
            values = {**where, "best": verdict.best, "rival": verdict.rival, "p": round(verdict.p_value, 4)}
            yield Remark(code=f"wins_by_{by}", values=values)
    if found.left_out:
        yield Remark(code="left_out", values={**where, "n": found.left_out})


def lift_sheet(found: Mapping[str, Arms], in_order: Callable[[Collection[str]], list[str]]) -> Sheet:
    """What the mail of each sequence brings: those who were mailed beside those who were held out."""
    names = in_order(found)
    compared = {name: compare({"mailed": found[name].mailed, "held_out": found[name].held_out}) for name in names}
    few = [Remark(code="too_few", values={"sequence": name, "n": compared[name].more}) for name in names if compared[name].more]
    return Sheet(
        name="lift",
        columns=(
            Column(name="sequence", kind="text"), Column(name="mailed"), Column(name="mailed_goals"),
            Column(name="mailed_rate", kind="share"), Column(name="held_out"), Column(name="held_out_goals"),
            Column(name="held_out_rate", kind="share"), Column(name="lift", kind="share", bar=True),
            Column(name="lift_low", kind="share"), Column(name="lift_high", kind="share"), Column(name="verdict", kind="label"),
        ),
        rows=tuple(_lift_row(name, found[name], compared[name]) for name in names),
        remarks=tuple(few),
    )  # fmt: skip


def _lift_row(name: str, groups: Arms, compared: Comparison) -> tuple[Value, ...]:
    mailed, held_out = groups
    both = bool(mailed.trials and held_out.trials)
    low, high = newcombe(mailed, held_out)
    return (
        name, mailed.trials, mailed.successes, _share(*mailed), held_out.trials, held_out.successes, _share(*held_out),
        *((mailed.rate - held_out.rate, low, high) if both else (None, None, None)),
        _said(low, high) if compared.trusted else TOO_FEW,
    )  # fmt: skip


def _said(low: float, high: float) -> str:
    return MORE if low > 0 else FEWER if high < 0 else OPEN


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
