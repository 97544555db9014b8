"""People joined and parted by hand: what no event may do, an operator can, and can take back.

Joining gives everything of one person to another and keeps how both were before. Parting gives both back: what they were known
by, where they stood, their runs, and what each of them did, also since they were joined. From then on neither is joined to
anybody by an event, for a human has decided who they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from nurture.domain.component import Component, Logged, Recounted
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.identity import STRONG, Identifier, Register, identifiers_in
from nurture.domain.merging import MERGED, image_of, join_runs
from nurture.domain.person import Person
from nurture.domain.recounting import count_people
from nurture.domain.world import JournalEntry


def join(
    component: Component, weak: int, into: int, by: str, reason: str, definitions: Definitions, at: datetime
) -> Recounted:  # fmt: skip
    """Give everything of `weak` to `into`, who are both people of their own; changes the component."""
    theirs = {each: holding for each, holding in component.holdings.items() if holding.person == weak}
    children = [person.id for person in component.people.values() if person.merged_into == weak]
    image = image_of(component.people[weak], component.people[into], theirs)
    own = [list(each) for each, holding in component.holdings.items() if holding.person == into]
    image |= {"children": children, "others": own, "runs": [_image_of_run(run) for run in component.enrollments]}
    for id_ in (weak, *children):
        component.people[id_].merged_into = into
    _lift(component.people[weak], component.people[into], definitions)
    runs = [run for run in component.enrollments if run.person == into]
    coming = [run for run in component.enrollments if run.person in (weak, *children)]
    join_runs(runs, coming, into, component.sequence_of, at)
    outcome = Recounted(holdings=component.holdings | {each: replace(held, person=into) for each, held in theirs.items()})
    outcome.journal = [JournalEntry(at, "merged", into, weak, reason, by, image=image)]
    return _settled(component, outcome, (weak, into), definitions, at)


def part(
    component: Component, merged: JournalEntry, others: Iterable[JournalEntry], by: str, definitions: Definitions, at: datetime
) -> Recounted:  # fmt: skip
    """Take back the merge that `merged` tells of; changes the component. ValueError if it tells of none.

    `others` are the merges of the same people that still hold.
    """
    if merged.other is None or merged.image is None:
        raise ValueError("this entry of the journal tells of no merge")
    weak, into, image = merged.other, component.root(merged.person), merged.image
    outcome = Recounted(parted={weak})
    # Of those who belonged to them, somebody may have been parted from the two since.
    children = {id_ for id_ in image.get("children", ()) if id_ in component.people and component.root(id_) == into}
    theirs = _Belongings(component, merged, {weak, *children}, into)
    for id_ in children:
        component.people[id_].merged_into = weak
    component.people[weak].merged_into = None
    outcome.owners = {entry.event.key: weak for entry in theirs.events() if component.root(entry.person) != weak}
    outcome.holdings = {
        each: replace(held, person=weak, linked_at=theirs.linked_at.get(each, held.linked_at))
        if each in theirs.known_by
        else held
        for each, held in component.holdings.items()
    }
    _stand_as_before(component.people[weak], component.people[into], image)
    _give_back(component.enrollments, image.get("runs", ()), at)
    outcome.journal = [JournalEntry(at, "unmerged", into, weak, "taken back", by)]
    gone = _Gone({weak, *children}, theirs.known_by, {run.id for run in component.enrollments if run.person == weak})
    outcome.amended = [gone.without(each) for each in others if each.other != weak and gone.concern(each)]
    return _settled(component, outcome, (weak, into), definitions, at)


def _lift(weak: Person, into: Person, definitions: Definitions) -> None:
    rank = definitions.lifecycle.rank
    if rank(weak.stage) > rank(into.stage) >= 0:
        into.stage, into.stage_since = weak.stage, weak.stage_since


def _settled(
    component: Component, outcome: Recounted, both: tuple[int, int], definitions: Definitions, at: datetime
) -> Recounted:  # fmt: skip
    """The outcome once everybody is counted: a human has decided who these two are."""
    register = Register.loaded(outcome.holdings)
    for id_ in both:
        person = component.people[id_]
        person.by_hand, person.email = True, register.address_of(id_)
    count_people(component, outcome, definitions, at)
    return outcome


class _Belongings:
    """What belongs to somebody who was taken for another: what they were known by, and what came with it since."""

    def __init__(self, component: Component, merged: JournalEntry, rows: set[int], into: int) -> None:
        image = merged.image or {}
        kept: Iterable[tuple[Any, str, str]] = image["known_by"]
        self.linked_at = {Identifier(kind, value): datetime.fromisoformat(linked) for kind, value, linked in kept}
        held = {each for each, holding in component.holdings.items() if holding.person == into}
        self.known_by = held & self.linked_at.keys()
        self._others = {each for each in held - self.known_by if component.holdings[each].linked_at < merged.at}
        self._others |= held & {Identifier(kind, value) for kind, value in image.get("others", ())}
        for entry in component.log:
            if entry.event.key == merged.event:  # by what else it named, it told that the two were one
                self._others |= held.intersection(identifiers_in(entry.event)) - self.linked_at.keys()
        self._before = [entry for entry in component.log if entry.person in rows]
        self._since = sorted(_since(component, merged, rows, into), key=lambda entry: entry.order)
        for entry in self._since:
            self._learn(entry)

    def _learn(self, entry: Logged) -> None:
        """What an event names beside one of them, neither held until then, is theirs as well."""
        for side, other in ((self.known_by, self._others), (self._others, self.known_by)):
            if self._decides(entry, side, other):
                side |= {each for each in identifiers_in(entry.event) if each not in other}
                return

    @staticmethod
    def _decides(entry: Logged, side: set[Identifier], other: set[Identifier]) -> bool:
        named = sorted(identifiers_in(entry.event), key=lambda each: each.kind not in STRONG)
        return next((each in side for each in named if each in side or each in other), False)

    def events(self) -> list[Logged]:
        """What they did."""
        return self._before + [entry for entry in self._since if self._decides(entry, self.known_by, self._others)]


class _Gone(NamedTuple):
    """Who was parted from somebody, what they are known by and their runs: none of it came with an earlier merge any more."""

    people: set[int]
    known_by: set[Identifier]
    runs: set[int]

    def concern(self, merged: JournalEntry) -> bool:
        return not self.people.isdisjoint((merged.image or {}).get("children", ()))

    def without(self, merged: JournalEntry) -> JournalEntry:
        image = dict(merged.image or {})
        image["children"] = [id_ for id_ in image["children"] if id_ not in self.people]
        image["known_by"] = [each for each in image["known_by"] if Identifier(each[0], each[1]) not in self.known_by]
        image["runs"] = [each for each in image.get("runs", ()) if each["id"] not in self.runs]
        return merged._replace(image=image)


def _since(component: Component, merged: JournalEntry, rows: set[int], into: int) -> Iterable[Logged]:
    """What was counted for the two together."""
    heard = next((entry.event.received_at for entry in component.log if entry.event.key == merged.event), merged.at)
    for entry in component.log:
        later = entry.event.occurred_at >= merged.at or entry.event.received_at > heard
        if entry.person not in rows and component.root(entry.person) == into and later:
            yield entry


def _stand_as_before(weak: Person, into: Person, image: Mapping[str, Any]) -> None:
    """Both stand where they stood; who has moved since they were joined stays there."""
    carried = (image["weak"]["stage"], image["weak"]["stage_since"])
    if (into.stage, into.stage_since.isoformat()) == carried:
        into.stage, into.stage_since = image["into"]["stage"], datetime.fromisoformat(image["into"]["stage_since"])
    weak.stage, weak.stage_since = carried[0], datetime.fromisoformat(carried[1])
    for person, was in ((weak, image["weak"]), (into, image["into"])):
        # Of somebody whose events are in the log these follow from it, and are counted anew.
        person.first_seen_at, person.seen_at = (datetime.fromisoformat(was[name]) for name in ("first_seen_at", "seen_at"))
        person.acted = was["acted"]


_OF_RUN: Final = ("id", "person", "entry", "status", "step", "reason")


def _image_of_run(run: Enrollment) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _OF_RUN}


def _give_back(runs: Iterable[Enrollment], images: Iterable[Mapping[str, Any]], at: datetime) -> None:
    """Runs go back to whose they were; one that ended only because the person was in the sequence twice goes on at once."""
    before = {image["id"]: image for image in images}
    for run in runs:
        was = before.get(run.id)
        if was is None:
            continue
        run.person, run.entry = was["person"], was["entry"]
        if (run.status, run.reason) == MERGED and EnrollmentStatus(was["status"]) != run.status:
            run.status, run.reason = EnrollmentStatus(was["status"]), was["reason"]
            run.due_at, run.ended_at = at, None
