"""From the rows of a CRM's export to what sales answered."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.answering import amount_of
from nurture.domain.event import Event
from nurture.domain.imports.columns import taken_for
from nurture.domain.imports.mapping import ImportMapping
from nurture.domain.imports.rows import Refused, Row, Skipped, event_of
from tests.domain.imports.test_importing import AROUND

CELLS = {"email": "Ana@example.com", "answer": "Closed Won", "reason": "", "amount": "1 200,50", "date": "2026-03-01"}


def decide(cells: dict[str, str], number: int = 1) -> Event | Skipped | Refused:
    row = CELLS | cells
    return event_of(Row(number, number + 1, row), taken_for(row, "answers").mapping, AROUND)


def made(cells: dict[str, str], number: int = 1) -> Event:
    event = decide(cells, number)
    assert isinstance(event, Event), event
    return event


def test_a_row_is_an_answer_that_may_be_believed() -> None:
    event = made({})
    assert (event.name, event.email, event.assurance) == ("deal_won", "ana@example.com", "verified")
    assert (event.occurred_at, event.properties) == (datetime(2026, 3, 1, tzinfo=UTC), {"amount": 1200.5})


def test_the_same_answer_in_the_next_export_is_the_same_event() -> None:
    assert made({}, 1).key == made({}, 7).key
    assert len({made(each).key for each in ({}, {"answer": "lost"}, {"date": "2026-03-02"}, {"email": "b@example.com"})}) == 4


def test_our_own_id_names_somebody() -> None:
    event = made({"nurture_person": "77", "email": ""})
    assert (event.person, event.email) == (77, None)


@pytest.mark.parametrize(
    ("cells", "column", "what"),
    [
        ({"answer": "maybe"}, "answer", "'maybe' is no answer; write accepted, rejected, won or lost"),
        ({"answer": ""}, "answer", "nothing says what sales answered"),
        ({"date": ""}, "date", "nothing says when it happened"),
        ({"email": ""}, "email", "the row names nobody"),
        ({"email": "nobody"}, "email", "correct the address"),
        ({"nurture_person": "Ana"}, "nurture_person", "'Ana' is no id of ours"),
        ({"nurture_person": "9" * 30}, "nurture_person", "is no id of ours"),
        ({"amount": "much"}, "amount", "'much' is no amount"),
    ],
)
def test_a_mistake_names_its_column(cells: dict[str, str], column: str, what: str) -> None:
    refused = decide(cells)
    assert isinstance(refused, Refused), refused
    assert refused.column == column
    assert what in str(refused)


def test_what_says_nothing_is_left_out() -> None:
    assert decide({"answer": "nothing"}) == Skipped()


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"fields": {"answer": "A", "occurred_at": "B"}}, "no field says whom a row names"),
        ({"fields": {"email": "A", "occurred_at": "B"}}, "no field says what sales answered"),
        ({"fields": {"email": "A", "answer": "B"}}, "no field says when sales said so"),
        ({"fields": {"email": "A", "answer": "B", "occurred_at": "C", "attributes.x": "D"}}, "an answer has no 'attributes.x'"),
        ({"fields": {"email": "A", "answer": "B", "occurred_at": "C"}, "assurance": "claimed"}, "always speaks for sales"),
    ],
)
def test_a_mapping_of_answers_says_what_it_must(said: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        ImportMapping.model_validate({"imports": "answers"} | said)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1200", 1200), ("1200.50", 1200.5), ("1 200,50", 1200.5), ("1,200.50", 1200.5), ("1,200", 1200), ("12,5", 12.5),
     ("1,234,567", 1_234_567), ("-3", -3), ("", None), ("much", None), ("nan", None), ("inf", None)],
)  # fmt: skip
def test_amounts_are_read_as_crms_write_them(text: str, amount: float | None) -> None:
    assert amount_of(text) == amount


@given(st.text(max_size=30))
def test_whatever_is_written_is_an_amount_or_none(text: str) -> None:
    amount = amount_of(text)
    assert amount is None or amount - amount == 0
