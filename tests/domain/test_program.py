"""A sequence laid out flat: every way leads forward to the end, and steps keep their names when others are put in."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain.program import (
    END,
    TRIGGER_DATE,
    TRIGGER_GATE,
    Branch,
    Chain,
    Change,
    Gate,
    Goto,
    Notify,
    Offer,
    Program,
    Send,
    Split,
    Wait,
    WaitFor,
    walk_steps,
    ways_of,
)
from nurture.domain.sequence import Sequence, version_of
from tests.support.sequences import Document, documents, every_step, inner_lists

HEAD: dict[str, Any] = {"sequence": "guide", "trigger": {"promoted_to": "lead"}}


def program(*steps: dict[str, Any], **more: Any) -> Program:
    return Sequence.model_validate({**HEAD, "steps": list(steps), **more}).program


def mail(name: str) -> dict[str, Any]:
    return {"id": name, "email": name}


def test_nested_steps_are_laid_out_flat() -> None:
    laid_out = program(
        mail("a"),
        {"wait": "2d"},
        {
            "branch": [
                {"if": {"stage": "mql"}, "then": [mail("b"), {"wait": "1d"}]},
                {"if": {"stage": "sql"}},
                {"else": [{"branch": [{"if": {"fit": 1}, "then": [mail("c")]}], "id": "inner"}]},
            ]
        },
        mail("d"),
    )
    assert laid_out.first == "a"
    assert {node.id: list(ways_of(node)) for node in laid_out.nodes.values()} == {
        "a": ["wait-after-a"],
        "wait-after-a": ["branch-after-a"],
        "branch-after-a": ["b", "d", "inner"],
        "b": ["wait-after-b"],
        "wait-after-b": ["d"],
        "inner": ["c", "d"],
        "c": ["d"],
        "d": [END],
    }


def test_every_kind_of_step_becomes_its_node() -> None:
    laid_out = program(
        mail("a"),
        {"id": "b", "pool": "evergreen", "exhausted": [{"goto": "last"}]},
        {"wait": "1d"},
        {"id": "c", "wait_for": {"event": "x", "within": "1d"}, "on_timeout": [{"score": "cold"}]},
        {"branch": [{"if": {"happened": "c"}, "then": [{"set": {"plan": "gold"}}]}]},
        {"branch": [{"share": 30, "then": [{"notify": "crm"}]}, {"else": [{"sequence": "other"}]}]},
        mail("last"),
    )
    assert {node.id: (type(node), list(ways_of(node))) for node in laid_out.nodes.values()} == {
        "a": (Send, ["b"]),
        "b": (Offer, ["wait-after-b", "goto-after-b.exhausted"]),
        "goto-after-b.exhausted": (Goto, ["last"]),
        "wait-after-b": (Wait, ["c"]),
        "c": (WaitFor, ["branch-after-c", "score-after-c.timeout"]),
        "score-after-c.timeout": (Change, ["branch-after-c"]),
        "branch-after-c": (Branch, ["set-after-branch-after-c.a", "branch-after-c-2"]),
        "set-after-branch-after-c.a": (Change, ["branch-after-c-2"]),
        "branch-after-c-2": (Split, ["notify-after-branch-after-c-2.a", "chain-after-branch-after-c-2.b"]),
        "notify-after-branch-after-c-2.a": (Notify, ["last"]),
        "chain-after-branch-after-c-2.b": (Chain, ["last"]),
        "last": (Send, [END]),
    }


def test_an_empty_else_goes_straight_on() -> None:
    nodes = program({"branch": [{"if": {"a": 1}, "then": [mail("x")]}, {"else": []}]}, mail("y")).nodes
    assert list(ways_of(nodes["branch-after-start"])) == ["x", "y"]


def test_a_run_that_waits_for_a_date_is_asked_for_its_audience_behind_it() -> None:
    trigger = {"date": "webinar_day", "before": "1d"}
    alone = program(mail("a"), trigger=trigger)
    assert (alone.first, list(ways_of(alone.nodes[TRIGGER_DATE]))) == (TRIGGER_DATE, ["a"])
    gated = program(mail("a"), trigger=trigger, audience={"stage": "lead"}).nodes
    assert isinstance(gated[TRIGGER_GATE], Gate)
    assert (list(ways_of(gated[TRIGGER_DATE])), list(ways_of(gated[TRIGGER_GATE]))) == ([TRIGGER_GATE], ["a"])


@pytest.mark.parametrize("depth", [1, 6])
def test_a_made_name_fits_into_its_column_and_stays_its_own(depth: int) -> None:
    steps: list[dict[str, Any]] = [{"wait": "1d"}, {"wait": "2d"}]
    for _ in range(depth):
        steps = [{"branch": [{"if": {"a": 1}, "then": steps}, {"else": deepcopy(steps)}]}]
    laid_out = program(*steps, mail("z"))
    assert all(len(name) <= 64 for name in laid_out.nodes)
    assert len(laid_out.nodes) == len(list(every_step([*steps, mail("z")])))


@given(documents())
def test_every_way_leads_forward_to_the_end(document: Document) -> None:
    some = Sequence.model_validate(document)
    nodes, placed = some.program.nodes, [each.id for each in walk_steps(some.steps)]
    assert [name for name in nodes if name not in (TRIGGER_DATE, TRIGGER_GATE)] == placed
    order = {name: place for place, name in enumerate([*nodes, END])}
    for name, node in nodes.items():
        assert all(order[target] > order[name] for target in ways_of(node))


@given(documents())
def test_a_version_survives_being_stored(document: Document) -> None:
    some = Sequence.model_validate(document)
    again = Sequence.model_validate_json(some.model_dump_json(by_alias=True, exclude_defaults=True))
    assert again == some
    assert version_of(again) == version_of(some)


@settings(max_examples=200)
@given(documents(), st.data())
def test_steps_put_in_rename_no_named_one(document: Document, data: st.DataObject) -> None:
    before = Sequence.model_validate(document).program.nodes
    edited = deepcopy(document)
    lists = [edited["steps"], *(inner for step in every_step(edited["steps"]) for inner in inner_lists(step) if inner)]
    into = data.draw(st.sampled_from(lists))
    into.insert(data.draw(st.integers(0, len(into))), {"id": "put-in", "email": "hello"})
    after = Sequence.model_validate(edited).program.nodes
    named = {step["id"] for step in every_step(document["steps"]) if "id" in step}
    assert {name: type(after[name]) for name in named} == {name: type(before[name]) for name in named}


def test_an_unnamed_step_is_renamed_only_by_what_is_put_in_between_it_and_the_name_before() -> None:
    plain = [mail("a"), {"wait": "1d"}, mail("b"), {"wait": "2d"}]
    assert list(program(*plain).nodes) == ["a", "wait-after-a", "b", "wait-after-b"]
    assert list(program(plain[0], mail("new"), *plain[1:]).nodes) == ["a", "new", "wait-after-new", "b", "wait-after-b"]
    assert list(program(plain[0], {"score": "x"}, *plain[1:]).nodes) == [
        "a",
        "score-after-a",
        "wait-after-a",
        "b",
        "wait-after-b",
    ]
