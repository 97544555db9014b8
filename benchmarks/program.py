"""What programs that measure have in common: they say how it goes, show and keep what came of it, and give no figure of a wrong run."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.laboratory import Laboratory, WrongResultError
from benchmarks.machine import describe


def say(line: str) -> None:
    """How it goes, for whoever waits."""
    print(line, file=sys.stderr, flush=True)


def console() -> Console:
    """Where tables are shown; as wide as they need when nobody looks on."""
    return Console(width=None if sys.stdout.isatty() else 150)


def origin(facts: dict[str, Any]) -> str:
    """When, of what and on what something was measured, in one line."""
    return f"{facts['measured']}, commit {facts['commit']}, {facts['machine']}, {facts['servers']}, Python {facts['python']}"


def run(measure: Callable[[Laboratory], dict[str, Any]], show: Callable[[dict[str, Any]], None], kept: Path) -> int:
    """Measure, show it, and keep it as JSON with what it was measured on; the exit code."""
    try:
        with Laboratory() as laboratory:
            facts = describe(laboratory)
            told = measure(laboratory)
    except WrongResultError as error:
        print(f"the run was wrong, so there is no figure: {error}", file=sys.stderr)
        return 1
    show(told)
    console().print(origin(facts))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(facts | told, indent=2) + "\n", encoding="utf-8")
    return 0
