"""Which causes are found, how surely, and which first."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.conditions import EventCondition
from nurture.domain.diagnosing.beliefs import belief
from nurture.domain.diagnosing.facts import Fact, Number, Share, values
from nurture.domain.diagnosing.judging import Case, Diagnosis, diagnose
from nurture.domain.diagnosing.rules import Diagnose, Rule

RARE = Share(2, 100)


def rule(**parts: Any) -> Rule:
    return Rule.model_validate({"when": {"rate": {"below": 0.1}}} | parts)


def asked(rules: dict[str, Rule], **of: list[tuple[str, dict[str, Fact]]]) -> Diagnosis:
    cases: Any = {subject: [Case(name, facts) for name, facts in found] for subject, found in of.items()}
    return diagnose(rules, cases, 0.8)


@pytest.mark.parametrize(
    ("when", "confidence"),
    [
        ({"n": {"at_least": 3}}, 1), ({"n": {"above": 3}}, 0), ({"n": {"below": 3}}, 0), ({"n": {"at_most": 3}}, 1), ({"n": 3}, 1),
        ({"n": [1, 3]}, 1), ({"n": {"between": [1, 3]}}, 1), ({"absent": {"exists": False}}, 1), ({"absent": {"below": 1}}, 0),
        ({"not": {"n": 3}}, 0), ({"rate": {"below": 0.02}}, 0.5), ({"rate": {"below": 0.02}, "n": 3}, 0.5),
        ({"any": [{"rate": {"below": 0.02}}, {"n": 3}]}, 1), ({"all": [{"rate": {"below": 0.02}}, {"n": 3}]}, 0.5),
        ({"not": {"rate": {"below": 0.02}}}, 0.5),
    ],
)  # fmt: skip
def test_a_condition_is_as_sure_as_its_parts(when: dict[str, Any], confidence: float) -> None:
    assert belief(when, {"n": Number(3), "rate": RARE}) == pytest.approx(confidence)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.05, 0.95), st.sampled_from(["below", "above"]))
def test_what_holds_is_at_least_as_likely_as_not(part: int, rest: int, limit: float, test: str) -> None:
    """The confidence and the condition never contradict each other."""
    facts: dict[str, Fact] = {"rate": Share(part, part + rest)}
    when = {"rate": {test: limit}}
    assert EventCondition(when).holds(values(facts)) == (belief(when, facts) > 0.5) or values(facts)["rate"] == limit


def test_a_cause_stands_before_what_follows_from_it() -> None:
    rules = {"effect": rule(weight=90), "cause": rule(weight=10, explains=["effect"])}
    found = asked(rules, business=[("", {"rate": RARE})]).findings
    assert [(each.rule, each.because) for each in found] == [("cause", None), ("effect", "cause")]


def test_what_costs_most_comes_first() -> None:
    """The weight counts for as large a part of the whole as is concerned."""
    rules = {"heavy": rule(of="form", weight=80, concerns="part"), "light": rule(weight=40)}
    few: dict[str, Fact] = {"rate": RARE, "part": Share(1, 10)}
    most: dict[str, Fact] = {"rate": RARE, "part": Share(9, 10)}
    found = asked(rules, business=[("", {"rate": RARE})], form=[("few", few), ("most", most)]).findings
    assert [(each.rule, each.about, each.severity) for each in found] == [
        ("heavy", "most", "severe"), ("light", "", "serious"), ("heavy", "few", "slight"),
    ]  # fmt: skip


def test_many_that_are_asked_make_each_less_sure() -> None:
    facts: dict[str, Fact] = {"rate": Share(2, 60)}
    alone = asked({"it": rule(of="form")}, form=[("a", facts)]).findings[0]
    usual: dict[str, Fact] = {"rate": Share(30, 60)}
    among = asked({"it": rule(of="form")}, form=[("a", facts), *[(f"b{n}", usual) for n in range(9)]])
    assert alone.confidence > 0.95
    assert [each.about for each in among.unsure] == ["a"]
    assert among.unsure[0].confidence == pytest.approx(1 - 10 * (1 - alone.confidence))


def test_small_numbers_say_so() -> None:
    rules = {"it": rule(of="form", least={"trials": 50})}
    found = asked(
        rules, form=[("a", {"rate": Share(0, 10), "trials": Number(10)}), ("b", {"rate": Share(0, 40), "trials": Number(40)})]
    )
    assert found == Diagnosis((), (), found.too_few)
    assert [(each.rule, each.fact, each.there, each.needed) for each in found.too_few] == [("it", "trials", 40, 50)]
    enough = asked(
        rules, form=[("a", {"rate": Share(0, 10), "trials": Number(10)}), ("c", {"rate": RARE, "trials": Number(100)})]
    )
    assert [each.about for each in enough.findings] == ["c"]
    assert enough.too_few == ()


def test_what_may_be_chance_is_told_apart() -> None:
    found = asked({"it": rule()}, business=[("", {"rate": Share(2, 30)})])
    assert (found.findings, [each.rule for each in found.unsure]) == ((), ["it"])


def test_rules_are_changed_switched_off_and_added() -> None:
    changes = {"a": {"weight": 7}, "own": {"when": {"n": 1}, "says": {"en": {"title": "t", "text": "x"}}}}
    rules = Diagnose.model_validate({"off": ["b"], "rules": changes}).over({"a": rule(), "b": rule()})
    assert {name: each.weight for name, each in rules.items()} == {"a": 7, "own": 50}
    assert rules["a"].when == rule().when
