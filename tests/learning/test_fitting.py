"""The whole method on people of whom the truth is known."""

import numpy as np
import pytest

from nurture.domain.event import day_number
from nurture.domain.scoring import Scoring, engagement_on, fit_lines, heat_of
from nurture.learning.cases import CannotLearnError, Cases, columns_of
from nurture.learning.fitting import Fitted, fit, without_telltales
from nurture.learning.history import History
from nurture.learning.scorecard import DOUBLING, MOST_RULES, learn
from nurture.learning.writing import to_yaml
from tests.learning.conftest import SEED


def points_of(scoring: Scoring, facts: dict[str, object]) -> int:
    return sum(points for _, points in fit_lines(facts, scoring))


def test_planted_effects_are_found_with_their_sign(fitted_csv: Fitted) -> None:
    scoring = fitted_csv.scoring
    nobody = points_of(scoring, {})
    assert points_of(scoring, {"income": 80_000}) - points_of(scoring, {"income": 20_000}) >= DOUBLING
    assert points_of(scoring, {"country": "FR"}) > points_of(scoring, {"country": "US"})
    assert points_of(scoring, {"job_title": "Chief Marketing Officer B"}) > nobody
    assert points_of(scoring, {"job_title": "Student of Law A"}) < nobody


def test_what_says_nothing_gets_next_to_nothing(fitted_csv: Fitted) -> None:
    spread = [points_of(fitted_csv.scoring, {"shoe_size": size}) for size in range(36, 47)]
    assert max(spread) - min(spread) <= 3


def test_the_name_of_a_person_never_decides(fitted_csv: Fitted) -> None:
    assert all(rule.when.fields().isdisjoint({"first_name"}) for rule in fitted_csv.scoring.fit)


@pytest.mark.parametrize("learned", ["fitted_csv", "fitted_log"])
def test_the_scorecard_comes_within_two_hundredths_of_boosting_on_the_same_folds(
    learned: str, request: pytest.FixtureRequest
) -> None:
    comparison = request.getfixturevalue(learned).report.comparison
    assert comparison.behind.auc <= 0.02
    assert comparison.scorecard.auc > 0.7


def test_it_is_an_integer_card_of_few_rules(fitted_csv: Fitted, fitted_log: Fitted) -> None:
    for fitted in (fitted_csv, fitted_log):
        points = [rule.points for rule in fitted.scoring.rules] + [rule.points for rule in fitted.scoring.fit]
        assert 0 < len(points) <= MOST_RULES
        assert all(float(each).is_integer() and each != 0 for each in points)


def test_the_engine_gives_the_people_of_a_csv_exactly_the_points_of_the_card(csv_cases: Cases, fitted_csv: Fitted) -> None:
    card = learn(csv_cases, np.arange(len(csv_cases)), SEED)
    by_engine = [points_of(fitted_csv.scoring, dict(facts)) for facts in csv_cases.facts]
    assert by_engine == card.points(csv_cases, np.arange(len(csv_cases))).tolist()


def test_the_engine_gives_the_people_of_the_log_exactly_the_points_of_the_card(log_history: History, fitted_log: Fitted) -> None:
    cases = without_telltales(log_history.cases)
    card = learn(cases, np.arange(len(cases)), SEED)
    scoring = fitted_log.scoring
    fit_by_engine = [points_of(scoring, dict(each.facts)) for each in log_history.known]
    assert fit_by_engine == card.fit_points(cases.columns).tolist()
    engagement = [
        engagement_on(day, heat_of(each.cells, scoring), scoring.half_life)
        for each in log_history.known
        for day in [day_number(each.moment.until)]
    ]
    total = card.points(cases, np.arange(len(cases)))
    assert np.allclose(np.array(fit_by_engine) + engagement, total, rtol=0, atol=1e-9)


def test_behaviour_is_found_with_its_sign(fitted_log: Fitted) -> None:
    points = {rule.id: rule.points for rule in fitted_log.scoring.rules}
    assert points["pricing"] > 0
    assert points["careers"] < 0
    country = {place: points_of(fitted_log.scoring, {"country": place}) for place in ("BE", "US")}
    assert country["BE"] > country["US"]


def test_it_is_the_same_for_the_same_seed(csv_cases: Cases, fitted_csv: Fitted) -> None:
    again = fit(csv_cases, "column converted", capacity=20, seed=SEED, repeats=1)
    assert to_yaml(again) == to_yaml(fitted_csv)
    assert again.report == fitted_csv.report


def test_expected_and_observed_agree_by_tenths(fitted_csv: Fitted) -> None:
    tenths = fitted_csv.report.calibration
    assert [each.expected for each in tenths] == sorted(each.expected for each in tenths)
    assert sum(each.people for each in tenths) == fitted_csv.report.people
    assert all(abs(each.expected - each.observed) < 0.12 for each in tenths)


def test_the_advice_keeps_to_the_capacity_of_a_week(fitted_csv: Fitted) -> None:
    advised = fitted_csv.report.advised
    assert advised in fitted_csv.report.thresholds
    assert advised.per_week is not None
    assert 0 < advised.per_week <= 20
    lower = [each for each in fitted_csv.report.thresholds if each.points < advised.points]
    assert lower
    assert all(each.per_week is not None and each.per_week > 20 for each in lower)


def test_without_a_capacity_the_advice_has_the_greatest_f1(fitted_log: Fitted) -> None:
    report = fitted_log.report
    assert report.advised.f1 == max(each.f1 for each in report.thresholds)


def test_a_threshold_is_told_as_a_promotion_that_means_nearly_the_same(fitted_log: Fitted) -> None:
    report = fitted_log.report
    assert len(report.promotion) > 1
    assert all(step.fit is not None and step.engagement is not None for step in report.promotion)
    assert len({(step.fit or 0) + (step.engagement or 0) for step in report.promotion}) == 1
    assert report.promoted.recall == pytest.approx(report.advised.recall, abs=0.15)


def test_todays_points_are_measured_on_the_same_people(fitted_log: Fitted) -> None:
    today = fitted_log.report.today
    assert today is not None
    assert 0.5 < today.auc < fitted_log.report.comparison.scorecard.auc
    assert today.called is not None


def test_a_column_that_is_the_outcome_under_another_name_is_left_out(csv_cases: Cases) -> None:
    facts = tuple(
        {**known, **({"invoice": f"no. {number}"} if won else {})}
        for number, (known, won) in enumerate(zip(csv_cases.facts, csv_cases.won, strict=True))
    )
    told = without_telltales(Cases(facts, columns_of(facts), (), csv_cases.won))
    assert "invoice" not in {column.name for column in told.columns}
    assert any("invoice" in each for each in told.suspicious)


def test_where_nothing_tells_winners_from_others_nothing_is_written() -> None:
    facts = tuple({"shoe": number % 2} for number in range(1_000))
    won = np.array([number % 4 < 2 for number in range(1_000)])
    with pytest.raises(CannotLearnError, match="nothing that is known"):
        fit(Cases(facts, columns_of(facts), (), won), "x", repeats=1)


def test_a_capacity_needs_to_know_how_long_it_took(csv_cases: Cases) -> None:
    with pytest.raises(CannotLearnError, match="--weeks"):
        fit(Cases(csv_cases.facts, csv_cases.columns, (), csv_cases.won), "x", capacity=5)
