"""Suppress: addresses that are not to be mailed, by hand or from a list; and, with care, those that may be again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple, Protocol

from nurture.domain.imports.rows import Refused as RefusedRow
from nurture.domain.imports.rows import Row
from nurture.domain.mail.suppression import ALL, Suppressed
from nurture.errors import Refused

#: Rows that are written in one transaction.
_AT_ONCE: Final = 500

#: Reasons that the owner of an address gave: only their own word takes them back.
_THEIR_WORD: Final = frozenset({"unsubscribed", "complained", "erased"})

#: What lists of other systems call the column of addresses.
_ADDRESS: Final = ("email", "e-mail", "address", "recipient", "email_address")


class Suppressing(Protocol):
    """The database, as suppress sees it: one transaction."""

    def of(self, address: str) -> list[Suppressed]:
        """Why an address is not mailed."""
        ...

    def add(self, wanted: Sequence[Suppressed]) -> None:
        """Suppress addresses, and cancel what is queued to them."""
        ...

    def lift(self, address: str, scope: str) -> None:
        """Let an address be mailed again."""
        ...


class SuppressStore(Protocol):
    """Opens the transactions of suppress."""

    def suppressing(self) -> AbstractContextManager[Suppressing]:
        """One transaction."""
        ...


class Listed(NamedTuple):
    """What a list came to."""

    rows: int
    suppressed: int
    refused: int


class Taking(NamedTuple):
    """How rows are taken: whose list it is, and what holds where a row does not say; `address` reads one, or raises ValueError."""

    source: str
    reason: str
    address: Callable[[str], str]
    at: datetime


def suppress_list(
    store: SuppressStore, rows: Iterable[Row], taking: Taking, refused: Callable[[Row, str], None], *, dry_run: bool = False
) -> Listed:  # fmt: skip
    """Suppress every address of a list; a row that names none is told and costs only itself."""
    counts = {"rows": 0, "suppressed": 0, "refused": 0}
    waiting = iter(rows)
    while chunk := list(islice(waiting, _AT_ONCE)):
        wanted = []
        for row in chunk:
            taken = _taken(row, taking)
            if isinstance(taken, str):
                refused(row, taken)
            else:
                wanted.append(taken)
        counts["rows"] += len(chunk)
        counts["suppressed"] += len(wanted)
        counts["refused"] += len(chunk) - len(wanted)
        if wanted and not dry_run:
            with store.suppressing() as transaction:
                transaction.add(wanted)
    return Listed(**counts)


def _taken(row: Row, taking: Taking) -> Suppressed | str:
    if isinstance(row.mistake, RefusedRow):
        return str(row.mistake)
    cells = {str(column).strip().lower(): str(value).strip() for column, value in row.cells.items() if value is not None}
    named = next((cells[column] for column in _ADDRESS if cells.get(column)), None)
    if named is None:
        return f"there is no address; name its column {_ADDRESS[0]}"
    try:
        address = taking.address(named)
    except ValueError as error:
        return str(error)
    scope, reason = cells.get("scope") or ALL, (cells.get("reason") or taking.reason)[:32]
    return Suppressed(address, reason, taking.source, taking.at, scope, cells.get("detail") or None)


def lift(store: SuppressStore, address: str, scope: str, *, anyway: bool) -> list[Suppressed]:
    """Let an address be mailed again; what was lifted.

    Raises Refused where there is nothing to lift, and where its owner said so themselves, unless `anyway`: they have asked again.
    """
    with store.suppressing() as transaction:
        chosen = [each for each in transaction.of(address) if each.scope == scope]
        if not chosen:
            raise Refused("this address is not suppressed so; `nurture suppressions show` tells what it is")
        theirs = [each.reason for each in chosen if each.reason in _THEIR_WORD]
        if theirs and not anyway:
            raise Refused(f"its owner said so ({theirs[0]}); only if they ask for mail again, give --anyway")
        for each in chosen:
            transaction.lift(address, each.scope)
    return chosen


def told_of(suppressed: Iterable[Suppressed]) -> Iterator[dict[str, str | None]]:
    """Suppressions as rows that `nurture import suppressions` reads back."""
    for each in suppressed:
        yield {
            "email": each.email, "scope": each.scope, "reason": each.reason, "source": each.source, "at": each.at.isoformat(),
            "detail": each.detail,
        }  # fmt: skip
