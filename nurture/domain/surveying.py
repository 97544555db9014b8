"""Who enters a sequence without doing anything just now: the decisions behind the verb *survey*.

A survey walks through everybody, by id. There are two kinds. `audience`: every day, who has come to fulfil by the passing of time
alone what a sequence waits for (`trigger: {enters: …}`); what people do themselves is decided as it happens. `backfill`: once, who
was triggered before a sequence was put in force.
"""

from collections.abc import Collection, Mapping
from collections.abc import Sequence as Ordered
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from nurture.domain.acting import Acting, is_inside
from nurture.domain.conditions import Condition
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, ending_by_event, ending_by_state, is_triggered
from nurture.domain.event import Event, midnight
from nurture.domain.history import HistoryQuestion, widest
from nurture.domain.ids import stable_id
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Person
from nurture.domain.sequence import Sequence

Kind = Literal["audience", "backfill"]

#: Nobody has an id below.
NOBODY: Final = -1

#: Over how long the first steps of backfilled runs are spread, unless the window of their sequence says.
SPREAD: Final = timedelta(hours=1)

_ONE_SECOND: Final = timedelta(seconds=1)


class Survey(NamedTuple):
    """A walk through everybody for one sequence; people up to id `after` are done.

    One of an audience compares instant `at` with `since`; a backfill looks back to `since` and was asked for at `at`. It is due
    when `at` has come.
    """

    sequence: str
    kind: Kind
    since: datetime
    at: datetime
    after: int = NOBODY

    def begun(self, now: datetime) -> "Survey":
        """As it is walked: one of an audience that was not begun looks at the latest midnight, so that after an outage of days
        one covers them all.
        """
        if self.kind == "backfill" or self.after != NOBODY:
            return self
        return self._replace(at=max(self.at, midnight(now)))

    def next(self) -> "Survey | None":
        """The one that follows when this one has walked through everybody."""
        if self.kind == "backfill":
            return None
        return Survey(self.sequence, self.kind, self.at, midnight(self.at) + timedelta(days=1))


def surveys_of(standing: Collection[Survey], before: Definitions | None, after: Definitions, at: datetime) -> list[Survey]:
    """The surveys there are to be when definitions come into force at instant `at`, after others with their `standing` ones.

    An audience is surveyed from the next midnight on; whoever is inside at `at` does not enter (from_now). A backfill begins when a
    sequence comes into force that asks for it and was not there, or had another trigger, or another `enroll`.
    """
    known = {(survey.sequence, survey.kind): survey for survey in standing}
    found: list[Survey | None] = []
    for name, sequence in after.sequences.items():
        former = before.sequences.get(name) if before is not None else None
        same = former is not None and former.trigger.written() == sequence.trigger.written()
        if sequence.trigger.enters is not None:
            first = Survey(name, "audience", at, midnight(at) + timedelta(days=1))
            found.append(known.get((name, "audience"), first) if same else first)
        if looks_back(sequence):
            asked_before = same and former is not None and former.enroll == sequence.enroll
            found.append(known.get((name, "backfill")) if asked_before else backfill_of(sequence, at))
    return [survey for survey in found if survey is not None]


def looks_back(sequence: Sequence) -> bool:
    """Whether people of before are to enter; nothing ever triggers one that is entered by hand alone."""
    return sequence.enroll.backfill is not None and not sequence.trigger.manual


def backfill_of(sequence: Sequence, at: datetime) -> Survey:
    """The backfill of a sequence that comes into force at instant `at`."""
    return Survey(sequence.sequence, "backfill", at - (sequence.enroll.backfill or timedelta(0)), at)


Happened = Event | StageChange


class Glance(NamedTuple):
    """Some people, who know their past as far as conditions ask. `triggered` are those of them who did, or were promoted by, something
    of the kind that a backfill asks about.
    """

    people: Ordered[Person]
    triggered: Collection[int]


class Crowd(NamedTuple):
    """Some people looked at closely: with what happened to them that backfills ask about, and all their runs, by person.

    `held` are the sequences that are paused, `closed` those that nobody enters any more.
    """

    people: Ordered[Person]
    happened: Mapping[int, Ordered[Happened]]
    runs: Mapping[int, Ordered[Enrollment]]
    held: Collection[str] = ()
    closed: Collection[str] = ()


def events_asked_for(sequence: Sequence) -> frozenset[str]:
    """The events whose past decides who is backfilled: what triggers the sequence, and what would have ended it since."""
    goal = sequence.goal.event if sequence.goal is not None else ()
    return frozenset({*sequence.trigger.events, *goal, *(way_out for way_out in sequence.exit if isinstance(way_out, str))})


def past_asked_for(sequences: Collection[Sequence]) -> Mapping[str, timedelta | None]:
    """How far back the conditions look that say who enters."""
    questions: list[HistoryQuestion] = []
    for sequence in sequences:
        asked = [*sequence.trigger.conditions(), *(way_out for way_out in sequence.exit if isinstance(way_out, Condition))]
        asked += [sequence.audience] if sequence.audience is not None else []
        questions += (question for condition in asked for question in condition.history())
    return widest(questions)


