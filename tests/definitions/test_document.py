"""Documents that know where their parts stand."""

import pytest

from nurture.definitions.document import Node, read
from nurture.definitions.mistakes import Flaw, Spot

TEXT = b"""\
# a comment
rules:
  - {id: read, points: 2}
  - id: "pricing"   # another
    where: {path: [/a, /b]}
empty:
last: 'x'
"""


def document(text: bytes = TEXT) -> Node:
    root, flaws = read(text)
    assert root is not None
    assert flaws == []
    return root


@pytest.mark.parametrize(
    ("place", "spot", "key"),
    [
        ((), (2, 1), (2, 1)),
        (("rules",), (3, 3), (2, 1)),
        (("rules", 0), (3, 5), (3, 5)),
        (("rules", 0, "points"), (3, 24), (3, 16)),
        (("rules", 1), (4, 5), (4, 5)),
        (("rules", 1, "id"), (4, 9), (4, 5)),
        (("rules", 1, "where", "path", 1), (5, 24), (5, 24)),
        (("empty",), (6, 1), (6, 1)),  # an empty value is looked for at its key
        (("last",), (7, 7), (7, 1)),
    ],
)
def test_where_a_part_and_its_key_stand(place: tuple[str | int, ...], spot: tuple[int, int], key: tuple[int, int]) -> None:
    node = document().at(place)
    assert (node.spot, node.key) == (spot, key)


def test_what_is_not_there_is_answered_by_what_is_nearest() -> None:
    root = document()
    assert root.at(("rules", 7, "id")) is root.at(("rules",))
    assert root.at(("rules", 0, "id", "deeper")) is root.at(("rules", 0, "id"))
    assert root.has(("rules", 1, "where"))
    assert not root.has(("rules", 1, "there"))
    assert not root.has(("rules", "id"))


def test_plain_values() -> None:
    assert document().plain() == {
        "rules": [{"id": "read", "points": 2}, {"id": "pricing", "where": {"path": ["/a", "/b"]}}],
        "empty": None,
        "last": "x",
    }


def test_a_copy_can_lose_parts() -> None:
    root = document()
    copy = root.copy()
    copy.remove(("rules", 0))
    copy.remove(("last",))
    assert copy.plain() == {"rules": [{"id": "pricing", "where": {"path": ["/a", "/b"]}}], "empty": None}
    assert copy.at(("rules", 0, "id")).spot == (4, 9)
    assert root.plain() == document().plain()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1), ("-7", -7), ("010", 10), ("0o17", 15), ("0x1F", 31), ("1_000", 1000), ("2.5", 2.5), ("1e3", 1000.0),
        ("true", True), ("False", False), ("~", None), ("null", None), ("yes", "yes"), ("on", "on"), ("NO", "NO"),
        ("12:30", "12:30"), ("2026-03-31", "2026-03-31"), ("2026-03-31T09:00:00Z", "2026-03-31T09:00:00Z"), ("=", "="),
        ("'1'", "1"), ('"\\u00e9"', "é"), ("1.2.3", "1.2.3"), ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)  # fmt: skip
def test_scalars(written: str, value: object) -> None:
    found = document(f"a: {written}".encode()).plain()["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [b"", b"# nothing yet\n", b"---\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_empty_document(text: bytes) -> None:
    root, flaws = read(text)
    assert root is None or root.plain() == {}
    assert flaws == [] or flaws[0].what == "keys are missing here"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (b"a: 1\nb: \xff", Flaw(Spot(2, 4), "the byte 0xff is no UTF-8", "save the file in the encoding UTF-8")),
        (b"a: 1\nb: \x00", Flaw(Spot(2, 4), "the character 0x0000 cannot stand in YAML", "delete it")),
        (b"a: 1\n'<Window>': 2", Flaw(Spot(2, 1), "'<Window>' cannot be a key", "leave out the brackets")),
    ],
)
def test_what_cannot_be_read(text: bytes, flaw: Flaw) -> None:
    assert read(text)[1] == [flaw]
