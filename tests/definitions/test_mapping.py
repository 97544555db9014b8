"""A mapping from its file, and the place of everything that is wrong with it."""

from pathlib import Path

import pytest

from nurture.definitions.mapping import load_mapping
from nurture.errors import DefinitionError

MISTAKEN = """\
imports: people
timezone: Europe/Pari
fields:
  emial: Email
  user_id: {colum: Id}
  attributes.name: {join: [First, {hash: [a], per: week}]}
  attributes.stage: {column: Stage, map: {}}
skip_if: {Status: {lik: x}}
"""


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "crm.yaml"
    file.write_text(MISTAKEN)
    with pytest.raises(DefinitionError) as error:
        load_mapping(file, "people")
    told = [line.removeprefix(f"{file.as_posix()}:") for line in str(error.value).splitlines()[1:]]
    for start, words in (
        ("2:11:", "did you mean 'Europe/Paris'?"),
        ("4:3:", "did you mean 'email'?"),
        ("5:13:", "did you mean 'column'?"),
        ("6:52:", "none of the choices"),
        ("7:42:", "give it at least one entry"),
        ("8:20:", "unknown test 'lik'"),
    ):
        assert any(line.startswith(start) and words in line for line in told), (start, words, told)


def test_a_column_that_the_file_has_not_is_told_at_its_place_in_the_mapping(tmp_path: Path) -> None:
    file = tmp_path / "crm.yaml"
    file.write_text("imports: people\nfields:\n  email: {any: [Mail, E-Mail]}\n  attributes.a: Compny\nskip_if: {Statis: x}\n")
    loaded = load_mapping(file, "people")
    loaded.refuse_columns(["Mail", "Compny", "Statis"])
    with pytest.raises(DefinitionError) as error:
        loaded.refuse_columns(["Email", "Company", "Status"])
    assert str(error.value).splitlines()[1:] == [
        f"{file.as_posix()}:3:16: none of these is a column of the file; did you mean 'Email'?",
        f"{file.as_posix()}:4:17: 'Compny' is no column of the file; did you mean 'Company'?",
        f"{file.as_posix()}:5:11: 'Statis' is no column of the file; did you mean 'Status'?",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"imports: events\nfields: {name: a, occurred_at: b, email: c}\n", ":1:10: this mapping is for events"),
        (b"imports: people\n", "'fields' is missing here"),
        (b"[1]", "keys are missing here"),
        (b"a: \xff", "is no UTF-8"),
    ],
)
def test_what_is_no_mapping_for_this_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(content)
    with pytest.raises(DefinitionError) as error:
        load_mapping(file, "people")
    assert words in str(error.value)


def test_a_mapping_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="cannot be read"):
        load_mapping(tmp_path / "no.yaml", "people")
