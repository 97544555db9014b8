"""Whom sales should call now: who, why, when, and how long they have waited.

However many people there are, few are looked at: those who raised their hand latest, those for whom sales must still answer, and the
most engaged of each stage, in the order of an index, until nobody behind could come before those found (Fagin, Lotem, Naor:
*Optimal Aggregation Algorithms for Middleware*, PODS 2001: the threshold algorithm).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from pydantic import Field
from sqlalchemy import Connection, Row, and_, func, or_, select

from nurture.adapters.calendar import is_holiday
from nurture.adapters.database.bulk import among
from nurture.adapters.database.rows import event_of, person_of
from nurture.adapters.database.tables import events, follow_ups, people, score_cells, stage_changes
from nurture.domain.answering import ANSWER_OF
from nurture.domain.calling import Candidate, in_order, rules_that_ask, stages_to_call, worth
from nurture.domain.definitions import Definitions
from nurture.domain.event import ASSET_DOWNLOADED, PAGE_VIEWED, TOLD_BY_SALES, Event, day_number
from nurture.domain.following_up import deadline
from nurture.domain.next_action import Signals, next_action
from nurture.domain.person import Person
from nurture.domain.schedule import Calendar, local_for
from nurture.domain.scoring import Cell, score_lines
from nurture.domain.window import Window
from nurture.reports.figures import Figures

#: People of a stage who are read at once, and how many of a stage at most: then the bound is told of no more.
_PAGE: Final = 200
_MOST_PAGES: Final = 25

#: Of those who raised their hand, or for whom sales must answer, so many are looked at, the latest.
_LATEST: Final = 500

#: What somebody did is read as far back as this, and no more of it.
_LATELY: Final = timedelta(days=90)
_MOST_EVENTS: Final = 200

_MOST_LINES: Final = 3
_EPOCH: Final = date(1970, 1, 1)


class ScoreReason(Figures):
    """A line of somebody's score."""

    rule: str
    day: date
    hits: int
    points: float


class Lead(Figures):
    """Somebody to be called."""

    person: str = Field(description="Our id of them; as a number it would lose digits in JavaScript.")
    email: str | None
    name: str | None
    company: str | None
    stage: str
    since: datetime = Field(description="When they came to their stage.")
    asked: bool = Field(description="Whether they came there by what they did: a raised hand.")
    cause: str
    grade: str
    engagement: float
    worth: float = Field(description="Grade × engagement × freshness, by which those who did not ask are ordered.")
    seen_at: datetime
    reasons: tuple[ScoreReason, ...] = Field(description="The lines that weigh most in their engagement.")
    content: str | None = Field(description="What they read or downloaded last.")
    channel: str | None
    action: str
    action_text: str
    best_from: int = Field(description="From which hour on, in their time zone, they are best called …")
    best_until: int = Field(description="… and until which.")
    timezone: str
    best_known: bool = Field(description="Whether they themselves were seen at these hours.")
    best_next: datetime
    answer_by: datetime | None = Field(description="By when sales must have answered, if they must.")
    overdue: bool
    reminders: int
    last_answer: str | None
    last_answer_at: datetime | None
    last_answer_reason: str | None


def leads_to_call(
    connection: Connection, definitions: Definitions, at: datetime, *, stages: Sequence[str] = (), limit: int = 20
) -> list[Lead]:  # fmt: skip
    """Whom to call now, first those who come first."""
    asked_for = tuple(stages) or stages_to_call(definitions.lifecycle, definitions.handoff)
    found = _Candidates(connection, definitions, at, limit).at(asked_for)
    return [_told(connection, definitions, at, each) for each in found]


def lead_of(connection: Connection, definitions: Definitions, person: int, at: datetime) -> Lead:
    """One lead, wherever they stand."""
    search = _Candidates(connection, definitions, at, 1)
    search.take(connection.execute(select(people).where(people.c.id == person)).all())
    return _told(connection, definitions, at, search.first()[0])


class _Found(NamedTuple):
    """A candidate with the person and how they came to their stage."""

    candidate: Candidate
    person: Person
    move: Row[Any] | None


