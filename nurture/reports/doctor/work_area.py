"""What `nurture status` says, as findings; and which processes there are."""

from collections.abc import Collection, Iterator
from typing import Final

from nurture.adapters.presence import Process, alive
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import AREA_OF, Area, Book, Code, Finding, of_problem
from nurture.reports.doctor.patient import Patient
from nurture.reports.wording import counted

WORK: Final = Book(
    "work",
    {
        "web-absent": Code(
            "warning",
            "No web process shows itself: no event and no form is accepted, and no link in a mail works.",
            "start one",
            "nurture web",
        )
    },
)
BEAT: Final = Book(
    "beat",
    {
        "beats-several": Code(
            "note",
            "Several beats tick. That does no harm: it wakes workers more often than needed.",
            "end all but one",
        )
    },
)


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
        yield WORK.fine(f"workers: {len(stream.workers)}, nothing overdue")
    if stream is not None and area == "beat":
        yield BEAT.fine(f"beat ticked {stream.beat_seconds or 0:.0f} s ago")


def look_at_processes(patient: Patient) -> Iterator[Finding]:
    """The processes that show themselves."""
    with patient.redis(decoded=False) as redis:
        processes = alive(redis)
    yield from judged(processes)


def judged(processes: Collection[Process]) -> Iterator[Finding]:
    """Whether anybody accepts events, and whether beat is there more than once."""
    webs = [each for each in processes if each.kind == "web"]
    beats = sorted(f"{each.host}:{each.pid}" for each in processes if each.kind == "beat")
    if not webs:
        yield WORK("web-absent", "no web process shows itself")
    else:
        yield WORK.fine(f"{counted(len(webs), 'web process', 'web processes')}")
    if len(beats) > 1:
        yield BEAT("beats-several", f"beats tick at {' and '.join(beats)}")


CHECKS: Final = (Check("work", "the processes", look_at_processes),)
