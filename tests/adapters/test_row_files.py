"""Files of rows as they come: separators, encodings, quotes, compression, and rows that are broken."""

import codecs
import contextlib
import gzip
import io
import json
import os
from itertools import count, islice
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from nurture.adapters.refused_rows import RefusedRows
from nurture.adapters.row_files import digest_of, kept, opened
from nurture.domain.imports.rows import Refused, Row
from nurture.errors import UnreadableFile


def rows(path: Path, content: str | bytes, **options: Any) -> list[Row]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with opened(path, **options) as source:
        return list(source.rows)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(file: Path, separator: str) -> None:
    text = f'a{separator}b\n"1, 2; 3|4"{separator}x\n'
    assert [row.cells for row in rows(file, text)] == [{"a": "1, 2; 3|4", "b": "x"}]


def test_one_column_needs_no_separator(file: Path) -> None:
    assert [row.cells for row in rows(file, "email\na@b.com\nc@d.com\n")] == [{"email": "a@b.com"}, {"email": "c@d.com"}]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("é\nü\n".encode(), None),
        (codecs.BOM_UTF8 + "é\nü\n".encode(), None),
        ("é\nü\n".encode("utf-16"), None),
        ("é\nü\n".encode("cp1252"), "cp1252"),
        (gzip.compress("é\nü\n".encode(), mtime=0), None),
        (gzip.compress("é\n".encode(), mtime=0) + gzip.compress("ü\n".encode(), mtime=0), None),
        ("é\r\nü\r\n".encode(), None),
        ("é\nü".encode(), None),
        ("\n\né\n\nü\n\n".encode(), None),
    ],
)
def test_encodings_line_ends_and_compression(file: Path, content: bytes, encoding: str | None) -> None:
    assert [row.cells for row in rows(file, content, encoding=encoding)] == [{"é": "ü"}]


def test_bytes_in_another_encoding_cost_their_row_only(file: Path) -> None:
    found = rows(file, b"name\nAna\nRen\xe9\nBo\n")
    assert [row.cells["name"] for row in found] == ["Ana", "Ren\udce9", "Bo"]


def test_quoted_newlines_are_text_and_lines_are_counted(file: Path) -> None:
    found = rows(file, 'a,b\n"1\n2\n3",x\n4,y\n')
    assert [(row.number, row.line, row.cells["a"]) for row in found] == [(1, 2, "1\n2\n3"), (2, 5, "4")]


def test_a_broken_row_is_told_with_its_line_and_the_next_are_read(file: Path) -> None:
    found = rows(file, 'a,b\n1,2\n"x"y,2\n3,4,5\n6\n7,8\n')
    told = [(row.line, row.mistake.what if row.mistake else row.cells["a"]) for row in found]
    assert told == [
        (2, "1"),
        (3, "the row cannot be read (',' expected after '\"')"),
        (4, "the row has 3 cells, the header 2"),
        (5, "the row has 1 cells, the header 2"),
        (6, "7"),
    ]


def test_a_quote_left_open_does_not_swallow_all_memory(file: Path) -> None:
    found = rows(file, 'a,b\n1,"open\n' + "2,x\n" * 100_000)
    assert found[0].mistake is not None
    assert "larger than field limit" in found[0].mistake.what
    assert len(found) > 50_000


def test_a_line_without_end_comes_in_pieces(file: Path) -> None:
    found = rows(file, '{"a": 1}\n' + "x" * 3_000_000)
    assert [len(row.raw) for row in found[1:]] == [1_048_576, 1_048_576, 3_000_000 - 2 * 1_048_576]


def test_json_lines_are_objects(file: Path) -> None:
    found = rows(file, '{"a": {"b": 1}}\n\n[1]\n{"a": NaN}\n{"a"\n' + "[" * 100_000 + "\n")
    assert found[0].cells == {"a": {"b": 1}}
    assert [(row.line, row.mistake is not None) for row in found[1:]] == [(3, True), (4, True), (5, True), (6, True)]


def test_lines_are_taken_apart_by_an_expression(file: Path) -> None:
    found = rows(file, "GET /a 200\nnonsense\nPUT /b\n", line=r"(?P<verb>[A-Z]+) (?P<path>\S+)(?: (?P<status>\d+))?$")
    assert found[0].cells == {"verb": "GET", "path": "/a", "status": "200"}
    assert found[1].mistake is not None
    assert found[2].cells["status"] == ""


