"""Sequences as flow charts."""

from typing import Any, get_args

import pytest

from nurture.domain.program import END, Node
from nurture.domain.sequence import Sequence
from nurture.reports.flow_chart import EXIT, GOAL, START, Box, FlowChart, flow_chart
from tests.support.definitions import definitions
from tests.support.every_kind import EVERY_KIND, POOLS, SCRIPT


def chart(*steps: Any, **given: Any) -> FlowChart:
    written = {"sequence": "s", "trigger": "manual", "steps": steps, **given}
    return flow_chart(Sequence.model_validate(written), definitions(pools=POOLS).pools, {})


def box(*steps: Any, **given: Any) -> Box:
    """The box of the first step."""
    return chart(*steps, **given).boxes[1]


def test_every_kind_of_step_has_a_box() -> None:
    sequence = Sequence.model_validate(EVERY_KIND)
    assert {type(node) for node in sequence.program.nodes.values()} == {*get_args(Node)}, "the sample holds every kind"
    found = flow_chart(sequence, definitions(pools=POOLS).pools, {})
    ids = [each.id for each in found.boxes]
    assert ids == [START, *sequence.program.nodes, GOAL, EXIT, END]
    assert {each.kind for each in found.boxes} == {
        "start", "wait", "audience", "e-mail", "wait for", "goto", "branch", "notify", "set", "score", "sequence", "split", "pool",
        "goal", "exit", "end",
    }  # fmt: skip
    assert {arrow.target for arrow in found.arrows} | {START, GOAL, EXIT} == {*ids}, "everything is reached"
    assert {arrow.source for arrow in found.arrows} | {END} == {*ids}, "everything leads somewhere"


@pytest.mark.parametrize(
    ("step", "kind", "title", "lines"),
    [
        ({"id": "a", "email": "hello"}, "e-mail", "hello", ["step a"]),
        ({"id": "a", "email": "hello", "window": "any"}, "e-mail", "hello", ["step a", "at once, at any hour"]),
        ({"id": "a", "email": "hello", "window": {"days": "mon"}}, "e-mail", "hello", ["step a", "Monday, their time"]),
        ({"id": "a", "email": "hello", "late": "skip"}, "e-mail", "hello", ["step a", "when late: not sent"]),
        (
            {"id": "a", "email": "hello", "variants": {"x": {}, "y": {"weight": 3, "email": "other"}}},
            "e-mail", "hello", ["step a", "variant x, 25%", "variant y, 75%, e-mail other"],
        ),
        ({"id": "a", "pool": "reading"}, "pool", "next unseen of reading", ["step a", "case-study", "webinar-invite"]),
        ({"wait": "2d"}, "wait", "2 days", []),
        ({"wait": "2d", "id": "rest"}, "wait", "2 days", ["step rest"]),
        ({"wait": {"date": "day"}}, "wait", "until day", ["no date: ends"]),
        ({"wait": {"date": "day", "if_missing": "continue"}}, "wait", "until day", ["no date: goes on at once"]),
        (
            {"id": "a", "wait_for": {"event": "paid", "where": {"plan": "pro"}, "within": "3d"}},
            "wait for", "paid (plan is pro)", ["step a", "for 3 days at most", "counts since they entered"],
        ),
        (
            {"id": "a", "wait_for": {"event": "paid", "within": "3d", "since": "step"}},
            "wait for", "paid", ["step a", "for 3 days at most", "counts since they came here"],
        ),
        ({"branch": [{"if": {"a": 1}}]}, "branch", "does this hold?", []),
        ({"branch": [{"if": {"a": 1}}, {"if": {"a": 2}}]}, "branch", "which holds first?", []),
        ({"branch": [{"share": 30}]}, "split", "drawn once for each person", []),
        ({"set": {"stage": "mql", "first_choice": True}}, "set", "stage becomes mql", ["first choice becomes True"]),
        ({"score": "article"}, "score", "one hit of rule article", []),
        ({"notify": "crm"}, "notify", "crm", []),
        ({"notify": "crm", "text": "warm"}, "notify", "crm", ["“warm”"]),
        ({"goto": "end"}, "goto", "the end", []),
        ({"sequence": "other"}, "sequence", "also begins other", []),
    ],
)  # fmt: skip
def test_boxes(step: Any, kind: str, title: str, lines: list[str]) -> None:
    found = box(step)
    assert (found.kind, found.title, [*found.lines]) == (kind, title, lines)