class _Candidates:
    """The search for those who are worth most."""

    def __init__(self, connection: Connection, definitions: Definitions, at: datetime, limit: int) -> None:
        self._connection = connection
        self._definitions = definitions
        self._at = at
        self._limit = limit
        self._grades = definitions.scoring.grades
        self._rules = rules_that_ask(definitions.lifecycle)
        self._found: dict[int, _Found] = {}

    def at(self, stages: Sequence[str]) -> list[_Found]:
        self.take(self._rows(self._who_asked(stages), stages))
        self.take(self._rows(self._awaited(stages), stages))
        for stage in stages:
            self._most_engaged(stage)
        return self.first()

    def first(self) -> list[_Found]:
        """Those who come first of all found so far."""
        order = in_order((each.candidate for each in self._found.values()), self._grades, self._at)
        return [self._found[each.person] for each in order[: self._limit]]

    def take(self, rows: Sequence[Row[Any]]) -> list[_Found]:
        """Look at people as they are stored."""
        persons = [person_of(row) for row in rows if row.id not in self._found]
        moves = self._last_moves(persons)
        for person in persons:
            move = moves.get(person.id)
            engagement = person.facts(self._at, self._definitions.scoring)["engagement"]
            asked = move is not None and move.rule in self._rules
            fresh_at = max(person.seen_at, person.stage_since)
            self._found[person.id] = _Found(Candidate(person.id, asked, str(person.grade), engagement, fresh_at), person, move)
        return [self._found[row.id] for row in rows]

    def _who_asked(self, stages: Sequence[str]) -> list[int]:
        whoever = func.coalesce(people.c.merged_into, people.c.id)
        asked = (
            select(whoever)
            .select_from(stage_changes.join(people, people.c.id == stage_changes.c.person_id))
            .where(
                stage_changes.c.to_stage.in_(stages),
                stage_changes.c.rule.in_(self._rules),
                stage_changes.c.at >= self._at - _LATELY,
            )
            .order_by(stage_changes.c.at.desc())
            .limit(_LATEST)
        )
        return list(self._connection.scalars(asked))

    def _awaited(self, stages: Sequence[str]) -> list[int]:
        whoever = func.coalesce(people.c.merged_into, people.c.id)
        asked = (
            select(whoever)
            .select_from(follow_ups.join(people, people.c.id == follow_ups.c.person_id))
            .where(follow_ups.c.answered_at.is_(None), follow_ups.c.stage.in_(stages))
            .order_by(follow_ups.c.level.desc(), follow_ups.c.since.desc())
            .limit(_LATEST)
        )
        return list(self._connection.scalars(asked))

    def _rows(self, ids: Sequence[int], stages: Sequence[str]) -> Sequence[Row[Any]]:
        which = among(self._connection, people.c.id, set(ids))
        return self._connection.execute(select(people).where(which, people.c.stage.in_(stages))).all()

    def _most_engaged(self, stage: str) -> None:
        """By falling heat, until nobody behind can be worth more than the last of those who come first."""
        ordered = select(people).where(people.c.stage == stage, people.c.merged_into.is_(None))
        ordered = ordered.order_by(people.c.heat.desc(), people.c.id.desc()).limit(_PAGE)
        behind = ordered
        for _ in range(_MOST_PAGES):
            rows = self._connection.execute(behind).all()
            found = self.take(rows)
            if len(rows) < _PAGE or found[-1].candidate.engagement <= self._least_worth():
                return
            heat, last = rows[-1].heat, rows[-1].id
            behind = ordered.where(or_(people.c.heat < heat, and_(people.c.heat == heat, people.c.id < last)))

    def _least_worth(self) -> float:
        first = self.first()
        if len(first) < self._limit:
            return 0.0
        last = first[-1].candidate
        return float("inf") if last.asked else worth(last, self._grades, self._at)

    def _last_moves(self, persons: Sequence[Person]) -> Mapping[int, Row[Any]]:
        """By which each came to where they stand: their own move, or that of whom they were before."""
        by_id = {person.id: person for person in persons}
        merged = select(people.c.id, people.c.merged_into).where(among(self._connection, people.c.merged_into, by_id.keys()))
        root_of = {id_: id_ for id_ in by_id} | {row.id: row.merged_into for row in self._connection.execute(merged)}
        found: dict[int, Row[Any]] = {}
        asked = select(stage_changes).where(among(self._connection, stage_changes.c.person_id, root_of.keys()))
        for row in self._connection.execute(asked.order_by(stage_changes.c.at)):
            root = root_of[row.person_id]
            if row.to_stage == by_id[root].stage:
                found[root] = row
        return found


