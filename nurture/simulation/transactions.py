"""The transactions that the verbs open, on memory: each does what its namesake in `nurture.adapters.database` does."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from nurture.domain.component import Component, Logged, Recounted
from nurture.domain.enrollment import REACHED_END, Enrollment
from nurture.domain.event import Event
from nurture.domain.identity import Register, identifiers_in
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.message import NEVER_LEFT
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.domain.person import Person
from nurture.domain.stepping import Move, Standing
from nurture.domain.verdict import opened_in_mail
from nurture.domain.world import Changes, World
from nurture.errors import TooMuch
from nurture.simulation.memory import Memory, is_over
from nurture.simulation.recorder import Recorder
from nurture.simulation.transaction import Transaction


class MemoryAbsorbing(Transaction):
    """Fulfils `ports.Absorbing`."""

    def unseen(self, events: Sequence[Event]) -> list[Event]:
        first = {event.key: event for event in reversed(events)}
        known = self._memory
        return [
            each for each in events if first[each.key] is each and each.key not in known.log and each.key not in known.counted
        ]

    def world(self, events: Sequence[Event]) -> World:
        memory = self._memory
        named = {identifier for event in events for identifier in identifiers_in(event)}
        linked = {event.person for event in events if event.person is not None}
        everybody = {id_ for id_ in memory.holders(named) | linked if id_ in memory.people}
        everybody |= {into for id_ in everybody if (into := memory.people[id_].merged_into) is not None}
        people = [memory.people[id_] for id_ in sorted(everybody)]
        held = {each: holding for each, holding in memory.holdings.items() if holding.person in everybody or each in named}
        losses = memory.losses(everybody, min(event.occurred_at for event in events))
        register = Register.loaded(held, memory.disputes(named), [person.id for person in people if person.by_hand], losses)
        return World(
            memory.ground.definitions,
            people=people,
            register=register,
            cells={id_: memory.cells[id_] for id_ in everybody},
            enrollments=memory.runs_of(everybody),
            pinned=memory.ground.versions,
            sent_at={id_: at for event in events if (id_ := event.message) is not None and (at := self._sent_at(id_))},
            clicks=memory.clicks([event for event in events if opened_in_mail(event) is not None], everybody),
            moves=self._moves([person for person in people if not person.email]),
            reach=memory.ground.reach,
            held=memory.ground.held,
            closed=memory.ground.closed,
            agreements={where: agreed for where in memory.said if (agreed := memory.agreement(*where)) is not None},
        )

    def _sent_at(self, message: int) -> datetime | None:
        mail = self._memory.mails.get(message)
        return mail.sent_at if mail is not None else None

    def _moves(self, without_address: Sequence[Person]) -> dict[int, list[StageChange]]:
        first = self._memory.ground.definitions.lifecycle.first
        asked = {person.id for person in without_address if person.stage != first}
        moves: dict[int, list[StageChange]] = defaultdict(list)
        for change in sorted((each for each in self._memory.moves if each.person in asked), key=lambda change: change.at):
            moves[change.person].append(change)
        return moves

    def store(self, changes: Changes) -> None:
        memory = self._memory
        self._recorder.changes(changes)
        memory.people |= {person.id: person for person in changes.people}
        for identifier in changes.register.added | changes.register.changed:
            holding = changes.register.holding(identifier)
            assert holding is not None
            memory.holdings[identifier] = holding
        memory.log |= {each.event.key: Logged(each.event, each.verdict.kind, each.person) for each in changes.events}
        memory.counted |= {event.key for event in changes.unnamed}
        for (person, cell), hits in changes.hits.items():
            memory.cells[person][cell] += hits
        for weak, into in changes.merges:
            memory.cells[into].update(memory.cells.pop(weak, Counter()))
        memory.note(changes.journal)
        self._rejudge(changes)
        if changes.recounts:
            due = min(each.event.received_at for each in changes.events)
            for person in changes.recounts:
                memory.marked.setdefault(person, due)
        self._store_moved(changes)

    def _store_moved(self, changes: Changes) -> None:
        memory = self._memory
        memory.moves += changes.stage_changes
        store_runs(memory, self._recorder, changes.enrollments)
        for report in changes.reports:
            mail = memory.mails.get(report.message)
            if mail is not None and mail.status in report.replaces:
                mail.status, mail.detail = report.status, report.detail
        self._recorder.cancelled(memory.suppress(changes.suppressions))
        memory.agree(changes.statements)
        memory.lift(changes.lifted)
        memory.wish(changes.wishes)
        for person in changes.people:
            person.new = person.changed = False

    def _rejudge(self, changes: Changes) -> None:
        memory = self._memory
        for key, verdict in changes.rejudged.items():
            memory.log[key] = memory.log[key]._replace(verdict=verdict.kind)
        if changes.rejudged:
            memory.remember({root.id: root for key in changes.rejudged if (root := memory.root(memory.log[key].person))}.values())


def store_runs(memory: Memory, recorder: Recorder, runs: Sequence[Enrollment]) -> None:
    """Write runs that are new, and those that took a step or ended; queued mails of ended runs will not go."""
    of_no_use = {
        run.id for run in runs
        if run.changed and not run.new and is_over(run) and run.reason != REACHED_END
    }  # fmt: skip
    for run in runs:
        memory.runs[run.id] = run
        run.new = run.changed = False
    if of_no_use:
        recorder.cancelled(memory.cancel(memory.mails_of_runs(of_no_use), Reason.ENROLLMENT_ENDED))


class MemoryAdvancing(Transaction):
    """Fulfils `ports.Advancing`."""

    def __init__(self, memory: Memory, recorder: Recorder) -> None:
        super().__init__(memory, recorder)
        self._absorbing = MemoryAbsorbing(memory, recorder)

    def due(self, limit: int, at: datetime) -> list[Standing]:
        memory = self._memory
        scoring = memory.ground.definitions.scoring
        standings = []
        for run in memory.due_runs(at)[:limit]:
            person, sequence = memory.people[run.person], memory.sequence_of(run)
            mailed = self._mailed(run.person) if sequence is not None and sequence.takes_from_pools else ()
            others = memory.runs_of({run.person}) if sequence is not None and sequence.leads_on else ()
            facts, ground = person.facts(at, scoring), memory.ground
            standings.append(Standing(run, sequence, facts, mailed, others, ground.held, ground.closed))
        return standings

    def _mailed(self, person: int) -> set[str]:
        mails = self._memory.mails.values()
        return {mail.planned.template for mail in mails if mail.person == person and mail.status not in NEVER_LEFT}

    def store(self, moves: Sequence[Move], at: datetime) -> None:
        memory = self._memory
        for move in moves:
            run = memory.runs[move.enrollment]
            mails = [mail for planned in move.messages if (mail := memory.queue(planned, at)) is not None]
            self._recorder.moved(move, run, mails)
            for begun in move.begun:
                memory.runs.setdefault(begun.id, begun).new = False
            run.status, run.step, run.due_at, run.reason = move.status, move.step, move.due_at, move.reason
            run.ended_at = at if move.ended else None
            run.step_since, run.outcomes = move.step_since, dict(move.outcomes)

    def world(self, events: Sequence[Event]) -> World:
        return self._absorbing.world(events)

    def store_changes(self, changes: Changes) -> None:
        self._absorbing.store(changes)


class MemoryCooling(Transaction):
    """Fulfils `flow.cool.Cooling`."""

    def people_at(self, stage: str, heat_below: float | None, after: int, limit: int, at: datetime) -> list[Person]:  # noqa: ARG002 - all of the past is known
        found = [
            person for person in self._memory.people.values()
            if person.stage == stage and person.merged_into is None and person.id > after
            and (heat_below is None or person.heat < heat_below)
        ]  # fmt: skip
        return sorted(found, key=lambda person: person.id)[:limit]

    def store_moves(self, moved: Sequence[Person], changes: Sequence[StageChange], at: datetime) -> None:
        for person in moved:
            person.stage_since, person.changed = at, False
        self._memory.moves += changes
        self._recorder.stage_changes(changes)


class MemoryComponents(Transaction):
    """Fulfils `ports.Recounting`."""

    def __init__(self, memory: Memory, recorder: Recorder) -> None:
        super().__init__(memory, recorder)
        self._ended_before: dict[int, bool] = {}

    def due(self, limit: int) -> list[int]:
        return sorted(self._memory.marked, key=lambda person: (self._memory.marked[person], person))[:limit]

    def everybody(self, after: int, limit: int) -> list[int]:
        own = sorted(person.id for person in self._memory.people.values() if person.merged_into is None and person.id > after)
        return own[:limit]

    def give_up(self, person: int) -> None:
        self._memory.marked.pop(person, None)

    def component(self, wanted: Collection[int], most: int, *, connected: bool = True) -> Component:
        memory = self._memory
        ids = self._family(set(wanted))
        while connected and (further := self._connected(ids) - ids):
            ids |= self._family(further)
        log = [entry for entry in memory.log.values() if entry.person in ids]
        if len(log) > most:
            raise TooMuch(f"more than {most:,} events hang together")
        runs, held = memory.runs_of(ids), memory.known_by(ids)
        self._ended_before = {run.id: is_over(run) for run in runs}
        people = {id_: replace(memory.people[id_]) for id_ in sorted(ids)}
        forgotten = memory.horizon is not None and any(holding.first_seen_at < memory.horizon for holding in held.values())
        complete = not forgotten and not any(person.by_hand for person in people.values())
        return Component(people, held, log, runs, memory.sequence_of, complete=complete, horizon=memory.horizon)

    def _family(self, wanted: set[int]) -> set[int]:
        """These people, those they were merged into, and all who were merged into these."""
        people = self._memory.people
        roots = wanted | {into for id_ in wanted if (into := people[id_].merged_into) is not None}
        return roots | {id_ for id_, person in people.items() if person.merged_into in roots}

    def _connected(self, ids: set[int]) -> set[int]:
        """Everybody who holds, held or was refused something that the events of these people name."""
        memory = self._memory
        named = {name for entry in memory.log.values() if entry.person in ids for name in identifiers_in(entry.event)}
        disputes = memory.disputes(named | memory.known_by(ids).keys()).values()
        return memory.holders(named).union(*(each.people for told in disputes for each in told))

    def store(self, component: Component, outcome: Recounted, at: datetime) -> None:
        memory = self._memory
        ids = {person.id for person in outcome.people}
        memory.people |= {person.id: person for person in outcome.people}
        for person in outcome.people:
            person.new = person.changed = False
            memory.marked.pop(person.id, None)
            memory.cells[person.id] = Counter(outcome.cells[person.id])
        self._store_holdings(component, outcome)
        for key, owner in outcome.owners.items():
            memory.log[key] = memory.log[key]._replace(person=owner)
        self._store_runs(component)
        self._store_journal(outcome, ids)
        memory.remember(outcome.people)
        self._recorder.recounted(outcome.people, at)

    def _store_holdings(self, component: Component, outcome: Recounted) -> None:
        held = self._memory.known_by(component.people)
        for identifier in held.keys() - outcome.holdings.keys():
            del self._memory.holdings[identifier]
        for identifier, holding in outcome.holdings.items():
            seen = max(holding.last_seen_at, held[identifier].last_seen_at) if identifier in held else holding.last_seen_at
            self._memory.holdings[identifier] = replace(holding, last_seen_at=seen)

    def _store_runs(self, component: Component) -> None:
        for run in component.enrollments:
            if run.id not in self._ended_before:
                continue
            run.changed = False
            of_run = self._memory.mails_of_runs({run.id})
            for mail in of_run:
                mail.person = run.person
            if is_over(run) and not self._ended_before[run.id]:
                self._recorder.cancelled(self._memory.cancel(of_run, Reason.ENROLLMENT_ENDED))
            elif not is_over(run) and self._ended_before[run.id]:
                for mail in of_run:
                    if (mail.status, mail.reason) == (MessageStatus.SKIPPED, Reason.ENROLLMENT_ENDED):
                        mail.status, mail.reason = MessageStatus.QUEUED, None

    def _store_journal(self, outcome: Recounted, ids: set[int]) -> None:
        memory = self._memory
        undone = [
            key for key, entry in memory.journal.items()
            if (outcome.refreshed and entry.action in ("moved", "refused") and (entry.person in ids or entry.other in ids))
            or (entry.action == "merged" and entry.other in outcome.parted)
        ]  # fmt: skip
        for key in undone:
            del memory.journal[key]
        memory.note(outcome.journal)

    def remember(self, outcome: Recounted, component: Component, at: datetime) -> None:  # noqa: ARG002 - all of the past is known

        def owner_of(key: UUID, person: int) -> int:
            return component.root(outcome.owners.get(key, person)) if person in component.people else person

        self._memory.remember(outcome.people, owner_of)

    def store_moves(self, moves: Sequence[StageChange], begun: Sequence[Enrollment]) -> None:
        self._memory.moves += moves
        self._recorder.stage_changes(moves)
        self._recorder.begun(begun)
        store_runs(self._memory, self._recorder, begun)
