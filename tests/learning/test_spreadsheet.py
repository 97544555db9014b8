"""Reading a CSV: what cannot be read is answered with its line."""

from pathlib import Path

import pytest

from nurture.learning.cases import CannotLearnError, Cases
from nurture.learning.spreadsheet import read_cases


def test_cells_become_numbers_where_a_whole_column_is_and_names_of_people_are_no_columns(csv_cases: Cases) -> None:
    columns = {column.name: column for column in csv_cases.columns}
    assert set(columns) == {"income", "country", "job_title", "shoe_size"}
    assert columns["income"].numeric
    assert (columns["income"].codes < 0).any()
    assert not columns["country"].numeric


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "x.csv"
    file.write_text(text, encoding="utf-8")
    return file


def _people(won: int, lost: int, yes: str = "yes", no: str = "no") -> str:
    return "zip;x;bought\n" + f"01234;1,5;{yes}\n" * won + f"56789;;{no}\n" * lost


@pytest.mark.parametrize(
    ("text", "outcome", "told"),
    [
        ("a,b\n1,yes\n", "c", "has no column 'c'; write a or b"),
        ("a,b\n1,yes\n1,2,3\n", "b", "x.csv:3: 3 cells stand under 2 columns"),
        ("a,b\n1,yes\n1,maybe\n", "b", "x.csv:3: b is 'maybe', neither yes nor no; name the value that means won with --won"),
        ('a,b\n1,"yes\n', "b", "this is no CSV"),
        ("a,a\n1,yes\n", "a", "two columns have one name"),
        (_people(199, 500), "bought", r"199 people won \(column 'bought' of x.csv\), and a scorecard needs 200"),
        (_people(500, 199), "bought", "199 people did not win"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_its_place(text: str, outcome: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(CannotLearnError, match=told):
        read_cases(_file(tmp_path, text), outcome, None, None)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotLearnError, match="No such file"):
        read_cases(tmp_path / "none.csv", "x", None, None)


def test_the_outcome_may_have_a_word_of_its_own_and_codes_stay_texts(tmp_path: Path) -> None:
    cases = read_cases(_file(tmp_path, _people(200, 201, "Abo", "Kein")), "bought", "Abo", None)
    assert int(cases.won.sum()) == 200
    assert cases.facts[0] == {"zip": "01234", "x": "1,5"}
