"""A case, played: the simulation is run from act to act and from look to look, and every look is judged on the spot.

What comes at the same instant comes in this order: acts as they are written, then what the engine does of them, then looks.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Final, NamedTuple

from nurture.domain.cases.acts import Checked, Timed
from nurture.domain.cases.case import Case
from nurture.domain.cases.moments import instant
from nurture.domain.definitions import Definitions
from nurture.domain.model import Place
from nurture.domain.schedule import IsHoliday
from nurture.domain.verdict import KindOfAgent
from nurture.ports import Writer
from nurture.simulation.cases.judging import Claim, Difference, claims, judge
from nurture.simulation.cases.role import Impossible, Role
from nurture.simulation.cases.seen import Seen, clock_for, lines_of, look
from nurture.simulation.cases.telling import timeline
from nurture.simulation.engine import Simulation
from nurture.simulation.story import Story

#: While a mail is waited for, the simulation stops at least this often to see whether it went.
_NO_LONGER: Final = timedelta(days=1)
_JUST_BEFORE: Final = timedelta(microseconds=1)


class Ground(NamedTuple):
    """What cases are played on. Without a writer no mail is rendered."""

    definitions: Definitions
    is_holiday: IsHoliday
    kind_of_agent: KindOfAgent
    writer: Writer | None = None


class Failure(NamedTuple):
    """Why a case fails: where that is written in it, a diff or a sentence, and whose timeline around it."""

    place: Place
    diff: tuple[str, ...]
    who: str
    timeline: tuple[str, ...]


class Outcome(NamedTuple):
    """What came of a case: its failures, what was to see of each person at the end, and the simulation's story."""

    failures: tuple[Failure, ...]
    seen: tuple[Seen, ...]
    story: Story


class _Scene(NamedTuple):
    """Something on the agenda: an act, or a look at what has come. `order` keeps acts before looks, and both as written."""

    at: datetime
    order: tuple[bool, int]
    role: int
    place: Place
    what: Timed | Claim


def play(case: Case, ground: Ground) -> Outcome:
    """Play a case and judge it."""
    return _Play(case, ground).run()


