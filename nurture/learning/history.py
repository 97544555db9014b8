"""Cases from the event log: everybody at one moment of theirs, with nothing of what came later.

A winner's moment is their last act before they first won; nothing from that first win on is read. Somebody who has not won
gets a comparable moment: they are paired with a winner at random (seeded) who needed no longer from the first act to winning
than they have been watched, and their moment is the act nearest to where that winner's last one was. So both kinds
are seen at an act of theirs, which is when the engine asks about stages, and after equal times. People who have been
watched for less time than any winner needed may still win; they are left out. (On the traps of choosing such moments: Kaufman,
Rosset, Perlich, *Leakage in data mining*, KDD 2011.)

An event that nearly always comes with the win, such as a signed contract, predicts nothing: it is told of and left out.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from math import fsum
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, Row, select

from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import events, people
from nurture.domain.definitions import Definitions
from nurture.domain.event import ALIASED, EMAIL_OPENED, GROUPED, IDENTIFIED, TOLD_BY_SALES, Event, day_number
from nurture.domain.ids import stable_id
from nurture.domain.model import LONGEST_SLUG
from nurture.domain.person import Attribute, attributes_in
from nurture.domain.scoring import Cap, Cell, Scoring, ScoringRule, rules_hit, score_lines
from nurture.learning.binning import EMAIL_DOMAIN, FEWEST_PEOPLE
from nurture.learning.cases import Behaviour, CannotLearnError, Cases, Span, columns_of, refuse_too_few
from nurture.reports.reading import root, snapshot
from nurture.reports.wording import counted

#: An event that within this time is nearly always followed by the win happens with it, not before it.
_TOGETHER: Final = timedelta(hours=1)
_NEARLY_ALWAYS: Final = 0.8
_ENOUGH: Final = 10

_NEARLY_ALL: Final = 0.95

#: What tells who somebody is, or happens without them, is no act; nor is what sales answers, which follows the lead's rise and would
#: foretell the win. Opens do not score: half of them are machines.
_NO_ACT: Final = frozenset({IDENTIFIED, GROUPED, ALIASED, EMAIL_OPENED}) | TOLD_BY_SALES

#: How a rule for an event may count: whether it ever happened, on how many days, how often on each.
_CAPS: Final = {"ever": Cap(hits=1, per="ever"), "days": Cap(hits=1, per="day"), "often": Cap(hits=3, per="day")}


class Moment(NamedTuple):
    """When a person is looked at: acts up to `until`, that instant included, count."""

    until: datetime
    won: bool


class Life(NamedTuple):
    """A person's acts in their order, up to the first win, and when that was."""

    person: int
    instants: tuple[datetime, ...]
    names: tuple[str, ...]
    won_at: datetime | None


class Known(NamedTuple):
    """What the log tells of a person up to their moment."""

    facts: Mapping[str, Any]
    cells: Counter[Cell]
    moment: Moment


class History(NamedTuple):
    """The cases, and the counted hits of the rules in force, by which today's scoring can be measured on the same people."""

    cases: Cases
    known: tuple[Known, ...]


def history(engine: Engine, definitions: Definitions, won: str, seed: int) -> History:
    """Everybody in the log, for the outcome event `won`. Raises CannotLearnError, Unavailable."""
    with snapshot(engine) as connection:
        lives = list(_lives(connection, won))
        if not any(life.won_at for life in lives):
            raise CannotLearnError(f"no human ever did {won!r}; see how the event is spelled where it is sent")
        suspicious = suspicious_events(lives)
        # Not even their instants may count: a moment just before the win would tell winners by how long ago all else was.
        lives = [_without(life, suspicious) for life in lives]
        moments, remarks = moments_of(lives, seed)
        refuse_too_few((each.won for each in moments.values()), f"event {won!r}")
        counted_rules = _rules(definitions, lives, won)
        known = tuple(_known(connection, moments, counted_rules))
    usable = [rule for rule in counted_rules if not {*rule.on} & {*suspicious, won, *TOLD_BY_SALES}]
    facts = tuple(each.facts for each in known)
    untils = [each.moment.until for each in known]
    span = Span(min(untils), max(untils))
    cases = Cases(
        facts, columns_of(facts), tuple(behaviours_of(usable, definitions, known)),
        np.array([each.moment.won for each in known], dtype=bool), span.weeks, span, tuple(remarks),
        tuple(f"event {name}: nearly everybody who does it wins within an hour" for name in suspicious),
    )  # fmt: skip
    return History(cases, known)


