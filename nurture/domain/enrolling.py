"""Somebody is put on a sequence by hand: the event that asks for it, or why it would change nothing."""

from collections.abc import Collection, Iterator
from datetime import datetime

from nurture.domain.definitions import Definitions
from nurture.domain.duration import format_duration
from nurture.domain.enrollment import Enrollment, ending_by_state, enter, is_held_out
from nurture.domain.event import ENGINE, ENROLL_REQUESTED, Event
from nurture.domain.holding_out import DESPITE_HOLDOUT
from nurture.domain.person import Person
from nurture.domain.rejecting import Refused
from nurture.domain.sequence import Sequence
from nurture.domain.wording import instead


def enrolling(
    person: Person,
    name: str,
    runs: Collection[Enrollment],
    definitions: Definitions,
    at: datetime,
    closed: Collection[str] = (),
    *,
    despite_holdout: bool = False,
) -> Event | Refused:
    """The event by which a person is put on a sequence. They must know their past; `runs` are all of theirs, `closed` the sequences
    that nobody enters any more. Who is held out of it is put on it only with `despite_holdout`.
    """
    sequence = definitions.sequences.get(name)
    if sequence is None:
        return Refused(f"no sequence {name!r} is in force; {instead(name, definitions.sequences)}")
    if name in closed:
        return Refused(f"{name} is being drained, and nobody enters it; `nurture resume {name}` ends that")
    if is_held_out(sequence, person.id) and not despite_holdout:
        assert sequence.holdout is not None
        whom = f"they are among the {sequence.holdout.written()} that are held out of {name} to see what its mail brings"
        return Refused(f"{whom}; with --despite-holdout they are mailed all the same")
    walked = [run for run in runs if run.sequence == name and not run.held_out]
    why = next(_obstacles(person, sequence, walked, definitions, at), None)
    if why is not None:
        return Refused(why)
    said = {"sequence": name, **({DESPITE_HOLDOUT: True} if despite_holdout else {})}
    return Event(
        message_id=f"enroll-{person.id}-{name}-{at.isoformat()}", source=ENGINE, name=ENROLL_REQUESTED, occurred_at=at,
        received_at=at, person=person.id, assurance="verified", properties=said,
    )  # fmt: skip


def _obstacles(
    person: Person, sequence: Sequence, runs: Collection[Enrollment], definitions: Definitions, at: datetime
) -> Iterator[str]:
    if person.email is None:
        yield "no e-mail address is known of them, and nobody enters a sequence without one"
    for run in runs:
        if run.live:
            yield f"they are on {run.sequence} already: {run.status} at step {run.step}"
    if enter(sequence, "", person.id, runs, at, despite_holdout=True) is None:
        yield _reentry(sequence, runs)
    facts = person.facts(at, definitions.scoring)
    if sequence.audience is not None and not sequence.audience.holds(facts):
        yield f"they do not belong to its audience {sequence.audience.raw}"
    ending = ending_by_state(sequence, facts)
    if ending is not None:
        yield f"they would leave it at once, by its exit {ending.reason}"
    if sequence.trigger.date is not None and sequence.trigger.date not in person.attributes:
        yield f"it is taken around their {sequence.trigger.date}, which is not known of them; tell it by an event with this trait first"


def _reentry(sequence: Sequence, runs: Collection[Enrollment]) -> str:
    left = max(run.ended_at for run in runs if run.ended_at is not None)
    after = sequence.reentry.after
    if after is None:
        return f"they left it on {left:%Y-%m-%d %H:%M} UTC, and nobody enters it twice (reentry: never)"
    again = f"{left + after:%Y-%m-%d %H:%M} UTC (reentry after {format_duration(after)})"
    return f"they left it on {left:%Y-%m-%d %H:%M} UTC, and may not enter again before {again}"
