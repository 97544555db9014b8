"""The rows that an import refused, as a file of the same kind that can be mended and imported alone."""

import csv
import io
import json
from pathlib import Path
from typing import IO, Final

from nurture.adapters.row_files import COMMENT, RowFile
from nurture.domain.imports.columns import MISTAKE
from nurture.domain.imports.rows import Refused, Row
from nurture.domain.imports.spreadsheet import guarded, unguarded

_ENCODING: Final = "utf-8"


class RefusedRows:
    """Writes refused rows, each with its mistake: in CSV as the first column, in JSON as a key, else on a line before it.

    `kept` are the bytes to keep of what an interrupted import wrote. A CSV row that could not be taken apart is one cell.
    """

    def __init__(self, path: Path, source: RowFile, kept: int = 0) -> None:
        self._source = source
        self.path = path.absolute()
        if not (kept and path.exists() and path.stat().st_size >= kept):
            kept = 0
        self._file: IO[bytes] = path.open("r+b" if kept else "wb")
        self._file.truncate(kept)
        self._file.seek(kept)
        if source.shape == "csv" and not kept:
            self._write_cells([MISTAKE, *(column for column in source.columns if column != MISTAKE)])

    def add(self, row: Row, refused: Refused) -> None:
        """Keep one row."""
        where = f"line {row.line}: {refused}".replace("\n", " ")
        if isinstance(row.raw, tuple):
            columns = self._source.columns
            cells = [cell for index, cell in enumerate(row.raw) if columns[index : index + 1] != (MISTAKE,)]
            self._write_cells([where, *cells])
        elif row.cells and self._source.shape == "jsonl":
            self._write(json.dumps({MISTAKE: where, **{k: v for k, v in row.cells.items() if k != MISTAKE}}, ensure_ascii=False))
        else:
            self._write(f"{COMMENT}{where}\n{row.raw}")

    def size(self) -> int:
        """The bytes written, all of which the operating system has."""
        self._file.flush()
        return self._file.tell()

    def close(self) -> None:
        self._file.close()

    def _write_cells(self, cells: list[str]) -> None:
        # Whoever mends the rows opens them in a spreadsheet. Read again, each cell says what it said before.
        cells = [guarded(unguarded(cell)) for cell in cells]
        line = io.StringIO()
        csv.writer(line, delimiter=self._source.delimiter or ",", quoting=csv.QUOTE_ALL, lineterminator="").writerow(cells)
        self._write(line.getvalue())

    def _write(self, line: str) -> None:
        self._file.write(f"{line}\n".encode(_ENCODING, "surrogateescape"))