def concerned(glance: Glance, surveys: Collection[Survey], definitions: Definitions, at: datetime) -> set[int]:
    """The people who may enter something, as far as a glance tells."""
    deciding = _Deciding(Crowd(glance.people, {}, {}), definitions, at)
    found: set[int] = set()
    for survey in surveys:
        if survey.kind == "backfill" and has_cause(definitions.sequences[survey.sequence]):
            found.update(glance.triggered)
        else:
            found.update(person.id for person in glance.people if deciding.cause_of(survey, person) is not None)
    return found


def has_cause(sequence: Sequence) -> bool:
    """Whether an event or a promotion triggers a sequence: something that the log tells of."""
    return bool(sequence.trigger.events) or sequence.trigger.promoted_to is not None


def entering(crowd: Crowd, surveys: Collection[Survey], definitions: Definitions, at: datetime) -> list[Enrollment]:
    """The runs that begin at instant `at`."""
    deciding = _Deciding(crowd, definitions, at)
    for person in crowd.people:
        for survey in surveys:
            deciding.take_in(survey, person)
    return deciding.begun()


class _Deciding:
    """Decides for the people of a crowd."""

    def __init__(self, crowd: Crowd, definitions: Definitions, at: datetime) -> None:
        self._definitions, self._at, self._happened = definitions, at, crowd.happened
        self._runs = {person: list(runs) for person, runs in crowd.runs.items()}
        self._acting = Acting(definitions, self._runs, lambda _: None, at, crowd.held, crowd.closed)

    def take_in(self, survey: Survey, person: Person) -> None:
        sequence = self._definitions.sequences[survey.sequence]
        since = self.cause_of(survey, person)
        if since is None or not self._is_new_to(survey, sequence, person, since):
            return
        if ending_by_state(sequence, self._facts(person, self._at)) is None:
            self._acting.take_in(person, sequence, since, self._first_step_at(survey, sequence, person))

    def begun(self) -> list[Enrollment]:
        return [run for runs in self._runs.values() for run in runs if run.new]

    def cause_of(self, survey: Survey, person: Person) -> datetime | None:
        """When what puts a person on the sequence happened; None if nothing did."""
        sequence = self._definitions.sequences[survey.sequence]
        if survey.kind == "audience":
            return survey.at if self._came_inside(survey, sequence, person) else None
        if sequence.trigger.enters is not None:
            return self._at if is_inside(person, sequence, self._facts(person, self._at)) else None
        if sequence.trigger.date is not None:
            ahead = self._acting.has_date_ahead(person, sequence, self._at)
            return person.attributes[sequence.trigger.date].at if ahead else None
        return self._last_cause(survey, sequence, person)

    def _came_inside(self, survey: Survey, sequence: Sequence, person: Person) -> bool:
        """Whether time alone made it true between `since`, or what they last did since, and `at`."""
        if not is_inside(person, sequence, self._facts(person, survey.at)):
            return False
        # What came true by what they did, they entered for then: so it is not asked before they did it.
        before = max(survey.since, person.seen_at) if person.seen_at <= survey.at else survey.since
        return not is_inside(person, sequence, self._facts(person, before))

    def _last_cause(self, survey: Survey, sequence: Sequence, person: Person) -> datetime | None:
        """When they were last triggered, if nothing has happened since that would have ended it."""
        last, ended = None, None
        for each in self._happened.get(person.id, ()):
            event, change = (None, each) if isinstance(each, StageChange) else (each, None)
            instant = each.at if isinstance(each, StageChange) else each.occurred_at
            if instant >= survey.since and is_triggered(sequence.trigger, event, change):
                last = max(instant, last or instant)
            if event is not None and ending_by_event(sequence, event) is not None:
                ended = max(instant, ended or instant)
        return None if last is not None and ended is not None and ended >= last else last

    def _is_new_to(self, survey: Survey, sequence: Sequence, person: Person, since: datetime) -> bool:
        """Whether a backfill brings them something that an earlier run of theirs has not; the re-entry rule decides beside."""
        earlier = [run for run in self._runs.get(person.id, ()) if run.sequence == sequence.sequence]
        if survey.kind == "audience":
            return True
        if sequence.trigger.enters is not None:
            return not earlier  # nobody knows since when it is true of them
        return all(run.ended_at is not None and run.ended_at <= since for run in earlier)

    def _first_step_at(self, survey: Survey, sequence: Sequence, person: Person) -> datetime:
        """At once, or for many at once a while later that is always the same for this person. A date comes when it comes."""
        if survey.kind == "audience" or sequence.trigger.date is not None:
            return self._at
        seconds = (sequence.window.spread or SPREAD) // _ONE_SECOND
        return self._at + timedelta(seconds=seconds * stable_id("backfill", person.id, sequence.sequence) >> 63)

    def _facts(self, person: Person, at: datetime) -> Mapping[str, object]:
        return person.facts(at, self._definitions.scoring)
