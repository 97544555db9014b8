"""What the database would hold, in memory: everybody, everything, of one simulated installation.

The rules by which rows are read and written are those of `nurture.adapters.database`; the transactions that the verbs open on
it stand in `transactions`. Nothing here outlives the process, and nothing leads out of it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from nurture.domain.component import Logged
from nurture.domain.consent import Action, Agreement, Statement, standing
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import LIVE, Enrollment, EnrollmentStatus
from nurture.domain.event import Event
from nurture.domain.history import History, Past, Reach, past_of
from nurture.domain.identity import Dispute, Holding, Identifier
from nurture.domain.judging import Click
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.message import AS_THEY_WISH, LOST_TO_OTHERS
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.domain.mail.suppression import ALL, Suppressed, topic_scope
from nurture.domain.person import Person
from nurture.domain.preferences import Lifted, Rhythm, Wish
from nurture.domain.scoring import Cell, fades_below
from nurture.domain.sequence import Sequence
from nurture.domain.stepping import PlannedMessage
from nurture.domain.surveying import Survey, surveys_of
from nurture.domain.verdict import AT_ONCE, opened_in_mail
from nurture.domain.world import JournalEntry
from nurture.ports import Outcome

_WALKING = (EnrollmentStatus.ACTIVE, EnrollmentStatus.WAITING)


@dataclass(slots=True)
class Mail:
    """A message, as the table keeps it."""

    planned: PlannedMessage
    person: int
    status: MessageStatus
    planned_at: datetime
    due_at: datetime
    reason: Reason | None = None
    detail: str | None = None
    attempts: int = 0
    sent_at: datetime | None = None
    language: str | None = None
    subject: str | None = None
    lost_to: tuple[int, ...] = ()


class Ground(NamedTuple):
    """What stands still in a simulation. `held` are the sequences that are paused, `closed` those that nobody
    enters any more, `versions` those that runs may be pinned to;
    `barred` are addresses that are not to be mailed from the beginning;
    `reach` is every event that any condition or step asks the past about. In memory all of it is known, however long ago.
    """

    definitions: Definitions
    held: Collection[str]
    versions: Mapping[tuple[str, str], Sequence]
    reach: Reach
    barred: Collection[str] = ()
    closed: Collection[str] = ()

    @classmethod
    def of(
        cls,
        definitions: Definitions,
        held: Collection[str] = (),
        older: Mapping[tuple[str, str], Sequence] | None = None,
        barred: Collection[str] = (),
        closed: Collection[str] = (),
    ) -> "Ground":
        """The ground that definitions make; `older` are versions of sequences that people still stand on."""
        current = {(name, version): definitions.sequences[name] for name, version in definitions.versions.items()}
        versions = {**(older or {}), **current}
        names = {*definitions.history_names}
        for sequence in versions.values():
            names |= sequence.awaited_events
            names.update(name for question in sequence.history() for name in question.events)
        return cls(definitions, held, versions, dict.fromkeys(sorted(names)), barred, closed)


@dataclass(slots=True)
class Memory:
    """The tables."""

    ground: Ground
    horizon: datetime | None = None
    people: dict[int, Person] = field(default_factory=dict)
    holdings: dict[Identifier, Holding] = field(default_factory=dict)
    journal: dict[int, JournalEntry] = field(default_factory=dict)
    log: dict[UUID, Logged] = field(default_factory=dict)
    counted: set[UUID] = field(default_factory=set)
    cells: dict[int, Counter[Cell]] = field(default_factory=lambda: defaultdict(Counter))
    runs: dict[int, Enrollment] = field(default_factory=dict)
    mails: dict[int, Mail] = field(default_factory=dict)
    moves: list[StageChange] = field(default_factory=list)
    suppressed: dict[tuple[str, str], Suppressed] = field(default_factory=dict)
    said: dict[tuple[str, str], list[tuple[Action, datetime]]] = field(default_factory=lambda: defaultdict(list))
    rhythms: dict[str, Rhythm] = field(default_factory=dict)
    marked: dict[int, datetime] = field(default_factory=dict)
    surveys: dict[tuple[str, str], Survey] = field(default_factory=dict)

    def sequence_of(self, run: Enrollment) -> Sequence | None:
        """The sequence of a run, in the version it is pinned to."""
        return self.ground.versions.get((run.sequence, run.version))

    def holders(self, named: Iterable[Identifier]) -> set[int]:
        """The people who hold these identifiers."""
        return {holding.person for each in named if (holding := self.holdings.get(each)) is not None}

    def known_by(self, people: Collection[int]) -> dict[Identifier, Holding]:
        """Everything these people are known by."""
        return {each: holding for each, holding in self.holdings.items() if holding.person in people}

    def disputes(self, named: Collection[Identifier]) -> Mapping[Identifier, list[Dispute]]:
        """When these identifiers changed hands, or were asked for in vain."""
        told: dict[Identifier, list[Dispute]] = {}
        for entry in self.journal.values():
            if entry.identifier in named and entry.identifier is not None:
                people = frozenset(each for each in (entry.person, entry.other) if each is not None)
                told.setdefault(entry.identifier, []).append(Dispute(entry.at, people))
        return told

    def losses(self, people: Collection[int], since: datetime) -> Mapping[int, datetime]:
        """When each of these people last lost an identifier to another, if it was after `since`."""
        lost: dict[int, datetime] = {}
        for entry in self.journal.values():
            if entry.action == "moved" and entry.other in people and entry.other is not None and entry.at > since:
                lost[entry.other] = max(entry.at, lost.get(entry.other, entry.at))
        return lost

    def note(self, entries: Iterable[JournalEntry]) -> None:
        """Add to the journal; of the same refusals in one transaction the latest instant stays."""
        latest: dict[int, JournalEntry] = {}
        for entry in entries:
            known = latest.get(entry.id)
            if known is None or known.at < entry.at:
                latest[entry.id] = entry
        self.journal |= latest

    def clicks(self, opened: Collection[Event], people: Collection[int]) -> Mapping[int, list[Click]]:
        """What these people opened in mails around the time of `opened`, by message."""
        clicks: dict[int, list[Click]] = defaultdict(list)
        if not opened:
            return clicks
        first, last = min(event.occurred_at for event in opened), max(event.occurred_at for event in opened)
        for key, (event, verdict, person) in self.log.items():
            if event.message is None or person not in people:
                continue
            target, near = opened_in_mail(event), first - AT_ONCE <= event.occurred_at <= last + AT_ONCE
            if target is not None and near:
                clicks[event.message].append(Click(key, person, event.occurred_at, target, verdict == "human"))
        return clicks

    def runs_of(self, people: Collection[int]) -> list[Enrollment]:
        """The runs of these people."""
        return [run for run in self.runs.values() if run.person in people]

    def remember(self, people: Iterable[Person], owner_of: Callable[[UUID, int], int] | None = None) -> None:
        """Let people know all of their past that anything asks about; `owner_of` says whose an event is where that is not stored yet."""
        whose = owner_of or (lambda _, person: self.people[person].merged_into or person)
        past: dict[int, list[Past]] = defaultdict(list)
        for key, entry in self.log.items():
            if entry.verdict == "human":
                past[whose(key, entry.person)].append(past_of(entry.event))
        for person in people:
            person.history = History(past[person.id], self.ground.reach)

    def cools_on(self, from_day: int) -> int | None:
        """The first day (UTC) from `from_day` on whose beginning alone may send somebody down a stage."""
        half_life = self.ground.definitions.scoring.half_life
        days = [
            from_day if (bound := rule.engagement_below) is None else fades_below(bound, person.heat, half_life, from_day)
            for rule in self.ground.definitions.lifecycle.recycling
            for person in self.people.values()
            if person.stage == rule.from_ and person.merged_into is None
        ]
        return min(days, default=None)

    def next_run(self) -> datetime | None:
        """When the next run is due."""
        earliest: datetime | None = None
        for run in self.runs.values():
            due = run.due_at
            if due is not None and (earliest is None or due < earliest) and run.status in _WALKING:
                earliest = due
        return earliest

    def next_survey(self) -> datetime | None:
        """When the next survey is due."""
        return min(survey.at for survey in self.surveys.values()) if self.surveys else None

    def next_mail(self) -> datetime | None:
        """When the next message is due."""
        earliest: datetime | None = None
        for mail in self.mails.values():
            if mail.status is MessageStatus.QUEUED and (earliest is None or mail.due_at < earliest):
                earliest = mail.due_at
        return earliest

    def due_runs(self, at: datetime) -> list[Enrollment]:
        """The runs whose time has come, most overdue first."""
        due = [run for run in self.runs.values() if run.due_at is not None and run.due_at <= at and run.status in _WALKING]
        return sorted(due, key=_due_at) if len(due) > 1 else due

    def due_mails(self, at: datetime) -> list[Mail]:
        """The queued messages whose time has come, most overdue first."""
        due = [mail for mail in self.mails.values() if mail.status == MessageStatus.QUEUED and mail.due_at <= at]
        return sorted(due, key=_due_at) if len(due) > 1 else due

    def queue(self, planned: PlannedMessage, at: datetime) -> Mail | None:
        """A message of a step taken at instant `at`; None if the step had left one before."""
        if planned.id in self.mails:
            return None
        status = MessageStatus.SKIPPED if planned.skipped else MessageStatus.QUEUED
        mail = self.mails[planned.id] = Mail(planned, planned.person, status, planned.planned_at, at, planned.skipped)
        return mail

    def cancel(self, mails: Iterable[Mail], reason: Reason) -> list[Mail]:
        """Of these messages the queued ones will not go."""
        cancelled = [mail for mail in mails if mail.status == MessageStatus.QUEUED]
        for mail in cancelled:
            mail.status, mail.reason = MessageStatus.SKIPPED, reason
        return cancelled

    def mails_of_runs(self, runs: Collection[int]) -> list[Mail]:
        """The messages of these runs."""
        return [mail for mail in self.mails.values() if mail.planned.enrollment in runs]

    def settle(self, outcome: Outcome) -> None:
        """Note what became of a message; one that was cancelled meanwhile keeps the status that cancelled it."""
        mail = self.mails[outcome.message]
        if mail.status not in (MessageStatus.QUEUED, MessageStatus.SENDING):
            return
        mail.attempts = outcome.attempts or mail.attempts
        mail.status, mail.reason, mail.detail = outcome.status, outcome.reason, outcome.detail
        if outcome.status in (MessageStatus.SENT, MessageStatus.UNCERTAIN):
            mail.sent_at = outcome.at
        if outcome.written is not None:
            mail.language, mail.subject = outcome.written.language or None, outcome.written.subject or None
        mail.due_at = outcome.due_at or mail.due_at
        mail.planned_at = outcome.planned_at or mail.planned_at
        mail.lost_to = outcome.lost_to or mail.lost_to

    def wake_the_capped(self, outcomes: Iterable[Outcome]) -> list[Mail]:
        """Where a mail does not go after all, let what lost to it be looked at again."""
        gone = {each.message: each.at for each in outcomes if each.status in (MessageStatus.FAILED, MessageStatus.SKIPPED)}
        if not gone:
            return []
        readers, at = {self.mails[message].person for message in gone}, max(gone.values())
        awake = [
            mail for mail in self.mails.values()
            if mail.person in readers and mail.status == MessageStatus.QUEUED and mail.reason in LOST_TO_OTHERS and mail.due_at > at
        ]  # fmt: skip
        for mail in awake:
            mail.due_at = mail.planned_at = at
        return awake

    def is_barred(self, email: str | None) -> bool:
        """Whether an address is not to be mailed."""
        return (email, ALL) in self.suppressed or email in self.ground.barred

    def is_off(self, email: str | None, topic: str | None) -> bool:
        """Whether the owner of an address does not wish to read of a topic."""
        return (email, topic_scope(topic)) in self.suppressed

    def agreement(self, email: str | None, purpose: str | None) -> Agreement | None:
        """Where an address stands with a purpose."""
        return standing(self.said.get((email or "", purpose or ""), ()))

    def suppress(self, wanted: Iterable[Suppressed]) -> list[Mail]:
        """Suppress addresses; the mails that will not go. Of one that is suppressed already the first reason stays."""
        unwanted = list(wanted)
        for each in unwanted:
            self.suppressed.setdefault((each.email, each.scope), each)
        whole = {each.email for each in unwanted if each.scope == ALL}
        return self.cancel(self._mails_to(whole), Reason.SUPPRESSED) if whole else []

    def agree(self, said: Iterable[Statement]) -> None:
        """Add to the ledger of consent."""
        for each in said:
            self.said[each.email, each.purpose].append((each.action, each.at))
            if each.action == "confirmed":
                self._look_again(each.email, each.at)

    def lift(self, lifted: Iterable[Lifted]) -> None:
        """Let addresses be mailed again of what their owners had chosen not to receive."""
        for each in lifted:
            self.suppressed = {key: known for key, known in self.suppressed.items() if not each.lifts(known)}

    def wish(self, wishes: Iterable[Wish]) -> None:
        """Put in force what people wish for; of each address the last word counts."""
        for wish in sorted(wishes, key=lambda each: each.at):
            known = self.rhythms.get(wish.email)
            if known is not None and known.at is not None and known.at > wish.at:
                continue
            self.rhythms[wish.email] = wish.rhythm
            self.lift([wish.wanted])
            self.suppress(wish.unwanted)
            self._look_again(wish.email, wish.at)

    def _look_again(self, email: str, at: datetime) -> None:
        """Let mail be looked at again that waits for what its reader says."""
        for mail in self._mails_to({email}):
            if mail.status == MessageStatus.QUEUED and mail.reason in AS_THEY_WISH and mail.due_at > at:
                mail.due_at = mail.planned_at = at

    def _mails_to(self, addresses: Collection[str]) -> list[Mail]:
        readers = {person.id for person in self.people.values() if person.email in addresses}
        return [mail for mail in self.mails.values() if mail.person in readers]

    def root(self, person: int) -> Person | None:
        """Whoever a person is by now; None if nobody has the id."""
        found = self.people.get(person)
        return self.people.get(found.merged_into) if found is not None and found.merged_into is not None else found


def begun(ground: Ground, at: datetime) -> Memory:
    """A memory of nobody, in which the definitions have come into force at an instant."""
    memory = Memory(ground)
    memory.surveys |= {(survey.sequence, survey.kind): survey for survey in surveys_of((), None, ground.definitions, at)}
    return memory


def is_over(run: Enrollment) -> bool:
    """Whether a run has ended."""
    return run.status not in LIVE


def _due_at(each: Enrollment | Mail) -> datetime:
    assert each.due_at is not None
    return each.due_at