def _log(connection: Connection, *columns: Any) -> Iterator[Row[Any]]:
    """What humans did, each person's acts together and in their order."""
    reading = (
        select(root().label("person"), *columns)
        .select_from(events.join(people))
        .where(events.c.verdict == "human")
        .order_by(root(), events.c.occurred_at, events.c.id)
    )
    yield from connection.execute(reading, execution_options={"yield_per": 2_000})


def _lives(connection: Connection, won: str) -> Iterator[Life]:
    for person, acts in groupby(_log(connection, events.c.name, events.c.occurred_at), key=attrgetter("person")):
        told = [(row.occurred_at, row.name) for row in acts]
        won_at = next((at for at, name in told if name == won), None)
        before = [(at, name) for at, name in told if name not in TOLD_BY_SALES and (won_at is None or at < won_at)]
        yield Life(person, tuple(at for at, _ in before), tuple(name for _, name in before), won_at)


def suspicious_events(lives: Iterable[Life]) -> list[str]:
    """Names of events after which nearly everybody wins within the hour."""
    did: Counter[str] = Counter()
    won_at_once: Counter[str] = Counter()
    for life in lives:
        last = dict(zip(life.names, life.instants, strict=True))
        did.update(last.keys())
        won_at_once.update(name for name, at in last.items() if life.won_at is not None and life.won_at - at <= _TOGETHER)
    return sorted(name for name, count in won_at_once.items() if count >= max(_ENOUGH, _NEARLY_ALWAYS * did[name]))


def _without(life: Life, names: Sequence[str]) -> Life:
    kept = [index for index, name in enumerate(life.names) if name not in names]
    return life._replace(instants=tuple(life.instants[index] for index in kept), names=tuple(life.names[index] for index in kept))


def moments_of(lives: Sequence[Life], seed: int) -> tuple[dict[int, Moment], list[str]]:
    """The moment of each person who has one, and remarks on those who have none."""
    winners = sorted(
        (
            (life.won_at - life.instants[0], life.instants[-1] - life.instants[0])
            for life in lives
            if life.won_at and life.instants
        ),
    )
    needed = [each[0] for each in winners]
    end = max(at for life in lives for at in (life.won_at, *life.instants[-1:]) if at is not None)
    moments: dict[int, Moment] = {}
    without_past = too_new = 0
    for life in lives:
        if not life.instants:
            without_past += life.won_at is not None
        elif life.won_at:
            moments[life.person] = Moment(life.instants[-1], won=True)
        else:
            # Those winners who needed no longer than this person has been watched stand first.
            possible = bisect_right(needed, end - life.instants[0])
            if not possible:
                too_new += 1
                continue
            active = winners[stable_id("moment", seed, life.person) % possible][1]
            wanted = life.instants[0] + active
            moments[life.person] = Moment(min(life.instants, key=lambda at: abs(at - wanted)), won=False)
    return moments, list(_remarks(without_past, too_new))


def _remarks(without_past: int, too_new: int) -> Iterator[str]:
    if without_past:
        yield f"{counted(without_past, 'winner')} did nothing before they won, so there was nothing to learn from; left out"
    if too_new:
        yield f"{counted(too_new, 'person', 'people')} came so late that no winner was as quick; they may still win; left out"


