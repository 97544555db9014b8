"""Loading everybody a batch of events may concern, locked until the transaction ends."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import Connection, Executable, select, union_all

from nurture.adapters.database.bulk import Among, among, ask
from nurture.adapters.database.consenting import agreements_of
from nurture.adapters.database.histories import give_histories, reach_of
from nurture.adapters.database.identities import disputes_and_losses, holdings_about, people_about
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rows import enrollment_of, event_of, person_of, stage_change_of
from nurture.adapters.database.switching import InForce
from nurture.adapters.database.tables import enrollments, events, messages, people, score_cells, stage_changes
from nurture.domain.consent import Agreements, concerns_consent
from nurture.domain.enrollment import Enrollment
from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_BOUNCED, EMAIL_CLICKED, EMAIL_DELIVERED, Event
from nurture.domain.identity import Identifier, Register, identifiers_in
from nurture.domain.judging import Click
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.hearing import Bounce, bounce_in
from nurture.domain.mail.sending import LEASE, MessageStatus
from nurture.domain.person import Person
from nurture.domain.scoring import Cell
from nurture.domain.sums import far_rules
from nurture.domain.verdict import AT_ONCE, opened_in_mail
from nurture.domain.world import World
from nurture.errors import Conflict

_NO_TIME, _ONE_DAY = timedelta(0), timedelta(days=1)


class WorldReader:
    """Reads within one transaction of absorb."""

    def __init__(self, connection: Connection, releases: Releases, in_force: InForce) -> None:
        self._connection = connection
        self._releases = releases
        self._definitions, self._held, self._closed = in_force

    def read(self, batch: Sequence[Event]) -> World:
        """Everybody these events may concern; raises Conflict if they changed meanwhile."""
        each_names = [identifiers_in(event) for event in batch]
        named = set(chain.from_iterable(each_names))
        linked = {event.person for event in batch if event.person is not None}
        everybody = self._lock(people_about(self._connection, named, linked))
        register = self._register(everybody, named, min(event.occurred_at for event in batch))
        runs = self._enrollments(everybody)
        definitions = self._definitions
        pinned = self._releases.pinned(self._connection, {(run.sequence, run.version) for run in runs if run.live})
        reach = reach_of(definitions, pinned.values())
        near = self._near(everybody, register, batch, each_names)
        # Who has come to fulfil an audience is asked as of up to a day ago.
        asked = min(event.received_at for event in batch) - (_ONE_DAY if definitions.sequences_by_entry else _NO_TIME)
        give_histories(self._connection, list(everybody.values()), reach, asked)
        return World(
            definitions,
            people=everybody.values(),
            register=register,
            cells=self._cells(everybody.keys() - near.keys(), near),
            near=near.keys(),
            enrollments=runs,
            pinned=pinned,
            sent_at=self._sent_at({event.message for event in batch if event.message is not None}),
            clicks=self._clicks([event for event in batch if opened_in_mail(event) is not None], everybody),
            reach=reach,
            held=self._held,
            closed=self._closed,
            bounces=self._bounces([event for event in batch if bounce_in(event) is not None], everybody),
            agreements=self._agreements(batch, everybody),
            moves=self._moves(
                [each.id for each in everybody.values() if not each.email and each.stage != definitions.lifecycle.first]
            ),
        )

    def _lock(self, everybody: set[int]) -> dict[int, Person]:
        """These people, locked in the order of their ids, so that no two batches wait for each other; raises Conflict if one of
        them was merged meanwhile.
        """
        if not everybody:
            return {}
        found = ask(self._connection, _locked, everybody=everybody).all()
        if any(row.merged_into is not None and row.merged_into not in everybody for row in found):
            raise Conflict
        return {row.id: person_of(row) for row in found}

    def _register(self, everybody: Mapping[int, Person], named: set[Identifier], since: datetime) -> Register:
        # Asked again now that the people are locked: what was true before the lock may have changed while we waited for it.
        held = holdings_about(self._connection, everybody, named)
        if any(holding.person not in everybody for holding in held.values()):
            raise Conflict
        by_hand = [person.id for person in everybody.values() if person.by_hand]
        disputes, losses = disputes_and_losses(self._connection, named, everybody.keys(), since)
        return Register.loaded(held, disputes, by_hand, losses)

    def _near(
        self,
        everybody: Mapping[int, Person],
        register: Register,
        batch: Iterable[Event],
        each_names: Iterable[Sequence[Identifier]],
    ) -> dict[int, set[int]]:
        """The people of whom only cells within reach are needed, with the days on which they act: their sums are by the rules in
        force, and nothing joins them.

        Only an event that names several identifiers which are not all one person's can join people, or tie one to somebody.
        """
        digest, joined = self._definitions.scoring.digest, set[int | None]()
        near = {each.id: set[int]() for each in everybody.values() if each.sums is not None and each.sums.by == digest}
        for event, names in zip(batch, each_names, strict=True):
            holders = {register.owner(each) for each in names}
            if len(holders) > 1:
                joined |= holders
            linked = everybody.get(event.person) if event.person is not None else None
            for each in (*holders, linked and (linked.merged_into or linked.id)):
                if each in near:
                    near[each].add(event.day)
        return {person: days for person, days in near.items() if person not in joined}

    def _cells(self, people: Collection[int], near: Mapping[int, Collection[int]]) -> dict[int, dict[Cell, int]]:
        """All cells of people, and of those who are near what is within reach."""
        cells: dict[int, dict[Cell, int]] = defaultdict(dict)
        if not people and not near:
            return cells
        reached = [(person, day) for person, days in near.items() for day in days]
        values = {"near": near, "far": sorted(far_rules(self._definitions.scoring)), "people": people}
        values |= {"persons": [person for person, _ in reached], "days": [day for _, day in reached]}
        for person, rule, day, hits in ask(self._connection, _cells, **values).all():
            cells[person][Cell(rule, day)] = hits
        return cells

    def _enrollments(self, everybody: Collection[int]) -> list[Enrollment]:
        return [enrollment_of(row) for row in ask(self._connection, _runs, everybody=everybody)]

    def _sent_at(self, wanted: set[int]) -> Mapping[int, datetime]:
        """When these messages left; of one whose outcome is not noted yet, or never will be, when it was being handed over."""
        if not wanted:
            return {}
        kept = select(messages.c.id, messages.c.sent_at, messages.c.status, messages.c.lease_until)
        sent_at = {}
        for row in self._connection.execute(kept.where(among(self._connection, messages.c.id, wanted))):
            if row.sent_at is not None:
                sent_at[row.id] = row.sent_at
            elif row.status in (MessageStatus.SENDING, MessageStatus.UNCERTAIN) and row.lease_until is not None:
                sent_at[row.id] = row.lease_until - LEASE
        return sent_at

    def _clicks(self, clicked: Sequence[Event], everybody: Mapping[int, Person]) -> Mapping[int, Sequence[Click]]:
        """What the same people opened in mails around the same time, by message."""
        linked = {event.person for event in clicked if event.person is not None}
        linked |= {into for each in linked & everybody.keys() if (into := everybody[each].merged_into) is not None}
        if not linked:
            return {}
        first, last = min(event.occurred_at for event in clicked), max(event.occurred_at for event in clicked)
        found = self._connection.execute(
            select(events).where(
                among(self._connection, events.c.person_id, linked),
                events.c.occurred_at.between(first - AT_ONCE, last + AT_ONCE),
                events.c.name.in_([EMAIL_CLICKED, ASSET_DOWNLOADED]),
            )
        )
        clicks: dict[int, list[Click]] = defaultdict(list)
        for row in found:
            event = event_of(row)
            target = opened_in_mail(event)
            if event.message is not None and target is not None:
                click = Click(row.id, row.person_id, row.occurred_at, target, row.verdict == "human")
                clicks[event.message].append(click)
        return clicks

    def _bounces(self, told: Sequence[Event], everybody: Mapping[int, Person]) -> Mapping[int, list[Bounce]]:
        """What was heard of the mailboxes of whoever a mail bounced from just now."""
        bounced = {event.person for event in told if event.person is not None and event.name == EMAIL_BOUNCED}
        asked = {each.merged_into or each.id for id_ in bounced if (each := everybody.get(id_)) is not None}
        if not asked:
            return {}
        since = min(event.occurred_at for event in told) - self._definitions.sending.soft_bounces.within
        merged = {each.id: each.merged_into for each in everybody.values() if each.merged_into in asked}
        found = self._connection.execute(
            select(events).where(
                among(self._connection, events.c.person_id, asked | merged.keys()),
                events.c.name.in_([EMAIL_BOUNCED, EMAIL_DELIVERED]),
                events.c.occurred_at >= since,
            )
        )
        bounces: dict[int, list[Bounce]] = defaultdict(list)
        for row in found:
            if (bounce := bounce_in(event_of(row))) is not None:
                bounces[merged.get(row.person_id) or row.person_id].append(bounce)
        return bounces

    def _agreements(self, batch: Sequence[Event], everybody: Mapping[int, Person]) -> Agreements:
        """Where the addresses stand of which the batch says what their owners agree to."""
        told = [event for event in batch if concerns_consent(event)]
        named = {event.email for event in told if event.email is not None}
        theirs = {each.email for each in everybody.values() if each.email is not None} if told else set()
        return agreements_of(self._connection, named | theirs)

    def _moves(self, without_address: Collection[int]) -> Mapping[int, Sequence[StageChange]]:
        """The promotions of people without an address: what they started begins when there is one."""
        moves: dict[int, list[StageChange]] = defaultdict(list)
        if without_address:
            which = among(self._connection, stage_changes.c.person_id, without_address)
            found = self._connection.execute(select(stage_changes).where(which).order_by(stage_changes.c.at)).all()
            causes = {row.event_id for row in found if row.event_id is not None}
            caused_by = self._connection.execute(select(events).where(among(self._connection, events.c.id, causes)))
            by_key = {row.id: event_of(row) for row in caused_by}
            for row in found:
                moves[row.person_id].append(stage_change_of(row, by_key.get(row.event_id)))
        return moves


def _locked(among: Among) -> Executable:
    return select(people).where(among(people.c.id, "everybody")).order_by(people.c.id).with_for_update()


def _runs(among: Among) -> Executable:
    return select(enrollments).where(among(enrollments.c.person_id, "everybody"))


def _cells(among: Among) -> Executable:
    """All cells of people; of those who are near the ones that the caps of a new hit may share: of the days on which they act, and of
    far rules. In parts, each of which an index serves.
    """
    cells = score_cells.c
    columns = cells.person_id, cells.rule, cells.day, cells.hits
    parts = (
        (among(cells.person_id, "people"),),
        (among.pairs((cells.person_id, cells.day), ("persons", "days")),),
        (among(cells.person_id, "near"), among(cells.rule, "far")),
    )
    return union_all(*(select(*columns).where(*part) for part in parts))
