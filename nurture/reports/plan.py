"""What would happen if other definitions came into force: what differs, who is in flight where, and what would become of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from nurture.adapters.database.releases import Releases
from nurture.adapters.database.releasing import ReleasingTransaction
from nurture.domain.definitions import Definitions
from nurture.domain.differences import FieldDifference, StepDifference, difference
from nurture.domain.releasing import Fate, Outlook, Wishes
from nurture.flow.release import Forecast, forecast
from nurture.reports.backfill import backfill_count
from nurture.reports.changes import Change, changes
from nurture.reports.figures import Figures


class FieldChange(Figures):
    """A value under a key, as in YAML; None where the key is not written."""

    name: str
    before: Any = None
    after: Any = None


class StepChange(Figures):
    """What becomes of a step of a sequence."""

    id: str
    change: Literal["added", "removed", "changed", "moved"]
    fields: tuple[FieldChange, ...] = ()


class InFlight(Figures):
    """People who stand on a step of a version, and what would become of them: see `nurture.domain.releasing.Outlook`.

    `write` is, for stranded ones, the map that lets them go on where they most likely would.
    """

    step: str
    version: str
    people: int
    fate: Fate
    to: str | None = None
    fresh: bool = False
    why: str | None = None
    write: str | None = None


class SequencePlan(Figures):
    """A sequence that changes, or whose people move. `backfill` is how many people of before it would take in at once."""

    sequence: str
    change: Literal["added", "removed", "changed", "unchanged"]
    fields: tuple[FieldChange, ...] = ()
    steps: tuple[StepChange, ...] = ()
    in_flight: tuple[InFlight, ...] = ()
    backfill: int | None = None


class Plan(Figures):
    """All that would happen. `changed` is whether anything would; `refused` whether it would be refused, for what is in
    `mistakes` (about maps) and for people who would be stranded.
    """

    before: str | None
    after: str
    changed: bool
    refused: bool
    changes: tuple[Change, ...]
    sequences: tuple[SequencePlan, ...]
    mistakes: tuple[str, ...]

    @property
    def stranded(self) -> list[tuple[str, InFlight]]:
        """Who would be stranded, with the sequence."""
        return [(plan.sequence, each) for plan in self.sequences for each in plan.in_flight if each.fate == "stranded"]


def plan(connection: Connection, releases: Releases, wanted: Definitions, wishes: Wishes, at: datetime) -> Plan:
    """What would happen if `wanted` came into force at instant `at`."""
    found = forecast(ReleasingTransaction(connection, releases), wanted, wishes)

    def backfill(sequence: str) -> int | None:
        return backfill_count(connection, wanted, sequence, at) if sequence in wanted.sequences else None

    moving = any(each.fate in ("moves", "mapped", "ends") for each in found.outlooks)
    return Plan(
        before=found.before.digest if found.before is not None else None,
        after=wanted.digest,
        changed=moving or found.before is None or found.before.digest != wanted.digest,
        refused=found.refused,
        changes=tuple(changes(found.before, wanted)),
        sequences=tuple(
            each.model_copy(update={"backfill": backfill(each.sequence)}) if each.change in ("added", "changed") else each
            for each in sequence_plans(found, wanted)
        ),
        mistakes=tuple(found.mistakes),
    )


def sequence_plans(found: Forecast, wanted: Definitions) -> list[SequencePlan]:
    """The sequences that change or whose people move, in the order of their names; nothing is said of backfill."""
    former = found.before.sequences if found.before is not None else {}
    concerned = {each.group.sequence for each in found.outlooks}
    names = {name for name in {*former, *wanted.sequences} if former.get(name) != wanted.sequences.get(name)}
    plans = []
    for name in sorted(names | concerned):
        before, after = former.get(name), wanted.sequences.get(name)
        differs = difference(before, after)
        plans.append(
            SequencePlan(
                sequence=name,
                change=_kind(before, after),
                fields=tuple(_fields(differs.fields)),
                steps=tuple(_step(each) for each in differs.steps),
                in_flight=tuple(_in_flight(each) for each in found.outlooks if each.group.sequence == name),
            )
        )
    return plans


def _kind(before: object, after: object) -> Literal["added", "removed", "changed", "unchanged"]:
    if before == after:
        return "unchanged"
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def _fields(found: Iterable[FieldDifference]) -> Iterable[FieldChange]:
    return (FieldChange(name=each.name, before=each.before, after=each.after) for each in found)


def _step(each: StepDifference) -> StepChange:
    return StepChange(id=each.id, change=each.change, fields=tuple(_fields(each.fields)))


def _in_flight(each: Outlook) -> InFlight:
    group = each.group
    return InFlight(
        step=group.step, version=group.version, people=group.people, fate=each.fate, to=each.to, fresh=each.fresh, why=each.why,
        write=None if each.suggested is None else f"--map {group.sequence}/{group.step}:{each.suggested}",
    )  # fmt: skip
