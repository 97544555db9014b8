"""Sums to which changes are added equal, to the last bit, the sums of everything."""

from collections import Counter
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.scoring import Cell, Scoring, heat_of, heats_of
from nurture.domain.sums import Sums, changed_sums, exact_sum, far_rules, sums_of

SCORING = Scoring.model_validate(
    {
        "half_life": "30d",
        "rules": [
            {"id": "plain", "on": "a", "points": 3},
            {"id": "daily", "on": "a", "points": 7, "cap": {"hits": 2, "per": "day"}},
            {"id": "once", "on": "a", "points": -15, "cap": {"hits": 1, "per": "ever"}},
            {"id": "read", "on": "a", "points": 5, "group": "day-group"},
            {"id": "watch", "on": "a", "points": -4, "group": "day-group"},
            {"id": "first", "on": "a", "points": 9, "group": "mixed", "cap": {"hits": 2, "per": "ever"}},
            {"id": "beside-first", "on": "a", "points": 2, "group": "mixed"},
        ],
        "groups": {"day-group": {"points": 11}, "mixed": {"points": 10}},
        "models": {
            "cloud": {
                "half_life": "14d",
                "rules": [{"id": "pages", "on": "a", "points": 8, "group": "all"}, {"id": "trial", "on": "a", "points": 40}],
                "groups": {"all": {"points": 60, "per": "ever"}},
            }
        },
    }
)
RULES = [rule.id for rule in SCORING.all_rules()]
DAYS = range(20_400, 20_900, 100)
cells = st.lists(st.builds(Cell, st.sampled_from([*RULES, "gone"]), st.sampled_from(DAYS)), max_size=40)


def test_far_rules_are_those_whose_hits_change_what_other_days_count() -> None:
    assert far_rules(SCORING) == {"once", "first", "beside-first", "pages"}


@given(cells, st.lists(cells, max_size=4))
def test_what_a_batch_changes_is_added_without_any_error(seen: list[Cell], batches: list[list[Cell]]) -> None:
    """As absorb does it: of the past are loaded only the days of the batch and the far rules."""
    everything, sums, far = Counter(seen), sums_of(Counter(seen), SCORING), far_rules(SCORING)
    for batch in batches:
        days = {cell.day for cell in batch}
        before = Counter({cell: hits for cell, hits in everything.items() if cell.day in days or cell.rule in far})
        sums = changed_sums(sums, before + Counter(batch), Counter(batch), SCORING)
        everything += Counter(batch)
    assert sums == sums_of(everything, SCORING)
    assert sums.heats.get("default", 0.0) == heat_of(everything, SCORING)
    assert {name: heat for name, heat in sums.heats.items() if name != "default"} == heats_of(everything, SCORING)


@given(st.lists(st.floats(-1e12, 1e12)))
def test_an_exact_sum_does_not_depend_on_order_and_is_rounded_first(terms: list[float]) -> None:
    parts = exact_sum(terms)
    assert (parts[0] if parts else 0.0) == fsum(terms)
    assert exact_sum(sorted(terms)) == exact_sum([*parts]) == parts
    assert exact_sum([*parts, *(-term for term in terms)]) == ()


def test_what_a_naive_sum_forgets_is_kept() -> None:
    assert exact_sum([1e16, 1.0, 1.0]) == (1e16 + 2,)
    parts = exact_sum([1e17, 1.0])
    assert parts == (1e17, 1.0)
    assert exact_sum([*parts, -1e17]) == (1.0,)


def test_the_digest_tells_when_rules_changed() -> None:
    other = SCORING.model_copy(update={"rules": SCORING.rules[1:]})
    assert Scoring.model_validate(SCORING.model_dump(by_alias=True)).digest == SCORING.digest
    assert Scoring.model_validate(other.model_dump(by_alias=True)).digest != SCORING.digest


@pytest.mark.parametrize("seen", [[], [Cell("gone", 20_400)]])
def test_nothing_that_counts_comes_to_no_sums(seen: list[Cell]) -> None:
    assert sums_of(Counter(seen), SCORING) == Sums(SCORING.digest, {})
