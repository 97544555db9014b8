"""What becomes of people in flight when other definitions come into force."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.definitions import Definitions
from nurture.domain.program import END
from nurture.domain.releasing import (
    Group,
    Mails,
    Outlook,
    Wishes,
    changed_sequences,
    mails_of,
    mistakes,
    outlooks,
    renamed_outcomes,
)
from nurture.domain.sequence import Sequence, version_of
from tests.support.definitions import definitions
from tests.support.sequences import Document, Step, definitions_with, documents, every_step, inner_lists

HELLO: Step = {"id": "hello", "email": "hello"}
PAUSE: Step = {"id": "pause", "wait": "2d"}
CASE: Step = {"id": "case", "email": "case-study"}
REST: Step = {"wait": "3d"}
BYE: Step = {"id": "bye", "email": "bye"}


def in_force(*steps: Step, name: str = "s") -> Definitions:
    return definitions(sequences={name: {"sequence": name, "trigger": {"event": "signed_up"}, "steps": list(steps)}})


NOTHING = definitions(sequences={})
BEFORE = in_force(HELLO, PAUSE, CASE, REST, BYE)


class Case:
    """A change, and people who stand on steps of the version in force, or of an older one."""

    def __init__(self, before: Definitions, after: Definitions, *steps: str, older: Sequence | None = None) -> None:
        self.before, self.after = before, after
        self._known = {(each.sequence, version_of(each)): each for each in before.sequences.values()}
        if older is not None:
            self._known["s", version_of(older)] = older
        version = before.versions["s"] if older is None else version_of(older)
        self.groups = [Group("s", version, step, 10) for step in steps]

    def version_of(self, sequence: str, version: str) -> Sequence | None:
        return self._known.get((sequence, version))

    def outlooks(self, **wishes: Any) -> list[Outlook]:
        return outlooks(self.before, self.after, self.groups, self.version_of, Wishes(**wishes))

    def fates(self, **wishes: Any) -> list[tuple[str, str | None]]:
        return [(each.fate, each.to) for each in self.outlooks(**wishes)]

    def mistakes(self, **wishes: Any) -> list[str]:
        return mistakes(self.before, self.after, self.groups, self.version_of, Wishes(**wishes))


def maps(**steps: str) -> Mapping[str, Mapping[str, str]]:
    return {"s": steps}


def test_who_stands_on_a_step_that_is_still_there_moves_and_stays_on_it() -> None:
    after = in_force(HELLO, {"notify": "crm"}, {**PAUSE, "wait": "9d"}, BYE)
    assert Case(BEFORE, after, "hello", "pause").fates() == [("moves", "hello"), ("moves", "pause")]


@pytest.mark.parametrize(
    ("steps", "stands_on", "why", "suggested"),
    [
        ((HELLO, PAUSE, BYE), "case", "the step is gone", "bye"),
        ((HELLO, PAUSE, {"id": "story", "email": "case-study"}, {"wait": "3d"}, BYE), "case", "the step is gone", "story"),
        ((HELLO, PAUSE, {"id": "story", "email": "case-study"}, {"wait": "3d"}, BYE), "wait-after-case", "the step is gone", "wait-after-story"),
        ((HELLO, PAUSE, CASE), "bye", "the step is gone", END),
        ((HELLO, {"id": "pause", "email": "pause"}, CASE, REST, BYE), "pause", "the step was 'wait' and is 'email'", "pause"),
    ],
)  # fmt: skip
def test_who_would_be_stranded_is_told_with_the_reason_and_a_guess(
    steps: tuple[Step, ...], stands_on: str, why: str, suggested: str
) -> None:
    (found,) = Case(BEFORE, in_force(*steps), stands_on).outlooks()
    assert (found.fate, found.why, found.suggested) == ("stranded", why, suggested)


def test_nobody_is_left_behind_in_silence_when_a_sequence_is_gone() -> None:
    gone = Case(BEFORE, NOTHING, "pause")
    assert [(each.fate, each.why, each.suggested) for each in gone.outlooks()] == [("stranded", "the sequence is gone", END)]
    assert gone.fates(finish_old=True) == [("finishes", None)]
    assert gone.fates(maps=maps(pause="end")) == [("ends", None)]
    assert gone.mistakes(maps=maps(pause="hello")) == ["s has no step 'hello' to go on at; write end"]


def test_a_map_leads_to_another_step_forward_or_backward() -> None:
    case = Case(BEFORE, in_force(HELLO, {"id": "new", "wait": "1d"}, BYE), "pause", "hello")
    forward = [(each.fate, each.to, each.fresh) for each in case.outlooks(maps=maps(pause="bye", hello="new"))]
    assert forward == [("mapped", "bye", True), ("mapped", "new", True)]
    assert case.fates(maps=maps(pause="hello"))[0] == ("mapped", "hello")
    assert case.fates(maps=maps(pause="end"))[0] == ("ends", None)


def test_a_wait_mapped_to_a_wait_goes_on_and_everything_else_begins_anew() -> None:
    case = Case(BEFORE, in_force(HELLO, {"id": "new", "wait": "1d"}, BYE), "pause", "case")
    assert [each.fresh for each in case.outlooks(maps=maps(pause="new", case="new"))] == [False, True]


def test_people_may_finish_the_version_they_are_on_but_a_map_says_more() -> None:
    case = Case(BEFORE, in_force(HELLO, BYE), "pause", "hello")
    assert case.fates(finish_old=True) == [("finishes", None), ("finishes", None)]
    assert case.fates(finish_old=True, maps=maps(pause="bye")) == [("mapped", "bye"), ("moves", "hello")]


def test_an_older_version_is_finished_unless_everybody_is_taken_along() -> None:
    older = Sequence.model_validate({"sequence": "s", "trigger": {"event": "signed_up"}, "steps": [HELLO, {"wait": "9d"}]})
    case = Case(BEFORE, in_force(HELLO, BYE), "hello", "wait-after-hello", older=older)
    assert case.fates() == [("finishes", None), ("finishes", None)]
    assert case.fates(whole=frozenset({"s"})) == [("moves", "hello"), ("stranded", None)]
    led = {"maps": {"s": {"wait-after-hello": "bye"}}, "whole": frozenset({"s"})}
    assert case.fates(**led) == [("moves", "hello"), ("mapped", "bye")]
    assert case.fates(maps=led["maps"]) == [("finishes", None), ("finishes", None)]
    assert case.mistakes(**led) == []
    assert case.mistakes(maps=led["maps"]) == ["s had no step 'wait-after-hello'; did you mean 'wait-after-case'?"]


def test_people_whose_sequence_does_not_change_stay() -> None:
    same = Case(BEFORE, definitions(sequences={"s": BEFORE.sequences["s"]}, forms={}), "pause")
    assert same.fates() == [("stays", None)]
    assert changed_sequences(same.before, same.after) == []
    assert changed_sequences(BEFORE, NOTHING) == changed_sequences(NOTHING, BEFORE) == changed_sequences(None, BEFORE) == ["s"]


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"maps": {"t": {"a": "b"}}}, "there is no sequence 't'; write s"),
        ({"whole": frozenset({"ss"})}, "there is no sequence 'ss'; did you mean 's'?"),
        ({"maps": maps(pauze="bye")}, "s had no step 'pauze'; did you mean 'pause'?"),
        ({"maps": maps(pause="by")}, "s has no step 'by' to go on at; did you mean 'bye'?"),
    ],
)
def test_maps_that_name_what_there_is_not_are_refused(wishes: dict[str, Any], told: str) -> None:
    assert Case(BEFORE, in_force(HELLO, BYE), "pause").mistakes(**wishes) == [told]


def test_a_map_of_a_sequence_that_does_not_change_leads_from_nowhere() -> None:
    (told,) = Case(BEFORE, BEFORE, "pause").mistakes(maps=maps(pause="bye"))
    assert told == "sequence 's' does not change; a map leads from its version in force to a new one"


def test_a_version_that_is_gone_strands_its_people_unless_a_map_leads_on() -> None:
    case = Case(BEFORE, in_force(HELLO, BYE), "hello", older=Sequence.model_validate(BEFORE.sequences["s"].model_dump()))
    case.groups = [Group("s", "0" * 12, "hello", 1)]
    (found,) = case.outlooks(whole=frozenset({"s"}))
    assert (found.fate, found.why) == ("stranded", "the version they are on is gone")
    assert case.fates(maps=maps(hello="bye"), whole=frozenset({"s"})) == [("mapped", "bye")]


def test_what_was_mailed_has_the_same_name_as_long_as_its_step_and_its_e_mail_stay_together() -> None:
    mails = mails_of(BEFORE.sequences["s"])
    assert mails == Mails(frozenset({("hello", "hello"), ("case", "case-study"), ("bye", "bye")}), frozenset())
    assert mails_of(in_force(BYE, HELLO, CASE, BYE | {"id": "again"}).sequences["s"]).has_all_of(mails)
    swapped = in_force(HELLO | {"email": "bye"}, CASE, BYE | {"email": "hello"})
    assert not mails_of(swapped.sequences["s"]).has_all_of(mails)


def test_what_came_of_a_step_is_known_under_its_new_name_if_it_is_of_the_same_kind() -> None:
    def asking(own: str) -> Sequence:
        return in_force(HELLO, {"id": own, "wait_for": {"event": "clicked", "within": "1d"}}, PAUSE).sequences["s"]

    old, new = asking("asked"), asking("wanted")
    assert renamed_outcomes(old, new, {"asked": "wanted", "pause": "wanted"}) == {"asked": "wanted"}
    assert renamed_outcomes(old, new, {"asked": "pause"}) == {}
    assert renamed_outcomes(old, old, {"asked": "asked"}) == {}
    assert renamed_outcomes(None, new, {"asked": "wanted"}) == {}


@st.composite
def edits(draw: st.DrawFn) -> tuple[Document, Document]:
    """A sequence, and the same after some edits, as an editor makes them without a thought."""
    written = draw(documents("s"))
    edited = deepcopy(written)
    for _ in range(draw(st.integers(1, 3))):
        _edit(draw, edited)
    return written, edited


def _edit(draw: st.DrawFn, document: Document) -> None:
    lists = [each for each in (document["steps"], *(i for s in every_step(document["steps"]) for i in inner_lists(s))) if each]
    steps = draw(st.sampled_from(lists))
    index = draw(st.integers(0, len(steps) - 1))
    kind = draw(st.sampled_from(("remove", "swap", "rename", "replace", "insert", "trigger")))
    if kind == "remove" and len(steps) > 1:
        del steps[index]
    elif kind == "swap":
        steps[index], steps[0] = steps[0], steps[index]
    elif kind == "rename" and "id" in steps[index]:
        steps[index]["id"] += "-renamed"
    elif kind == "replace":
        steps[index] = {"wait": "5d"} if "id" not in steps[index] else {"id": steps[index]["id"], "email": "hello"}
    elif kind == "insert":
        steps.insert(index, {"notify": "crm"})
    elif kind == "trigger":
        document["trigger"] = "manual"
        document.pop("enroll", None)


def valid(document: Document) -> Definitions | None:
    """None for what `nurture check` refuses: an edit may leave a goto without its step, or a name twice."""
    try:
        return definitions_with(document)
    except ValueError:
        return None


@given(edits() | st.tuples(documents("s"), documents("s")), st.data())
def test_whoever_is_not_stranded_stands_on_a_step_of_their_version_and_the_guesses_strand_nobody(
    written: tuple[Document, Document], data: st.DataObject
) -> None:
    before, after = (valid(each) for each in written)
    if before is None or after is None:
        return
    old, new = before.sequences["s"].program.nodes, after.sequences["s"].program.nodes
    case = Case(before, after, *old)
    for found in case.outlooks():
        if found.fate == "moves":
            assert found.to == found.group.step
            assert type(new[found.group.step]) is type(old[found.group.step])
        elif found.fate == "stranded":
            assert type(new.get(found.group.step)) is not type(old[found.group.step])
        else:
            assert (found.fate, before.versions) == ("stays", after.versions)
    guesses = {each.group.step: each.suggested or "" for each in case.outlooks() if each.fate == "stranded"}
    if guesses:
        assert case.mistakes(maps={"s": guesses}) == []
        assert {each.fate for each in case.outlooks(maps={"s": guesses})} <= {"moves", "mapped", "ends"}
    if before.versions != after.versions:
        drawn = data.draw(st.dictionaries(st.sampled_from([*old]), st.sampled_from([*new, END]), max_size=3))
        assert case.mistakes(maps={"s": drawn}) == []
        led = {each.group.step: each for each in case.outlooks(maps={"s": drawn})}
        assert all(led[step].fate == "ends" if to == END else led[step].to == to for step, to in drawn.items())
