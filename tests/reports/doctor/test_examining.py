"""Checks side by side: one that breaks, hangs or asks outside spoils no other."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as Away

from nurture.adapters.clock import SystemClock
from nurture.definitions.loader import Loaded
from nurture.errors import Unavailable
from nurture.reports.doctor.examining import Check, examine
from nurture.reports.doctor.finding import Book, Finding
from nurture.reports.doctor.patient import Patient
from nurture.settings import Settings

BOOK = Book("disk", {})


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Patient]:
    settings = Settings(data_dir=tmp_path)
    with Patient(settings, SystemClock(), lambda *_: [], lambda: Loaded(None, []), patience=0.1, offline=True) as made:
        yield made


def fine(_: Patient) -> Iterator[Finding]:
    yield BOOK.fine("it is")


def test_a_check_that_breaks_takes_no_other_with_it(patient: Patient) -> None:
    def breaks(_: Patient) -> Iterator[Finding]:
        yield BOOK.fine("half")
        raise ZeroDivisionError("ana@acme.test")

    first, second = examine(patient, [Check("disk", "one", breaks), Check("disk", "two", fine)])
    assert [(each.code, each.level) for each in first.findings] == [("not-looked-at", "note")]
    assert first.findings[0].what == "one could not be looked at: ZeroDivisionError"
    assert [each.code for each in second.findings] == ["fine"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unavailable("the server sleeps; wake it"), "the server sleeps"),
        (Away("redis://:secret@host"), "Redis does not answer it (ConnectionError)"),
    ],
)
def test_why_is_told_and_no_secret(patient: Patient, error: Exception, told: str) -> None:
    def breaks(_: Patient) -> list[Finding]:
        raise error

    [done] = examine(patient, [Check("disk", "it", breaks)])
    assert done.findings[0].what == f"it could not be looked at: {told}"


def test_a_check_that_hangs_is_not_waited_for(patient: Patient) -> None:
    ending = threading.Event()

    def hangs(_: Patient) -> Iterator[Finding]:
        ending.wait(60)
        yield BOOK.fine("at last")

    slow, quick = examine(patient, [Check("disk", "slow", hangs), Check("disk", "quick", fine, patience=100)])
    ending.set()
    assert [each.code for each in slow.findings] == ["not-looked-at"]
    assert "a longer --timeout waits for it" in slow.findings[0].what
    assert [each.code for each in quick.findings] == ["fine"]


def test_offline_no_check_is_made_that_asks_outside(patient: Patient) -> None:
    def asks(_: Patient) -> list[Finding]:
        raise AssertionError("somebody outside was asked")

    [done] = examine(patient, [Check("smtp", "it", asks, outside=True)])
    assert "(--offline)" in done.findings[0].what
