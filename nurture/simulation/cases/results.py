"""Cases of files, tried one after the other: what came of each, with the places in its file."""

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import NamedTuple

from nurture.definitions.case_files import CaseFile
from nurture.definitions.mistakes import Spot
from nurture.domain.cases.case import Case
from nurture.simulation.cases.playing import Failure, Ground, play


class Chosen(NamedTuple):
    """A case of a file, by its place in it."""

    file: CaseFile
    number: int

    @property
    def case(self) -> Case:
        return self.file.content.cases[self.number]


class Why(NamedTuple):
    """Why a case failed: what is written there (a key), where, and the failure."""

    key: str
    spot: Spot
    failure: Failure

    def lines(self) -> list[str]:
        """The difference and what happened around it."""
        about = [f"what happened to {self.failure.who}:", *(f"  {line}" for line in self.failure.timeline)]
        return [*self.failure.diff, *(about if self.failure.timeline else [])]


class Result(NamedTuple):
    """What came of a case, and how long it took (seconds)."""

    file: str
    spot: Spot
    case: str
    seconds: float
    why: tuple[Why, ...]

    @property
    def passed(self) -> bool:
        return not self.why


def choose(files: Iterable[CaseFile], wanted: Iterable[str] = (), text: str = "") -> list[Chosen]:
    """The cases of these files, of these files by their names or of these names, that have `text` in their name or their file's.

    Raises KeyError with the first of `wanted` that names nothing.
    """
    every = [Chosen(file, number) for file in files for number in range(len(file.content.cases))]
    names = [*wanted]
    for name in names:
        if not any(_is_called(each, name) for each in every):
            raise KeyError(name)
    named = [each for each in every if not names or any(_is_called(each, name) for name in names)]
    return [each for each in named if text.lower() in f"{each.file.path.as_posix()} {each.case.case}".lower()]


def _is_called(chosen: Chosen, name: str) -> bool:
    path = chosen.file.path
    return name in (path.as_posix(), path.name, path.stem, chosen.case.case) or path.resolve().as_posix() == name


def attempt(chosen: Iterable[Chosen], ground: Ground) -> Iterator[Result]:
    """Try cases, one after the other."""
    for each in chosen:
        began = perf_counter()
        failures = play(each.case, ground).failures
        whole = ("cases", each.number)
        why = sorted(
            (
                Why(_key(failure), each.file.spot((*whole, *failure.place) if failure.place else (*whole, "case")), failure)
                for failure in failures
            ),
            key=lambda each: each.spot,
        )
        spot = each.file.spot((*whole, "case"))
        yield Result(each.file.path.as_posix(), spot, each.case.case, perf_counter() - began, tuple(why))


def _key(failure: Failure) -> str:
    """What is written at the place of a failure: the last key on the way there."""
    return next((step for step in reversed(failure.place) if isinstance(step, str)), "case")
