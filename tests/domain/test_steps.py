"""Steps as they are written: what each may hold, and what it means."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from nurture.domain.steps import (
    BranchStep,
    EmailStep,
    GotoStep,
    NotifyStep,
    PoolStep,
    ScoreStep,
    SequenceStep,
    SetStep,
    Step,
    WaitForStep,
    WaitStep,
    inner_steps,
)

STEP: TypeAdapter[Any] = TypeAdapter(Step)
MAIL = {"id": "a", "email": "hello"}


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (MAIL, EmailStep),
        ({**MAIL, "window": "any", "late": "send", "variants": {"x": {}, "y": {"weight": 3, "subject": "Hi"}}}, EmailStep),
        ({"id": "a", "pool": "evergreen", "exhausted": [MAIL | {"id": "b"}]}, PoolStep),
        ({"wait": "2d"}, WaitStep),
        ({"wait": {"until": "mon,thu", "at": "09:00"}}, WaitStep),
        ({"id": "a", "wait_for": {"event": "x", "within": "4d"}, "on_timeout": [MAIL | {"id": "b"}]}, WaitForStep),
        ({"branch": [{"if": {"stage": "mql"}, "then": []}, {"else": []}]}, BranchStep),
        ({"branch": [{"share": 30, "then": [MAIL]}]}, BranchStep),
        ({"set": {"plan": "gold", "seats": 3, "ratio": 0.5, "vip": True}}, SetStep),
        ({"score": "cold"}, ScoreStep),
        ({"notify": "crm", "text": "Call them"}, NotifyStep),
        ({"goto": "end"}, GotoStep),
        ({"sequence": "other"}, SequenceStep),
    ],
)
def test_a_step_is_known_by_its_key_and_survives_being_stored(written: dict[str, Any], kind: type) -> None:
    step = STEP.validate_python(written)
    assert type(step) is kind
    assert STEP.validate_json(STEP.dump_json(step, by_alias=True, exclude_defaults=True)) == step


def test_values_that_are_set_keep_their_kind() -> None:
    step = STEP.validate_json('{"set": {"a": "3", "b": 3, "c": 3.5, "d": true}}')
    assert [type(value) for value in step.set.values()] == [str, int, float, bool]


def test_the_steps_inside_a_step() -> None:
    arms = {"branch": [{"if": {"a": 1}, "then": [MAIL]}, {"else": [MAIL | {"id": "b"}]}]}
    inside = [(place, way, [each.id for each in steps]) for place, way, steps in inner_steps(STEP.validate_python(arms))]
    assert inside == [(("branch", 0, "then"), "a", ["a"]), (("branch", 1, "else"), "b", ["b"])]
    waiting = STEP.validate_python({"id": "w", "wait_for": {"event": "x", "within": "1d"}, "on_timeout": [MAIL]})
    assert [(place, way) for place, way, _ in inner_steps(waiting)] == [(("on_timeout",), "timeout")]
    pool = STEP.validate_python({"id": "p", "pool": "x"})
    assert [(place, way) for place, way, _ in inner_steps(pool)] == [(("exhausted",), "exhausted")]
    assert list(inner_steps(STEP.validate_python(MAIL))) == []


@pytest.mark.parametrize(
    ("arms", "text"),
    [
        ([{"share": 60}, {"share": 41}], "the shares of this branch come to 101 of a hundred; lower them to 100 or less"),
        ([{"share": 60}, {"if": {"a": 1}}], "a branch either asks ('if') or draws ('share'); put one of the two into a branch of its own"),
        ([{"share": 100}, {"else": []}], "the shares before it come to a hundred, so nobody is left for 'else'; lower one of them, or delete it"),
        ([{"else": []}], "this branch asks nothing; add an arm {if: …, then: […]}, or write the steps without a branch"),
        ([{"else": []}, {"if": {"a": 1}}], "no arm behind 'else' is ever taken; move 'else' to the end"),
    ],
)  # fmt: skip
def test_branches_that_cannot_be_taken(arms: list[dict[str, Any]], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        STEP.validate_python({"branch": arms})
    assert [each["msg"].removeprefix("Value error, ") for each in raised.value.errors()] == [text]


def test_every_email_that_a_step_may_send() -> None:
    step = STEP.validate_python({**MAIL, "variants": {"x": {}, "y": {"email": "other"}, "z": {"email": "third", "weight": 2}}})
    assert list(step.emails()) == ["hello", "other", "third"]