def test_columns_without_or_with_the_same_name_are_told_apart(file: Path) -> None:
    assert rows(file, "a,,a\n1,2,3\n")[0].cells == {"a": "1", "column 2": "2", "a (3)": "3"}


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", gzip.compress(b"a\n1\n" * 9999, mtime=0)[:-9], b"\x1f\x8bnonsense", "a\n1".encode("utf-16")[:-1]]
)
def test_what_is_no_whole_file_is_refused(file: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFile):
        rows(file, content)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read"):
        digest_of(tmp_path / "nothing")
    with pytest.raises(UnreadableFile, match="cannot be read"), opened(tmp_path):
        pass


def test_standard_input_is_kept_as_long_as_it_is_needed(tmp_path: Path) -> None:
    with kept(io.BytesIO(b"a\n1\n"), tmp_path / "data") as path:
        assert rows(path, path.read_bytes())[0].cells == {"a": "1"}
    assert not path.exists()


def refuse_all(path: Path, content: str, out: Path, **options: Any) -> list[Row]:
    """Refuse every row, write them, and read the file of them."""
    path.write_bytes(content.encode())
    with opened(path, **options) as source:
        refused_rows = RefusedRows(out, source)
        for row in source.rows:
            refused_rows.add(row, row.mistake or Refused("a", "no good", "mend it"))
        refused_rows.close()
    with opened(out, **options) as again:
        return list(again.rows)


def test_refused_rows_are_a_file_of_the_same_kind(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "refused"
    mended = refuse_all(file, 'a;b\n"x\ny";\'=1\n1;2;3\n"u"v;w\n', out)
    assert mended[0].cells == {"import_error": "line 2: column a: no good; mend it", "a": "x\ny", "b": "=1"}
    assert [row.raw[1:] for row in mended[1:]] == [("1", "2", "3"), ('"u"v;w',)]
    mended = refuse_all(out, out.read_text(), tmp_path / "twice")
    assert mended[0].cells == {"import_error": "line 2: column a: no good; mend it", "a": "x\ny", "b": "=1"}
    mended = refuse_all(file, '{"a": "é"}\n{"b"\n', out)
    assert mended[0].cells == {"import_error": "line 1: column a: no good; mend it", "a": "é"}
    assert [row.raw for row in mended[1:]] == ['{"b"']
    assert json.loads(out.read_text().splitlines()[0])["a"] == "é"
    assert [row.cells for row in refuse_all(file, "1 2\n3 4\n", out, line="(?P<a>.) (?P<b>.)")] == [
        {"a": "1", "b": "2"}, {"a": "3", "b": "4"},
    ]  # fmt: skip


def test_an_interrupted_file_of_refused_rows_is_cut_to_what_counted(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "refused"
    file.write_text("a,b\n1,2\n3,4\n")
    with opened(file) as source:
        first, second = source.rows
        refused_rows = RefusedRows(out, source)
        refused_rows.add(first, Refused("a", "no", "mend"))
        size = refused_rows.size()
        refused_rows.add(second, Refused("a", "no", "mend"))
        refused_rows.close()
        again = RefusedRows(out, source, size)
        again.add(second, Refused("b", "still no", "mend"))
        again.close()
    assert out.read_text().splitlines() == [
        '"import_error","a","b"', '"line 2: column a: no; mend","1","2"', '"line 3: column b: still no; mend","3","4"',
    ]  # fmt: skip


def test_a_file_without_end_is_read_as_it_comes(tmp_path: Path) -> None:
    """Nothing is held but the row at hand: here the file never ends."""
    endless = tmp_path / "pipe"
    os.mkfifo(endless)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), endless.open("wb", buffering=0) as pipe:
            pipe.write(b"email,n\n")
            for number in count():
                pipe.write(b"ana@acme.com,%d\n" % number * 100)

    writer = Thread(target=write)
    writer.start()
    with opened(endless) as source:
        assert sum(row.cells["email"] == "ana@acme.com" for row in islice(source.rows, 50_000)) == 50_000
    writer.join()
