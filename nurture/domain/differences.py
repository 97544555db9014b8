"""What differs between two versions of a sequence, as values: what a plan prints."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any, Final, Literal, NamedTuple

from nurture.domain.program import walk_steps
from nurture.domain.sequence import Sequence
from nurture.domain.steps import Step, inner_steps


class FieldDifference(NamedTuple):
    """A value under one key, as in YAML; None where the key is not written."""

    name: str
    before: Any
    after: Any


class StepDifference(NamedTuple):
    """What becomes of one step. One that is changed and moved is told twice."""

    id: str
    change: Literal["added", "removed", "changed", "moved"]
    fields: tuple[FieldDifference, ...] = ()


class Difference(NamedTuple):
    """What differs in what stands above the steps, and in the steps, those of `after` first and in its order."""

    fields: tuple[FieldDifference, ...]
    steps: tuple[StepDifference, ...]


#: What is no value of its own: the name, and what is compared step by step.
_ELSEWHERE: Final = {"sequence", "steps"}


def difference(before: Sequence | None, after: Sequence | None) -> Difference:
    """What `after` changes; everything is added, or removed, where there is no other version."""
    return Difference(tuple(_in_fields(_head(before), _head(after))), tuple(_in_steps(before, after)))


def described(sequence: Sequence) -> Mapping[str, Mapping[str, Any]]:
    """What each step says of itself, by id and in the order written: without its name, and without the steps inside it."""
    return {placed.id: _own_words(placed.step) for placed in walk_steps(sequence.steps)}


def _head(sequence: Sequence | None) -> Mapping[str, Any]:
    if sequence is None:
        return {}
    return sequence.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_ELSEWHERE)


def _own_words(step: Step) -> Mapping[str, Any]:
    words = step.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"id"})
    for (*way, last), _, _ in inner_steps(step):
        inside: Any = words
        for key in way:
            inside = inside[key]
        inside.pop(last, None)
    return words


def _in_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldDifference]:
    for name in {**after, **before}:
        if before.get(name) != after.get(name):
            yield FieldDifference(name, before.get(name), after.get(name))


def _in_steps(before: Sequence | None, after: Sequence | None) -> Iterator[StepDifference]:
    former, present = described(before) if before else {}, described(after) if after else {}
    moved = _moved(_homes(before) if before else {}, _homes(after) if after else {})
    for own, words in present.items():
        if own not in former:
            yield StepDifference(own, "added", tuple(_in_fields({}, words)))
            continue
        if changed := tuple(_in_fields(former[own], words)):
            yield StepDifference(own, "changed", changed)
        if own in moved:
            yield StepDifference(own, "moved")
    for own, words in former.items():
        if own not in present:
            yield StepDifference(own, "removed", tuple(_in_fields(words, {})))


def _homes(sequence: Sequence) -> Mapping[str, str]:
    """In which list of steps each step stands: the id of the step around it and the way there; empty on the first level."""
    names: dict[tuple[str | int, ...], str] = {(): ""}
    homes = {}
    for place, _, own in walk_steps(sequence.steps):
        around = next(place[:length] for length in range(len(place) - 1, -1, -1) if place[:length] in names)
        homes[own] = ".".join(str(part) for part in (names[around], *place[len(around) : -1]) if part != "")
        names[place] = own
    return homes


def _moved(former: Mapping[str, str], present: Mapping[str, str]) -> set[str]:
    """Steps that stand in another list than before, or at another place among those which both versions have."""
    old, new = [own for own in former if own in present], [own for own in present if own in former]
    in_order = {
        own
        for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        for own in new[block.b :][: block.size]
    }
    return {own for own in new if own not in in_order or former[own] != present[own]}
