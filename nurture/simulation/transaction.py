"""What the transactions of all verbs have in common, on memory."""

from typing import Self

from nurture.domain.definitions import Definitions
from nurture.simulation.memory import Memory
from nurture.simulation.recorder import Recorder


class Transaction:
    """There is one at a time, and nothing is rolled back: what a verb stores, it has stored."""

    def __init__(self, memory: Memory, recorder: Recorder) -> None:
        self._memory, self._recorder = memory, recorder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def definitions(self) -> Definitions:
        return self._memory.ground.definitions