def test_subjects_stand_with_their_mails() -> None:
    steps = [{"id": "a", "email": "hello"}, {"id": "b", "email": "hello", "variants": {"x": {}, "y": {}}}]
    sequence = Sequence.model_validate({"sequence": "s", "trigger": "manual", "steps": steps})
    found = flow_chart(sequence, {}, {("a", None): "Hello", ("b", "x"): "One", ("b", "y"): "Other"})
    assert [each.lines for each in found.boxes[1:3]] == [
        ("step a", "“Hello”"),
        ("step b", "variant x, 50%", "“One”", "variant y, 50%", "“Other”"),
    ]


def test_the_trigger_and_the_audience_stand_at_the_start() -> None:
    found = chart({"wait": "1d"}, trigger={"promoted_to": "lead"}, audience={"company": {"contains": SCRIPT}})
    assert found.boxes[0] == Box(START, "start", "promoted to lead", (f"if company contains “{SCRIPT}”",))


def test_the_date_of_a_trigger_and_its_audience_are_boxes() -> None:
    found = chart({"wait": "1d"}, trigger={"date": "day", "before": "1d"}, audience={"stage": "lead"})
    assert [(each.kind, each.title) for each in found.boxes[:3]] == [
        ("start", "1 day before day"),
        ("wait", "until 1 day before day"),
        ("audience", "stage is lead"),
    ]


def test_goal_and_exits_lead_to_the_end_from_anywhere() -> None:
    found = chart({"wait": "1d"}, goal={"event": "paid"}, exit=["unsubscribed", {"stage": "customer"}])
    assert found.boxes[-3:-1] == (
        Box(GOAL, "goal", "paid", ("at any step",)),
        Box(EXIT, "exit", "unsubscribed", ("or stage is customer", "at any step")),
    )
    assert found.arrows[-2:] == ((GOAL, END, None), (EXIT, END, None))


@pytest.mark.parametrize(
    ("step", "leaving"),
    [
        ({"wait": "1d"}, [("z", None)]),
        ({"goto": "end"}, [("end", None)]),
        ({"branch": [{"if": {"a": 1}, "then": [{"goto": "end"}]}]}, [("goto-after-start", "a is 1"), ("z", "otherwise")]),
        ({"branch": [{"if": {"a": 1}}, {"if": {"a": 2}}]}, [("z", "1. a is 1"), ("z", "2. a is 2"), ("z", "otherwise")]),
        ({"branch": [{"share": 30}, {"share": 20}]}, [("z", "30 %"), ("z", "20 %"), ("z", "50 %")]),
        ({"branch": [{"share": 30}, {"share": 70}]}, [("z", "30 %"), ("z", "70 %")]),
        ({"id": "a", "pool": "reading"}, [("z", None)]),
        ({"id": "a", "pool": "reading", "exhausted": [{"goto": "end"}]}, [("z", "mailed"), ("end", "everything seen")]),
        (
            {"id": "a", "wait_for": {"event": "paid", "within": "3d"}, "on_timeout": [{"goto": "end"}]},
            [("z", "when it happens"), ("end", "not within 3 days")],
        ),
    ],
)
def test_ways_out(step: Any, leaving: list[tuple[str, str | None]]) -> None:
    found = chart(step, {"id": "z", "wait": "9d"})
    first = found.boxes[1].id
    named = {each.id: "end" if each.kind == "goto" and each.id != first else each.id for each in found.boxes}
    ways = [(named[arrow.target], arrow.when) for arrow in found.arrows if arrow.source == first]
    expected = [(("end" if target == "goto-after-start" else target), when) for target, when in leaving]
    assert ways == expected
