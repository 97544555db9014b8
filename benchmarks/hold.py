"""Ratios that once were reached are held: one that gets worse by a third is told, and fails the build.

Only what may be compared between machines is held: ours ÷ twin, ours ÷ limit, and by itself what is the same everywhere, which growth and
bytes are, and seconds and rates are not.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.figure import Column, Figure

#: What a ratio may lose, for no two days of a machine are equal; one of which less is better may grow by as much as makes its inverse lose that.
SLACK: Final = 1 / 3

#: Units of what is the same on every machine.
EVERYWHERE: Final = frozenset({"×", "B"})

_NAMES: Final[dict[str, Column | None]] = {"twin": "twin", "limit": "limit", "itself": None}

Ratios = Mapping[str, float]


def ratios_of(figure: Figure) -> dict[str, float]:
    """What is held of a figure: ours ÷ each column there is, or itself if it is the same everywhere."""
    found = {name: figure.beside(column) for name, column in _NAMES.items() if column or figure.unit in EVERYWHERE}
    return {name: ratio for name, ratio in found.items() if ratio is not None}


def fallen(figure: Figure, recorded: Ratios) -> list[str]:
    """A sentence for each ratio that is worse by more than a third than the recorded one."""
    now = ratios_of(figure)
    return [
        f"{figure.name}: {_called(name)} was {before:.3g} and is {now[name]:.3g}"
        for name, before in recorded.items()
        if name in now and _is_worse(figure, before, now[name])
    ]


def _is_worse(figure: Figure, before: float, now: float) -> bool:
    return now < before * (1 - SLACK) if figure.better == "more" else now > before / (1 - SLACK)


def _called(name: str) -> str:
    return "it" if name == "itself" else f"ours ÷ {name}"


def read(file: Path) -> dict[str, dict[str, float]]:
    """Recorded ratios by figure."""
    told: dict[str, dict[str, float]] = json.loads(file.read_text(encoding="utf-8"))
    return told


def record(figures: Iterable[Figure], file: Path) -> None:
    """Write the ratios of figures; what the file holds of others stays."""
    before = read(file) if file.exists() else {}
    now = {figure.key: {name: float(f"{ratio:.3g}") for name, ratio in ratios_of(figure).items()} for figure in figures}
    lines = [f"  {json.dumps(key)}: {json.dumps(ratios)}" for key, ratios in sorted({**before, **now}.items()) if ratios]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
