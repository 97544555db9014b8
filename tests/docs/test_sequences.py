"""`docs/sequences.md` and the pages below it: every example is checked and played, and every word of the language has one."""

import ast
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from pydantic import BaseModel

import nurture.definitions.reachability
import nurture.definitions.rules
import nurture.definitions.sequence_rules
import nurture.domain.duration
import nurture.domain.holding_out
import nurture.domain.lateness
import nurture.domain.pauses
import nurture.domain.program
import nurture.domain.sequence
import nurture.domain.steps
import nurture.domain.triggers
import nurture.domain.window
from nurture.domain.lateness import POLICIES, Late
from nurture.domain.pauses import BusinessDays, RelativeDate, UntilWeekday
from nurture.domain.sequence import Reentry, Sequence
from nurture.domain.steps import (
    STEP_KINDS,
    Arm,
    Awaited,
    BranchStep,
    EmailStep,
    GotoStep,
    NotifyStep,
    Otherwise,
    PoolStep,
    ScoreStep,
    SequenceStep,
    SetStep,
    Share,
    Variant,
    WaitForStep,
    WaitStep,
)
from nurture.domain.triggers import Enroll, Goal, Trigger
from nurture.domain.window import Window
from tests.cli.conftest import Command, _logging_as_before, alone, environment
from tests.docs.examples import ROOT, Example, blocks_with_a_mark, checked, examples_of, played, rewritten

__all__ = ["_logging_as_before", "alone", "environment"]

#: With it the pages are written anew: `WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs`.
WRITING: Final = "WRITE_DOCS" in os.environ

PAGES: Final = [ROOT / "docs" / "sequences.md", *sorted((ROOT / "docs" / "sequences").glob("*.md"))]
EXAMPLES: Final = [example for page in PAGES for example in examples_of(page)]

#: Whatever may be written in a sequence: the keys of these.
PARTS: Final[tuple[type[BaseModel], ...]] = (
    Sequence, Trigger, Goal, Window, Late, EmailStep, Variant, PoolStep, WaitStep, WaitForStep, Awaited, BranchStep, Arm, Share,
    Otherwise, SetStep, ScoreStep, NotifyStep, GotoStep, SequenceStep, BusinessDays, UntilWeekday, RelativeDate,
)  # fmt: skip

#: Where refusals of sequences are worded.
SOURCES: Final = (
    nurture.domain.sequence, nurture.domain.steps, nurture.domain.triggers, nurture.domain.pauses, nurture.domain.window,
    nurture.domain.program, nurture.domain.lateness, nurture.domain.duration, nurture.domain.holding_out,
    nurture.definitions.sequence_rules,
    nurture.definitions.reachability, nurture.definitions.rules,
)  # fmt: skip


def comes_of(example: Example) -> str:
    """What comes of an example now."""
    printed = checked(example).printed
    if example.what == "refuse":
        return "\n".join(printed)
    assert [line for line in printed if "sequences/" in line] == []
    return played(example)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_what_a_page_says_of_an_example_is_so(example: Example) -> None:
    fresh = comes_of(example)
    if WRITING:
        same = [each for each in EXAMPLES if each.page == example.page].index(example)
        text = example.page.read_text()
        example.page.write_text(rewritten(text, [([*examples_of(example.page)][same], fresh)]))
    else:
        assert fresh == example.shown, "the page is out of date; see WRITING"