def _rules(definitions: Definitions, lives: Iterable[Life], won: str) -> list[ScoringRule]:
    """The rules in force, and rules of our own for each event that enough people did; ids are unique among all."""
    doers: Counter[str] = Counter()
    for life in lives:
        doers.update({*life.names})
    rules = list(definitions.scoring.rules)
    taken = {rule.id for rule in rules} | {rule.id for rule in definitions.scoring.fit}
    plain = {(rule.on, rule.cap) for rule in rules if rule.where is None}
    for name in sorted(name for name, count in doers.items() if count >= FEWEST_PEOPLE and name not in _NO_ACT and name != won):
        for suffix, cap in _CAPS.items():
            if ((name,), cap) not in plain:
                rules.append(ScoringRule(id=free_id(f"{name}-{suffix}", taken), on=(name,), points=1, cap=cap))
    return rules


def free_id(text: str, taken: set[str]) -> str:
    """A rule id made of a text, and added to those `taken`; a number behind it where somebody has it already."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: LONGEST_SLUG - 4].strip("-") or "rule"
    found = next(each for each in (plain, *(f"{plain}-{number}" for number in range(2, 1_000))) if each not in taken)
    taken.add(found)
    return found


def _known(connection: Connection, moments: Mapping[int, Moment], rules: Sequence[ScoringRule]) -> Iterator[Known]:
    by_event: dict[str, list[ScoringRule]] = defaultdict(list)
    for rule in rules:
        for name in rule.on:
            by_event[name].append(rule)
    columns = (events.c.name, events.c.occurred_at, events.c.received_at, events.c.body)
    for person, rows in groupby(_log(connection, *columns), key=attrgetter("person")):
        moment = moments.get(person)
        if moment is not None:
            yield _replayed(moment, (event_of(row) for row in rows if row.occurred_at <= moment.until), by_event)


def _replayed(moment: Moment, acts: Iterable[Event], by_event: Mapping[str, Sequence[ScoringRule]]) -> Known:
    attributes: dict[str, Attribute] = {}
    cells: Counter[Cell] = Counter()
    email: str | None = None
    for event in acts:
        if not event.consented:
            continue
        email = event.email or email
        for name, told in attributes_in(event).items():
            known = attributes.get(name)
            if known is None or (known.at, str(known.value)) < (told.at, str(told.value)):
                attributes[name] = told
        cells.update(Cell(rule.id, event.day) for rule in rules_hit(event, by_event))
    facts = {name: attribute.value for name, attribute in sorted(attributes.items())}
    if email:
        facts |= {"email": email, EMAIL_DOMAIN: email.rpartition("@")[2]}
    return Known(facts, cells, moment)


def behaviours_of(rules: Iterable[ScoringRule], definitions: Definitions, known: Sequence[Known]) -> Iterator[Behaviour]:
    """Each rule with the engagement that one point of it gives everybody at their moment: caps and fading are the engine's.

    A rule by which nearly everybody did equally much is left out: what is left of its points tells only how long ago that was.
    """
    cells: dict[str, dict[int, dict[Cell, int]]] = defaultdict(lambda: defaultdict(dict))
    for index, each in enumerate(known):
        for cell, hits in each.cells.items():
            cells[cell.rule][index][cell] = hits
    for rule in rules:
        worth_one = rule.model_copy(update={"points": 1})
        alone = Scoring(half_life=definitions.scoring.half_life, rules=(worth_one,))
        values, times = np.zeros(len(known)), np.zeros(len(known), dtype=np.int64)
        for index, own in cells[rule.id].items():
            lines = score_lines(own, alone, day_number(known[index].moment.until))
            values[index], times[index] = fsum(line.points for line in lines), sum(line.counted for line in lines)
        usual = np.bincount(times).max()
        if len(known) - usual >= FEWEST_PEOPLE and usual < _NEARLY_ALL * len(known):
            yield Behaviour(worth_one, values)
