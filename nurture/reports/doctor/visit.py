"""The whole visit: which checks there are, and what they found together."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Final

from pydantic import Field

from nurture.reports.doctor import (
    certificates_area,
    clock_area,
    database_area,
    definitions_area,
    disk_area,
    dns_area,
    dns_codes,
    imap_area,
    page_area,
    redis_area,
    settings_area,
    smtp_area,
    versions_area,
    work_area,
)
from nurture.reports.doctor.examining import Check, examine
from nurture.reports.doctor.finding import AREAS, Area, Book, Finding, exit_code, worst_first
from nurture.reports.doctor.patient import Patient
from nurture.reports.figures import Figures

#: What each area can find, beside the problems of `nurture status`.
BOOKS: Final[Mapping[Area, Book]] = {
    each.area: each
    for each in (
        settings_area.BOOK, disk_area.BOOK, redis_area.BOOK, database_area.BOOK, clock_area.BOOK, versions_area.BOOK,
        definitions_area.BOOK, smtp_area.BOOK, imap_area.BOOK, dns_codes.BOOK, certificates_area.BOOK, page_area.BOOK, work_area.WORK, work_area.BEAT,
    )
}  # fmt: skip

_ALWAYS: Final = (
    *settings_area.CHECKS, *disk_area.CHECKS, *redis_area.CHECKS, *database_area.CHECKS, *clock_area.CHECKS, *versions_area.CHECKS,
    *definitions_area.CHECKS, *imap_area.CHECKS,
)  # fmt: skip


class Looked(Figures):
    """A check that was made, and how long it took."""

    area: Area
    what: str
    seconds: float


class Report(Figures):
    """What the doctor found."""

    exit_code: int = Field(description="0: nothing is wrong; 1: something wants a human; 2: something does not work.")
    findings: tuple[Finding, ...] = Field(description="The worst first; causes before what follows from them.")
    checks: tuple[Looked, ...] = Field(description="What was looked at.")


def visit(patient: Patient, only: Collection[Area] = ()) -> Report:
    """Look at everything, or at some areas only."""
    checks = [each for each in all_checks(patient) if not only or each.area in only]
    done = examine(patient, checks)
    findings = worst_first(chain.from_iterable(each.findings for each in done))
    looked = tuple(Looked(area=each.check.area, what=each.check.what, seconds=round(each.seconds, 3)) for each in done)
    return Report(exit_code=exit_code(findings), findings=findings, checks=looked)


def all_checks(patient: Patient) -> Iterator[Check]:
    """Every check that there is for an installation; `page` only if one was named."""
    yield from _ALWAYS
    for area in AREAS:
        if area != "page":
            yield work_area.check_of(area)
    yield from work_area.CHECKS
    yield from smtp_area.checks_of(patient)
    yield from dns_area.checks_of(patient)
    if patient.serious:
        yield from certificates_area.CHECKS
    if patient.page is not None:
        yield page_area.check_of(patient.page)
