"""What the next step would cost where a goal is missed: written by whoever measured, by figure, in `next_steps.yaml`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from benchmarks.laboratory import HERE

FILE: Final = HERE / "next_steps.yaml"


def read(known: Iterable[str], file: Path = FILE) -> Mapping[str, str]:
    """The texts by key of their figure. Raises ValueError for a key that is no figure's, and for what is no text."""
    told: dict[str, Any] = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")) or {}
    if strange := sorted(told.keys() - set(known)):
        raise ValueError(f"{file.name}: no figure is called {', '.join(strange)}")
    if empty := sorted(key for key, text in told.items() if not isinstance(text, str) or not text.strip()):
        raise ValueError(f"{file.name}: a text is wanted for {', '.join(empty)}")
    return {key: " ".join(text.split()) for key, text in told.items()}
