"""How an enrollment waits, for time and for events, and what becomes of it when it is late."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nurture.domain.enrollment import EnrollmentStatus, message_id
from nurture.domain.event import EMAIL_CLICKED
from nurture.domain.history import MESSAGE, HistoryQuestion, MissingHistory, Past
from nurture.domain.mail.message import Reason
from nurture.domain.stepping import waits_back_to
from tests.support.definitions import SENDING
from tests.support.sequences import definitions_with
from tests.support.walking import COMPLETED, DAY, EXITED, HOUR, MONDAY, WAITING, defined, known, mail, moved, run, templates, walk

# ---- Waits


@pytest.mark.parametrize(
    ("pause", "ends"),
    [
        ("36h", MONDAY + 36 * HOUR),
        ({"business_days": 5}, MONDAY + 7 * DAY),
        ({"until": "thu", "at": "09:00"}, datetime(2026, 3, 5, 8, 0, tzinfo=UTC)),
        ({"date": "day", "before": "1d", "at": "10:00"}, datetime(2026, 3, 13, 9, 0, tzinfo=UTC)),
        ({"date": "day", "after": "2h"}, datetime(2026, 3, 14, 1, 0, tzinfo=UTC)),
    ],
)
def test_how_long_a_wait_lasts(pause: Any, ends: datetime) -> None:
    move = walk(defined({"wait": pause}, mail("a")), facts=known(day="2026-03-14", timezone="Europe/Paris"))
    assert (move.step, move.due_at, templates(move)) == ("wait-after-start", ends, [])


def test_a_date_that_lies_in_the_past_is_waited_for_no_more() -> None:
    """What is then mailed should have gone on that day, so it is late."""
    definitions = defined({"wait": {"date": "day", "after": "1d"}}, mail("a"), mail("b", late={"then": "send", "after": "365d"}))
    move = walk(definitions, facts=known(day="2026-01-10"))
    assert [(message.template, message.skipped) for message in move.messages] == [("a", Reason.TOO_LATE), ("b", None)]
    assert move.status == COMPLETED


@pytest.mark.parametrize(
    ("missing", "ending", "mailed"), [("exit", (EXITED, "no date in day"), []), ("continue", (COMPLETED, "end"), ["a"])]
)
@pytest.mark.parametrize("day", [None, "soon", 7])
def test_a_date_that_is_missing(missing: str, ending: tuple[EnrollmentStatus, str], mailed: list[str], day: Any) -> None:
    move = walk(defined({"wait": {"date": "day", "if_missing": missing}}, mail("a")), facts=known(day=day))
    assert ((move.status, move.reason), templates(move)) == (ending, mailed)


@pytest.mark.parametrize(
    ("stage", "ending", "mailed"),
    [("lead", (COMPLETED, "end"), ["a"]), ("customer", (EXITED, "not in the audience"), [])],
)
def test_the_date_of_a_trigger_is_waited_for_and_then_the_audience_asked(
    stage: str, ending: tuple[EnrollmentStatus, str], mailed: list[str]
) -> None:
    definitions = defined(mail("a"), trigger={"date": "day", "at": "09:00"}, audience={"stage": "lead"})
    standing = run(definitions)
    facts = known(day="2026-03-14", timezone="UTC", stage=stage)
    move = walk(definitions, standing, facts)
    assert (move.status, move.due_at) == (WAITING, datetime(2026, 3, 14, 9, 0, tzinfo=UTC))  # whoever they are now
    assert move.due_at
    move = walk(definitions, moved(standing, move), facts, move.due_at)
    assert ((move.status, move.reason), templates(move)) == (ending, mailed)


# ---- Waiting for an event

INTEREST = {"id": "interest", "wait_for": {"event": EMAIL_CLICKED, "message": "a", "within": "4d"}, "on_timeout": [mail("late")]}
ASKS = {"branch": [{"if": {"happened": "interest"}, "then": [mail("hot")]}, {"else": [mail("cold")]}]}


def click(at: datetime, message: int | None = None, **facts: Any) -> Past:
    return Past(EMAIL_CLICKED, at, {MESSAGE: message_id(1, "a") if message is None else message, **facts})


def test_an_event_is_waited_for_and_its_absence_remembered() -> None:
    definitions = defined(mail("a"), INTEREST, ASKS)
    standing = run(definitions)
    move = walk(definitions, standing)
    assert (templates(move), move.status, move.step, move.due_at) == (["a"], WAITING, "interest", MONDAY + 4 * DAY)
    at = MONDAY + 4 * DAY
    move = walk(definitions, moved(standing, move), known(at), at)
    assert (templates(move), move.outcomes, move.status) == (["late", "cold"], {"interest": "timed_out"}, COMPLETED)


@pytest.mark.parametrize(
    ("past", "since", "happened"),
    [
        ([click(MONDAY + HOUR)], "entry", True),
        ([click(MONDAY)], "entry", True),  # at the very instant of entry
        ([click(MONDAY - HOUR)], "entry", False),
        ([click(MONDAY + HOUR)], "step", False),  # before the step was come to
        ([click(MONDAY + DAY)], "step", True),
        ([click(MONDAY + HOUR, message_id(1, "b"))], "entry", False),  # in another mail
        ([click(MONDAY + HOUR, message_id(9, "a"))], "entry", False),  # of another run
        ([Past("signed_up", MONDAY + HOUR, {MESSAGE: message_id(1, "a")})], "entry", False),
    ],
)
def test_a_step_that_waits_looks_back(past: list[Past], since: str, happened: bool) -> None:
    awaited = {**INTEREST["wait_for"], "since": since}  # type: ignore[dict-item] # it is a mapping
    definitions = defined(mail("a"), INTEREST | {"wait_for": awaited}, ASKS)
    at = MONDAY + DAY
    move = walk(definitions, run(definitions, "interest", due_at=at), known(at, past), at)
    assert (move.outcomes.get("interest"), templates(move)) == (("happened", ["hot"]) if happened else (None, []))


@pytest.mark.parametrize(("minutes", "happened"), [(30, True), (10, False)])
def test_what_is_waited_for_may_be_narrowed_down(minutes: int, happened: bool) -> None:
    where = {"minutes": {"at_least": 20}}
    definitions = defined({"id": "w", "wait_for": {"event": "webinar_attended", "where": where, "within": "1d"}}, mail("a"))
    at = MONDAY + HOUR
    move = walk(definitions, at=at, facts=known(at, [Past("webinar_attended", MONDAY, {"minutes": minutes})]))
    assert templates(move) == (["a"] if happened else [])


def test_nobody_is_taken_for_somebody_who_did_nothing() -> None:
    definitions = defined({"id": "w", "wait_for": {"event": "signed_up", "within": "1d"}}, mail("a"))
    with pytest.raises(MissingHistory, match="step 'w' waits for"):
        walk(definitions, facts={"stage": "lead"})
    sequence, at = definitions.sequences["s"], MONDAY + 3 * DAY
    assert [*waits_back_to(run(definitions), sequence, at)] == [HistoryQuestion(("signed_up",), 3 * DAY)]


# ---- Late


@pytest.mark.parametrize(
    ("step", "sequence", "business", "reason", "planned"),
    [
        ({}, {}, {}, Reason.TOO_LATE, MONDAY),  # as sending.yaml says where it says nothing
        ({}, {}, {"late": "send"}, None, MONDAY + 4 * DAY),
        ({}, {"late": "send"}, {}, None, MONDAY + 4 * DAY),
        ({"late": "skip"}, {"late": "send"}, {}, Reason.TOO_LATE, MONDAY),
        ({"late": {"then": "skip", "after": "2h"}}, {"late": "send"}, {}, Reason.TOO_LATE, MONDAY),
        ({"late": {"then": "skip", "after": "5d"}}, {}, {}, None, MONDAY),  # not late by its own measure
        ({}, {}, {"too_late": "5d"}, None, MONDAY),
    ],
)
def test_a_mail_that_is_four_days_late(
    step: dict[str, Any], sequence: dict[str, Any], business: dict[str, Any], reason: Reason | None, planned: datetime
) -> None:
    at = MONDAY + 4 * DAY
    written = {"sequence": "s", "trigger": "manual", "steps": [mail("a", **step), mail("b", late="send")], **sequence}
    first, second = walk(definitions_with(written, sending=SENDING | business), at=at).messages
    assert (first.skipped, first.planned_at) == (reason, planned)
    assert second.skipped is None


def test_a_late_mail_may_wait_for_the_next_opening() -> None:
    """Not for what is left of this one: what piled up goes when mail usually goes."""
    definitions = defined(mail("a"), window={"hours": "08:00-18:00", "timezone": "UTC"}, late="next_window")
    at = MONDAY + 4 * DAY + 3 * HOUR  # the window is open
    standing = run(definitions)
    move = walk(definitions, standing, at=at)
    opens = datetime(2026, 3, 7, 8, 0, tzinfo=UTC)
    assert (move.messages, move.status, move.step, move.due_at) == ((), WAITING, "a", opens)
    [message] = walk(definitions, moved(standing, move), at=opens).messages
    assert (message.planned_at, message.skipped) == (opens, None)


def test_a_late_mail_whose_window_never_shuts_goes_at_once() -> None:
    at = MONDAY + 4 * DAY
    [message] = walk(defined(mail("a", window="any", late="next_window")), at=at).messages
    assert (message.planned_at, message.skipped) == (at, None)


def test_a_skipped_mail_is_noted_and_not_taken_for_seen() -> None:
    at = MONDAY + 4 * DAY
    move = walk(defined({"id": "a", "pool": "evergreen"}, {"id": "b", "pool": "evergreen", "late": "send"}), at=at)
    assert [(message.template, message.skipped) for message in move.messages] == [
        ("evergreen-0", Reason.TOO_LATE), ("evergreen-0", None),
    ]  # fmt: skip


def test_a_wait_behind_a_late_mail_is_not_cut_short() -> None:
    at = MONDAY + 4 * DAY
    move = walk(defined(mail("a", late="send"), {"wait": "2d"}, mail("b")), at=at)
    assert move.due_at == at + 2 * DAY
