"""What is known of a person, as templates see it: text that is one line, and nothing that says nothing."""

import re
from collections.abc import Mapping
from typing import Any, Final

#: Line breaks and other controls, lone surrogates, and the marks that turn the direction of writing round.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")

#: What is longer is no name but what spammers leave in forms.
_LONGEST_NAME: Final = 60


class PersonFacts:
    """A person's facts by name. What is empty counts as unknown, so that `default(…)` applies to it."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def __getitem__(self, name: str) -> Any:
        value = _one_line(self._facts[name])
        if value is None or value == "":
            raise KeyError(name)
        return value

    def get(self, name: str) -> Any:
        """A fact as templates show it; None if it is unknown."""
        return _one_line(self._facts.get(name))


def full_name(facts: Mapping[str, Any]) -> str:
    """First and last name as far as known and believable, for the To field; may be empty."""
    names = (_one_line(facts.get(name)) for name in ("first_name", "last_name"))
    full = " ".join(name for name in names if isinstance(name, str) and name)
    return full if len(full) <= _LONGEST_NAME and "://" not in full and "@" not in full else ""


def _one_line(value: Any) -> Any:
    """Text without line breaks, controls and needless spaces; anything else as it is."""
    return " ".join(_UNFIT.sub(" ", value).split()) if isinstance(value, str) else value
