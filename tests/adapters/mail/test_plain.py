"""Plain text is broken where a reader would break it."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.mail.plain import WIDTH, wrap, wrapped

URL = "https://nurture.example.com/c/" + "x" * 120


def test_long_lines_break_at_spaces() -> None:
    lines = wrap("word " * 40).splitlines()
    assert len(lines) == 3
    assert all(len(line) <= WIDTH for line in lines)


def test_an_address_stays_whole_on_a_line_of_its_own() -> None:
    assert wrap(f"Read the library ({URL}) today, it is free of charge and open to everybody who can read") == (
        f"Read the library\n({URL})\ntoday, it is free of charge and open to everybody who can read\n"
    )


def test_items_and_quotations_keep_their_indent() -> None:
    words = "word " * 20
    assert wrap(f"- {words}\n> {words}\n  12. {words}").splitlines() == [
        "- " + ("word " * 15).strip(), "  " + ("word " * 5).strip(),
        "> " + ("word " * 15).strip(), "> " + ("word " * 5).strip(),
        "  12. " + ("word " * 14).strip(), "      " + ("word " * 6).strip(),
    ]  # fmt: skip


def test_an_unbreakable_space_does_not_break() -> None:
    assert "quoi\u00a0?" in wrap("mot " * 18 + "quoi\u00a0?")
    assert "quoi\u00a0?" in wrap("mot " * 19 + "quoi\u00a0?").splitlines()[-1]


def test_empty_lines_do_not_pile_up() -> None:
    assert wrap("\n\na\n\n\n\n\nb  \n\n") == "a\n\nb\n"
    assert wrap(" \n\n") == "\n"


@given(st.text(st.sampled_from("a \n\r\x0b>"), max_size=30))
def test_where_empty_lines_are_between_short_ones_does_not_matter(text: str) -> None:
    lines = map(str.rstrip, text.splitlines())
    paragraphs = ("\n".join(group) for words, group in groupby(lines, bool) if words)
    assert wrap(text) == "\n\n".join(paragraphs) + "\n"


def test_a_paragraph_that_everybody_reads_is_the_same_block_for_all() -> None:
    (_, paragraph), (_, again) = (wrapped(f"Hello {name},\n\n{'word ' * 40}") for name in ("Ana", "Ida"))
    assert paragraph is again


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=100), max_size=60))
def test_no_word_is_lost_and_only_single_words_are_too_long(words: list[str]) -> None:
    wrapped = wrap(" ".join(words))
    lead = {">"}
    assert [word for word in wrapped.split() if word not in lead] == [word for word in words if word not in lead]
    for line in wrapped.splitlines():
        assert len(line) <= WIDTH or len(line.lstrip(" >").split()) <= 2
