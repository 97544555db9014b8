"""What differs between two versions of a sequence."""

from typing import Any

from hypothesis import given

from nurture.domain.differences import difference
from nurture.domain.program import walk_steps
from nurture.domain.sequence import Sequence, version_of
from tests.support.definitions import GUIDE_SEQUENCE
from tests.support.sequences import documents

Step = dict[str, Any]

HELLO: Step = {"id": "hello", "email": "hello"}
CASE: Step = {"id": "case", "email": "case-study"}
BYE: Step = {"id": "bye", "email": "bye"}


def sequence(*steps: Step, **head: Any) -> Sequence:
    return Sequence.model_validate({"sequence": "s", "trigger": {"event": "signed_up"}, "steps": list(steps), **head})


def changes(before: Sequence | None, after: Sequence | None) -> list[tuple[str, str]]:
    return [(each.change, each.id) for each in difference(before, after).steps]


def test_a_step_put_in_renames_no_other() -> None:
    before = sequence(HELLO, {"wait": "2d"}, CASE, {"wait": "3d"}, BYE)
    after = sequence(HELLO, {"wait": "2d"}, {"notify": "crm"}, CASE, {"wait": "3d"}, BYE)
    assert changes(before, after) == [("added", "notify-after-hello")]


def test_a_changed_value_is_told_with_the_old_and_the_new() -> None:
    found = difference(sequence(HELLO, {"wait": "2d"}, CASE), sequence(HELLO, {"wait": "1d12h"}, {**CASE, "window": "any"}))
    assert [(each.id, each.fields) for each in found.steps] == [
        ("wait-after-hello", (("wait", "2d", "1d12h"),)),
        ("case", (("window", None, "any"),)),
    ]


def test_what_stands_above_the_steps_is_compared_by_key() -> None:
    before = sequence(HELLO, goal={"event": "demo_requested"}, exit=["unsubscribed"])
    after = sequence(HELLO, exit=["unsubscribed", "trial_started"], priority=70)
    assert {(each.name, bool(each.before), bool(each.after)) for each in difference(before, after).fields} == {
        ("goal", True, False), ("exit", True, True), ("priority", False, True),
    }  # fmt: skip


def test_steps_in_another_order_have_moved() -> None:
    assert changes(sequence(HELLO, CASE, BYE), sequence(CASE, BYE, HELLO)) == [("moved", "hello")]


def test_a_step_that_goes_into_a_branch_has_moved_and_the_branch_is_compared_without_it() -> None:
    branch = {"id": "fork", "branch": [{"if": {"stage": "mql"}, "then": [CASE]}]}
    empty = {"id": "fork", "branch": [{"if": {"stage": "mql"}, "then": []}]}
    assert changes(sequence(HELLO, empty, CASE), sequence(HELLO, branch)) == [("moved", "case")]
    other = {"id": "fork", "branch": [{"if": {"stage": "sql"}, "then": [CASE]}]}
    assert changes(sequence(HELLO, branch), sequence(HELLO, other)) == [("changed", "fork")]


def test_everything_is_added_or_removed_where_there_is_no_other_version() -> None:
    guide = Sequence.model_validate(GUIDE_SEQUENCE)
    assert {change for change, _ in changes(None, guide)} == {"added"}
    assert {change for change, _ in changes(guide, None)} == {"removed"}
    assert {each.name for each in difference(None, guide).fields} >= {"trigger", "goal", "exit", "window"}


@given(documents("s"), documents("s"))
def test_nothing_differs_if_and_only_if_the_version_is_the_same(one: Step, other: Step) -> None:
    before, after = Sequence.model_validate(one), Sequence.model_validate(other)
    assert difference(before, before) == ((), ())
    assert (difference(before, after) == ((), ())) == (version_of(before) == version_of(after))


@given(documents("s"), documents("s"))
def test_each_step_of_either_version_is_kept_added_or_removed(one: Step, other: Step) -> None:
    before, after = Sequence.model_validate(one), Sequence.model_validate(other)
    old, new = ({each.id for each in walk_steps(every.steps)} for every in (before, after))
    found = changes(before, after)
    assert {own for change, own in found if change == "added"} == new - old
    assert {own for change, own in found if change == "removed"} == old - new
    assert {own for change, own in found if change in ("changed", "moved")} <= old & new
