"""Ten thousand letters of one cause are one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.causes import LONGEST, cause_of


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        (["refused 'ana@acme.test'", "refused 'bob@acme.test'"], "refused '…'"),
        (["for ana@acme.test at 3", "for [e-mail] at 44"], "for …@… at N"),
        (["row 12 of 2026-03-02 09:00:01.5", "row 1 of 2026-03-02 10:00:01.7"], "row N of N N"),
        (['key "a" of 6f9619ff-8b86-d011-b42d-00cf4fc964ff'], 'key "…" of …'),
        (["token abcdefgh12345678ijkl is\n no  token"], "token … is no token"),
        (["cannot be stored: IntegrityError"], "cannot be stored: IntegrityError"),
    ],
)
def test_what_differs_is_left_out(reasons: list[str], cause: str) -> None:
    assert {cause_of(reason) for reason in reasons} == {cause}


@given(st.text(max_size=5_000))
def test_a_cause_is_one_short_line(reason: str) -> None:
    assert len(cause_of(reason)) <= LONGEST
    assert "\n" not in cause_of(reason)
