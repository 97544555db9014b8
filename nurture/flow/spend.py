"""Spend: what was paid for channels and campaigns comes from a file, as a whole or not at all."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from nurture.domain.spending import Entry, Read, Spending, compared, read_row
from nurture.ports import Clock


class Spends(Protocol):
    """The database, as spend sees it: one transaction."""

    def known(self, first_day: int, last_day: int) -> Sequence[Spending]:
        """What is known of these days; nobody else adds to it before this transaction ends."""
        ...

    def store(self, new: Sequence[Spending], replaced: Sequence[Spending], at: datetime) -> None:
        """Write what is new instead of what it replaces."""
        ...


class SpendStore(Protocol):
    """Opens the transactions of spend."""

    def spending(self) -> AbstractContextManager[Spends]:
        """One transaction."""
        ...


class Meant(NamedTuple):
    """What rows may name, and what they mean where they say nothing."""

    channels: Collection[str]
    currency: str


class Imported(NamedTuple):
    """What a file came to. With `mistakes`, each with its place, nothing is imported."""

    rows: int
    new: int = 0
    known: int = 0
    replaced: int = 0
    mistakes: tuple[str, ...] = ()


def import_spend(
    store: SpendStore, entries: Iterable[Entry], meant: Meant, clock: Clock, *, replace: bool = False, dry_run: bool = False
) -> Imported:
    """Import what a file says, or only say what would come of it. Raises Unavailable and Conflict."""
    rows, mistakes = list[Read](), list[str]()
    for entry in entries:
        found = read_row(entry.cells, meant.channels, meant.currency)
        if isinstance(found, Spending):
            rows.append(Read(entry.where, found))
        else:
            mistakes += [f"{entry.at(wrong.column)}: {wrong.text}" for wrong in found]
    if mistakes or not rows:
        return Imported(len(rows), mistakes=tuple(mistakes))
    first, last = min(row.spending.first_day for row in rows), max(row.spending.last_day for row in rows)
    with store.spending() as transaction:
        came = compared(rows, transaction.known(first, last), replace=replace)
        if not came.clashes and not dry_run:
            transaction.store(came.new, came.replaced, clock.now())
    if came.clashes:
        return Imported(len(rows), mistakes=tuple(came.clashes))
    return Imported(len(rows), len(came.new), came.known, len(came.replaced))
