"""Counts and lengths of time in words."""

import pytest

from nurture.reports.wording import counted, length


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"), (0.9, "0 s"), (-5, "0 s"), (59, "59 s"), (60, "1 min"), (119, "1 min"), (3600, "1 h"), (5400, "1 h 30 min"),
        (86_400, "1 d"), (86_400 + 3_599, "1 d"), (273_600, "3 d 4 h"), (1e9, "11574 d 1 h"),
    ],
)  # fmt: skip
def test_a_length_is_told_in_its_two_greatest_units(seconds: float, told: str) -> None:
    assert length(seconds) == told


def test_one_is_singular() -> None:
    assert [counted(n, "mail") for n in (0, 1, 2)] == ["0 mails", "1 mail", "2 mails"]
    assert counted(2, "person", "people") == "2 people"
