"""Spending falls evenly on its days; what lies outside of a period does not count."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from nurture.adapters.database.tables import spend
from nurture.reports.money import Spent, cost_of_each, share_within, spent_in
from nurture.reports.sheet import Period

AT = datetime(2026, 3, 2, tzinfo=UTC)


def spent(engine: Engine, *amounts: dict[str, Any], first: int = 100, last: int = 109) -> Spent:
    with engine.begin() as connection:
        for n, amount in enumerate(amounts):
            row = {"channel": None, "campaign": None, "first_day": 100, "last_day": 109, "currency": "EUR", "imported_at": AT}
            connection.execute(spend.insert().values(id=n, **(row | amount)))
        return spent_in(connection, Period(first=first, last=last), "EUR")


def test_an_amount_counts_by_its_days(migrated_engine: Engine) -> None:
    found = spent(migrated_engine, {"channel": "email", "amount": 1_000}, first=105, last=120)
    assert found == Spent(Fraction(500), {"email": Fraction(500)}, {}, ())


def test_what_was_spent_on_a_campaign_alone_is_in_no_channel(migrated_engine: Engine) -> None:
    found = spent(
        migrated_engine, {"campaign": "spring", "amount": 300}, {"channel": "email", "campaign": "spring", "amount": 100},
        {"channel": "email", "amount": 7},
    )  # fmt: skip
    assert found == Spent(Fraction(407), {"email": Fraction(107)}, {"spring": Fraction(400)}, ())


def test_other_days_and_other_currencies_are_left_out(migrated_engine: Engine) -> None:
    before, after = {"first_day": 90, "last_day": 99}, {"first_day": 110, "last_day": 110}
    found = spent(
        migrated_engine, {"channel": "email", "amount": 5, **before}, {"channel": "email", "amount": 5, **after},
        {"channel": "email", "amount": 5, "currency": "USD"}, {"channel": "email", "amount": 5, "currency": "CHF"},
    )  # fmt: skip
    assert found == Spent(Fraction(), {}, {}, ("CHF", "USD"))


@pytest.mark.parametrize(("people", "cost"), [(0, None), (3, 33), (0.5, 200), (0.33, 303)])
def test_the_cost_of_each(people: float, cost: int | None) -> None:
    assert cost_of_each(Fraction(100), people) == cost


@given(amount=st.integers(0, 10**9), days=st.integers(1, 400), cut=st.integers(0, 400))
def test_parts_of_a_period_add_up_to_it(amount: int, days: int, cut: int) -> None:
    parts = [Period(first=0, last=cut - 1), Period(first=cut, last=500)]
    assert sum(share_within(0, days - 1, amount, part) for part in parts if part.first <= min(part.last, days - 1)) == amount