class _Play:
    def __init__(self, case: Case, ground: Ground) -> None:
        self._case, self._now = case, case.starts.astimezone(UTC)
        self._until = instant(case.until, case.starts)
        self._simulation = Simulation(
            ground.definitions, self._now, ground.is_holiday, ground.kind_of_agent, ground.writer
        )  # fmt: skip
        memory = self._simulation.memory
        self._roles = [Role(cast, ground.definitions, memory) for cast in case.cast()]
        self._clocks = [clock_for(case, role) for role in self._roles]
        self._agenda: list[_Scene] = []
        self._awaited: list[_Scene] = []
        self._found: list[tuple[int, Difference]] = []
        self._written = 0
        for number in range(len(self._roles)):
            self._write_agenda(number)

    def _write_agenda(self, number: int) -> None:
        cast = self._roles[number].cast
        for index, act in enumerate(cast.actor.given):
            place = (*cast.place, "given", index)
            if isinstance(act, Checked) and act.at is not None:
                self._write_looks(act, number, place)
            elif act.at is not None:
                self._schedule(instant(act.at, self._case.starts), number, place, act)
            else:
                self._awaited.append(_Scene(self._now, (False, index), number, place, act))
        if cast.actor.expect is not None:
            for at, claim in claims(cast.actor.expect, (*cast.place, "expect")):
                self._schedule(self._until if at is None else instant(at, self._case.starts), number, claim.place, claim)

    def _write_looks(self, act: Checked, number: int, place: Place, at: datetime | None = None) -> None:
        usual = instant(act.at, self._case.starts) if at is None and act.at is not None else at
        for moment, claim in claims(act.expect, (*place, "expect")):
            when = usual if moment is None else instant(moment, self._case.starts)
            if when is not None:
                self._schedule(when, number, claim.place, claim)

    def _schedule(self, at: datetime, number: int, place: Place, what: Timed | Claim) -> None:
        self._written += 1
        heappush(self._agenda, _Scene(at, (isinstance(what, Claim), self._written), number, place, what))

    def run(self) -> Outcome:
        while True:
            self._release()
            if self._awaited and (stop := self._next_stop()) is not None:
                self._go_on(stop)
            elif self._agenda and self._agenda[0].at <= self._until:
                self._enact(heappop(self._agenda))
            elif self._now < self._until:
                self._go_on(self._until)
            else:
                break
        return self._outcome()

    def _go_on(self, until: datetime) -> None:
        self._simulation.run(until)
        self._now = until

    def _next_stop(self) -> datetime | None:
        """The next instant at which a mail may go, if that is before anything on the agenda."""
        following = min(self._until, self._agenda[0].at if self._agenda else self._until)
        memory = self._simulation.memory
        instants = (memory.next_run(), memory.next_mail(), self._now + _NO_LONGER)
        stop = min(each for each in instants if each is not None)
        return stop if self._now < stop < following else None

    def _release(self) -> None:
        """Put on the agenda what comes after mails that have gone."""
        for scene in [*self._awaited]:
            act = scene.what
            assert not isinstance(act, Claim)
            sent = self._roles[scene.role].received(act.after or "")
            if sent and sent[0].sent_at is not None:
                self._awaited.remove(scene)
                at = sent[0].sent_at + (act.in_ or timedelta(0))
                if isinstance(act, Checked):
                    self._write_looks(act, scene.role, scene.place, at)
                else:
                    self._schedule(at, scene.role, scene.place, act)

    def _enact(self, scene: _Scene) -> None:
        if isinstance(scene.what, Claim):
            self._go_on(scene.at)
            seen = self._look(scene.role)
            self._found += [(scene.role, difference) for difference in judge(scene.what, seen)]
            return
        self._simulation.run(scene.at - _JUST_BEFORE)
        try:
            self._simulation.take(self._roles[scene.role].events(scene.what, scene.at))
        except Impossible as impossible:
            self._found.append((scene.role, Difference(scene.place, (str(impossible),), scene.at)))
        self._go_on(scene.at)

    def _look(self, number: int) -> Seen:
        return look(self._roles[number], self._simulation, self._clocks[number], self._now)

    def _outcome(self) -> Outcome:
        story = self._simulation.story()
        seen = tuple(self._look(number) for number in range(len(self._roles)))
        for number, each in enumerate(seen):
            self._found += [(number, difference) for difference in self._beside(number, each)]
        self._found += [(0, Difference((), (failure,), self._until)) for failure in story.failures]
        failures = (self._failure(number, difference, story) for number, difference in self._found)
        return Outcome(tuple(failures), seen, story)

    def _beside(self, number: int, seen: Seen) -> Iterator[Difference]:
        """What makes a case fail whatever is expected: mails that cannot be written, and acts that never came."""
        place = self._roles[number].cast.place
        for step, detail in dict.fromkeys(seen.failed):
            yield Difference(place, (f"the mail of step {step} cannot be sent: {detail}",), self._until)
        for scene in self._awaited:
            if scene.role == number and not isinstance(scene.what, Claim):
                yield Difference(
                    (*scene.place, "after"), (f"no mail of step {scene.what.after} went until the end",), self._until
                )
        for scene in self._agenda:
            if scene.role == number:
                yield Difference(scene.place, ("this would be later than 'until'; let the case go on for longer",), self._until)

    def _failure(self, number: int, difference: Difference, story: Story) -> Failure:
        role, clock = self._roles[number], self._clocks[number]
        who = role.cast.name or str(role.cast.actor.person.get("email", "the person"))
        return Failure(difference.place, difference.diff, who, timeline(lines_of(role, story.lines), clock, difference.about))
