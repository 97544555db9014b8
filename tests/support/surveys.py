"""Surveys for tests: sequences that take people in without an event, and everybody walked through."""

from datetime import timedelta
from typing import Any

from nurture.adapters.database.store import Database
from nurture.domain.definitions import Definitions
from nurture.flow.survey import survey
from nurture.ports import Clock
from tests.support.definitions import definitions

ONE_MAIL = [{"id": "hello", "email": "guide-thanks"}]


def sequence(name: str, trigger: Any, **parts: Any) -> dict[str, Any]:
    """A sequence of one mail, by its trigger."""
    return {"sequence": name, "trigger": trigger, "steps": ONE_MAIL, **parts}


def plan(*sequences: dict[str, Any], **parts: Any) -> Definitions:
    """The shared definitions with these sequences."""
    return definitions(sequences={each["sequence"]: each for each in sequences}, **parts)


def walk(database: Database, clock: Clock, limit: int = 500) -> int:
    """Walk until no survey is due; how many entered."""
    entered = 0
    while (surveyed := survey(database, clock, limit)).walked:
        entered += surveyed.entered
    return entered


A_DAY = timedelta(days=1)