def _told(connection: Connection, definitions: Definitions, at: datetime, found: _Found) -> Lead:
    person, candidate, move = found.person, found.candidate, found.move
    ids = [person.id, *connection.scalars(select(people.c.id).where(people.c.merged_into == person.id))]
    lately = _lately(connection, ids, at)
    calendar = Calendar(definitions.sending.timezone, is_holiday)
    facts = person.facts(at, definitions.scoring)
    zone = local_for(Window(), facts, calendar).zone.key
    acts = [event.occurred_at for event in lately if event.name not in TOLD_BY_SALES]
    signals = Signals(person.stage, definitions.lifecycle.stages, candidate.asked, candidate.grade, zone, acts)
    todo = next_action(signals, person.stage_since, at)
    awaited = connection.execute(
        select(follow_ups).where(among(connection, follow_ups.c.person_id, ids), follow_ups.c.answered_at.is_(None))
    ).first()
    rule = definitions.handoff.follow_up.get(awaited.stage) if awaited is not None else None
    answer_by = deadline(rule, awaited.since, calendar) if awaited is not None and rule is not None else None
    answered = next(iter(_answers(connection, ids)), None)
    return Lead(
        person=str(person.id), email=person.email, name=_name(facts), company=_text(facts, "company"), stage=person.stage,
        since=person.stage_since, asked=candidate.asked, cause=move.cause if move is not None else "", grade=candidate.grade,
        engagement=round(candidate.engagement, 1), worth=round(worth(candidate, definitions.scoring.grades, at), 1),
        seen_at=person.seen_at, reasons=tuple(_reasons(connection, definitions, person, at)),
        content=next((told for event in lately if (told := _content(event)) is not None), None),
        channel=person.touch.channel if person.touch is not None else None,
        action=todo.action.value, action_text=todo.action.words, best_from=todo.best.since, best_until=todo.best.until, timezone=zone,
        best_known=todo.best.known, best_next=todo.best.next, answer_by=answer_by,
        overdue=answer_by is not None and answer_by <= at, reminders=awaited.level if awaited is not None else 0,
        last_answer=ANSWER_OF[answered.name] if answered is not None else None,
        last_answer_at=answered.occurred_at if answered is not None else None,
        last_answer_reason=_text(answered.properties, "reason") if answered is not None else None,
    )  # fmt: skip


def _lately(connection: Connection, ids: Sequence[int], at: datetime) -> list[Event]:
    """What somebody did lately, the latest first."""
    asked = select(events).where(
        among(connection, events.c.person_id, ids), events.c.verdict == "human", events.c.occurred_at >= at - _LATELY
    )
    rows = connection.execute(asked.order_by(events.c.occurred_at.desc()).limit(_MOST_EVENTS))
    return [event_of(row) for row in rows]


def _answers(connection: Connection, ids: Sequence[int]) -> Iterator[Event]:
    """What sales answered, the latest first."""
    asked = select(events).where(
        among(connection, events.c.person_id, ids), events.c.verdict == "human", events.c.name.in_(sorted(TOLD_BY_SALES))
    )
    for row in connection.execute(asked.order_by(events.c.occurred_at.desc())):
        event = event_of(row)
        if event.assurance == "verified":
            yield event


def _reasons(connection: Connection, definitions: Definitions, person: Person, at: datetime) -> Iterator[ScoreReason]:
    cells: dict[Cell, int] = defaultdict(int)
    for row in connection.execute(select(score_cells).where(score_cells.c.person_id == person.id)):
        cells[Cell(row.rule, row.day)] = row.hits
    lines = score_lines(cells, definitions.scoring, day_number(at))
    for line in sorted(lines, key=lambda line: (-abs(line.points), -line.day, line.rule))[:_MOST_LINES]:
        yield ScoreReason(rule=line.rule, day=_EPOCH + timedelta(days=line.day), hits=line.hits, points=round(line.points, 1))


def _content(event: Event) -> str | None:
    if event.name == ASSET_DOWNLOADED:
        return _text(event.properties, "asset")
    if event.name == PAGE_VIEWED:
        return _text(event.facts, "path") or _text(event.facts, "title")
    return None


def _name(facts: Mapping[str, Any]) -> str | None:
    parts = [part for name in ("first_name", "last_name") if (part := _text(facts, name))]
    return " ".join(parts) or _text(facts, "name")


def _text(facts: Mapping[str, Any], name: str) -> str | None:
    value = facts.get(name)
    return value[:200] if isinstance(value, str) and value else None
