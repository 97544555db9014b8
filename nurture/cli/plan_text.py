"""A plan in words: what changes, who is in flight where, what becomes of them, and what to write about those who would be stranded."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from nurture.cli.printing import aligned, clean
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.domain.definitions import Definitions
    from nurture.reports.plan import FieldChange, InFlight, Plan, SequencePlan, StepChange

_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~", "moved": "↕", "unchanged": " "}

_FATES: Final = {
    "stays": "stay as they are", "moves": "go over to the new version and stay on their step",
    "finishes": "finish the older version that they are on", "ends": "leave, as a map says",
}  # fmt: skip


def lines_of(plan: "Plan") -> Iterator[str]:
    """The whole plan."""
    others = [each for each in plan.changes if each.what != "sequence"]
    yield from (f"{_SIGNS[each.change]} {each}" for each in others)
    for each in plan.sequences:
        yield from _sequence(each)
    if not plan.changed and not plan.mistakes:
        yield f"nothing would change: {plan.after} is in force already"


def _sequence(plan: "SequencePlan") -> Iterator[str]:
    yield f"{_SIGNS[plan.change]} sequence {plan.sequence}: {plan.change}"
    rows = [*(_field_row(each) for each in plan.fields), *(row for each in plan.steps for row in _step_rows(each))]
    yield from (f"  {line}" for line in aligned(rows))
    if plan.in_flight:
        yield f"    people in flight: {sum(each.people for each in plan.in_flight):,}"
        standing = ((f"{each.people:,}", f"on {each.step}", f"version {each.version}", fate_of(each)) for each in plan.in_flight)
        yield from (f"    {line}" for line in aligned(standing, figures_first=True))
    elif plan.change != "added":
        yield "    nobody is in flight"
    if plan.backfill is not None:
        yield f"    {counted(plan.backfill, 'person', 'people')} of before would enter at once (enroll: backfill)"


def _field_row(each: "FieldChange") -> tuple[str, ...]:
    sign = "+" if each.before is None else "-" if each.after is None else "~"
    return sign, each.name, _change(each)


def _step_rows(each: "StepChange") -> Iterator[tuple[str, ...]]:
    if each.change in ("added", "removed"):
        words = ", ".join(
            f"{field.name}: {_value(field.before if each.change == 'removed' else field.after)}" for field in each.fields
        )
        yield _SIGNS[each.change], f"step {each.id}", words
    elif each.change == "moved":
        yield _SIGNS["moved"], f"step {each.id}", "stands at another place"
    for field in each.fields if each.change == "changed" else ():
        yield _SIGNS["changed"], f"step {each.id}", f"{field.name}: {_change(field)}"


def _change(each: "FieldChange") -> str:
    if each.before is None:
        return _value(each.after)
    return f"{_value(each.before)} → {_value(each.after) if each.after is not None else 'not written'}"


def _value(value: Any) -> str:
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def fate_of(each: "InFlight") -> str:
    """What becomes of a group, in words."""
    if each.fate == "mapped":
        return f"go on at {each.to}{', as if they had just come there' if each.fresh else ', and wait on as they do'}"
    if each.fate == "stranded":
        return f"would be stranded: {each.why}"
    return _FATES[each.fate]


def refusal(mistakes: Iterable[str], stranded: "Iterable[tuple[str, InFlight]]", command: str) -> Iterator[str]:
    """Why nothing is changed, and what to write after `command` so that it is."""
    yield from (f"refused: {mistake}" for mistake in mistakes)
    rows = list(stranded)
    if not rows:
        return
    yield "refused: people in flight would be stranded"
    yield from aligned(
        (f"{sequence}:", f"{each.people:,}", f"on {each.step}", f"({each.why})", f"write: {each.write}")
        for sequence, each in rows
    )
    yield "Each map says where they go on: OLD:NEW, where NEW is a step of the new version, or end. The ones above are guesses."
    yield f"Give them to `{command}`; or let all who are in flight finish the version they are on: `nurture apply --finish-old`."


def extent_of(definitions: "Definitions") -> str:
    """How much there is of what, such as `2 sequences`."""
    parts = {
        "scoring rule": definitions.scoring.rules, "asset": definitions.assets, "form": definitions.forms,
        "sequence": definitions.sequences,
    }  # fmt: skip
    return ", ".join(counted(len(part), name) for name, part in parts.items())


def summary(in_flight: "Iterable[InFlight]") -> Iterator[str]:
    """What became of people in flight, added up."""
    sums: Counter[str] = Counter()
    for each in in_flight:
        sums[fate_of(each)] += each.people
    for fate, people in sums.items():
        yield f"  {counted(people, 'person', 'people')} in flight: {fate}"
