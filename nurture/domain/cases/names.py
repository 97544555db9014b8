"""How cases name steps and what is known of people."""

from typing import Annotated, Final, NamedTuple

from pydantic import Field

from nurture.domain.model import LONGEST_SLUG, Slug

STEP_PATTERN: Final = r"^([a-z0-9]([a-z0-9_-]*[a-z0-9])?/)?[a-z0-9]([a-z0-9_-]*[a-z0-9])?$"

#: A step by its id; with its sequence before a slash where several sequences have a step of that id.
StepName = Annotated[str, Field(pattern=STEP_PATTERN, max_length=2 * LONGEST_SLUG + 1, examples=["case", "guide-nurture/case"])]
Attributes = dict[Slug, str | int | float | bool]


class Step(NamedTuple):
    """A step as named in a case; `sequence` is None where the id alone tells."""

    sequence: str | None
    id: str

    def is_of(self, sequence: str, step: str) -> bool:
        """Whether it means this step of this sequence."""
        return step == self.id and self.sequence in (sequence, None)


def step_named(name: str) -> Step:
    """`guide-nurture/case`, or `case` alone."""
    sequence, slash, step = name.rpartition("/")
    return Step(sequence if slash else None, step)
