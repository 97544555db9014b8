"""Import: from the rows of a file into the stream, a batch at a time.

1. Decide what each row is: an event, a row to leave out, or a mistake.
2. When BATCH rows are decided, write their events; only when Redis has them, keep how far we are.

A crash anywhere repeats one batch, and its events are found stored.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from nurture.domain.event import Event
from nurture.domain.imports.rows import Refused, Row, Skipped

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the rows so far. `warned` of those accepted lost something on the way, such as an id that names nobody."""

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    skipped: int = 0
    warned: int = 0


class Outcome(Protocol):
    """Where an import leaves what it decided."""

    def write(self, events: Sequence[Event]) -> None:
        """Return when the stream has the events."""
        ...

    def refuse(self, row: Row, refused: Refused) -> None:
        """Tell of a row that makes no event."""
        ...

    def save(self, account: Account) -> None:
        """Keep that everything up to here is done."""
        ...


def import_rows(
    rows: Iterable[Row], decide: Callable[[Row], Event | Skipped | Refused], outcome: Outcome, done: Account | None = None
) -> Account:
    """Import all rows after those `done` already; raises what reading a row or writing a batch raises."""
    account = done or Account()
    first = account.rows
    batch: list[Event] = []
    for row in rows:
        if row.number <= first:
            continue
        decided = decide(row)
        account = _counted(account, row, decided)
        if isinstance(decided, Event):
            batch.append(decided)
        elif isinstance(decided, Refused):
            outcome.refuse(row, decided)
        if (account.rows - first) % BATCH == 0:
            outcome.write(batch)
            outcome.save(account)
            batch = []
    if batch:
        outcome.write(batch)
    outcome.save(account)
    return account


def _counted(account: Account, row: Row, decided: Event | Skipped | Refused) -> Account:
    return replace(
        account,
        rows=row.number,
        accepted=account.accepted + isinstance(decided, Event),
        refused=account.refused + isinstance(decided, Refused),
        skipped=account.skipped + isinstance(decided, Skipped),
        warned=account.warned + (isinstance(decided, Event) and bool(decided.warnings)),
    )
