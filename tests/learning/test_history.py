"""Nothing of what came later may enter, and both kinds of people are seen at comparable moments."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from nurture.adapters.database.tables import people
from nurture.domain.event import day_number
from nurture.learning.cases import CannotLearnError
from nurture.learning.history import History, Life, history, moments_of, suspicious_events
from tests.learning.conftest import SEED
from tests.learning.crowd import crowd, store
from tests.support.definitions import definitions
from tests.support.events import MONDAY, event


def test_nothing_of_the_win_or_after_it_is_known(log_history: History) -> None:
    rules = {cell.rule for each in log_history.known for cell in each.cells}
    assert not [rule for rule in rules if rule.startswith(("deal-won", "onboarding"))]
    assert all("customer_number" not in each.facts for each in log_history.known)


def test_an_event_that_comes_with_the_win_is_suspicious_and_left_out(log_history: History) -> None:
    assert any("contract_signed" in each for each in log_history.cases.suspicious)
    assert not [each for each in log_history.cases.behaviours if "contract_signed" in each.rule.on]
    assert {name for each in log_history.cases.behaviours for name in each.rule.on} >= {"page_viewed", "webinar_attended"}


def test_what_everybody_did_once_is_no_rule_for_it_would_only_be_a_clock(log_history: History) -> None:
    rules = {each.rule.on for each in log_history.cases.behaviours}
    assert ("form_submitted",) not in rules
    assert all(each.rule.id != "form_submitted-ever" for each in log_history.cases.behaviours)


def test_the_moment_of_a_winner_is_not_that_of_a_suspicious_event(log_engine: Engine, log_history: History) -> None:
    """Else all of a winner's points had faded a day more than other people's, and trees would see that."""
    today = [
        max(cell.day for cell in each.cells) == day_number(each.moment.until) for each in log_history.known if each.moment.won
    ]
    assert all(today)


def test_an_event_that_others_do_as_well_is_not_suspicious() -> None:
    win = MONDAY + timedelta(minutes=30)
    winners = [Life(number, (MONDAY,), ("pricing",), win) for number in range(40)]
    others = [Life(100 + number, (MONDAY,), ("pricing",), None) for number in range(11)]
    assert suspicious_events([*winners, *others]) == []
    assert suspicious_events([*winners, *others[:10]]) == ["pricing"]


def test_a_day_before_the_win_is_no_suspicion() -> None:
    assert suspicious_events([Life(n, (MONDAY,), ("demo",), MONDAY + timedelta(days=1)) for n in range(50)]) == []


_gaps = st.lists(st.integers(0, 5_000), min_size=1, max_size=6)


@st.composite
def _lives(draw: st.DrawFn) -> list[Life]:
    lives = []
    for person in range(draw(st.integers(2, 12))):
        start = MONDAY + timedelta(minutes=draw(st.integers(0, 5_000)))
        instants = tuple(sorted(start + timedelta(minutes=gap) for gap in draw(_gaps)))
        won_at = instants[-1] + timedelta(minutes=draw(st.integers(1, 5_000))) if person == 0 or draw(st.booleans()) else None
        lives.append(Life(person, instants, ("x",) * len(instants), won_at))
    return lives


def _nearest(life: Life, span: timedelta) -> datetime:
    return min(life.instants, key=lambda at: abs(at - life.instants[0] - span))


@given(_lives(), st.integers(0, 9))
@settings(max_examples=200)
def test_a_moment_is_an_act_of_ones_own_before_any_win_and_nearest_to_a_winners_time(lives: list[Life], seed: int) -> None:
    moments, _ = moments_of(lives, seed)
    end = max(life.won_at or life.instants[-1] for life in lives)
    winners = [life for life in lives if life.won_at]
    for life in lives:
        moment = moments.get(life.person)
        if life.won_at:
            assert moment == (life.instants[-1], True)
            assert moment.until < life.won_at
            continue
        possible = [each for each in winners if each.won_at and each.won_at - each.instants[0] <= end - life.instants[0]]
        assert (moment is None) == (not possible)
        if moment is not None:
            assert moment.until in life.instants
            spans = [each.instants[-1] - each.instants[0] for each in possible]
            assert any(_nearest(life, span) == moment.until for span in spans)
    assert moments_of(lives, seed)[0] == moments


def test_whoever_won_without_a_past_teaches_nothing() -> None:
    lives = [Life(1, (), (), MONDAY), Life(2, (MONDAY,), ("x",), MONDAY + timedelta(days=1))]
    moments, remarks = moments_of(lives, SEED)
    assert set(moments) == {2}
    assert "1 winner did nothing before they won" in remarks[0]


def test_who_came_too_late_to_have_won_is_left_out() -> None:
    end = MONDAY + timedelta(days=20)
    lives = [Life(1, (MONDAY,), ("x",), MONDAY + timedelta(days=10)), Life(2, (end,), ("x",), None)]
    moments, remarks = moments_of(lives, SEED)
    assert set(moments) == {1}
    assert "may still win" in remarks[0]


def test_machines_do_not_count_and_the_merged_count_once(migrated_engine: Engine) -> None:
    lives = crowd(1_000, seed=11)
    store(migrated_engine, lives)
    store(migrated_engine, {9_001: [event("webinar_attended", MONDAY, anonymous_id="robot")]}, verdict="machine")
    early = event("page_viewed", MONDAY - timedelta(days=1), anonymous_id="phone", context={"page": {"path": "/pricing"}})
    store(migrated_engine, {9_002: [early]})
    with migrated_engine.begin() as connection:
        connection.execute(update(people).where(people.c.id == 9_002).values(merged_into=1))
    found = history(migrated_engine, definitions(), "deal_won", SEED)
    assert len(found.known) <= 1_000
    (first,) = [each for each in found.known if each.facts.get("email") == "p1@acme.test"]
    assert (
        sum(hits for cell, hits in first.cells.items() if cell.rule == "pricing" and cell.day == day_number(early.occurred_at))
        == 1
    )


def test_an_event_nobody_did_is_refused_with_what_to_do(log_engine: Engine) -> None:
    with pytest.raises(CannotLearnError, match=r"no human ever did 'deal_wom'; see how"):
        history(log_engine, definitions(), "deal_wom", SEED)


def test_fewer_than_two_hundred_winners_are_refused_with_the_reason(sqlite_url: str) -> None:
    from nurture.adapters.database.engine import make_engine

    engine = make_engine(sqlite_url)
    store(engine, crowd(300))
    with pytest.raises(CannotLearnError, match=r"people won \(event 'deal_won'\), and a scorecard needs 200"):
        history(engine, definitions(), "deal_won", SEED)
    engine.dispose()