def test_the_page_shows_what_the_simulation_prints(alone: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page, text = PAGES[0], PAGES[0].read_text()
    (events,) = re.findall(r"^```jsonl\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "ana.jsonl").write_text(events)
    monkeypatch.chdir(tmp_path)
    begin, command, printed, end = re.split(
        r"(?<=^\$ nurture )(simulate [^\n]*)\n(.*?)(?=^```$)", text, flags=re.MULTILINE | re.DOTALL
    )
    ran = alone(*command.split())
    assert ran.exit_code == 0, ran.output
    if WRITING:
        page.write_text(f"{begin}{command}\n{ran.stdout.rstrip()}\n{end}")
    else:
        assert printed == f"{ran.stdout.rstrip()}\n", "the page is out of date; see WRITING"


def test_no_example_goes_unchecked() -> None:
    """Every YAML block has a comment that says what must come of it; the one of cases has a test of its own."""
    blocks = {page.name: page.read_text().count("\n```yaml\n") for page in PAGES}
    checked_too = {page.name: len([*blocks_with_a_mark(page)]) + (page == PAGES[0]) for page in PAGES}
    assert blocks == checked_too
    assert len(EXAMPLES) > 80


def test_the_case_on_the_page_is_one_of_the_examples() -> None:
    (case,) = re.findall(r"^```yaml\ncases:\n(.*?)^```$", PAGES[0].read_text(), re.MULTILINE | re.DOTALL)
    assert case in (ROOT / "config" / "tests" / "welcome-subscriber.yaml").read_text()


@pytest.fixture(scope="module")
def shown() -> Collection[tuple[str, str]]:
    """What the examples that are played make use of: keys of parts, by the part's name, and forms of values."""
    found = set[tuple[str, str]]()
    for example in EXAMPLES:
        if example.what == "play":
            definitions = checked(example).definitions
            assert definitions is not None
            found |= {*_used(definitions.sequences[example.name])}
    return found


def _used(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            alias = type(value).model_fields[name].alias
            yield type(value).__name__, alias or name
            yield from _used(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from (found for inner in value.values() for found in _used(inner))
    elif isinstance(value, Reentry | Enroll):
        yield type(value).__name__, _form(value.written())
    elif isinstance(value, tuple | list):
        yield from (found for inner in value for found in _used(inner))


def _form(written: Any) -> str:
    return written if isinstance(written, str) else "{" + ", ".join(written) + "}"


@pytest.mark.parametrize(
    ("part", "key"), [(part.__name__, field.alias or name) for part in PARTS for name, field in part.model_fields.items()]
)
def test_every_key_of_a_sequence_is_shown(shown: Collection[tuple[str, str]], part: str, key: str) -> None:
    assert (part, key) in shown, f"no example that is played has {key!r} of {part}; add one to docs/sequences"


def test_every_form_of_a_value_is_shown(shown: Collection[tuple[str, str]]) -> None:
    assert {form for part, form in shown if part == "Reentry"} == {"never", "{after}"}
    assert {form for part, form in shown if part == "Enroll"} == {"from_now", "backfill", "{backfill}"}
    text = "\n".join(example.text for example in EXAMPLES if example.what == "play")
    assert [policy for policy in POLICIES if not re.search(rf"(late|then): {policy}\b", text)] == []
    assert "reentry: after_exit" in text
    assert re.search(r"wait: \d+[wdhms]", text), "a plain length"
    for zone in ("person", r"\[person, ", "America/New_York"):
        assert re.search(f"timezone: {zone}", text)
    for country in ("FR", "person"):
        assert f"holidays: {country}" in text


def test_all_parts_of_a_sequence_are_looked_for() -> None:
    """A new kind of step, or a new part of one, must be named in PARTS, and then have its example."""
    known = {part.__name__ for part in PARTS}
    assert {kind.strip("<>") for kind in STEP_KINDS.values()} <= known
    assert {part.__name__ for part in _parts_of(Sequence)} == known


def _parts_of(part: Any, seen: set[Any] | None = None) -> Iterator[type[BaseModel]]:
    """The models that a model is made of."""
    seen = set() if seen is None else seen
    if isinstance(part, type) and issubclass(part, BaseModel):
        if part in seen:
            return
        seen.add(part)
        yield part
        for field in part.model_fields.values():
            yield from _parts_of(field.annotation, seen)
    for inner in get_args(part):
        yield from _parts_of(inner, seen)


#: These functions refuse other things than sequences, or what no file can bring about.
OTHERS: Final = frozenset({
    "forms_deliver_what_they_promise", "form_fields_arrive", "asset_files_exist", "gated_assets_can_be_had", "promotions_can_fire",
    "recycling_does_not_undo_promotions",
    "triggers_can_fire",  # something leads to every stage of the example lifecycle; what leads nowhere is in tests/definitions
    "_after_business_days",  # no country has holidays all the year
})  # fmt: skip


def refusals() -> Iterator[tuple[str, str]]:
    """Every sentence of the form `what; what to do` in the modules that refuse sequences, as a pattern, with its place."""
    for module in SOURCES:
        path = Path(str(module.__file__))
        tree = ast.parse(path.read_text())
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        inside = {id(part) for text in texts for part in ast.walk(text) if part is not text}
        documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for function, node in _nodes(tree):
            if function not in OTHERS and isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inside | documented:
                pattern = _pattern(node)
                if "; " in pattern and re.search(r"\w{3}", pattern):
                    yield f"{path.stem}.{function}", pattern


def _nodes(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        named = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else function
        yield named, node
        yield from _nodes(node, named)


def _pattern(node: ast.Constant | ast.JoinedStr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(re.escape(str(part.value)).replace("\\ ", " ") if isinstance(part, ast.Constant) else ".*" for part in parts)


@pytest.mark.parametrize(("place", "sentence"), [*dict.fromkeys(refusals())])
def test_every_refusal_of_a_sequence_is_shown(place: str, sentence: str) -> None:
    printed = [line for example in EXAMPLES if example.what == "refuse" for line in example.shown.splitlines()]
    assert any(re.search(sentence, line) for line in printed), f"no example is refused as {place} does; add one to refusals.md"
