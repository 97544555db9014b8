"""The rules of `report diagnose` that come with the engine."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from nurture.definitions.document import read
from nurture.domain.diagnosing.rules import Rule, ShippedRules

_FILE: Final = Path(__file__).with_name("diagnose.yaml")


@cache
def shipped_rules() -> Mapping[str, Rule]:
    """The rules by their names, as they are before config/diagnose.yaml changes them."""
    document, _ = read(_FILE.read_bytes())
    return ShippedRules.model_validate(document.plain() if document else {}).rules
