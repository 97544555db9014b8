"""The test cases of a configuration folder: every file of `tests/`, checked against the definitions that they are about."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from nurture.definitions.case_rules import check_cases
from nurture.definitions.document import Node
from nurture.definitions.loader import read_file
from nurture.definitions.mistakes import Flaw, Mistake, Spot, flaw
from nurture.domain.cases.case import CasesFile
from nurture.domain.definitions import Definitions
from nurture.domain.model import Place

#: The folder of the cases, in the configuration folder.
CASES: Final = "tests"


class CaseFile(NamedTuple):
    """A file of cases, and the document as written, which knows where each part stands."""

    path: Path
    content: CasesFile
    document: Node

    def spot(self, place: Place) -> Spot:
        """Where a part of the file begins, or the last part on the way to it that is written."""
        return self.document.at(place).spot


@dataclass(frozen=True, slots=True)
class LoadedCases:
    """The files without mistakes, and every mistake in order of place."""

    files: list[CaseFile]
    mistakes: list[Mistake]

    @property
    def errors(self) -> list[Mistake]:
        """The mistakes for which a file is not tried."""
        return [mistake for mistake in self.mistakes if mistake.severity == "error"]


def load_cases(config_dir: Path, definitions: Definitions | None) -> LoadedCases:
    """Read and check every file of cases; never raises for what is in them.

    What cases name is looked up in the definitions; without them, because they have mistakes themselves, it is not.
    """
    files: list[CaseFile] = []
    mistakes = list(_strangers(config_dir / CASES))
    for path in sorted((config_dir / CASES).glob("*.yaml")):
        file, found = load_case_file(path, definitions)
        mistakes += found
        files += [file] if file is not None else []
    return LoadedCases(files, sorted(mistakes))


def load_case_file(path: Path, definitions: Definitions | None) -> tuple[CaseFile | None, list[Mistake]]:
    """One file of cases, None if there is any mistake in it, and its mistakes in order of place."""
    source = read_file(path, CasesFile)
    flaws: list[Flaw] = [*source.flaws]
    if isinstance(source.value, CasesFile) and definitions is not None:
        for found in check_cases(source.value, definitions):
            node = source.remains.at(found.place)
            flaws.append(flaw(node.key if found.in_key else node.spot, found.text))
    mistakes = sorted({Mistake(path.as_posix(), each.spot.line, each.spot.column, each.what, each.fix) for each in flaws})
    if mistakes or source.written is None:
        return None, mistakes
    return CaseFile(path, source.value, source.written), []


def _strangers(folder: Path) -> Iterator[Mistake]:
    for path in sorted(folder.glob("*.yml")):
        yield Mistake(
            path.as_posix(), 1, 1, "nobody reads a file of this name", f"did you mean {path.stem + '.yaml'!r}?", "warning"
        )
