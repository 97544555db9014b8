"""What the crowd knows that it did: written down as it acts, and held against the engine's figures in the end."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Final, Literal

from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, PAGE_VIEWED

Actor = Literal["human", "machine"]

_LOOKING: Final = PAGE_VIEWED


class Ledger:
    """The acts of everybody, each counted once however often it was sent.

    Whoever has not told an address is known by their device, and by the address from then on: what a device did before is
    theirs too.
    """

    def __init__(self) -> None:
        self.acts: Counter[tuple[str, Actor]] = Counter()
        self.sent_twice = 0
        self.spam = 0
        self.unsubscribed: dict[str, datetime] = {}
        self._leaving: set[str] = set()
        self._by_device: dict[str, Counter[str]] = defaultdict(Counter)
        self._by_address: dict[str, Counter[str]] = defaultdict(Counter)
        self._owner: dict[str, str] = {}

    def device(self, name: str, device: str, actor: Actor = "human") -> None:
        """Something that only the device tells of."""
        self.acts[name, actor] += 1
        if actor == "human":
            self._by_device[device][name] += 1

    def person(self, name: str, address: str, actor: Actor = "human", device: str | None = None) -> None:
        """Something that names a person; it makes the device theirs, if one is told along."""
        self.acts[name, actor] += 1
        if actor == "human":
            self._by_address[address][name] += 1
            if device is not None:
                self._owner[device] = address

    def unsubscribe(self, address: str) -> None:
        """Note that somebody wants no more mail."""
        if address not in self.unsubscribed:
            self._leaving.add(address)

    def quiet(self, at: datetime) -> None:
        """Note that the engine has worked through everything at instant `at`: whoever has unsubscribed gets no mail from now on."""
        self.unsubscribed.update(dict.fromkeys(self._leaving, at))
        self._leaving.clear()

    def _people(self) -> list[Counter[str]]:
        """What each human did."""
        everybody = {address: Counter(did) for address, did in self._by_address.items()}
        strangers = []
        for device, did in self._by_device.items():
            if device in self._owner:
                everybody[self._owner[device]] += did
            else:
                strangers.append(did)
        return [*everybody.values(), *strangers]

    @property
    def visitors(self) -> int:
        """Humans as an engine can tell them apart: two devices that never showed an address are two."""
        return len(self._people())

    @property
    def engaged(self) -> int:
        """Humans who looked at two pages, or did more than look."""
        return sum(did[_LOOKING] > 1 or did.total() > did[_LOOKING] for did in self._people())

    @property
    def downloaders(self) -> int:
        return sum(did[ASSET_DOWNLOADED] > 0 for did in self._people())

    @property
    def clickers(self) -> int:
        return sum(did[EMAIL_CLICKED] > 0 for did in self._people())

    @property
    def known(self) -> int:
        """Humans who told an address."""
        return len(self._by_address)

    @property
    def clicks(self) -> int:
        """Clicks of humans in mails."""
        return self.acts[EMAIL_CLICKED, "human"]

    def most_attached(self) -> str:
        """Of those whose browser is known, the address of who clicked most in mails; raises ValueError while nobody is."""
        return max(self._owner.values(), key=lambda address: (self._by_address[address][EMAIL_CLICKED], address))

    def total(self, actor: Actor) -> int:
        """Events of one kind of actor."""
        return sum(count for (_, who), count in self.acts.items() if who == actor)
