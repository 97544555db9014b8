"""Two rows, one human: what becomes of their runs when people are joined, and what is kept so that they can be parted again."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from nurture.domain.enrollment import Ending, Enrollment, EnrollmentStatus
from nurture.domain.identity import Holding, Identifier
from nurture.domain.person import Person
from nurture.domain.program import END
from nurture.domain.sequence import Sequence as SequenceDefinition

#: The sequence of a run, in the version it is pinned to; None if that version is gone.
SequenceOf = Callable[[Enrollment], SequenceDefinition | None]

#: Why a run ended when its person was found to be in the same sequence twice.
MERGED: Final = Ending(EnrollmentStatus.EXITED, "merged")


def join_runs(own: list[Enrollment], coming: Sequence[Enrollment], person: int, sequence_of: SequenceOf, at: datetime) -> None:
    """Give `coming` runs to `person`, who has `own`; of two in one sequence the run that got further goes on, the other ends."""
    for run in sorted(coming, key=lambda run: (run.sequence, run.entry)):
        same = [each for each in own if each.sequence == run.sequence]
        run.person, run.changed = person, True
        run.entry = 1 + max((each.entry for each in same), default=0)
        own.append(run)
        if run.held_out:
            continue
        rivals = [each for each in same if each.live or _stands_for_good(each, sequence_of)]
        for rival in rivals:
            behind = min(rival, run, key=lambda each: (_progress(each, sequence_of), each is run))
            if behind.live:
                behind.end(MERGED, at)


def _stands_for_good(run: Enrollment, sequence_of: SequenceOf) -> bool:
    """Whether a run went through a sequence that nobody goes through twice."""
    sequence = sequence_of(run)
    return run.status == EnrollmentStatus.COMPLETED and (sequence is None or sequence.reentry.after is None)


def _progress(run: Enrollment, sequence_of: SequenceOf) -> tuple[int, int]:
    """How far a run got: completed, then by the place of its step."""
    if run.status == EnrollmentStatus.COMPLETED or run.step == END:
        return 1, 0
    sequence = sequence_of(run)
    steps = list(sequence.program.nodes) if sequence is not None else []
    return 0, steps.index(run.step) if run.step in steps else -1


def image_of(weak: Person, into: Person, known_by: Mapping[Identifier, Holding]) -> dict[str, Any]:
    """What of two people does not follow from their events, as it is before they are joined."""
    return {
        "weak": standing(weak),
        "into": standing(into),
        "known_by": [[*identifier, holding.linked_at.isoformat()] for identifier, holding in known_by.items()],
    }


def standing(person: Person) -> dict[str, Any]:
    """Where a person stands, as JSON."""
    return {
        "stage": person.stage,
        "stage_since": person.stage_since.isoformat(),
        "by_hand": person.by_hand,
        "first_seen_at": person.first_seen_at.isoformat(),
        "seen_at": person.seen_at.isoformat(),
        "acted": person.acted,
        "rejected_until": person.rejected_until.isoformat() if person.rejected_until else None,
    }
