"""What commands print is aligned, one line a thing, and harmless to a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from nurture.cli.printing import aligned, clean


def test_columns_are_aligned_and_the_last_is_as_long_as_it_is() -> None:
    assert aligned([("a", 1, None), ("long", 22, "end")]) == ["  a     1", "  long  22  end"]


def test_figures_in_front_range_to_the_right() -> None:
    assert aligned([("+1.5", "a"), ("-10.0", "b"), ("8.5",)], figures_first=True) == ["   +1.5  a", "  -10.0  b", "    8.5"]


def test_nothing_is_no_line() -> None:
    assert aligned([]) == []


@given(st.text())
def test_no_text_moves_the_cursor(text: str) -> None:
    assert clean(text).isprintable()
    assert len(aligned([(text, text)])) == 1
