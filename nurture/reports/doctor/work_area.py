"""What `nurture status` says, as findings: workers, beat and the work that they leave undone."""

from collections.abc import Iterator
from typing import Final

from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import AREA_OF, Area, Book, Finding, of_problem
from nurture.reports.doctor.patient import Patient

_WORK: Final = Book("work", {})
_BEAT: Final = Book("beat", {})


def check_of(area: Area) -> Check:
    """The check that tells those problems of `nurture status` that belong to an area."""

    def look(patient: Patient) -> Iterator[Finding]:
        found = [each for each in patient.status().problems if AREA_OF.get(each.code, "work") == area]
        yield from (of_problem(each) for each in found)
        if not found:
            yield from _fine(area, patient)

    return Check(area, f"{area}, as status sees it", look, patience=3)


def _fine(area: Area, patient: Patient) -> Iterator[Finding]:
    stream = patient.status().stream
    if stream is not None and area == "work":
        yield _WORK.fine(f"workers: {len(stream.workers)}, nothing overdue")
    if stream is not None and area == "beat":
        yield _BEAT.fine(f"beat ticked {stream.beat_seconds or 0:.0f} s ago")
