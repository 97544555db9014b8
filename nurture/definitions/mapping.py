"""A mapping of `nurture import` from its file, with the place of every mistake."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from nurture.definitions.document import Node, read
from nurture.definitions.mistakes import Flaw, Mistake, flaw
from nurture.definitions.validation import validate
from nurture.domain.imports.mapping import Imported, ImportMapping
from nurture.domain.model import Problem
from nurture.errors import DefinitionError


class LoadedMapping(NamedTuple):
    """A mapping, the document it was read from, its file's name, and a digest of its meaning."""

    mapping: ImportMapping
    document: Node
    file: str
    digest: str

    def refuse_columns(self, columns: list[str]) -> None:
        """Raise DefinitionError, with the place in the mapping, for every column it asks for that a file has not."""
        _refuse(self.file, (_placed(self.document, problem) for problem in self.mapping.unknown_columns(columns)))


def load_mapping(path: Path, imports: Imported) -> LoadedMapping:
    """The mapping in a file; raises DefinitionError that names every mistake as file:line:column."""
    file = path.as_posix()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DefinitionError(
            f"{file} cannot be read ({error.strerror}); name a mapping such as config/imports/crm.yaml"
        ) from None
    document, flaws = read(content)
    if document is None:
        _refuse(file, flaws)
        raise DefinitionError  # what cannot be read always has a flaw
    validated = validate(ImportMapping, document)
    unreadable = {each.spot for each in flaws}
    _refuse(file, [*flaws, *(each for each in validated.flaws if each.spot not in unreadable)])
    if validated.value is None:
        raise DefinitionError  # nor is there a value where nothing is wrong
    mapping = validated.value
    if mapping.imports != imports:
        spot = document.at(("imports",)).spot
        _refuse(file, [Flaw(spot, f"this mapping is for {mapping.imports}", f"say nurture import {mapping.imports}")])
    digest = blake2b(mapping.model_dump_json(by_alias=True).encode(), digest_size=8).hexdigest()
    return LoadedMapping(mapping, document, file, digest)


def _placed(document: Node, problem: Problem) -> Flaw:
    node = document.at(problem.place)
    return flaw(node.key if problem.in_key else node.spot, problem.text)


def _refuse(file: str, flaws: Iterable[Flaw]) -> None:
    mistakes = sorted({Mistake(file, *each.spot, each.what, each.fix) for each in flaws})
    if mistakes:
        raise DefinitionError("\n".join(["the mapping is wrong:", *map(str, mistakes)]))
