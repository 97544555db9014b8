"""docs/diagnose.md lists every rule and every fact as they are, and its example takes effect; WRITE_DOCS=1 writes it anew."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from nurture.definitions.loader import load
from nurture.definitions.shipped import shipped_rules
from nurture.domain.diagnosing.rules import Rule
from nurture.domain.diagnosing.vocabulary import FACTS
from nurture.reports.words import words_of
from tests.definitions.folders import FILES

PAGE = Path(__file__).parents[2] / "docs/diagnose.md"
BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->"


def test_the_page_lists_rules_and_facts_as_they_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    written, _, after = rest.partition(END)
    wanted = "".join(f"{line}\n" for line in lines())
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(before + BEGIN + wanted + END + after, encoding="utf-8")
    else:
        assert written == wanted, "write it anew: WRITE_DOCS=1 python -m pytest tests/docs/test_diagnose.py"


def test_the_example_takes_effect(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    for name, text in {**FILES, "diagnose.yaml": example[1]}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = load(tmp_path)
    assert found.errors == []
    assert found.definitions is not None
    rules = found.definitions.diagnose.over(shipped_rules())
    assert rules["form-too-long"].when.raw["form_required"] == {"at_least": 4}
    assert "one-channel" not in rules
    assert rules["webinar-without-leads"].says["fr"].title


def lines() -> Iterator[str]:
    words = words_of("diagnose", "en")
    yield from ("| rule | finds | asked of | when | needs | weight |", "|---|---|---|---|---|---|")
    for name, rule in shipped_rules().items():
        yield f"| `{name}` | {words.labels[name]} | {rule.of} | {asks(rule)} | {needs(rule)} | {rule.weight} |"
    for subject, facts in FACTS.items():
        heading = "Of the whole business" if subject == "business" else f"Of each {subject}, beside those"
        yield from ("", f"**{heading}**", "", "| fact | is |", "|---|---|")
        for name, kind in facts.items():
            yield f"| `{name}` | {words.meanings[name]} ({kind}) |"


def asks(rule: Rule) -> str:
    return f"`{json.dumps(rule.when.raw).replace(chr(34), '')}`"


def needs(rule: Rule) -> str:
    return ", ".join(f"`{name}` {needed:g}" for name, needed in rule.least.items())
