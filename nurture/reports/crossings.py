"""Who crosses which threshold if everybody is counted afresh under other definitions. Changes nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappush, heappushpop
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, Engine

from nurture.adapters.database.histories import give_histories
from nurture.domain.conditions import Condition
from nurture.domain.definitions import Definitions
from nurture.domain.lifecycle import highest, promotions_by_state
from nurture.domain.person import Person
from nurture.domain.scoring import DEFAULT_MODEL, Grade
from nurture.reports.afresh import everybody_afresh
from nurture.reports.figures import Figures
from nurture.reports.reading import snapshot

#: Ids told of each crossing, and people told whose scores change most.
EXAMPLES: Final = 5
BIGGEST: Final = 10

#: A figure that differs by less differs by no more than rounding.
_NOTHING: Final = 0.005

Kind = Literal["promotion", "recycling", "grade", "matrix"]


class Crossing(Figures):
    """One threshold. It holds for `before` people now and for `after` people then; `up` begin to fulfil it, `down` no longer do.

    A promotion is told whether or not people stand where it leads already, a recycling of those at its stage; a grade is
    fulfilled by whoever has it or a better one.
    """

    kind: Kind
    name: str
    before: int
    after: int
    up: int
    down: int
    up_examples: tuple[int, ...]
    down_examples: tuple[int, ...]


class Change(Figures):
    """How much one person's score by a model, or `fit`, changes."""

    person: int
    what: str
    before: float
    after: float


class Crossings(Figures):
    """What a rescore would come to at instant `at`. `changed` people have another score, fit or grade then.

    `fires` is how many promotions by state would happen at once if they were let.
    """

    at: datetime
    people: int
    events: int
    changed: int
    fires: int
    thresholds: tuple[Crossing, ...]
    biggest: tuple[Change, ...]


def crossings(engine: Engine, before: Definitions, after: Definitions, at: datetime) -> Crossings:
    """Everybody under `before` as stored, and under `after` computed from the log. Raises Unavailable."""
    walk = _Walk(before, after, at)
    with snapshot(engine) as connection:
        walk.read(connection)
    return walk.outcome()


@dataclass
class _Count:
    before: int = 0
    after: int = 0
    up: int = 0
    down: int = 0
    up_examples: list[int] = field(default_factory=list)
    down_examples: list[int] = field(default_factory=list)

    def add(self, person: int, held: bool, holds: bool) -> None:  # noqa: FBT001 - one word each for then and now
        self.before += held
        self.after += holds
        if holds and not held:
            self.up += 1
            self.up_examples += [person] if len(self.up_examples) < EXAMPLES else []
        if held and not holds:
            self.down += 1
            self.down_examples += [person] if len(self.down_examples) < EXAMPLES else []


class _Walk:
    """Walks through everybody; what is in memory are counts and a few examples."""

    def __init__(self, before: Definitions, after: Definitions, at: datetime) -> None:
        self._before, self._after, self._at = before, after, at
        self._counts: dict[tuple[Kind, str], _Count] = defaultdict(_Count)
        self._biggest: list[tuple[float, int, str, float, float]] = []
        self._totals: Counter[str] = Counter()
        then, now = _rules_by_state(before), _rules_by_state(after)
        self._rules = [(key, then.get(key), now.get(key)) for key in {**then, **now}]
        for grade in before.scoring.grades.keys() | after.scoring.grades.keys():
            self._counts["grade", grade] = _Count()

    def read(self, connection: Connection) -> None:
        for batch in everybody_afresh(connection, self._after, self._at):
            give_histories(connection, batch.stored, self._before.history_names, self._at)
            for stored in batch.stored:
                self._compare(stored, batch.computed[stored.id])
            self._totals["people"] += len(batch.stored)
            self._totals["events"] += batch.events

    def outcome(self) -> Crossings:
        kinds: list[Kind] = ["promotion", "recycling", "grade", "matrix"]
        told = sorted(self._counts.items(), key=lambda each: (kinds.index(each[0][0]), each[0][1]))
        biggest = sorted(self._biggest, key=lambda each: (-each[0], each[1], each[2]))
        return Crossings(
            at=self._at, people=self._totals["people"], events=self._totals["events"], changed=self._totals["changed"],
            fires=self._totals["fires"],
            thresholds=tuple(
                Crossing(
                    kind=kind, name=name, before=count.before, after=count.after, up=count.up, down=count.down,
                    up_examples=tuple(count.up_examples), down_examples=tuple(count.down_examples),
                )
                for (kind, name), count in told
            ),
            biggest=tuple(Change(person=-person, what=what, before=old, after=new) for _, person, what, old, new in biggest),
        )  # fmt: skip

    def _compare(self, stored: Person, computed: Person) -> None:
        old = stored.facts(self._at, self._before.scoring)
        new = computed.facts(self._at, self._after.scoring)
        for key, held, holds in self._rules:
            self._counts[key].add(stored.id, _holds(held, old), _holds(holds, new))
        for grade in self._before.scoring.grades.keys() | self._after.scoring.grades.keys():
            self._counts["grade", grade].add(stored.id, Grade(old["grade"]) >= grade, Grade(new["grade"]) >= grade)
        for cell in {old["matrix"], new["matrix"]}:
            self._counts["matrix", cell].add(stored.id, old["matrix"] == cell, new["matrix"] == cell)
        self._totals["changed"] += self._note_changes(stored.id, old, new) or old["grade"] != new["grade"]
        rules = promotions_by_state(self._after.lifecycle.promotions, new)
        cooling = stored.rejected_until is not None and stored.rejected_until > self._at
        self._totals["fires"] += not cooling and highest(rules, stored.stage, self._after.lifecycle) is not None

    def _note_changes(self, person: int, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        """Keep the biggest changes; whether there was any."""
        changed = False
        for what, before, after in self._figures(old, new):
            if abs(after - before) >= _NOTHING:
                changed = True
                entry = (abs(after - before), -person, what, before, after)
                if len(self._biggest) < BIGGEST:
                    heappush(self._biggest, entry)
                else:
                    heappushpop(self._biggest, entry)
        return changed

    def _figures(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
        for model in (DEFAULT_MODEL, *{**self._before.scoring.models, **self._after.scoring.models}):
            name = "engagement" if model == DEFAULT_MODEL else f"engagement.{model}"
            yield name, round(float(old.get(name, 0.0)), 2), round(float(new.get(name, 0.0)), 2)
        yield "fit", float(old["fit"]), float(new["fit"])


class _Rule(NamedTuple):
    """A rule that rests on a condition alone, for people at one stage or at any."""

    stage: str | None
    when: Condition


def _rules_by_state(definitions: Definitions) -> Mapping[tuple[Kind, str], _Rule]:
    rules: dict[tuple[Kind, str], _Rule] = {}
    for up in definitions.lifecycle.promotions:
        if not up.on and up.when is not None:
            rules["promotion", f"{up.id} → {up.to}"] = _Rule(None, up.when)
    for down in definitions.lifecycle.recycling:
        rules["recycling", f"{down.id}: {down.from_} → {down.to}"] = _Rule(down.from_, down.when)
    return rules


def _holds(rule: _Rule | None, facts: Mapping[str, Any]) -> bool:
    return rule is not None and rule.stage in (None, facts["stage"]) and rule.when.holds(facts)
