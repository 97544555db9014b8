"""The doors to one memory: what the verbs take for a database."""

from nurture.simulation.memory import Memory
from nurture.simulation.recorder import Recorder
from nurture.simulation.sending import MemorySending
from nurture.simulation.surveying import MemorySurveying
from nurture.simulation.transactions import MemoryAbsorbing, MemoryAdvancing, MemoryComponents, MemoryCooling


class Stores:
    """All doors to one memory: fulfils what the verbs ask of a database."""

    def __init__(self, memory: Memory, recorder: Recorder) -> None:
        self.memory, self.recorder = memory, recorder
        self.sending = MemorySending(memory, recorder)
        self._absorbing = MemoryAbsorbing(memory, recorder)
        self._advancing = MemoryAdvancing(memory, recorder)
        self._components = MemoryComponents(memory, recorder)
        self._cooling = MemoryCooling(memory, recorder)
        self._surveying = MemorySurveying(memory, recorder)

    def absorbing(self) -> "MemoryAbsorbing":
        return self._absorbing

    def advancing(self) -> "MemoryAdvancing":
        return self._advancing

    def components(self) -> "MemoryComponents":
        return self._components

    def surveying(self) -> "MemorySurveying":
        return self._surveying

    def cooling(self) -> "MemoryCooling":
        return self._cooling
