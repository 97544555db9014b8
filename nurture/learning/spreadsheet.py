"""Cases from a CSV file: one row a person, one column the outcome, all others attributes."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np

from nurture.domain.wording import instead
from nurture.learning.binning import EMAIL_DOMAIN
from nurture.learning.cases import CannotLearnError, Cases, columns_of, refuse_too_few

_YES: Final = frozenset({"1", "yes", "y", "true", "t", "won", "converted", "oui"})
_NO: Final = frozenset({"0", "no", "n", "false", "f", "lost", "", "non"})


def read_cases(file: Path, outcome: str, won: str | None, weeks: float | None) -> Cases:
    """The cases in a file. `won` is how the outcome column says so; without it, yes, true, 1 and the like.

    Raises CannotLearnError, with the line, for whatever cannot be read, and for too few outcomes.
    """
    header, rows = _read(file)
    if outcome not in header:
        raise CannotLearnError(f"{file} has no column {outcome!r}; {instead(outcome, header)}")
    flags = [_won(row[header.index(outcome)], won, file, line, outcome) for line, row in rows]
    refuse_too_few(flags, f"column {outcome!r} of {file.name}")
    facts = _facts([name for name in header if name != outcome], header, [row for _, row in rows])
    return Cases(facts, columns_of(facts), (), np.array(flags, dtype=bool), weeks)


def _read(file: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and each row with the line on which it ends."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            first = opened.readline()
            opened.seek(0)
            separator = max(",;\t", key=first.count)
            reader = csv.reader(opened, delimiter=separator, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise CannotLearnError(f"{file} cannot be read ({error.strerror}); see that the path is right") from None
    except UnicodeDecodeError:
        raise CannotLearnError(f"{file} is not UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise CannotLearnError(f"{file}:{reader.line_num}: this is no CSV ({error}); correct the line") from None
    if len(set(header)) < len(header):
        raise CannotLearnError(f"{file}:1: two columns have one name; give each its own")
    for line, row in rows:
        if len(row) != len(header):
            raise CannotLearnError(f"{file}:{line}: {len(row)} cells stand under {len(header)} columns; correct the line")
    return header, rows


def _won(cell: str, won: str | None, file: Path, line: int, outcome: str) -> bool:
    said = cell.strip()
    if won is not None:
        return said == won
    if said.lower() in _YES:
        return True
    if said.lower() in _NO:
        return False
    raise CannotLearnError(f"{file}:{line}: {outcome} is {said!r}, neither yes nor no; name the value that means won with --won")


def _facts(names: Sequence[str], header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Mapping[str, Any], ...]:
    columns: dict[str, list[Any]] = {name: _values([row[header.index(name)].strip() for row in rows]) for name in names}
    if "email" in columns and EMAIL_DOMAIN not in columns:
        columns[EMAIL_DOMAIN] = [str(each).rpartition("@")[2] or None if each is not None else None for each in columns["email"]]
    return tuple(dict(_told(columns, index)) for index in range(len(rows)))


def _told(columns: Mapping[str, Sequence[Any]], index: int) -> Iterator[tuple[str, Any]]:
    for name, values in columns.items():
        if values[index] is not None:
            yield name, values[index]


def _values(cells: Sequence[str]) -> list[Any]:
    """A column of numbers if every cell that holds anything is one, else of texts; an empty cell is nothing."""
    numbers = [_number(cell) if cell else None for cell in cells]
    if all(number is not None for number, cell in zip(numbers, cells, strict=True) if cell):
        return list(numbers)
    return [cell or None for cell in cells]


def _number(cell: str) -> int | float | None:
    """The number a cell holds; a code such as 01234 is none."""
    digits = cell.lstrip("+-")
    if not digits.isascii() or (digits.startswith("0") and digits[1:2].isdigit()) or "_" in cell:
        return None
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if isfinite(number) else None
