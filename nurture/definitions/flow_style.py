"""Values written as YAML on one line, so that our own reader, and any other, gives them back."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

#: Plain texts that YAML readers take for something else, of whichever version; as keys they stand in every file of ours.
_NOT_PLAIN: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_NO_KEY: Final = frozenset({"true", "false", "null"})

#: Names (of a step, with its sequence before a slash), lengths of time, and paths.
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_/-]*|(\d+[wdhms])+|/[A-Za-z0-9_/-]*", re.ASCII)


def in_flow_style(value: Any) -> str:
    """A value in YAML's flow style. What is not plain beyond doubt is written as JSON, which YAML 1.2 holds."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(name), _NO_KEY)}: {in_flow_style(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(in_flow_style(each) for each in value) + "]"
    return _text(value, _NOT_PLAIN) if isinstance(value, str) else json.dumps(value)


def _text(text: str, not_plain: frozenset[str]) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in not_plain
    return text if plain else json.dumps(text)
