"""Import goes by batches: first the stream has them, then we remember it."""

from collections.abc import Sequence
from itertools import count

import pytest

from nurture.domain.event import Event
from nurture.domain.imports.rows import Refused, Row, Skipped
from nurture.errors import Unavailable
from nurture.flow.import_rows import BATCH, Account, import_rows
from tests.support.events import event


def decide(row: Row) -> Event | Skipped | Refused:
    """Of ten rows, one is skipped and one refused."""
    if row.number % 10 == 1:
        return Skipped()
    return Refused("a", "no", "mend") if row.number % 10 == 2 else event("x", message_id=str(row.number))


class Kept:
    """An outcome that remembers, in order, and fails at the write given."""

    def __init__(self, failing_write: int = 0) -> None:
        self.log: list[tuple[str, int]] = []
        self.ids: list[str] = []
        self.refused: list[int] = []
        self.account = Account()
        self._writes = count(1)
        self._failing = failing_write

    def write(self, events: Sequence[Event]) -> None:
        if next(self._writes) == self._failing:
            raise Unavailable
        self.log.append(("write", len(events)))
        self.ids += [each.message_id for each in events]

    def refuse(self, row: Row, refused: Refused) -> None:
        self.refused.append(row.number)

    def save(self, account: Account) -> None:
        self.log.append(("save", account.rows))
        self.account = account


def rows(number: int) -> list[Row]:
    return [Row(each, each + 1, {}) for each in range(1, number + 1)]


def test_progress_is_kept_only_after_the_stream_has_a_batch() -> None:
    kept = Kept()
    account = import_rows(rows(1_200), decide, kept)
    assert kept.log == [("write", 400), ("save", 500), ("write", 400), ("save", 1_000), ("write", 160), ("save", 1_200)]
    assert account == Account(rows=1_200, accepted=960, refused=120, skipped=120)
    assert all(size <= BATCH for what, size in kept.log if what == "write")


def test_what_was_interrupted_goes_on_after_the_last_batch() -> None:
    first = Kept(failing_write=3)
    with pytest.raises(Unavailable):
        import_rows(rows(1_750), decide, first)
    assert first.account.rows == 1_000
    second = Kept()
    account = import_rows(rows(1_750), decide, second, first.account)
    assert account == import_rows(rows(1_750), decide, Kept())
    assert [*map(int, first.ids + second.ids)] == [row.number for row in rows(1_750) if row.number % 10 not in (1, 2)]


def test_an_empty_file_is_done_at_once() -> None:
    kept = Kept()
    assert import_rows([], decide, kept) == Account()
    assert kept.log == [("save", 0)]
