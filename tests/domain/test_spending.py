"""What was spent, as people write it: read, refused with what to write, and never counted twice."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.spending import Read, Spending, compared, read_row

CHANNELS = {"paid-search", "email", "direct"}
EPOCH = date(1970, 1, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def spent(
    channel: str | None = "email", campaign: str | None = None, first: int = 1, last: int = 9, amount: int = 100
) -> Spending:  # fmt: skip
    return Spending(channel, campaign, first, last, amount, "EUR")


@pytest.mark.parametrize(
    ("cells", "days", "amount", "currency"),
    [
        ({"month": "2026-11", "amount": "1200"}, ("2026-11-01", "2026-11-30"), 120_000, "EUR"),
        ({"month": "2028-02", "amount": 1200.5}, ("2028-02-01", "2028-02-29"), 120_050, "EUR"),
        ({"from": "2026-11-01", "to": "2026-11-01", "amount": "1 200,05"}, ("2026-11-01", "2026-11-01"), 120_005, "EUR"),
        ({"from": "2026-12-20", "to": "2027-01-10", "amount": "1,200.50", "currency": "CHF"}, ("2026-12-20", "2027-01-10"), 120_050, "CHF"),
        ({"month": "2026-11", "amount": 0, "campaign": " "}, ("2026-11-01", "2026-11-30"), 0, "EUR"),
    ],
)  # fmt: skip
def test_a_row_says_what_was_spent(cells: Mapping[str, Any], days: tuple[str, str], amount: int, currency: str) -> None:
    found = read_row({"channel": "email", **cells}, CHANNELS, "EUR")
    assert found == Spending("email", None, day(days[0]), day(days[1]), amount, currency)


@pytest.mark.parametrize(
    ("cells", "column", "text"),
    [
        ({"channel": ""}, "channel", "this row names neither a channel nor a campaign; name what the money was spent on"),
        ({"channel": "paid_search"}, "channel", "unknown channel 'paid_search'; did you mean 'paid-search'?"),
        ({"campaign": "x" * 257}, "campaign", "the name is longer than 256 characters; shorten it"),
        ({"chanel": "email"}, "chanel", "unknown column 'chanel'; did you mean 'channel'?"),
        ({"month": None}, "from", "the days are not said; write month: 2026-11, or from: 2026-11-01 and to: 2026-11-15"),
        ({"from": "2026-11-01"}, "month", "the days are said twice; keep either month, or from and to"),
        ({"month": "11/2026"}, "month", "'11/2026' is no month; write one like 2026-11"),
        ({"month": "2026-13"}, "month", "'2026-13' is no month; write one like 2026-11"),
        ({"month": "", "from": "1.11.2026", "to": "2026-11-30"}, "from", "'1.11.2026' is no date; write one like 2026-11-01"),
        (
            {"month": "", "from": "2026-11-30", "to": "2026-11-01"},
            "to",
            "these days end before they begin, or are more than ten years; correct one of the two dates",
        ),
        ({"amount": "1.200"}, "amount", "'1.200' is no amount; write one like 1200 or 1200.50, without its currency"),
        ({"amount": "-5"}, "amount", "'-5' is no amount; write one like 1200 or 1200.50, without its currency"),
        ({"amount": "€ 5"}, "amount", "'€ 5' is no amount; write one like 1200 or 1200.50, without its currency"),
        ({"amount": None}, "amount", "nothing is no amount; write one like 1200 or 1200.50, without its currency"),
        ({"amount": True}, "amount", "True is no amount; write one like 1200 or 1200.50, without its currency"),
        ({"amount": 10**13}, "amount", "10000000000000 is more than anybody spends; see whether the right column is meant"),
        ({"currency": "euro"}, "currency", "'euro' is no currency; write its three letters, such as EUR"),
    ],
)
def test_what_is_wrong_is_told_with_its_column(cells: Mapping[str, Any], column: str, text: str) -> None:
    found = read_row({"channel": "email", "month": "2026-11", "amount": "5", **cells}, CHANNELS, "EUR")
    assert found == [(column, text)]


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    found = read_row({"chanel": "email"}, CHANNELS, "EUR")
    assert isinstance(found, list)
    assert [wrong.column for wrong in found] == ["chanel", "channel", "from", "amount"]


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (spent(), spent(first=9, last=12), True),
        (spent(), spent(first=10, last=12), False),
        (spent(), spent("direct"), False),
        (spent(), spent("email", "spring"), True),  # nobody knows whether the campaign is part of it
        (spent("email", "spring"), spent("email", "autumn"), False),
        (spent(None, "spring"), spent("email", "spring"), True),
        (spent("direct", "spring"), spent("email", "spring"), False),
        (spent(None, "spring"), spent("email"), False),
    ],
)
def test_what_may_be_the_same_money(one: Spending, other: Spending, overlap: bool) -> None:
    assert one.overlaps(other) is other.overlaps(one) is overlap


def test_overlaps_name_both() -> None:
    known = spent(first=20_000, last=20_010, amount=500)
    row = spent(first=20_005, last=20_020, amount=700)
    found = compared([Read("a.csv:2", row)], [known])
    assert found.clashes == [
        (
            "a.csv:2: email from 2024-10-09 to 2024-10-24: 7.00 EUR overlaps with what is known: email from 2024-10-04 to 2024-10-14: "
            "5.00 EUR; correct it, or replace that with --replace"
        )
    ]
    replacing = compared([Read("a.csv:2", row)], [known], replace=True)
    assert (replacing.new, replacing.replaced, replacing.clashes) == ([row], [known], [])
    twice = compared([Read("a.csv:2", row), Read("a.csv:3", known)], [])
    assert twice.clashes == [f"a.csv:2: {row} overlaps with a.csv:3: {known}; keep one of the two"]


spendings = st.builds(
    lambda channel, campaign, first, length, amount: Spending(channel, campaign, first, first + length, amount, "EUR"),
    st.sampled_from([None, "email", "direct"]), st.sampled_from([None, "spring", "autumn"]), st.integers(0, 40),
    st.integers(0, 12), st.integers(1, 3),
).filter(lambda each: each.channel is not None or each.campaign is not None)  # fmt: skip


@given(st.lists(spendings, max_size=12))
def test_what_is_stored_never_overlaps_and_the_same_again_changes_nothing(told: list[Spending]) -> None:
    stored: list[Spending] = []
    for each in told:
        found = compared([Read("f:1", each)], stored)
        if not found.clashes:
            stored += found.new
    assert not any(one.overlaps(other) for index, one in enumerate(stored) for other in stored[index + 1 :])
    again = compared([Read(f"f:{index}", each) for index, each in enumerate(stored)], stored)
    assert (again.new, again.known, again.replaced, again.clashes) == ([], len(stored), [], [])
    assert len({each.id for each in stored}) == len(stored)
    every = [Read(f"f:{index}", each) for index, each in enumerate(told)]
    pairs = sum(one.overlaps(other) for index, one in enumerate(told) for other in told[index + 1 :])
    assert len(compared(every, []).clashes) == pairs
