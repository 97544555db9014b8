"""Lines are as wide as they may be, and nothing in them moves the cursor."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from nurture.cli.screen.lines import beside, cut, fit, left, listed, part, plain, right, spread, width_of, wrapped

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(TEXTS, st.integers(0, 40))
def test_text_is_fitted_into_a_width_and_harmless(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) <= width
    for ranged in (left(text, width), right(text, width)):
        assert cell_len(ranged) == width
        assert ranged.isprintable()


@given(TEXTS, st.integers(2, 40))
def test_wrapped_text_is_whole_and_no_wider(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cell_len(line) <= width and line.isprintable() for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(each if each.isprintable() else "\ufffd" for each in "".join(text.split()))


@given(st.lists(TEXTS, max_size=5), st.integers(0, 40))
def test_a_line_is_cut_where_it_must_end(texts: list[str], width: int) -> None:
    line = tuple(part(text) for text in texts)
    assert width_of(cut(line, width)) <= width


def test_two_pieces_stand_at_both_ends_and_the_second_goes_first() -> None:
    one, other = (("begin", ""),), (("end", ""),)
    assert plain(spread(one, other, 10)) == "begin  end"  # type: ignore[arg-type]  # styles
    assert plain(spread(one, other, 8)) == "begin"  # type: ignore[arg-type]  # styles
    assert plain(spread(one, other, 3)) == "be…"  # type: ignore[arg-type]  # styles


def test_two_blocks_side_by_side() -> None:
    one, other = [(part("a"),), (part("bb"),)], [(part("c"),), (part("d"),), (part("e"),)]
    assert [plain(line) for line in beside(one, other, 4)] == ["a   c", "bb  d", "    e"]


def test_words_in_few_lines() -> None:
    assert listed(["one", "two", "three", "four"], 10) == ["one  two", "three", "four"]
    assert listed([], 10) == []
    assert listed(["very long indeed"], 8) == ["very lo…"]
