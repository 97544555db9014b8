"""Many people at once: those who have nothing to do with each other are simulated apart, in two processes.

Two events belong together if they name the same identifier, the same person (by a signed link), or an identifier of each other's;
no event of one group can change anything about another. So every group is a small installation of its own, whose clock skips
all instants at which nothing happens to it.
"""

import gc
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from multiprocessing import get_context
from typing import Final

from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.identity import identifiers_in
from nurture.domain.ids import stable_id
from nurture.domain.schedule import IsHoliday
from nurture.domain.verdict import KindOfAgent
from nurture.ports import Writer
from nurture.simulation.engine import Simulation
from nurture.simulation.memory import Ground, begun
from nurture.simulation.story import Story, told_together

#: Fewer groups than this are done before a second process has started.
_WORTH_A_PROCESS: Final = 500


@dataclass(frozen=True, slots=True)
class Setting:
    """What a simulation rests on, beside the events; see `Simulation`. `barred` are addresses that are not to be mailed."""

    definitions: Definitions
    start: datetime
    until: datetime
    is_holiday: IsHoliday
    kind_of_agent: KindOfAgent
    writer: Writer | None = None
    held: Collection[str] = ()
    barred: Collection[str] = ()
    silent: bool = False


def simulate(setting: Setting, events: Iterable[Event], processes: int = 2) -> Story:
    """The story of everybody in these events, from `setting.start` to `setting.until`."""
    together = groups(events)
    if processes == 1 or len(together) < _WORTH_A_PROCESS:
        return _told(setting, together)
    shares = [together[share::processes] for share in range(processes)]
    _Shared.setting, _Shared.shares = setting, shares
    # Forked, so that definitions (compiled conditions) and events need not be sent; only the stories are.
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        stories = list(pool.map(_told_share, range(processes)))
    _Shared.setting, _Shared.shares = None, []
    return told_together(stories)


class _Shared:
    """What the processes inherit when they are forked."""

    setting: Setting | None = None
    shares: Sequence[Sequence[Sequence[Event]]] = []


def _told_share(share: int) -> Story:
    assert _Shared.setting is not None
    gc.freeze()  # the events of everybody stay; to look through them again and again for garbage takes some of the time
    return _told(_Shared.setting, _Shared.shares[share])


def _told(setting: Setting, together: Iterable[Sequence[Event]]) -> Story:
    ground = Ground.of(setting.definitions, setting.held, barred=setting.barred)
    stories = [_story(setting, ground, group) for group in together]
    return told_together(stories or [_story(setting, ground, ())])


def _story(setting: Setting, ground: Ground, group: Sequence[Event]) -> Story:
    simulation = Simulation(
        setting.definitions, setting.start, setting.is_holiday, setting.kind_of_agent, setting.writer,
        memory=begun(ground, setting.start), silent=setting.silent,
    )  # fmt: skip
    simulation.take(group)
    simulation.run(setting.until)
    return simulation.story()


def groups(events: Iterable[Event]) -> list[list[Event]]:
    """The events in groups that have nothing to do with each other, each in the order given."""
    everything = list(events)
    linked = any(event.person is not None for event in everything)
    above = list(range(len(everything)))
    first_with: dict[object, int] = {}

    def top(event: int) -> int:
        while above[event] != event:
            above[event] = event = above[above[event]]
        return event

    for number, event in enumerate(everything):
        for name in _names(event, linked=linked):
            above[top(number)] = top(first_with.setdefault(name, number))
    together: dict[int, list[Event]] = defaultdict(list)
    for number, event in enumerate(everything):
        together[top(number)].append(event)
    return list(together.values())


def _names(event: Event, *, linked: bool) -> Iterable[object]:
    """Everything by which an event belongs to others; a person is called after the event by which they were first seen."""
    if not linked:
        return identifiers_in(event)
    people = [stable_id("person", event.key)] if event.person is None else [event.person]
    return chain(identifiers_in(event), people)
