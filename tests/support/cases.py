"""Cases written in tests as in a file, and tried on small definitions."""

from textwrap import dedent, indent
from typing import Any

from nurture.adapters.calendar import is_holiday
from nurture.definitions.case_rules import check_cases
from nurture.definitions.document import read
from nurture.definitions.validation import validate
from nurture.domain.cases.case import Case, CasesFile
from nurture.domain.definitions import Definitions
from nurture.ports import Writer
from nurture.simulation.cases.playing import Ground, Outcome, play
from tests.support.both_ways import kind_of_agent
from tests.support.definitions import DEFINITIONS, GUIDE_SEQUENCE

LATER: dict[str, Any] = {
    "sequence": "later",
    "trigger": "manual",
    "reentry": "after_exit",
    "steps": [
        {"id": "hello", "email": "welcome", "variants": {"a": {}, "b": {"email": "welcome-b"}}},
        {"set": {"nurtured": True}},
        {"notify": "crm", "text": "call them"},
        {"wait": {"date": "webinar_day", "before": "1d", "at": "09:00", "if_missing": "continue"}},
        {"id": "last", "email": "last-word"},
    ],
}

#: The shared definitions, with a sequence that people are put on by hand, and somebody who is told.
WIDER: dict[str, Any] = {
    **DEFINITIONS,
    "sequences": {"guide-nurture": GUIDE_SEQUENCE, "later": LATER},
    "forms": {
        "guide": {
            "asset": "guide", "deliver": "redirect", "consent": "marketing-email",
            "fields": {"email": "required", "job_title": "optional", "company": "optional"},
        },
        "mailed": {"asset": "guide", "deliver": "email", "fields": {"email": "required", "first_name": "required"}},
    },
    "handoff": {"endpoints": {"crm": {"url": "https://crm.example.com/x", "stages": ["sql"], "secret": "crm"}}},
    "lifecycle": {
        **DEFINITIONS["lifecycle"],
        "rejections": [{"id": "not-now", "on": "lead_rejected", "to": "audience", "cool_down": "90d"}],
    },
}  # fmt: skip

ANA = "person: {email: ana@acme.example, timezone: Europe/Paris}"


def wider(**changed: Any) -> Definitions:
    """The wider definitions, with whole parts replaced."""
    return Definitions.model_validate(WIDER | changed)


def case_of(text: str, definitions: Definitions | None = None) -> Case:
    """A case, of which the beginning on Monday 2026-03-02, 09:00 in Paris, need not be written."""
    head = "cases:\n  - case: it\n    starts: 2026-03-02T09:00 Europe/Paris\n"
    document, flaws = read((head + indent(dedent(text).strip("\n"), "    ") + "\n").encode())
    assert document is not None, flaws
    validated = validate(CasesFile, document)
    assert validated.value is not None, validated.flaws
    assert not validated.flaws, validated.flaws
    if definitions is not None:
        assert [problem.text for problem in check_cases(validated.value, definitions)] == []
    return validated.value.cases[0]


def tried(text: str, definitions: Definitions | None = None, writer: Writer | None = None) -> Outcome:
    """What comes of a case."""
    ground = definitions or wider()
    return play(case_of(text, ground), Ground(ground, is_holiday, kind_of_agent, writer))


def differences(text: str, definitions: Definitions | None = None) -> list[tuple[str, ...]]:
    """The diffs of all failures of a case."""
    return [failure.diff for failure in tried(text, definitions).failures]
