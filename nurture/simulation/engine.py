"""The engine with a virtual clock: the verbs themselves, on memory instead of a database.

A simulation is an installation whose clock stands still while it works through everything that is due, and then jumps to the
next instant at which anything is: an event is received, a run, a message or a survey is due, or a day (UTC) begins that may cool
somebody.
It has no network, no database and no mail server, so it can change nothing and mail nobody.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop
from typing import Final

from nurture.domain.definitions import Definitions
from nurture.domain.event import Event, day_number
from nurture.domain.mail.delivery import Accepted
from nurture.domain.schedule import IsHoliday
from nurture.domain.verdict import KindOfAgent
from nurture.flow.absorb import store_batch
from nurture.flow.advance import advance
from nurture.flow.cool import cool
from nurture.flow.one_way import OneWay
from nurture.flow.recount import recount
from nurture.flow.send import Mailroom, send
from nurture.flow.survey import survey
from nurture.ports import Carried, Clock, Letter, Mail, Writer, Written
from nurture.simulation.memory import Ground, Memory, begun
from nurture.simulation.recorder import Recorder
from nurture.simulation.stores import Stores
from nurture.simulation.story import MessageRow, PersonRow, RunRow, StageRow, Story, order_of_message, order_of_run


class Simulation:
    """People who may have to do with each other, from `start` on.

    `writer` renders the mails; without it none is. With `silent` no timeline is kept. `memory` is what is known already, if the
    simulation does not begin with nothing.
    """

    def __init__(
        self,
        definitions: Definitions,
        start: datetime,
        is_holiday: IsHoliday,
        kind_of_agent: KindOfAgent,
        writer: Writer | None = None,
        *,
        held: Collection[str] = (),
        memory: Memory | None = None,
        silent: bool = False,
    ) -> None:
        self.start, self.definitions = start, definitions
        self.memory = memory or begun(Ground.of(definitions, held), start)
        self._clock = _VirtualClock(start)
        self._is_holiday, self._kind_of_agent = is_holiday, kind_of_agent
        self._recorder = Recorder(self.memory, self._clock, silent=silent)
        self._stores = Stores(self.memory, self._recorder)
        self._mailroom = Mailroom(
            self._stores.sending, _Accepting(self._clock), OneWay(), writer or _NothingWritten(), self._clock, is_holiday, _WORKER
        )
        self._coming: list[tuple[datetime, int, Event]] = []
        self._taken = 0
        self._day = day_number(start)
        self._failures: set[str] = set()

    def take(self, events: Iterable[Event]) -> None:
        """Events that will be received; what was received before now is absorbed at once when the simulation goes on."""
        for event in events:
            self._taken += 1
            self._coming.append((event.received_at, self._taken, event))
        heapify(self._coming)

    def run(self, until: datetime) -> None:
        """Go on until an instant, included."""
        following: datetime | None = self._clock.now()
        while following is not None and following <= until:
            self._clock.move_to(following)
            following = self._drain(following)
        self._clock.move_to(max(until, self._clock.now()))

    def _drain(self, at: datetime) -> datetime | None:
        """Work through everything that is due now; the next instant at which anything is.

        A verb is woken where there is something for it, as by a nudge.
        """
        memory, day = self.memory, day_number(at)
        if self._coming and self._coming[0][0] <= at:
            self._absorb(at)
        if day > self._day:
            self._day = day
            if memory.cools_on(day) == day:
                cool(self._stores, self._clock)
        while True:
            if memory.marked:
                recount(self._stores, self._clock)
            elif (walk := memory.next_survey()) is not None and walk <= at:
                survey(self._stores, self._clock)
            elif (run := memory.next_run()) is not None and run <= at:
                self._failures.update(advance(self._stores, self._clock, self._is_holiday).failures)
            elif (mail := memory.next_mail()) is not None and mail <= at:
                send(self._mailroom)
            else:
                received = self._coming[0][0] if self._coming else None
                following = min((each for each in (run, mail, walk, received) if each is not None), default=None)
                return self._cools_before(following, day)

    def _cools_before(self, following: datetime | None, day: int) -> datetime | None:
        """The next instant, or the midnight before it at whose beginning somebody may cool."""
        if following is not None and day_number(following) == day:
            return following
        cools = self.memory.cools_on(day + 1)
        midnight = None if cools is None else _EPOCH + timedelta(days=cools)
        return min((each for each in (following, midnight) if each is not None), default=None)

    def _absorb(self, at: datetime) -> None:
        batch = []
        while self._coming and self._coming[0][0] <= at:
            batch.append(heappop(self._coming)[2])
        store_batch(self._stores, batch, self._kind_of_agent, at)

    def story(self) -> Story:
        """What has happened so far."""
        memory, now = self.memory, self._clock.now()
        names = {id_: person.email or str(id_) for id_, person in memory.people.items()}
        messages = [
            MessageRow(
                names[mail.person], run.sequence, run.entry, mail.planned.step, mail.planned.template, mail.planned.variant,
                mail.status.value, mail.reason.value if mail.reason else None, mail.planned_at, mail.sent_at, mail.lost_to,
            )
            for mail in memory.mails.values()
            for run in (memory.runs[mail.planned.enrollment],)
        ]  # fmt: skip
        runs = [
            RunRow(
                names[run.person], run.sequence, run.entry, run.status.value, run.step, run.reason, run.entered_at, run.due_at,
                run.ended_at,
            )
            for run in memory.runs.values()
        ]  # fmt: skip
        moves = [
            StageRow(move.at, names[move.person], move.from_stage, move.to_stage, move.rule, move.cause) for move in memory.moves
        ]
        people = [
            PersonRow(
                names[person.id], person.id, person.stage, person.heat, person.fit, str(person.grade),
                person.facts(now, self.definitions.scoring)["engagement"],
                {name: told.value for name, told in person.attributes.items()},
            )
            for person in memory.people.values()
            if person.merged_into is None
        ]  # fmt: skip
        return Story(
            self.start, now, tuple(self._recorder.lines), tuple(sorted(messages, key=order_of_message)),
            tuple(sorted(runs, key=order_of_run)), tuple(sorted(moves)), tuple(sorted(people, key=lambda row: (row.person, row.id))),
        )  # fmt: skip


class _VirtualClock:
    """Fulfils `ports.Clock`: it stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def move_to(self, instant: datetime) -> None:
        self._now = instant


class _Accepting:
    """Fulfils `ports.Carrier`: takes every mail at once, and throws it away."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._carried: list[Carried] = []

    def free(self, transport: str) -> int:  # noqa: ARG002 - there is room for everything
        return _ROOM

    def carry(self, mails: Sequence[Mail]) -> None:
        at = self._clock.now()
        self._carried += [Carried(mail.message, mail.transport, mail.domain, at, Accepted("250 simulated")) for mail in mails]

    def finished(self, patience: float) -> list[Carried]:  # noqa: ARG002 - nothing is waited for
        carried, self._carried = self._carried, []
        return carried

    def close(self) -> None:
        """There is nobody to say goodbye to."""


class _NothingWritten:
    """Fulfils `ports.Writer`: what a mail says makes no difference to when it goes."""

    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:  # noqa: ARG002 - nothing is said
        return Written(b"", "", "", "")


#: The one worker there is.
_WORKER: Final = "simulated"

#: How many mails are carried at a time.
_ROOM: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
