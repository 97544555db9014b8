"""A machine that does to people whatever can be done to them, and looks after each turn whether everything still holds.

Forms, page views, identifies and aliases come late, twice, in any order and in any batches; an operator joins and parts people.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, delete, select

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import (
    active_days,
    events,
    identifiers,
    identity_journal,
    metadata,
    people,
    rollups,
    score_cells,
)  # fmt: skip
from nurture.domain.event import EVENT, Event
from nurture.domain.scoring import Cell, heat_of, score_lines
from nurture.errors import Refused
from nurture.flow.absorb import absorb
from nurture.flow.merge import merge, unmerge
from nurture.flow.recount import recount
from nurture.ports import Entry
from nurture.reports.verify import audit
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.oracle import STRONG, Oracle, Told
from tests.support.waiting import MovableClock

DEVICES = st.sampled_from(["d1", "d2", "d3", "d4"])
USERS = st.sampled_from(["u1", "u2", "u3"])
ADDRESSES = st.sampled_from(["ana@acme.test", "ben@acme.test", "eve@acme.test"])
ASSURANCES = st.sampled_from(["observed", "observed", "claimed", "verified"])
PATHS = st.sampled_from(["/pricing", "/blog/a", "/careers"])

#: How many minutes before it is heard of something happened: most of it within the hour, some of it days before.
EARLY = st.integers(0, 40) | st.sampled_from([1_440, 4_000, 14_400, 57_600])

#: What leads to a stage, and what is credited with it.
LEADING: list[Callable[[str, str], Event]] = [
    lambda address, _: download(address),
    lambda _, device: event("demo_requested", anonymous_id=device),
    lambda _, device: page("/", device=device).model_copy(
        update={"context": {"page": {"path": "/"}, "campaign": {"name": "spring", "source": "google", "medium": "cpc"}}}
    ),
]

HAPPENED = st.one_of(
    st.builds(lambda device, path: page(path, device=device), DEVICES, PATHS),
    st.builds(
        lambda device, path, seconds: event(
            "page_engaged", anonymous_id=device, properties={"path": path, "seconds": seconds, "scroll": seconds}
        ),
        DEVICES, PATHS, st.sampled_from([12, 80, -3, "many", None]),
    ),
    st.builds(lambda address, device: form(address, device=device).model_copy(update={"assurance": "claimed"}), ADDRESSES, DEVICES),
    st.builds(lambda what, address, device: what(address, device), st.sampled_from(LEADING), ADDRESSES, DEVICES),
    st.builds(
        lambda device, user, address, assurance: event(
            "identified", kind="identify", anonymous_id=device, user_id=user, email=address, assurance=assurance
        ),
        DEVICES, st.none() | USERS, st.none() | ADDRESSES, ASSURANCES,
    ),
    st.builds(
        lambda user, address, assurance: event("identified", kind="identify", user_id=user, email=address, assurance=assurance),
        USERS, st.none() | ADDRESSES, ASSURANCES,
    ),
    st.builds(lambda device, user: event("aliased", kind="alias", previous_id=device, user_id=user), DEVICES, USERS),
    st.builds(
        lambda device, path: page(path, device=device).model_copy(
            update={"context": {"page": {"path": path}, "userAgent": "bot"}}
        ),
        DEVICES, PATHS,
    ),
)  # fmt: skip


class Waiting:
    """A partition of the stream that is a list; fulfils `ports.Partition`."""

    def __init__(self, happened: Sequence[Event]) -> None:
        self.entries = [Entry(str(number), EVENT.dump_json(each), 1) for number, each in enumerate(happened)]
        self.parked: list[str] = []

    def read(self, limit: int) -> list[Entry]:
        return self.entries[:limit]

    def done(self, ids: Any) -> None:
        gone = set(ids)
        self.entries = [entry for entry in self.entries if entry.id not in gone]

    def park(self, entry: Entry, reason: str, at: Any) -> None:
        self.parked.append(reason)


class PeopleMachine(RuleBasedStateMachine):
    """One installation, from empty to whatever the rules make of it."""

    engine: Engine

    @initialize()
    def begin(self) -> None:
        self.clock = MovableClock()
        self.definitions = definitions()
        with self.engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
            apply(connection, self.definitions, self.clock.now())
        self.database = Database(self.engine)
        self.minute = 0
        self.told: list[Event] = []
        self.pending: list[Event] = []
        self.by_hand = False

    @rule(happened=HAPPENED, early=EARLY)
    def something_happens(self, happened: Event, early: int) -> None:
        """An event, heard of at once or a good while after it happened; no two at the same instant."""
        self.minute += 1
        self.clock.advance(timedelta(minutes=1, seconds=1))
        at = MONDAY + timedelta(minutes=self.minute - early, seconds=self.minute % 60, microseconds=self.minute)
        self.pending.append(happened.model_copy(update={"occurred_at": at, "message_id": f"e{self.minute}"}))

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def something_is_sent_again(self, data: st.DataObject) -> None:
        self.pending.append(data.draw(st.sampled_from(self.told)))

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), cut=st.integers(1, 6), also_recount=st.booleans())
    def events_arrive(self, data: st.DataObject, cut: int, *, also_recount: bool) -> None:
        """What is pending comes in any order and in batches of any size; recount comes in between, or not."""
        waiting = Waiting(data.draw(st.permutations(self.pending)))
        self.told += [each for each in self.pending if each not in self.told]
        self.pending = []
        while waiting.entries:
            absorb(waiting, self.database, self.clock, lambda agent: "crawler" if "bot" in agent else "browser", cut)
            if also_recount:
                recount(self.database, self.clock)
        assert waiting.parked == []
        self.recount()

    def recount(self) -> None:
        for _ in range(20):
            if not recount(self.database, self.clock).due:
                return
        raise AssertionError("somebody is due for ever")

    @precondition(lambda self: self.told)
    @rule(data=st.data(), back_at_once=st.booleans())
    def an_operator_joins_two(self, data: st.DataObject, *, back_at_once: bool) -> None:
        own = sorted(row.id for row in self.rows(people) if row.merged_into is None)
        if len(own) < 2:
            return
        weak, into = data.draw(st.permutations(own))[:2]
        before = self.state()
        entry = merge(self.database, self.clock, weak, into, "operator", "the same human")
        self.by_hand = True
        if back_at_once:
            unmerge(self.database, self.clock, entry.id, "operator")
            for was, now in zip(before, self.state(), strict=True):
                assert now == was, "parting gives both people back exactly"

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def an_operator_parts_two(self, data: st.DataObject) -> None:
        merges = [row.id for row in self.rows(identity_journal) if row.action == "merged" and row.undone_at is None]
        if merges:
            self.by_hand = True
            try:
                unmerge(self.database, self.clock, data.draw(st.sampled_from(sorted(merges))), "operator")
            except Refused:
                raise AssertionError("a merge that holds can be taken back") from None

    def rows(self, table: Any) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(select(table)).all()

    def state(self) -> Any:
        """Everything that a merge touches, but for the mark that a human decided."""
        persons = [{name: value for name, value in row._mapping.items() if name != "by_hand"} for row in self.rows(people)]
        return (
            sorted(persons, key=lambda row: row["id"]),
            sorted(tuple(row) for row in self.rows(identifiers)),
            sorted((row.id, row.person_id) for row in self.rows(events)),
            sorted(tuple(row) for row in self.rows(score_cells)),
            sorted(tuple(row) for row in self.rows(active_days)),
            self.figures(),
        )

    def figures(self) -> dict[tuple[str, int, str], int]:
        """What all shards of the roll-ups come to, where it is not nothing."""
        sums: Counter[tuple[str, int, str]] = Counter()
        for row in self.rows(rollups):
            sums[row.figure, row.day, row.key] += row.n
        return {place: n for place, n in sums.items() if n}

    def people(self) -> frozenset[Told]:
        """Everybody in the database, as the oracle tells of people."""
        root_of = {row.id: row.merged_into or row.id for row in self.rows(people)}
        ids: dict[int, set[tuple[str, str]]] = defaultdict(set)
        did: dict[int, set[str]] = defaultdict(set)
        pages: dict[int, Counter[str]] = defaultdict(Counter)
        for row in self.rows(identifiers):
            ids[row.person_id].add((row.kind, row.value))
        for row in self.rows(events):
            if row.verdict == "human":
                did[root_of[row.person_id]].add(row.body["message_id"])
                if row.name == "page_viewed":
                    pages[root_of[row.person_id]][row.body["context"]["page"]["path"]] += 1
        return frozenset(
            Told(frozenset(did[each]), frozenset(ids[each]), frozenset(pages[each].items())) for each in ids.keys() | did.keys()
        )

    @invariant()
    def everything_holds(self) -> None:
        """Looked at when the rules have run; see `teardown`."""

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.recount()
            self.nobody_known_was_joined_by_an_event()
            self.cells_sum_to_the_score()
            found = audit(self.engine, self.definitions)
            assert not found.differing, found.differences
            if not self.by_hand:
                assert self.people() == Oracle(self.told).people()

    def nobody_known_was_joined_by_an_event(self) -> None:
        for row in self.rows(identity_journal):
            if row.action == "merged" and row.by == "event":
                assert all(kind not in STRONG for kind, *_ in row.image["known_by"])
        holders = [row.person_id for row in self.rows(identifiers)]
        own = {row.id for row in self.rows(people) if row.merged_into is None}
        assert set(holders) <= own, "who was merged holds nothing"

    def cells_sum_to_the_score(self) -> None:
        cells: dict[int, dict[Cell, int]] = defaultdict(dict)
        for row in self.rows(score_cells):
            cells[row.person_id][Cell(row.rule, row.day)] = row.hits
        scoring = self.definitions.scoring
        for row in self.rows(people):
            lines = score_lines(cells[row.id], scoring, 20_500)
            assert row.heat == heat_of(cells[row.id], scoring)
            assert sum(line.heat for line in lines) == row.heat or abs(sum(line.heat for line in lines) - row.heat) < 1e-9
