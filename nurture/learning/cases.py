"""What is learned from: people at one moment each, what was known of them then, and whether they won afterwards."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nurture.domain.scoring import ScoringRule
from nurture.errors import NurtureError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]

#: Of winners, and of the others. The rule of thumb of ten outcomes for each of twenty rules: Peduzzi, Concato, Kemper, Holford,
#: Feinstein, *A simulation study of the number of events per variable in logistic regression analysis*, J Clin Epidemiol 49 (1996).
FEWEST_OUTCOMES: Final = 200

#: Keys that join conditions, so no fact of this name can be asked about.
_UNSPEAKABLE: Final = frozenset({"all", "any", "not"})

#: Who somebody is by name. It may tell the past apart, and must decide nothing about the next person.
_PERSONAL: Final = frozenset({"first_name", "last_name", "name", "email", "phone", "id", "user_id", "anonymous_id"})


class CannotLearnError(NurtureError):
    """There is nothing a scorecard could be learned from."""

    who_acts = "marketer"


class Span(NamedTuple):
    """The first and the last moment of what is learned from."""

    first: datetime
    last: datetime

    @property
    def weeks(self) -> float:
        """At least one day, so that a volume per week stays finite."""
        return max((self.last - self.first).total_seconds(), 86_400) / (7 * 86_400)


@dataclass(frozen=True)
class Column:
    """One attribute of all people: its different `values`, and for each person the index of theirs, −1 where it is not known."""

    name: str
    values: tuple[Any, ...]
    codes: Integers

    @property
    def numeric(self) -> bool:
        """Whether nearly all that is known is a number; one slip of a form must not turn an income into words."""
        numbers = np.array([is_number(value) for value in self.values], dtype=bool)
        known = self.codes[self.codes >= 0]
        return bool(known.size and numbers[known].mean() >= 0.95)  # noqa: PLR2004 - "nearly all"


@dataclass(frozen=True)
class Behaviour:
    """One scoring rule worth one point, and the engagement that each person had by it at their moment."""

    rule: ScoringRule
    values: Floats


@dataclass(frozen=True)
class Cases:
    """People, in one order throughout: `facts` about them, the same as `columns`, their `behaviours`, and who `won`.

    `weeks` is how long it took so many people to come, None if nobody knows. `remarks` tell what was left out, and why.
    """

    facts: tuple[Mapping[str, Any], ...]
    columns: tuple[Column, ...]
    behaviours: tuple[Behaviour, ...]
    won: Truths
    weeks: float | None = None
    span: Span | None = None
    remarks: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.facts)


def is_number(value: Any) -> bool:
    """A number, and no truth value, which Python counts among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def columns_of(facts: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """The attributes that conditions may ask about, in the order of their names; those that name a person are left out."""
    names = sorted({name for each in facts for name in each} - _UNSPEAKABLE - _PERSONAL)
    return tuple(_column(name, facts) for name in names)


def _column(name: str, facts: Sequence[Mapping[str, Any]]) -> Column:
    index: dict[Any, int] = {}
    codes = [-1 if each.get(name) is None else index.setdefault(each[name], len(index)) for each in facts]
    return Column(name, tuple(index), np.array(codes, dtype=np.int64))


def refuse_too_few(won: Iterable[bool], what: str) -> None:
    """Raise CannotLearnError unless there are enough winners and enough others; `what` names the outcome."""
    flags = list(won)
    for count, kind in ((sum(flags), "won"), (len(flags) - sum(flags), "did not win")):
        if count < FEWEST_OUTCOMES:
            raise CannotLearnError(
                f"{count} {'person' if count == 1 else 'people'} {kind} ({what}), and a scorecard needs {FEWEST_OUTCOMES} of each "
                "kind: from fewer it would learn accidents and call them rules. Keep the points you set by hand, and ask again "
                "when there are more"
            )


def subset(cases: Cases, rows: Integers) -> Iterator[Column]:
    """The columns of some of the people only; the values stay, so that their indices mean the same."""
    for column in cases.columns:
        yield Column(column.name, column.values, column.codes[rows])
