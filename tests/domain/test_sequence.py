"""A sequence as a program: every step reached, every path ended."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.sequence import END, Branch, Node, Send, Sequence, Wait, version_of, walk_steps
from nurture.domain.window import Window, parse_days

HEAD: dict[str, Any] = {"sequence": "guide", "trigger": {"promoted_to": "lead"}}


def sequence(*steps: dict[str, Any], **more: Any) -> Sequence:
    return Sequence.model_validate({**HEAD, "steps": list(steps), **more})


def mail(name: str) -> dict[str, Any]:
    return {"id": name, "email": name}


def ways(node: Node) -> list[str]:
    return [target for _, target in node.arms] + [node.otherwise] if isinstance(node, Branch) else [node.next]


def test_nested_steps_are_laid_out_flat() -> None:
    program = sequence(
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
    ).program
    assert program.first == "a"
    assert {node.id: ways(node) for node in program.nodes.values()} == {
        "a": ["wait-2"],
        "wait-2": ["branch-3"],
        "branch-3": ["b", "d", "inner"],
        "b": ["wait-3a-2"],
        "wait-3a-2": ["d"],
        "inner": ["c", "d"],
        "c": ["d"],
        "d": [END],
    }


def test_an_empty_else_goes_straight_on() -> None:
    program = sequence({"branch": [{"if": {"a": 1}, "then": [mail("x")]}, {"else": []}]}, mail("y")).program
    assert ways(program.nodes["branch-1"]) == ["x", "y"]


def nested_steps(depth: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    leaf = st.sampled_from([{"email": "mail"}, {"wait": "1d"}])
    if depth == 0:
        return st.lists(leaf, min_size=1, max_size=3)
    arm = st.builds(
        lambda number, then: {"if": {"fit": number}, "then": then}, st.integers(), st.just([]) | nested_steps(depth - 1)
    )
    otherwise = st.builds(lambda steps: {"else": steps}, st.just([]) | nested_steps(depth - 1))
    branch = st.builds(
        lambda arms, last: {"branch": arms + last}, st.lists(arm, min_size=1, max_size=3), st.lists(otherwise, max_size=1)
    )
    return st.lists(leaf | branch, min_size=1, max_size=4)


def named(steps: list[dict[str, Any]], prefix: str = "s") -> list[dict[str, Any]]:
    """The same steps with an id for every e-mail."""
    result = []
    for number, step in enumerate(steps):
        own = f"{prefix}-{number}"
        copy = {**step, "id": own} if "email" in step else dict(step)
        if "branch" in step:
            copy["branch"] = [
                {key: named(value, f"{own}-{index}") if key in {"then", "else"} else value for key, value in arm.items()}
                for index, arm in enumerate(step["branch"])
            ]
        result.append(copy)
    return result


sequences = nested_steps(2).map(lambda steps: sequence(*named(steps)))


@given(sequences)
def test_every_step_is_reached_and_every_path_ends(some: Sequence) -> None:
    program = some.program
    reached: set[str] = set()
    ahead = [program.first]
    while ahead:
        step = ahead.pop()
        if step != END and step not in reached:
            reached.add(step)
            ahead += ways(program.nodes[step])
    assert reached == {*program.nodes}
    assert len(program.nodes) == len(list(walk_steps(some.steps)))

    order = {step: place for place, step in enumerate(program.nodes)}
    assert all(order.get(target, len(order)) > order[step] for step, node in program.nodes.items() for target in ways(node))


@given(sequences)
def test_json_round_trip(some: Sequence) -> None:
    written = some.model_dump_json(by_alias=True, exclude_defaults=True)
    again = Sequence.model_validate_json(written)
    assert again == some
    assert version_of(again) == version_of(some)


def test_a_version_changes_with_the_meaning_alone() -> None:
    plain = sequence(mail("a"), {"wait": "36h"}, audience={"a": 1, "b": 2})
    assert version_of(plain) == version_of(sequence(mail("a"), {"wait": "1d12h"}, audience={"b": 2, "a": 1}, reentry="never"))
    assert version_of(plain) != version_of(sequence(mail("a"), {"wait": "37h"}, audience={"a": 1, "b": 2}))
    assert len(version_of(plain)) == 12


def test_emails_in_the_order_written() -> None:
    some = sequence(mail("a"), {"branch": [{"if": {"x": 1}, "then": [mail("b")]}, {"else": [mail("c")]}]}, mail("d"))
    assert [step.email for step in some.emails()] == ["a", "b", "c", "d"]


def test_nodes_of_each_kind() -> None:
    nodes = sequence(mail("a"), {"wait": "1d", "id": "rest"}, {"branch": [{"if": {"x": 1}}], "id": "fork"}).program.nodes
    assert [type(node) for node in nodes.values()] == [Send, Wait, Branch]


@pytest.mark.parametrize(
    ("change", "place", "text"),
    [
        ({"steps": []}, ("steps",), None),
        ({"steps": [mail("a"), mail("a")]}, ("steps", 1, "id"), "step id 'a' is used twice; give each its own"),
        (
            {"steps": [{"wait": "1d"}, {"id": "wait-1", "email": "a"}]},
            ("steps", 1, "id"),
            "step id 'wait-1' is used twice; give each its own",
        ),
        ({"steps": [mail("end")]}, ("steps", 0, "id"), "'end' means that the sequence is over; give this step another id"),
        (
            {"steps": [{"branch": [{"else": []}, {"if": {"a": 1}}]}, mail("z")]},
            ("steps", 0, "<BranchStep>", "branch", 0, "else"),
            "no arm behind 'else' is ever taken; move 'else' to the end",
        ),
        (
            {"steps": [{"branch": [{"else": [mail("a")]}]}, mail("z")]},
            ("steps", 0, "<BranchStep>"),
            "this branch asks nothing; add an arm {if: …, then: […]}, or write the steps without a branch",
        ),
        ({"steps": [5, mail("z")]}, ("steps", 0), "this is no step; write {id: …, email: …}, {wait: 2d} or {branch: […]}"),
        ({"trigger": {}}, ("trigger",), "this trigger names no cause; write either 'promoted_to' (a stage) or 'event'"),
        (
            {"trigger": {"promoted_to": "lead", "event": "x"}},
            ("trigger",),
            "this trigger names two causes; write either 'promoted_to' (a stage) or 'event'",
        ),
        ({"reentry": "always"}, ("reentry",), "'always' is no re-entry rule; write never, after_exit or {after: 180d}"),
        ({"reentry": {"after": "6 months"}}, ("reentry", "after"), None),
        ({"window": {"days": "lun-ven"}}, ("window", "days"), "'lun-ven' names no days; write mon-fri or mon,wed,fri"),
        ({"window": {"days": "Monday"}}, ("window", "days"), "'Monday' names no days; did you mean 'mon'?"),
        ({"window": {"hours": "9-18"}}, ("window", "hours"), "'9-18' names no hours; did you mean '09:00-18:00'?"),
        ({"window": {"hours": "09:00-25:00"}}, ("window", "hours"), "'09:00-25:00' names no hours; write them like 09:00-18:00"),
        ({"window": {"hours": "09:00+02:00-18:00"}}, ("window", "hours"), None),
        (
            {"window": {"hours": "09:00-09:00"}},
            ("window", "hours"),
            "'09:00-09:00' is empty; write another closing hour, or 00:00-24:00 for the whole day",
        ),
        (
            {"window": {"timezone": "Europe/Pari"}},
            ("window", "timezone"),
            "'Europe/Pari' is no IANA time zone; did you mean 'Europe/Paris'?",
        ),
        ({"window": {"timezone": "../UTC"}}, ("window", "timezone"), None),
    ],
)
def test_mistakes_have_their_place(change: dict[str, Any], place: tuple[Any, ...], text: str | None) -> None:
    with pytest.raises(ValidationError) as raised:
        Sequence.model_validate({**HEAD, "steps": [mail("a")], **change})
    told = [(each["loc"], each["msg"].removeprefix("Value error, ")) for each in raised.value.errors()]
    assert told == [(place, text or told[0][1])]


def test_a_branch_has_no_more_arms_than_the_alphabet_has_letters() -> None:
    arms = [{"if": {"fit": number}, "then": [mail(f"m{number}")]} for number in range(27)]
    with pytest.raises(ValidationError):
        sequence({"branch": arms})
    assert len(sequence({"branch": arms[:26]}).emails()) == 26


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", ("mon", "tue", "wed", "thu", "fri")),
        ("sat-mon", ("mon", "sat", "sun")),
        ("wed,mon", ("mon", "wed")),
        ("mon-tue, tue-wed", ("mon", "tue", "wed")),
        (["fri", "mon"], ("fri", "mon")),
    ],
)
def test_days(text: Any, days: tuple[str, ...]) -> None:
    assert parse_days(text) == days
    assert Window.model_validate({"days": text}).days == days
