"""What is written can be read: by the engine, by `nurture check`, by people."""

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from nurture.definitions.loader import load
from nurture.domain.conditions import Condition
from nurture.domain.scoring import Scoring
from nurture.learning.fitting import Fitted
from nurture.learning.writing import condition, tables, to_yaml

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("learned", ["fitted_csv", "fitted_log"])
def test_the_file_gives_the_scoring_back(learned: str, request: pytest.FixtureRequest) -> None:
    fitted: Fitted = request.getfixturevalue(learned)
    read = YAML(typ="safe").load(to_yaml(fitted))
    assert Scoring.model_validate(read) == fitted.scoring


@pytest.mark.parametrize("learned", ["fitted_csv", "fitted_log"])
def test_check_takes_it_as_scoring_yaml_and_its_advice_as_a_promotion(
    learned: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    fitted: Fitted = request.getfixturevalue(learned)
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    text = to_yaml(fitted)
    (folder / "scoring.yaml").write_text(text, encoding="utf-8")
    (advice,) = (line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   - "))
    lifecycle = (folder / "lifecycle.yaml").read_text(encoding="utf-8")
    with_advice = lifecycle.replace("promotions:\n", f"promotions:\n  {advice}\n", 1)
    (folder / "lifecycle.yaml").write_text(with_advice, encoding="utf-8")
    loaded = load(folder)
    assert loaded.errors == []
    assert loaded.definitions is not None
    (promotion,) = (rule for rule in loaded.definitions.lifecycle.promotions if rule.id == "worth-a-call")
    assert promotion.when == Condition(condition(fitted.report.promotion))


def test_each_rule_stands_beside_its_evidence(fitted_csv: Fitted) -> None:
    text = to_yaml(fitted_csv)
    for rule in fitted_csv.report.rules:
        assert f"coefficient {rule.log_odds:+.2f}; {rule.people} people are so, {rule.won} of them won" in text
    assert f"seed {fitted_csv.report.seed}" in text
    assert f"AUC with people it had not seen: {fitted_csv.report.comparison.scorecard.auc:.3f}" in text


def test_the_report_tells_all_of_it_in_tables(fitted_log: Fitted) -> None:
    ranking, rules, calibration, thresholds = tables(fitted_log.report)
    assert [row[0] for row in ranking.rows] == ["this scorecard", "logistic regression", "gradient boosting", "today's points"]
    assert len(rules.rows) == len(fitted_log.report.rules)
    assert len(calibration.rows) == 10
    assert any(row[0].endswith(" *") for row in thresholds.rows)
    assert thresholds.rows[-1][0] == "today's mql"
    for each in (ranking, rules, calibration, thresholds):
        assert all(len(row) == len(each.headings) for row in each.rows)
